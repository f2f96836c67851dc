//! Why a margin is what it is: the whole of it, so that anyone can recompute the same number.

use std::collections::BTreeMap;

use instruments::{Amount, Instrument, Price, Quantity, Timestamp, Underlying};

use crate::RiskError;
use crate::account::Account;
use crate::epoch::Epoch;
use crate::euler::{Component, components, shares};
use crate::greeks::{self, Greeks};
use crate::margin::{Assessment, Margin};
use crate::market::Market;
use crate::matrix::{Matrix, matrices};
use crate::methodology::Aggregator;
use crate::portfolio::PortfolioVector;
use crate::requirement::{BlockLoss, Requirement};
use crate::scenario::BlockSpan;

/// Everything that makes one account's portfolio margin.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The margin itself, with equity, terms and add-ons.
    pub margin: Margin,
    /// Profit in every scenario.
    pub scenarios: Vec<ScenarioLine>,
    /// Each position's, coin's and order's part.
    pub parts: Vec<Part>,
    /// R in US dollars, which the parts' shares sum to.
    pub requirement: Amount,
    /// Profit over price and volatility moves: of the whole market, and of each underlying that
    /// stands alone.
    pub matrices: Vec<Matrix>,
    /// Sensitivities by underlying and expiry.
    pub greeks: Vec<GreeksLine>,
    /// Value at risk of each block of an expected shortfall: reported, never enforced.
    pub value_at_risk: Vec<(String, Amount)>,
    /// Hash of every parameter of the methodology.
    pub methodology_hash: String,
    /// Hash of every price and volatility.
    pub market_hash: String,
    /// Hash of the account's balances, positions and orders.
    pub portfolio_hash: String,
}

/// Profit in one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioLine {
    /// The block it belongs to.
    pub block: String,
    /// The underlying it moves alone; `None` if it moves the market.
    pub underlying: Option<Underlying>,
    /// Its label.
    pub label: String,
    /// Profit in US dollars, damped as it counts.
    pub profit: Amount,
}

/// What one position, coin or order contributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub component: Component,
    /// How much of it.
    pub size: String,
    /// Mark price, or index price of a coin.
    pub mark: Price,
    /// Its share of R (Euler's theorem: R is homogeneous, so shares of the binding term sum to it).
    pub share: Amount,
    /// Initial margin with it less without it.
    pub marginal: Amount,
    /// Its sensitivities; zero for stablecoins.
    pub greeks: Greeks,
}

/// Sensitivities of one underlying at one expiry.
#[derive(Clone, Debug, PartialEq)]
pub struct GreeksLine {
    /// The underlying.
    pub underlying: Underlying,
    /// The expiry; `None` for perpetuals and coins.
    pub expiry: Option<Timestamp>,
    /// The sums.
    pub greeks: Greeks,
}

/// Explains the portfolio margin of an account.
///
/// # Errors
/// As [`crate::margin`].
pub fn explain(
    epoch: &Epoch,
    market: &Market,
    account: &Account,
) -> Result<Explanation, RiskError> {
    let vector = PortfolioVector::of(epoch, account)?;
    let assessment = Assessment { epoch, market, account, vector: &vector };
    let margin = assessment.margin()?;
    let crate::MarginDetail::Scenario(detail) = &margin.detail else {
        return Err(epoch.methodology().wrong_kind("scenario"));
    };
    let components = components(&assessment)?;
    let shares = shares(&assessment, &detail.requirement, &detail.profits, &components)?;
    let mut parts = Vec::with_capacity(components.len());
    for (component, share) in components.into_iter().zip(shares) {
        parts.push(part(&assessment, &margin, component, assessment.usd(share))?);
    }
    let value_at_risk = epoch.scenarios().blocks.iter().zip(&detail.requirement.blocks);
    Ok(Explanation {
        scenarios: scenario_lines(&assessment, detail),
        requirement: assessment.usd(detail.requirement.ticks),
        matrices: matrices(&assessment, detail),
        greeks: greeks_lines(&parts),
        value_at_risk: value_at_risk
            .filter_map(|(span, block)| {
                Some((span.name.clone(), assessment.usd(block.value_at_risk?)))
            })
            .collect(),
        methodology_hash: epoch.methodology().hash(),
        market_hash: crate::hash::market(market),
        portfolio_hash: crate::hash::portfolio(account),
        parts,
        margin,
    })
}

fn part(
    assessment: &Assessment<'_>,
    margin: &Margin,
    component: Component,
    share: Amount,
) -> Result<Part, RiskError> {
    let units = component.units(assessment)?;
    let moves =
        matches!(component, Component::Coin(asset) if assessment.epoch.coin(asset).is_some());
    let (size, mark, greeks) =
        sized(assessment.market, assessment.account, component, units, moves)?;
    let without = without(assessment, &component)?;
    let marginal = Amount::from_units(margin.initial.units() - without.units());
    Ok(Part { component, size, mark, share, marginal, greeks })
}

/// How much of a component an account has, its mark, and its sensitivities; `units` of a coin,
/// which has sensitivities if its price moves.
pub(crate) fn sized(
    market: &Market,
    account: &Account,
    component: Component,
    units: i128,
    moves: bool,
) -> Result<(String, Price, Greeks), RiskError> {
    match component {
        Component::Position(instrument) | Component::Order(instrument, _) => {
            let quantity = component.quantity(account);
            let mut sum = Greeks::default();
            if matches!(component, Component::Position(_)) {
                sum.add(quantity.lots() as f64, &greeks::per_lot(&instrument, market)?);
            }
            Ok((instrument.size_of(quantity), market.mark(&instrument)?, sum))
        }
        Component::Coin(asset) => {
            let price = market.price(asset)?;
            let greeks = if moves { coin_greeks(price, units) } else { Greeks::default() };
            Ok((Amount::from_units(units).to_string(), price, greeks))
        }
    }
}

