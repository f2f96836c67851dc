//! The scenarios that make portfolio margin, in the shape of the original's simulator.
//!
//! Vectors are in US dollars. `standard` is the grid of moves of the whole market, row by row, and
//! `extended` the far moves beside it; `model_params` says which. Spot margin, a margin of market-maker
//! protection, a delta shock and a contingency of correlation have no counterpart here: balances,
//! volatility and correlation are part of the scenarios.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use instruments::{Asset, Instrument, SCALE, Underlying};
use risk::methodology::{Moves, VolatilityMove};
use risk::{Account, Epoch, Margin, MarginDetail, Market, ScenarioDetail, Ticks};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::portfolio::{currency, simulated};
use crate::call::Call;
use crate::changes::trades_of;
use crate::error::RpcError;
use crate::names;
use crate::number::Decimal;
use crate::params::{Flag, Nested, Number};
use crate::registry::{Method, method};
use crate::shapes::portfolio::in_currency_up;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/pme/simulate", Account, Simulation, simulate, PmeParams => PmeShape, "The scenarios of the account as it would be with other positions"),
    ]
}

/// Positions that could be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PmeParams {
    /// A currency, for positions found under it, or `CROSS` for all.
    currency: String,
    /// Whether what is held stays, as it does unless said otherwise. What goes is closed at its mark,
    /// and open orders with it.
    add_positions: Option<Flag>,
    /// Signed sizes by instrument, in the unit of amounts, traded at their marks without fees.
    simulated_positions: Option<Nested<BTreeMap<String, Number>>>,
}

/// Scenarios and what they come to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PmeShape {
    /// What the vectors are.
    model_params: ModelParams,
    /// Index prices in US dollars by index.
    index_price: BTreeMap<String, Decimal>,
    /// Marks by instrument.
    ticker: BTreeMap<String, TickerShape>,
    /// What is held.
    portfolio: PortfolioShape,
    /// Profit of each position.
    initial_risk_vectors: BTreeMap<String, Vectors>,
    /// Profit of all positions on each underlying.
    pre_aggregated_risk_vectors: BTreeMap<String, Vectors>,
    /// Profit of the whole account, coins and open orders included: `CROSS`, and each underlying that
    /// stands alone.
    aggregated_risk_vectors: BTreeMap<String, Vectors>,
    /// The account's margin in the currency that was asked for, or under `CROSS` in US dollars.
    margins: BTreeMap<String, MarginsShape>,
}

/// What the vectors are.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ModelParams {
    /// The methodology in force.
    methodology: String,
    /// Its hash.
    methodology_hash: String,
    /// Relative moves of the market, one a row of `standard`.
    price_moves: Vec<f64>,
    /// Moves of volatility, one a column of it: `down`, `same`, `up`.
    volatility_moves: Vec<&'static str>,
    /// What each element of `extended` is.
    extended: Vec<String>,
}

/// A mark.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TickerShape {
    /// The mark.
    mark_price: Decimal,
    /// The index.
    index_price: Decimal,
}

/// What is held.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PortfolioShape {
    /// The currency that was asked for.
    currency: String,
    /// Signed sizes by instrument.
    position: BTreeMap<String, Decimal>,
    /// Balances by currency.
    balance: BTreeMap<String, Decimal>,
}

/// Profit in scenarios, in US dollars.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Vectors {
    /// Over the grid.
    standard: Vec<Decimal>,
    /// In far moves, damped as they count.
    extended: Vec<Decimal>,
}

/// A margin.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MarginsShape {
    /// What initial margin is made of.
    initial_margin_details: Details,
    /// Initial margin.
    initial_margin: Decimal,
    /// Maintenance margin.
    maintenance_margin: Decimal,
}

/// What initial margin is made of.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Details {
    /// The scenarios' part.
    risk_matrix_margin_details: MatrixDetails,
    /// The largest term of the requirement, positions and open orders.
    risk_matrix_margin: Decimal,
    /// What open orders add.
    open_orders_margin: Decimal,
    /// The largest term's name.
    binding_term: String,
    /// The worst scenario of it.
    binding_scenario: String,
    /// Charges beside the scenarios.
    add_ons: BTreeMap<String, Decimal>,
}

