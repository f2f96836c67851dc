//! Portfolio margin: the methodology `paradex-pm` with the parameters of the file.

use instruments::Timestamp;
use risk::Methodology;
use risk::grid::{self, Book, Coin, Expiry, Leg, Outcome};
use risk::methodology::{ChargeKind, GridRules, GridScenario, Shape};

use super::account::{Account, Contract, Holding, Market};
use super::{Figure, Measure, TOLERANCE_PRICED};
use crate::VectorError;
use crate::json::Node;

/// Milliseconds in which settlement averages the price.
const SETTLEMENT: f64 = 1_800_000.0;

/// The rules of a file.
pub(super) struct Config {
    rules: GridRules,
    base_asset: String,
}

impl Config {
    /// The methodology with the parameters of a file in their places.
    pub fn read(node: &Node<'_>) -> Result<Self, VectorError> {
        let methodology = Methodology::built_in("paradex-pm").expect("it ships");
        let mut rules = methodology.grid_rules().expect("it is of that kind").clone();
        let shock = node.field("vol_shock_params")?;
        rules.margin.maintenance = node.number_at("mmf_factor")?;
        rules.volatility.power_short = shock.number_at("vega_power_short_dte")?;
        rules.volatility.power_long = shock.number_at("vega_power_long_dte")?;
        rules.volatility.tenor_days_min = shock.number_at("dte_floor_days")?;
        let least_up = shock.number_at("min_vol_shock_up")?;
        let mut scenarios = Vec::new();
        rules.volatility.moves.clear();
        for (index, scenario) in node.field("scenarios")?.items()?.iter().enumerate() {
            let amount = scenario.number_at("vol_shock")?;
            let floor = if amount > 0.0 { least_up } else { 0.0 };
            let name = format!("of scenario {index}");
            rules.volatility.moves.insert(name.clone(), Shape::Multiply { amount, floor });
            scenarios.push(GridScenario {
                relative_move: scenario.number_at("spot_shock")?,
                volatility: Some(name),
                weight: scenario.number_at("weight")?,
            });
        }
        if scenarios.is_empty() || scenarios.iter().any(|one| one.relative_move <= -1.0) {
            return Err(node.error("scenarios are needed, each with a move above −1"));
        }
        rules.blocks[0].scenarios = scenarios;
        for charge in &mut rules.charges {
            if let ChargeKind::DeltaFloor { hedged, unhedged } = &mut charge.of {
                *hedged = node.number_at("hedged_margin_factor")?;
                *unhedged = node.number_at("unhedged_margin_factor")?;
            }
        }
        Ok(Self { rules, base_asset: node.field("base_asset")?.text()?.to_uppercase() })
    }

    /// Every figure of the package's portfolio margin.
    ///
    /// `printed` is the scenario that the file calls the worst: where two lose the same within the
    /// tolerance of prices, either is.
    pub fn figures(
        &self,
        account: &Account,
        node: &Node<'_>,
        now: Timestamp,
        printed: Option<f64>,
    ) -> Result<Vec<Figure>, VectorError> {
        let perpetual = self.perpetual(account, node)?;
        let mut rules = self.rules.clone();
        let book = book(account, perpetual, node, now)?;
        rules.underlyings.truncate(1);
        rules.underlyings[0].name.clone_from(&book.underlying);
        let held = Book {
            legs: book.legs.iter().filter(|leg| !leg.is_order()).copied().collect(),
            ..book.clone()
        };
        let assess = |book: Book| {
            grid::assess(&rules, &[book], 1.0).map_err(|error| node.error(error.to_string()))
        };
        let (all, held) = (assess(book)?, assess(held)?);
        let charge = |outcome: &Outcome, wanted: fn(&ChargeKind) -> bool| {
            let place = rules.charges.iter().position(|charge| wanted(&charge.of));
            place.map_or(0.0, |place| outcome.groups[0].charges[place].initial)
        };
        let is_fees = |kind: &ChargeKind| matches!(kind, ChargeKind::Fees { .. });
        let floor = charge(&all, |kind| matches!(kind, ChargeKind::DeltaFloor { .. }));
        let funding = charge(&all, |kind| matches!(kind, ChargeKind::Funding { .. }));
        let worst = all.groups[0].losses[0].0;
        let priced = |name, value| Figure { name, value, measure: Measure::Priced };
        let notional = |name, value| Figure { name, value, measure: Measure::Notional };
        let mut figures = vec![
            priced("IMR", all.initial),
            priced("MMR", all.maintenance),
            priced("worst_loss", worst),
            notional("delta_min", floor),
            notional("fund_p", funding),
            notional("fee_provision_imr", charge(&all, is_fees)),
            notional("fee_provision_mmr", charge(&held, is_fees)),
            notional("spot_balance_margin", account.coins),
            notional("spot", perpetual.index),
            Figure {
                name: "worst_idx",
                value: worst_index(&all, account, printed),
                measure: Measure::Same,
            },
        ];
        figures.extend(deltas(account));
        Ok(figures)
    }