/// A coin moves one for one with its underlying; money does not.
fn coin_greeks(price: Price, units: i128) -> Greeks {
    let delta = units as f64 / instruments::SCALE as f64;
    let delta_usd = delta * crate::market::price_f64(price);
    Greeks { delta, delta_usd, notional_usd: delta_usd, ..Greeks::default() }
}

/// Initial margin of the account without one component.
fn without(assessment: &Assessment<'_>, component: &Component) -> Result<Amount, RiskError> {
    let mut account = assessment.account.clone();
    let mut vector = assessment.vector.clone();
    match component {
        Component::Position(instrument) => {
            if let Some(held) = account.positions.remove(instrument) {
                vector.add(assessment.epoch, instrument, -held.quantity)?;
            }
        }
        Component::Order(_, index) => drop(account.orders.remove(*index)),
        Component::Coin(asset) => {
            account.balances.remove(asset);
            account.accrued.remove(asset);
        }
    }
    let after = Assessment { account: &account, vector: &vector, ..*assessment };
    Ok(after.margin()?.initial)
}

fn scenario_lines(
    assessment: &Assessment<'_>,
    detail: &crate::ScenarioDetail,
) -> Vec<ScenarioLine> {
    let set = assessment.epoch.scenarios();
    let mut lines = Vec::new();
    let line = |block: &str, underlying, label: &str, ticks| ScenarioLine {
        block: block.into(),
        underlying,
        label: label.into(),
        profit: assessment.usd(ticks),
    };
    for block in &set.blocks {
        for scenario in block.span.clone() {
            if block.joint {
                let label = &set.joint[scenario].label;
                lines.push(line(&block.name, None, label, detail.profits.joint.at(scenario)));
                continue;
            }
            for (underlying, ticks) in &detail.profits.own {
                let label = &set.own[scenario].label;
                lines.push(line(&block.name, Some(*underlying), label, ticks.at(scenario)));
            }
        }
    }
    for (underlying, ticks) in &detail.profits.alone {
        for (scenario, known) in set.alone.iter().enumerate() {
            lines.push(line("stands alone", Some(*underlying), &known.label, ticks.at(scenario)));
        }
    }
    lines
}

pub(crate) fn greeks_lines(parts: &[Part]) -> Vec<GreeksLine> {
    let mut sums: BTreeMap<(Underlying, Option<Timestamp>), Greeks> = BTreeMap::new();
    for part in parts {
        let key = match part.component {
            Component::Position(instrument) => (instrument.underlying(), instrument.expiry()),
            Component::Coin(asset) if part.greeks.delta != 0.0 => (Underlying::of(asset), None),
            Component::Coin(_) | Component::Order(..) => continue,
        };
        sums.entry(key).or_default().add(1.0, &part.greeks);
    }
    sums.into_iter()
        .map(|((underlying, expiry), greeks)| GreeksLine { underlying, expiry, greeks })
        .collect()
}

/// The worst scenario of the block that makes most of a term.
pub(crate) fn binding_scenario(epoch: &Epoch, requirement: &Requirement, term: &str) -> String {
    let set = epoch.scenarios();
    let term = epoch.rules().terms.iter().find(|known| known.name == term);
    let weight = |name: &str| term.and_then(|term| term.weights.get(name)).copied().unwrap_or(0);
    let part = |span: &BlockSpan, block: &BlockLoss| {
        let loss = block.loss.numerator as f64 / block.loss.denominator as f64;
        f64::from(weight(&span.name)) * loss
    };
    let blocks = set.blocks.iter().zip(&requirement.blocks);
    let heaviest = blocks.rev().max_by(|a, b| part(a.0, a.1).total_cmp(&part(b.0, b.1)));
    let Some((span, block)) = heaviest else { return "-".into() };
    let list = if span.joint { &set.joint } else { &set.own };
    let label = |scenario: usize| list[span.span.start + scenario].label.clone();
    match span.aggregator {
        Aggregator::RootSumSquares => {
            let worst = block.by_underlying.iter().max_by_key(|(_, loss, _)| *loss);
            worst.map_or_else(
                || "-".into(),
                |(underlying, _, scenario)| format!("{underlying} {}", label(*scenario)),
            )
        }
        Aggregator::ExpectedShortfall { .. } => {
            let count = block.scenarios.len();
            let worst = block.scenarios.first().map_or_else(|| "-".into(), |first| label(*first));
            format!("worst of {count}: {worst}")
        }
        Aggregator::Worst | Aggregator::WorstWithOffset { .. } => {
            block.scenarios.first().map_or_else(|| "-".into(), |first| label(*first))
        }
    }
}

/// Adds to or takes from an account, as a what-if does: contracts at a price, mark by default.
///
/// # Errors
/// [`RiskError::Instrument`] if the amounts do not fit, or what the market lacks.
pub fn add_position(
    market: &Market,
    account: &mut Account,
    instrument: Instrument,
    quantity: Quantity,
    price: Option<Price>,
) -> Result<(), RiskError> {
    market.check_listed(&instrument)?;
    let price = price.map_or_else(|| market.mark(&instrument), Ok)?;
    account.trade(instrument, quantity, price).map_err(RiskError::of(&instrument))
}