/// The scenarios' part.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MatrixDetails {
    /// The worst loss of `standard` and `extended`.
    worst_case: Decimal,
    /// Where it is; none where nothing is lost.
    worst_case_bucket: Option<Bucket>,
    /// The charge for rolling a basis.
    roll_shock: Decimal,
}

/// One scenario of the vectors.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Bucket {
    /// Whose vectors.
    index: String,
    /// Relative move of the market, or which far move.
    bucket: String,
    /// How volatility moves: `down`, `same` or `up`.
    side: &'static str,
    /// `standard` or `extended`.
    source: &'static str,
}

async fn simulate(call: &Call, params: PmeParams) -> Result<PmeShape, RpcError> {
    let (asset, trades) = {
        let venue = call.service.venue.read();
        let asset = match params.currency.as_str() {
            "CROSS" => None,
            text => Some(currency(&venue, text)?),
        };
        let sizes = params.simulated_positions.unwrap_or_default().0;
        (asset, trades_of(&venue, "simulated_positions", &sizes)?)
    };
    let keeps = params.add_positions.is_none_or(|flag| flag.0);
    let view = call.service.view(call.account()?).await?;
    let work = move || {
        let account = simulated(&view, keeps, &trades)?;
        let epoch = view.epoch.as_ref().and_then(|epoch| epoch.portfolio.clone());
        let epoch: Arc<Epoch> = epoch.ok_or_else(|| retry("portfolio margin is not in force"))?;
        PmeShape::of(&epoch, &view.market, &account, asset)
    };
    call.service.compute(work).await
}

fn retry(reason: impl ToString) -> RpcError {
    RpcError::new(10040, "retry").because(reason.to_string())
}

/// Where the grid and the far moves lie among joint scenarios, and those of what stands alone.
struct Grid {
    joint: Range<usize>,
    alone: Range<usize>,
    /// Rows and columns of the grid.
    rows: usize,
    columns: usize,
    ticks_per_unit: i64,
}

impl Grid {
    fn of(epoch: &Epoch) -> Result<(Self, Vec<VolatilityMove>), RpcError> {
        let rules = epoch.methodology().scenario_rules().map_err(retry)?;
        let set = epoch.scenarios();
        let grid = rules.blocks.iter().find_map(|block| match &block.moves {
            Moves::Together { points, volatility, .. } => Some((&block.name, *points, volatility)),
            _ => None,
        });
        let (name, rows, volatility) =
            grid.ok_or_else(|| retry("the methodology has no grid of moves"))?;
        let joint = set.blocks.iter().find(|span| span.name == *name && span.joint);
        let alone = set.alone_spans.iter().find(|(known, _)| known == name);
        let grid = Self {
            joint: joint.map_or(0..0, |span| span.span.clone()),
            alone: alone.map_or(0..0, |(_, span)| span.clone()),
            rows: rows as usize,
            columns: volatility.len(),
            ticks_per_unit: epoch.ticks_per_unit(),
        };
        Ok((grid, volatility.clone()))
    }

    fn split(&self, ticks: impl Iterator<Item = i128>) -> Vectors {
        let mut standard: Vec<_> = ticks.map(|ticks| usd(ticks, self.ticks_per_unit)).collect();
        let extended = standard.split_off((self.rows * self.columns).min(standard.len()));
        Vectors { standard, extended }
    }

    /// Lots of each instrument, summed.
    fn sum(&self, epoch: &Epoch, legs: &[(Instrument, i64)]) -> Result<Vectors, RpcError> {
        let mut sum: Vec<i128> = Vec::new();
        for (instrument, lots) in legs {
            let array = epoch.array(instrument).map_err(retry)?;
            let row = match array.joint.is_empty() {
                true => &array.own[self.alone.clone()],
                false => &array.joint[self.joint.clone()],
            };
            sum.resize(sum.len().max(row.len()), 0);
            for (sum, ticks) in sum.iter_mut().zip(row) {
                *sum += *ticks as i128 * i128::from(*lots);
            }
        }
        Ok(self.split(sum.into_iter()))
    }
}

/// Ticks as US dollars: a tick is a whole number of hundred-millionths.
fn usd(ticks: i128, ticks_per_unit: i64) -> Decimal {
    Decimal(ticks.saturating_mul(i128::from(SCALE / ticks_per_unit.max(1))))
}

