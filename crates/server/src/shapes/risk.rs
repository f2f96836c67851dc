//! Why margin is what it is.

use instruments::{Amount, SCALE};
use node::AccountView;
use risk::methodology::VolatilityMove;
use risk::{
    Component, Equity, Explanation, Greeks, Margin, MarginDetail, Matrix, PositionDetail,
    ScenarioDetail,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::portfolio::margin_model;
use crate::error::RpcError;
use crate::number::Decimal;

/// Everything that makes an account's margin, in US dollars unless said.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplanationShape {
    /// The command that it is as of.
    pub sequence: u64,
    /// Its time.
    pub timestamp: i64,
    /// The risk epoch whose arrays hold.
    pub epoch: u64,
    /// The methodology in force.
    pub methodology: String,
    /// Its hash.
    pub methodology_hash: String,
    /// Equity and margins.
    pub margin: MarginShape,
    /// What equity is made of.
    pub equity: EquityShape,
    /// What initial margin of a portfolio is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<PortfolioShape>,
    /// The requirement of each position, where they are margined one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions: Option<PositionsShape>,
}

/// Equity and margins of an account.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MarginShape {
    /// `segregated_sm`, `cross_sm` or `cross_pm`.
    pub margin_model: &'static str,
    /// Equity.
    pub equity: Decimal,
    /// Initial margin, open orders included.
    pub initial_margin: Decimal,
    /// Maintenance margin.
    pub maintenance_margin: Decimal,
    /// Equity less initial margin.
    pub excess: Decimal,
    /// Equity less maintenance margin; below 0 a liquidation case opens.
    pub health: Decimal,
    /// `healthy`, `restricted` below initial margin, or `liquidatable`.
    pub status: &'static str,
    /// The term or position that binds.
    pub binding_term: String,
    /// The scenario that binds, or the position.
    pub binding_scenario: String,
}

impl MarginShape {
    /// Of a margin.
    #[must_use]
    pub fn of(margin: &Margin) -> Self {
        let (binding_term, binding_scenario) = margin.binding();
        Self {
            margin_model: margin_model(margin.model),
            equity: margin.equity.total.into(),
            initial_margin: margin.initial.into(),
            maintenance_margin: margin.maintenance.into(),
            excess: margin.excess().into(),
            health: margin.health().into(),
            status: match (margin.excess() < Amount::ZERO, margin.health() < Amount::ZERO) {
                (_, true) => "liquidatable",
                (true, false) => "restricted",
                (false, false) => "healthy",
            },
            binding_term,
            binding_scenario,
        }
    }
}

/// What equity is made of.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EquityShape {
    /// Balances after their haircuts.
    pub collateral: Vec<CollateralShape>,
    /// Unrealised profit of futures, and accrued funding.
    pub unrealised: Vec<ProfitShape>,
    /// Options at mark, where they count.
    pub option_value: Decimal,
}

/// One balance.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CollateralShape {
    /// Of this currency.
    pub currency: String,
    /// How much; negative is a debt.
    pub amount: Decimal,
    /// Its index price.
    pub price: Decimal,
    /// The share that does not count.
    pub haircut: f64,
    /// What it counts for.
    pub value: Decimal,
}

/// Unrealised profit in one currency.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProfitShape {
    /// In this currency.
    pub currency: String,
    /// How much of it.
    pub amount: Decimal,
    /// What that is worth.
    pub value: Decimal,
}

/// What initial margin of a portfolio is made of.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PortfolioShape {
    /// The requirement: the largest term.
    pub requirement: Decimal,
    /// Each term.
    pub terms: Vec<NamedAmount>,
    /// Charges beside it.
    pub add_ons: Vec<AddOnShape>,
    /// What caps the margin of long options alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<Decimal>,
    /// What each position, coin and open order makes of the requirement; the shares sum to it.
    pub parts: Vec<PartShape>,
    /// Profit over moves of price and volatility.
    pub matrices: Vec<MatrixShape>,
    /// Sensitivities by underlying and expiry.
    pub greeks: Vec<GreeksLineShape>,
    /// Value at risk of each block of historical scenarios: told, never enforced.
    pub value_at_risk: Vec<NamedAmount>,
    /// Profit in each scenario, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenarios: Option<Vec<ScenarioShape>>,
    /// Hash of every price and volatility that it was computed from.
    pub market_hash: String,
    /// Hash of balances, positions and orders.
    pub portfolio_hash: String,
}

/// An amount with a name.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NamedAmount {
    /// What it is.
    pub name: String,
    /// How much.
    pub amount: Decimal,
}

/// A charge beside the scenarios.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AddOnShape {
    /// Which.
    pub name: &'static str,
    /// How much.
    pub amount: Decimal,
    /// Whether maintenance margin has it too.
    pub counts_for_maintenance: bool,
}

