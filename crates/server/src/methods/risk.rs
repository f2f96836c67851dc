//! Risk explained: what makes margin, where it would break, and what changes would do to it.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Timestamp, Underlying};
use node::AccountView;
use risk::methodology::Aggregator;
use risk::{Explanation, Greeks, Line, MarginDetail, MarginModel, ScenarioDetail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::market::listing;
use super::portfolio::currency;
use super::trading::price;
use crate::call::Call;
use crate::changes::{TRADES_MAX, Trade, add_deposit, add_trades};
use crate::error::RpcError;
use crate::feed::venue::Venue;
use crate::number::Decimal;
use crate::params::{Flag, List, Nested, Nothing, Number, Whole};
use crate::registry::{Method, method};
use crate::risk_curve::{MOVES, curve_of};
use crate::shapes::portfolio::{margin_of, parse_margin_model};
use crate::shapes::risk::{
    ExplanationShape, GreeksLineShape, GreeksShape, MarginShape, ScenarioShape, scenarios, usd,
};

/// Points of a health curve at most.
const MOVES_MAX: usize = 50;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/x_explain", Account, Simulation, explain, ExplainParams => ExplanationShape, "Everything that makes the account's margin"),
        method!("private/x_what_if", Account, Simulation, what_if, WhatIfParams => WhatIfShape, "Margin before and after trades and deposits"),
        method!("private/x_health_curve", Account, Simulation, curve, CurveParams => CurveShape, "Equity and margins over moves of one underlying"),
        method!("private/x_risk_greeks", Account, Request, greeks, Nothing => Vec<UnderlyingGreeks>, "Sensitivities of positions by underlying"),
        method!("private/x_risk_var", Account, Request, value_at_risk, Nothing => Vec<TailShape>, "Value at risk by block of historical scenarios"),
        method!("private/x_risk_es", Account, Request, expected_shortfall, Nothing => Vec<TailShape>, "Expected shortfall by block of historical scenarios"),
        method!("private/x_risk_stress", Account, Simulation, stress, StressParams => Vec<ScenarioShape>, "The scenarios that lose the most"),
    ]
}

fn retry(reason: impl ToString) -> RpcError {
    RpcError::new(10040, "retry").because(reason.to_string())
}

/// How much is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainParams {
    /// Whether the profit in every scenario is wanted too.
    with_scenarios: Option<Flag>,
}

async fn explain(call: &Call, params: ExplainParams) -> Result<ExplanationShape, RpcError> {
    let view = call.service.view(call.account()?).await?;
    let with_scenarios = params.with_scenarios.is_some_and(|flag| flag.0);
    let work = move || {
        let explanation = match view.margin_model {
            MarginModel::Portfolio => Some(explained(&view)?),
            MarginModel::Cross | MarginModel::Isolated => None,
        };
        // What is in force may differ from what is explained while notice of a change runs.
        let margin = view.margin.clone().map_err(RpcError::from)?;
        ExplanationShape::of(&view, &margin, explanation.as_ref(), with_scenarios)
    };
    call.service.compute(work).await
}

fn explained(view: &AccountView) -> Result<Explanation, RpcError> {
    let epoch = view.epoch.as_ref().and_then(|epoch| epoch.portfolio.as_ref());
    let epoch = epoch.ok_or_else(|| retry("portfolio margin is not in force"))?;
    risk::explain(epoch, &view.market, &view.contents).map_err(retry)
}

/// Changes that could be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIfParams {
    /// Trades, in this order, without fees.
    trades: Option<List<TradeParams>>,
    /// Deposits by currency; negative is a withdrawal.
    deposits: Option<Nested<BTreeMap<String, Number>>>,
    /// Another margin model.
    margin_model: Option<String>,
    /// Whether open orders stay, as they do unless said otherwise.
    keep_orders: Option<Flag>,
}

/// A trade that could be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TradeParams {
    /// Of what.
    instrument_name: String,
    /// How much, in the unit of amounts; negative sells.
    amount: Number,
    /// At what price; at the mark unless said.
    price: Option<Number>,
}

/// Margin before and after.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WhatIfShape {
    /// As it is.
    before: MarginShape,
    /// As it would be.
    after: MarginShape,
}