impl PmeShape {
    fn of(
        epoch: &Epoch,
        market: &Market,
        account: &Account,
        asset: Option<Asset>,
    ) -> Result<Self, RpcError> {
        let margin = risk::margin(epoch, market, account).map_err(retry)?;
        let MarginDetail::Scenario(detail) = &margin.detail else {
            return Err(retry("portfolio margin is not made of scenarios"));
        };
        let (grid, volatility) = Grid::of(epoch)?;
        let is_meant = |one: &Instrument| asset.is_none_or(|asset| names::is_of(one, asset));
        let legs = account.positions.iter().filter(|(instrument, _)| is_meant(instrument));
        let legs: Vec<_> = legs.map(|(one, held)| (*one, held.quantity.lots())).collect();
        let mut by_underlying: BTreeMap<Underlying, Vec<(Instrument, i64)>> = BTreeMap::new();
        for leg in &legs {
            by_underlying.entry(leg.0.underlying()).or_default().push(*leg);
        }
        let each = legs.iter().map(|leg| Ok((leg.0.to_string(), grid.sum(epoch, &[*leg])?)));
        let sums = by_underlying.iter();
        let sums = sums.map(|(name, legs)| Ok((name.to_string(), grid.sum(epoch, legs)?)));
        let aggregated = aggregated(&grid, detail);
        let model_params = ModelParams::of(epoch, &grid, &volatility);
        let name = asset.map_or_else(|| "CROSS".to_owned(), |asset| asset.to_string());
        let in_asset = |usd: Decimal| match asset {
            None => Ok(usd),
            Some(asset) => {
                let price = market.price(asset).map_err(retry)?;
                Ok(in_currency_up(instruments::Amount::from_units(usd.0), price))
            }
        };
        let margins = margins(&margin, detail, &aggregated, &model_params, in_asset)?;
        Ok(Self {
            index_price: index_prices(market, &legs),
            ticker: legs
                .iter()
                .map(|(one, _)| Ok((one.to_string(), ticker(market, one)?)))
                .collect::<Result<_, RpcError>>()?,
            portfolio: PortfolioShape {
                currency: name.clone(),
                position: legs
                    .iter()
                    .map(|(one, lots)| (one.to_string(), size(one, *lots)))
                    .collect(),
                balance: account
                    .balances
                    .iter()
                    .map(|(asset, amount)| (asset.to_string(), (*amount).into()))
                    .collect(),
            },
            initial_risk_vectors: each.collect::<Result<_, RpcError>>()?,
            pre_aggregated_risk_vectors: sums.collect::<Result<_, RpcError>>()?,
            aggregated_risk_vectors: aggregated,
            margins: BTreeMap::from([(name, margins)]),
            model_params,
        })
    }
}

fn size(instrument: &Instrument, lots: i64) -> Decimal {
    Decimal(i128::from(lots) * i128::from(instrument.lot_size()))
}

fn ticker(market: &Market, instrument: &Instrument) -> Result<TickerShape, RpcError> {
    let mark = market.mark(instrument).map_err(retry)?;
    let index = market.price(instrument.base()).map_err(retry)?;
    Ok(TickerShape { mark_price: mark.into(), index_price: index.into() })
}

fn index_prices(market: &Market, legs: &[(Instrument, i64)]) -> BTreeMap<String, Decimal> {
    let price = |(instrument, _): &(Instrument, i64)| {
        let price = market.price(instrument.base()).ok()?;
        Some((names::index_name(instrument), price.into()))
    };
    legs.iter().filter_map(price).collect()
}

fn aggregated(grid: &Grid, detail: &ScenarioDetail) -> BTreeMap<String, Vectors> {
    let row = |ticks: &Ticks, span: &Range<usize>| {
        grid.split(span.clone().map(|scenario| ticks.at(scenario)))
    };
    let profits = &detail.profits;
    let mut all = BTreeMap::from([("CROSS".to_owned(), row(&profits.joint, &grid.joint))]);
    let alone = profits.alone.iter();
    all.extend(alone.map(|(underlying, ticks)| (underlying.to_string(), row(ticks, &grid.alone))));
    all
}