/// What one position, coin or order contributes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PartShape {
    /// `position`, `coin` or `order`.
    pub kind: &'static str,
    /// The instrument or currency.
    pub name: String,
    /// How much of it.
    pub size: String,
    /// Its mark, or a coin's index.
    pub mark_price: Decimal,
    /// Its share of the requirement; negative where it hedges.
    pub share: Decimal,
    /// Initial margin with it less without it.
    pub marginal: Decimal,
    /// Its sensitivities.
    pub greeks: GreeksShape,
}

/// Sensitivities.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct GreeksShape {
    /// In units of the underlying.
    pub delta: f64,
    /// The same in US dollars.
    pub delta_usd: f64,
    /// Change of delta per dollar of the underlying.
    pub gamma: f64,
    /// In dollars per point of volatility.
    pub vega: f64,
    /// In dollars per day.
    pub theta: f64,
    /// Worth of the size at the index.
    pub notional_usd: f64,
}

impl From<Greeks> for GreeksShape {
    fn from(greeks: Greeks) -> Self {
        Self {
            delta: greeks.delta,
            delta_usd: greeks.delta_usd,
            gamma: greeks.gamma,
            vega: greeks.vega_usd / 100.0,
            theta: greeks.theta_usd / 365.0,
            notional_usd: greeks.notional_usd,
        }
    }
}

/// Profit over a grid of moves.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MatrixShape {
    /// The underlying that moves; none for the whole market.
    pub underlying: Option<String>,
    /// The relative move of each row.
    pub moves: Vec<f64>,
    /// Volatility in each column: `down`, `same` or `up`.
    pub volatilities: Vec<&'static str>,
    /// Profit, row by row.
    pub profits: Vec<Vec<Decimal>>,
    /// Row and column of the least profit.
    pub worst: (usize, usize),
}

impl MatrixShape {
    fn of(matrix: &Matrix) -> Self {
        let row = |row: &Vec<Amount>| row.iter().copied().map(Decimal::from).collect();
        let word = |volatility: &VolatilityMove| match volatility {
            VolatilityMove::Down => "down",
            VolatilityMove::Same => "same",
            VolatilityMove::Up => "up",
        };
        Self {
            underlying: matrix.underlying.map(|underlying| underlying.to_string()),
            moves: matrix.moves.clone(),
            volatilities: matrix.volatilities.iter().map(word).collect(),
            profits: matrix.profits.iter().map(row).collect(),
            worst: matrix.worst,
        }
    }
}

/// Sensitivities of one underlying at one expiry.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GreeksLineShape {
    /// The underlying.
    pub underlying: String,
    /// The expiry in milliseconds; none for perpetuals and coins.
    pub expiration_timestamp: Option<i64>,
    /// The sums.
    #[serde(flatten)]
    pub greeks: GreeksShape,
}

/// Profit in one scenario.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScenarioShape {
    /// The block that it belongs to.
    pub block: String,
    /// The underlying that moves alone; none if all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underlying: Option<String>,
    /// What happens.
    pub scenario: String,
    /// Profit, damped as it counts.
    pub profit: Decimal,
}

/// Positions that are margined one by one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PositionsShape {
    /// The requirement of each.
    pub positions: Vec<PositionMarginShape>,
    /// What is charged or given back beside them.
    pub charges: Vec<ChargeShape>,
}

/// The requirement of one position.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PositionMarginShape {
    /// Of what.
    pub instrument_name: String,
    /// How much of it.
    pub size: String,
    /// Initial margin, open orders in it included.
    pub initial_margin: Decimal,
    /// Maintenance margin.
    pub maintenance_margin: Decimal,
    /// Unrealised profit that counts.
    pub unrealised: Decimal,
}

/// A charge beside positions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChargeShape {
    /// Which rule.
    pub name: &'static str,
    /// What it is about.
    pub subject: String,
    /// For initial margin.
    pub initial: Decimal,
    /// For maintenance margin.
    pub maintenance: Decimal,
}

/// Ticks as US dollars: a tick is a whole number of hundred-millionths.
#[must_use]
pub fn usd(ticks: i128, ticks_per_unit: i64) -> Decimal {
    Decimal(ticks.saturating_mul(i128::from(SCALE / ticks_per_unit.max(1))))
}