async fn what_if(call: &Call, params: WhatIfParams) -> Result<WhatIfShape, RpcError> {
    let model = params.margin_model.as_deref().map(|text| {
        let model = parse_margin_model(text);
        let wrong =
            || RpcError::invalid("margin_model", "must be cross_pm, cross_sm or segregated_sm");
        model.ok_or_else(wrong)
    });
    let model = model.transpose()?;
    let (trades, deposits) = {
        let venue = call.service.venue.read();
        let trades = trades(&venue, &params.trades.map_or_else(Vec::new, |list| list.0))?;
        (trades, deposits(&venue, &params.deposits.unwrap_or_default().0)?)
    };
    let keeps_orders = params.keep_orders.is_none_or(|flag| flag.0);
    let view = call.service.view(call.account()?).await?;
    let work = move || {
        let before = view.margin.clone().map_err(RpcError::from)?;
        let mut contents = view.contents.clone();
        if !keeps_orders {
            contents.orders.clear();
        }
        for deposit in deposits {
            add_deposit(&view.market, &mut contents, "deposits", deposit)?;
        }
        add_trades(&view.market, &mut contents, "trades", &trades)?;
        let model = model.unwrap_or(view.margin_model);
        let after = margin_of(&view, &view.market, &contents, model)?;
        Ok(WhatIfShape { before: MarginShape::of(&before), after: MarginShape::of(&after) })
    };
    call.service.compute(work).await
}

fn trades(venue: &Venue, params: &[TradeParams]) -> Result<Vec<Trade>, RpcError> {
    if params.len() > TRADES_MAX {
        return Err(RpcError::invalid("trades", format!("must be at most {TRADES_MAX} trades")));
    }
    let trade = |one: &TradeParams| {
        let price = one.price.map(|number| price("price", number)).transpose()?;
        Trade::of(listing(venue, &one.instrument_name)?, "amount", one.amount.0, price)
    };
    params.iter().map(trade).collect()
}

fn deposits(
    venue: &Venue,
    params: &BTreeMap<String, Number>,
) -> Result<Vec<(Asset, Amount)>, RpcError> {
    let deposit = |(name, amount): (&String, &Number)| {
        Ok((currency(venue, name)?, Amount::from_units(amount.0.0)))
    };
    params.iter().map(deposit).collect()
}

/// Which curve.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurveParams {
    /// The underlying that moves, as `BTC`.
    underlying: String,
    /// Relative moves, ascending, each above -1 and at most 10; 50 at most.
    moves: Option<List<Number>>,
}

/// Equity and margins over moves of one underlying, all else standing still. Scenarios are made anew
/// at each point, as the next risk epoch would.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CurveShape {
    /// The underlying that moves.
    underlying: String,
    /// The points, by rising move.
    points: Vec<PointShape>,
    /// The nearest crossing of each line on each side of no move.
    crossings: Vec<CrossingShape>,
}

/// A point of a curve.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PointShape {
    /// The relative move.
    #[serde(rename = "move")]
    relative_move: f64,
    /// The index there.
    index_price: Decimal,
    /// Equity in US dollars.
    equity: Decimal,
    /// Initial margin.
    initial_margin: Decimal,
    /// Maintenance margin.
    maintenance_margin: Decimal,
}

/// Where equity crosses a line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CrossingShape {
    /// `initial`, where new risk stops, or `maintenance`, where liquidation begins.
    line: &'static str,
    /// The relative move.
    #[serde(rename = "move")]
    relative_move: f64,
    /// The index there.
    index_price: Decimal,
}

async fn curve(call: &Call, params: CurveParams) -> Result<CurveShape, RpcError> {
    let underlying = currency(&call.service.venue.read(), &params.underlying);
    let underlying =
        underlying.map_err(|_| RpcError::invalid("underlying", "there is none such"))?;
    let moves = moves(params.moves)?;
    let view = call.service.view(call.account()?).await?;
    let work = move || {
        let curve = curve_of(&view, Underlying::of(underlying), &moves)?;
        let points = curve.points.iter().map(|point| PointShape {
            relative_move: point.relative_move,
            index_price: point.price.into(),
            equity: point.equity.into(),
            initial_margin: point.initial.into(),
            maintenance_margin: point.maintenance.into(),
        });
        let crossings = curve.crossings.iter().map(|crossing| CrossingShape {
            line: match crossing.line {
                Line::Initial => "initial",
                Line::Maintenance => "maintenance",
            },
            relative_move: crossing.relative_move,
            index_price: crossing.price.into(),
        });
        Ok(CurveShape {
            underlying: underlying.to_string(),
            points: points.collect(),
            crossings: crossings.collect(),
        })
    };
    call.service.compute(work).await
}

fn moves(asked: Option<List<Number>>) -> Result<Vec<f64>, RpcError> {
    let Some(List(asked)) = asked else { return Ok(MOVES.to_vec()) };
    let moves: Vec<f64> = asked.iter().map(|number| number.0.to_f64()).collect();
    let fits = (1..=MOVES_MAX).contains(&moves.len())
        && moves.iter().all(|relative| *relative > -1.0 && *relative <= 10.0)
        && moves.windows(2).all(|pair| pair[0] < pair[1]);
    let wrong = || {
        let reason = format!("must be 1 to {MOVES_MAX} numbers above -1 and at most 10, ascending");
        RpcError::invalid("moves", reason)
    };
    fits.then_some(moves).ok_or_else(wrong)
}