impl ModelParams {
    fn of(epoch: &Epoch, grid: &Grid, volatility: &[VolatilityMove]) -> Self {
        let set = epoch.scenarios();
        let scenarios = match grid.joint.is_empty() {
            true => &set.alone[grid.alone.clone()],
            false => &set.joint[grid.joint.clone()],
        };
        let cells = (grid.rows * grid.columns).min(scenarios.len());
        let moves = scenarios[..cells].iter().step_by(grid.columns.max(1));
        let market_move = |scenario: &risk::Scenario| match scenario.movement {
            risk::Move::Market(relative) | risk::Move::Alone(relative) => relative,
            risk::Move::Day(_) | risk::Move::Listed(_) => 0.0,
        };
        Self {
            methodology: epoch.methodology().name().to_owned(),
            methodology_hash: epoch.methodology().hash(),
            price_moves: moves.map(market_move).collect(),
            volatility_moves: volatility.iter().map(|volatility| word(*volatility)).collect(),
            extended: scenarios[cells..].iter().map(|scenario| scenario.label.clone()).collect(),
        }
    }

    /// The scenario in a place of the vectors of `index`.
    fn bucket(&self, index: &str, place: usize) -> Bucket {
        let columns = self.volatility_moves.len().max(1);
        let cells = self.price_moves.len() * columns;
        let index = index.to_owned();
        match place.checked_sub(cells) {
            None => Bucket {
                index,
                bucket: format!("{:.4}", self.price_moves[place / columns]),
                side: self.volatility_moves[place % columns],
                source: "standard",
            },
            Some(far) => Bucket {
                index,
                bucket: self.extended.get(far).cloned().unwrap_or_default(),
                side: "up",
                source: "extended",
            },
        }
    }
}

const fn word(volatility: VolatilityMove) -> &'static str {
    match volatility {
        VolatilityMove::Down => "down",
        VolatilityMove::Same => "same",
        VolatilityMove::Up => "up",
    }
}

fn margins(
    margin: &Margin,
    detail: &ScenarioDetail,
    vectors: &BTreeMap<String, Vectors>,
    model: &ModelParams,
    in_asset: impl Fn(Decimal) -> Result<Decimal, RpcError>,
) -> Result<MarginsShape, RpcError> {
    let dollars = |ticks: i128| usd(ticks, detail.ticks_per_unit);
    let all = vectors.iter().flat_map(|(index, vectors)| {
        let both = vectors.standard.iter().chain(&vectors.extended);
        both.enumerate().map(move |(place, profit)| (*profit, index, place))
    });
    let worst = all.min_by_key(|(profit, ..)| *profit).filter(|(profit, ..)| profit.0 < 0);
    let add_on = |name: &str| detail.add_ons.iter().find(|add_on| add_on.name == name);
    let of_positions: i128 = detail.add_ons_of_positions.iter().map(|add_on| add_on.ticks).sum();
    let of_positions = detail.requirement_of_positions + of_positions;
    let add_ons = detail.add_ons.iter().filter(|add_on| add_on.ticks != 0);
    let add_ons =
        add_ons.map(|add_on| Ok((add_on.name.to_owned(), in_asset(dollars(add_on.ticks))?)));
    let matrix = MatrixDetails {
        worst_case: in_asset(Decimal(worst.map_or(0, |(profit, ..)| -profit.0)))?,
        worst_case_bucket: worst.map(|(_, index, place)| model.bucket(index, place)),
        roll_shock: in_asset(dollars(add_on("roll").map_or(0, |add_on| add_on.ticks)))?,
    };
    Ok(MarginsShape {
        initial_margin_details: Details {
            risk_matrix_margin_details: matrix,
            risk_matrix_margin: in_asset(dollars(detail.requirement.ticks))?,
            open_orders_margin: in_asset(dollars((detail.uncapped - of_positions).max(0)))?,
            binding_term: detail.binding_term.clone(),
            binding_scenario: detail.binding_scenario.clone(),
            add_ons: add_ons.collect::<Result<_, RpcError>>()?,
        },
        initial_margin: in_asset(margin.initial.into())?,
        maintenance_margin: in_asset(margin.maintenance.into())?,
    })
}