impl ExplanationShape {
    /// Of an account's margin; of a portfolio with its explanation.
    ///
    /// # Errors
    /// If no risk epoch is open.
    pub fn of(
        view: &AccountView,
        margin: &Margin,
        explanation: Option<&Explanation>,
        with_scenarios: bool,
    ) -> Result<Self, RpcError> {
        let retry = || RpcError::new(10040, "retry").because("no risk epoch is open");
        let epoch = view.epoch.as_ref().ok_or_else(retry)?;
        let portfolio = epoch.portfolio.as_ref().filter(|_| explanation.is_some());
        let methodology = match (portfolio, &epoch.position) {
            (Some(epoch), _) => epoch.methodology(),
            (None, Some(rules)) => rules.methodology(),
            (None, None) => return Err(retry()),
        };
        let (portfolio, positions) = match (&margin.detail, explanation) {
            (MarginDetail::Scenario(detail), Some(explanation)) => {
                (Some(PortfolioShape::of(detail, explanation, with_scenarios)), None)
            }
            (MarginDetail::Position(detail), _) => (None, Some(PositionsShape::of(detail))),
            _ => (None, None),
        };
        Ok(Self {
            sequence: view.sequence,
            timestamp: view.time.milliseconds(),
            epoch: epoch.number,
            methodology: methodology.name().to_owned(),
            methodology_hash: methodology.hash(),
            margin: MarginShape::of(margin),
            equity: EquityShape::of(&margin.equity),
            portfolio,
            positions,
        })
    }
}

impl EquityShape {
    fn of(equity: &Equity) -> Self {
        let collateral = equity.collateral.iter().map(|line| CollateralShape {
            currency: line.asset.to_string(),
            amount: line.amount.into(),
            price: line.price.into(),
            haircut: line.haircut_ppb as f64 / 1e9,
            value: line.value.into(),
        });
        let unrealised = equity.unrealised.iter().map(|line| ProfitShape {
            currency: line.asset.to_string(),
            amount: line.amount.into(),
            value: line.value.into(),
        });
        Self {
            collateral: collateral.collect(),
            unrealised: unrealised.collect(),
            option_value: equity.option_value.into(),
        }
    }
}

impl PortfolioShape {
    fn of(detail: &ScenarioDetail, explanation: &Explanation, with_scenarios: bool) -> Self {
        let dollars = |ticks: i128| usd(ticks, detail.ticks_per_unit);
        let terms = detail.requirement.terms.iter();
        let add_ons = detail.add_ons.iter().filter(|add_on| add_on.ticks != 0);
        let risk = explanation.value_at_risk.iter();
        let greeks = explanation.greeks.iter().map(|line| GreeksLineShape {
            underlying: line.underlying.to_string(),
            expiration_timestamp: line.expiry.map(|expiry| expiry.milliseconds()),
            greeks: line.greeks.into(),
        });
        Self {
            requirement: explanation.requirement.into(),
            terms: terms
                .map(|term| NamedAmount { name: term.name.clone(), amount: dollars(term.ticks) })
                .collect(),
            add_ons: add_ons
                .map(|add_on| AddOnShape {
                    name: add_on.name,
                    amount: dollars(add_on.ticks),
                    counts_for_maintenance: add_on.maintenance,
                })
                .collect(),
            cap: detail.cap.map(Decimal::from),
            parts: explanation.parts.iter().map(PartShape::of).collect(),
            matrices: explanation.matrices.iter().map(MatrixShape::of).collect(),
            greeks: greeks.collect(),
            value_at_risk: risk
                .map(|(name, amount)| NamedAmount { name: name.clone(), amount: (*amount).into() })
                .collect(),
            scenarios: with_scenarios.then(|| scenarios(explanation)),
            market_hash: explanation.market_hash.clone(),
            portfolio_hash: explanation.portfolio_hash.clone(),
        }
    }
}

/// Profit in each scenario of an explanation.
#[must_use]
pub fn scenarios(explanation: &Explanation) -> Vec<ScenarioShape> {
    let lines = explanation.scenarios.iter().map(|line| ScenarioShape {
        block: line.block.clone(),
        underlying: line.underlying.map(|underlying| underlying.to_string()),
        scenario: line.label.clone(),
        profit: line.profit.into(),
    });
    lines.collect()
}

impl PartShape {
    fn of(part: &risk::Part) -> Self {
        let (kind, name) = match part.component {
            Component::Position(instrument) => ("position", instrument.to_string()),
            Component::Coin(asset) => ("coin", asset.to_string()),
            Component::Order(instrument, _) => ("order", instrument.to_string()),
        };
        Self {
            kind,
            name,
            size: part.size.clone(),
            mark_price: part.mark.into(),
            share: part.share.into(),
            marginal: part.marginal.into(),
            greeks: part.greeks.into(),
        }
    }
}

impl PositionsShape {
    fn of(detail: &PositionDetail) -> Self {
        let positions = detail.positions.iter().map(|position| PositionMarginShape {
            instrument_name: position.instrument.to_string(),
            size: position.instrument.size_of(position.quantity),
            initial_margin: position.initial.into(),
            maintenance_margin: position.maintenance.into(),
            unrealised: position.unrealised.into(),
        });
        let charges = detail.charges.iter().map(|charge| ChargeShape {
            name: charge.name,
            subject: charge.subject.clone(),
            initial: charge.initial.into(),
            maintenance: charge.maintenance.into(),
        });
        Self { positions: positions.collect(), charges: charges.collect() }
    }
}