/// Sensitivities of positions on one underlying.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnderlyingGreeks {
    /// The underlying.
    underlying: String,
    /// Their sum.
    total: GreeksShape,
    /// By expiry.
    expiries: Vec<GreeksLineShape>,
}

async fn greeks(call: &Call, _: Nothing) -> Result<Vec<UnderlyingGreeks>, RpcError> {
    let view = call.service.view(call.account()?).await?;
    let mut sums: BTreeMap<Underlying, BTreeMap<Option<Timestamp>, Greeks>> = BTreeMap::new();
    for (instrument, held) in &view.contents.positions {
        let per_lot = risk::per_lot(instrument, &view.market).map_err(retry)?;
        let expiries = sums.entry(instrument.underlying()).or_default();
        let sum = expiries.entry(instrument.expiry()).or_default();
        sum.add(held.quantity.lots() as f64, &per_lot);
    }
    let shape = |(underlying, expiries): (&Underlying, &BTreeMap<Option<Timestamp>, Greeks>)| {
        let mut total = Greeks::default();
        expiries.values().for_each(|greeks| total.add(1.0, greeks));
        let line = |(expiry, greeks): (&Option<Timestamp>, &Greeks)| GreeksLineShape {
            underlying: underlying.to_string(),
            expiration_timestamp: expiry.map(|expiry| expiry.milliseconds()),
            greeks: (*greeks).into(),
        };
        UnderlyingGreeks {
            underlying: underlying.to_string(),
            total: total.into(),
            expiries: expiries.iter().map(line).collect(),
        }
    };
    Ok(sums.iter().map(shape).collect())
}

/// The tail of one block of historical scenarios.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TailShape {
    /// The block.
    block: String,
    /// Which part of days is not in the tail.
    confidence: f64,
    /// The loss in US dollars; below 0 is a profit.
    loss: Decimal,
    /// Days of the block.
    days: usize,
    /// Days of its tail.
    tail_days: usize,
    /// The worst of these.
    worst: Vec<String>,
}

async fn value_at_risk(call: &Call, _: Nothing) -> Result<Vec<TailShape>, RpcError> {
    tails(call, |detail, block| detail.requirement.blocks[block].value_at_risk).await
}

async fn expected_shortfall(call: &Call, _: Nothing) -> Result<Vec<TailShape>, RpcError> {
    tails(call, |detail, block| {
        let loss = detail.requirement.blocks[block].loss;
        Some(
            loss.numerator.div_euclid(loss.denominator)
                + i128::from(loss.numerator.rem_euclid(loss.denominator) != 0),
        )
    })
    .await
}

/// What a figure of each expected shortfall's block is; nothing where the account's model has none.
async fn tails(
    call: &Call,
    loss: fn(&ScenarioDetail, usize) -> Option<i128>,
) -> Result<Vec<TailShape>, RpcError> {
    let view = call.service.view(call.account()?).await?;
    let margin = view.margin.as_ref().map_err(|reason| RpcError::from(reason.clone()))?;
    let epoch = view.epoch.as_ref().and_then(|epoch| epoch.portfolio.as_ref());
    let (MarginDetail::Scenario(detail), Some(epoch)) = (&margin.detail, epoch) else {
        return Ok(Vec::new());
    };
    let set = epoch.scenarios();
    let tail = |(place, span): (usize, &risk::BlockSpan)| {
        let Aggregator::ExpectedShortfall { alpha_ppm } = span.aggregator else { return None };
        let block = detail.requirement.blocks.get(place)?;
        let label = |scenario: &usize| {
            set.joint.get(span.span.start + scenario).map(|scenario| scenario.label.clone())
        };
        Some(TailShape {
            block: span.name.clone(),
            confidence: f64::from(alpha_ppm) / 1e6,
            loss: usd(loss(detail, place)?, detail.ticks_per_unit),
            days: span.span.len(),
            tail_days: block.scenarios.len(),
            worst: block.scenarios.iter().take(5).filter_map(label).collect(),
        })
    };
    Ok(set.blocks.iter().enumerate().filter_map(tail).collect())
}

/// How many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StressParams {
    /// How many scenarios: 20 unless said, 1,000 at most.
    count: Option<Whole>,
}

async fn stress(call: &Call, params: StressParams) -> Result<Vec<ScenarioShape>, RpcError> {
    let count = super::orders::count(params.count, 20)?;
    let view = call.service.view(call.account()?).await?;
    if view.margin_model != MarginModel::Portfolio {
        return Ok(Vec::new());
    }
    let work = move || {
        let mut all = scenarios(&explained(&view)?);
        all.sort_by_key(|scenario| scenario.profit);
        all.truncate(count);
        Ok(all)
    };
    call.service.compute(work).await
}