    /// The perpetual whose index, basis, funding and interest hold for the whole account: that of
    /// the first thing held or ordered.
    fn perpetual<'a>(
        &self,
        account: &'a Account,
        node: &Node<'_>,
    ) -> Result<&'a Market, VectorError> {
        let first = account.all().next().map(|(holding, _)| holding.market.clone());
        let name = first.unwrap_or_else(|| format!("{}-USD", self.base_asset));
        let mut parts = name.split('-');
        let (base, quote) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let name = format!("{base}-{quote}-PERP");
        account.markets.get(&name).ok_or_else(|| node.error(format!("`{name}` has no market data")))
    }
}

/// The account as the engine takes it.
fn book(
    account: &Account,
    perpetual: &Market,
    node: &Node<'_>,
    now: Timestamp,
) -> Result<Book, VectorError> {
    let mut book = Book {
        underlying: "the account".to_owned(),
        spot: perpetual.index,
        spot_confidence: 1.0,
        coins: vec![Coin {
            value: account.coins,
            in_scenarios: false,
            confidence: 1.0,
            initial: 1.0,
            maintenance: 1.0,
        }],
        ..Book::default()
    };
    let mut times: Vec<Timestamp> = Vec::new();
    for (holding, market) in account.all() {
        let leg = leg(&mut book, &mut times, holding, market, perpetual, now);
        let leg = leg.map_err(|problem| node.error(format!("`{}` {problem}", holding.market)))?;
        book.legs.push(leg);
    }
    Ok(book)
}

fn leg(
    book: &mut Book,
    times: &mut Vec<Timestamp>,
    holding: &Holding,
    market: &Market,
    perpetual: &Market,
    now: Timestamp,
) -> Result<Leg, &'static str> {
    let (contract, open) = match market.contract {
        Some(Contract::Option { kind, strike, expiry: Some(expiry), .. }) => {
            let place = times.iter().position(|time| *time == expiry).unwrap_or_else(|| {
                times.push(expiry);
                book.expiries.push(expiry_of(expiry, perpetual, now));
                times.len() - 1
            });
            let volatility = market.volatility.ok_or("has no mark_iv")?;
            let left = expiry.since(now).max(0) as f64;
            let contract = grid::Contract::Option { expiry: place, strike, kind, volatility };
            (contract, (left / SETTLEMENT).min(1.0))
        }
        Some(Contract::Future(_)) if holding.market.ends_with("-PERP") => {
            (grid::Contract::Perpetual, 1.0)
        }
        _ => return Err("is neither a perpetual nor an option with an expiry"),
    };
    Ok(Leg {
        delta: market.delta,
        funding_8h: perpetual.funding,
        fee_rate: Some(market.fee_rate),
        open,
        limit: holding.limit,
        ..Leg::position(contract, holding.size, market.mark)
    })
}

/// Options are priced on the index and the perpetual's interest rate.
fn expiry_of(expiry: Timestamp, perpetual: &Market, now: Timestamp) -> Expiry {
    let years = expiry.since(now).max(0) as f64 / Timestamp::YEAR as f64;
    let variable = perpetual.index * numerics::exp(perpetual.interest * years);
    Expiry { years, rate: perpetual.interest, fixed: 0.0, variable, confidence: 1.0 }
}

/// The worst scenario; the printed one where it loses the same within the tolerance of prices.
fn worst_index(outcome: &Outcome, account: &Account, printed: Option<f64>) -> f64 {
    let profits = &outcome.groups[0].profits[0];
    let loss = |index: usize| profits.get(index).map(|profit| (-profit).max(0.0));
    let (worst, index) = outcome.groups[0].losses[0];
    let near = |loss: f64| worst - loss <= TOLERANCE_PRICED * account.gross_notional();
    match printed.filter(|index| *index >= 0.0 && index.fract() == 0.0) {
        Some(printed) if loss(printed as usize).is_some_and(near) => printed,
        _ => index as f64,
    }
}

/// Sums of deltas, long and short, with orders at their worst.
fn deltas(account: &Account) -> Vec<Figure> {
    let delta = |holding: &Holding| holding.size * account.markets[&holding.market].delta;
    let sums = |holdings: &[Holding]| {
        let of = |sign: f64| holdings.iter().map(|one| (sign * delta(one)).max(0.0)).sum::<f64>();
        (of(1.0), of(-1.0))
    };
    let (held_long, held_short) = sums(&account.positions);
    let (order_long, order_short) = sums(&account.orders);
    let (long, short) = (held_long + order_long, held_short + order_short);
    let unhedged = (long - held_short).max(short - held_long).max(0.0);
    let figure = |name, value| Figure { name, value, measure: Measure::Delta };
    vec![
        figure("portfolio_delta", long - short),
        figure("position_delta", held_long - held_short),
        figure("order_delta", order_long - order_short),
        figure("maxL", long),
        figure("maxS", short),
        figure("maxU", unhedged),
        figure("hedged", (long.max(short) - unhedged).max(0.0)),
    ]
}
