//! What was: candles, funding, settlements, volatility.

use std::collections::BTreeMap;

use instruments::{ContractKind, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::market::listing;
use super::orders::count;
use super::trades::past_listing;
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::candles::{self, MINUTE_MS};
use crate::feed::history::FundingRate;
use crate::feed::listing::Listing;
use crate::history::queries;
use crate::names;
use crate::number::Decimal;
use crate::params::Whole;
use crate::registry::{Method, method};
use crate::shapes::market::volumes;

/// Candles that are told at once.
const CANDLES_MAX: usize = 5_000;
/// Hours of funding that are told at once: those of 31 days.
const HOURS_MAX: i64 = 744;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/get_tradingview_chart_data", Public, Request, get_chart, ChartParams => ChartShape, "Candles"),
        method!("public/get_funding_rate_value", Public, Request, get_funding_value, FundingParams => f64, "Funding over a time"),
        method!("public/get_funding_rate_history", Public, Request, get_funding_history, FundingParams => Vec<FundingShape>, "Funding by the hour"),
        method!("public/get_historical_volatility", Public, Request, get_volatility, CurrencyParams => Vec<(i64, f64)>, "Realised volatility of an index in percent a year"),
        method!("public/get_volatility_index_data", Public, Request, get_volatility_index, VolatilityParams => VolatilityShape, "Candles of a volatility index"),
        method!("public/get_delivery_prices", Public, Request, get_deliveries, DeliveryParams => Deliveries, "Prices at which instruments expired"),
    ]
}

/// Which candles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartParams {
    /// Of which instrument.
    instrument_name: String,
    /// From this time on, in milliseconds.
    start_timestamp: Whole,
    /// Up to this time, in milliseconds.
    end_timestamp: Whole,
    /// Minutes: `1`, `3`, `5`, `10`, `15`, `30`, `60`, `120`, `180`, `360`, `720` or `1D`.
    resolution: String,
}

/// Candles, column by column.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ChartShape {
    /// `ok` or `no_data`.
    status: &'static str,
    /// When they begin.
    ticks: Vec<i64>,
    /// The first price.
    open: Vec<Decimal>,
    /// The highest.
    high: Vec<Decimal>,
    /// The lowest.
    low: Vec<Decimal>,
    /// The last.
    close: Vec<Decimal>,
    /// Volume in the base currency.
    volume: Vec<Decimal>,
    /// Volume in the quote currency.
    cost: Vec<Decimal>,
}

async fn get_chart(call: &Call, params: ChartParams) -> Result<ChartShape, RpcError> {
    let minutes = names::resolution(&params.resolution)
        .ok_or_else(|| RpcError::invalid("resolution", "there is no such resolution"))?;
    let (id, listed, recent, through, to) = {
        let venue = call.service.venue.read();
        let listing = past_listing(&venue, &params.instrument_name)?;
        let to = params.end_timestamp.0.min(venue.time.milliseconds());
        let recent = listing.candles.clone();
        (listing.id, listing.listed.milliseconds(), recent, venue.sequence, to)
    };
    let length = minutes * MINUTE_MS;
    let newest = to.saturating_sub((CANDLES_MAX as i64 - 1) * length);
    let from = params.start_timestamp.0.max(newest).max(listed);
    // What is older is stored by the minute and by the hour.
    let stored = if minutes % 60 == 0 { 60 } else { 1 };
    let first = recent.complete_from(stored);
    let start = from - from.rem_euclid(length);
    let (before, older) = match first.filter(|first| start < *first) {
        None => recent.split(start),
        Some(first) => {
            let until = first.min(to - to.rem_euclid(length) + length);
            let read =
                move |connection: &_| queries::candles(connection, id, stored, (start, until));
            let (before, mut candles) = call.service.history.ask(through, read).await?;
            candles.extend(recent.since(first));
            (before, candles)
        }
    };
    let candles = candles::gather(before, &older, from, to, minutes);
    let candles = &candles[candles.len().saturating_sub(CANDLES_MAX)..];
    let venue = call.service.venue.read();
    let listing = venue.at(id);
    let mut chart = ChartShape {
        status: if candles.is_empty() { "no_data" } else { "ok" },
        ..ChartShape::default()
    };
    for candle in candles {
        chart.ticks.push(candle.start);
        chart.open.push(candle.open.into());
        chart.high.push(candle.high.into());
        chart.low.push(candle.low.into());
        chart.close.push(candle.close.into());
        let (base, quote) = volumes(listing, candle.lots, candle.value);
        chart.volume.push(base);
        chart.cost.push(quote);
    }
    Ok(chart)
}

/// Of which perpetual, and when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FundingParams {
    /// Of which perpetual.
    instrument_name: String,
    /// From this time on, in milliseconds.
    start_timestamp: Whole,
    /// Up to this time, in milliseconds.
    end_timestamp: Whole,
}

/// Funding of an hour.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FundingShape {
    /// When the hour ended.
    timestamp: i64,
    /// The index then.
    index_price: f64,
    /// The index an hour before.
    prev_index_price: f64,
    /// The rate over 8 hours, as it was at the end.
    interest_8h: f64,
    /// What was paid over the hour.
    interest_1h: f64,
}

fn perpetual<'a>(
    venue: &'a crate::feed::venue::Venue,
    name: &str,
) -> Result<&'a Listing, RpcError> {
    let listing = listing(venue, name)?;
    match listing.instrument.kind() {
        ContractKind::Perpetual => Ok(listing),
        _ => Err(RpcError::invalid("instrument_name", "only perpetuals have funding")),
    }
}

/// A perpetual's rates: since when there are any, and those that hold at some times.
struct Rates {
    first: i64,
    at: BTreeMap<i64, Option<FundingRate>>,
}

impl Rates {
    async fn of(call: &Call, name: &str, times: Vec<i64>) -> Result<Self, RpcError> {
        let (id, first, mut at, missing, below, through) = {
            let venue = call.service.venue.read();
            let listing = perpetual(&venue, name)?;
            let rates = &listing.funding;
            let since = rates.front().map_or(i64::MAX, |rate| rate.time.milliseconds());
            let is_complete = rates.first() == 1;
            let held = |time: i64| {
                let later = rates.partition_point(|rate| rate.time.milliseconds() <= time);
                later.checked_sub(1).map(|place| rates[place])
            };
            let (here, missing): (Vec<_>, Vec<_>) =
                times.into_iter().partition(|time| is_complete || *time >= since);
            let at: BTreeMap<_, _> = here.into_iter().map(|time| (time, held(time))).collect();
            let first = is_complete.then_some(since);
            (listing.id, first, at, missing, rates.first(), venue.sequence)
        };
        if first.is_some() {
            return Ok(Self { first: first.unwrap_or_default(), at });
        }
        let asked = missing.clone();
        let read = move |connection: &_| queries::rates_at(connection, id, &asked, below);
        let (first, older) = call.service.history.ask(through, read).await?;
        at.extend(missing.into_iter().zip(older));
        Ok(Self { first: first.unwrap_or(i64::MAX), at })
    }

    fn at(&self, time: i64) -> Option<FundingRate> {
        self.at.get(&time).copied().flatten()
    }

    /// ∫ rate dt over a time, as a share of the notional: each rate holds until the next.
    fn paid(&self, from: i64, to: i64) -> f64 {
        let sum = |time| self.at(time).map_or(0, |rate| rate.sum_to(time));
        let hours_8 = (8 * Timestamp::HOUR) as f64;
        if from < to { (sum(to) - sum(from)) as f64 / hours_8 / 1e9 } else { 0.0 }
    }
}

async fn get_funding_value(call: &Call, params: FundingParams) -> Result<f64, RpcError> {
    let now = call.service.venue.read().time.milliseconds();
    let (from, to) = (params.start_timestamp.0, params.end_timestamp.0.min(now));
    let rates = Rates::of(call, &params.instrument_name, vec![from, to]).await?;
    Ok(rates.paid(from, to))
}

async fn get_funding_history(
    call: &Call,
    params: FundingParams,
) -> Result<Vec<FundingShape>, RpcError> {
    let hour = Timestamp::HOUR;
    let (now, listed) = {
        let venue = call.service.venue.read();
        let listing = perpetual(&venue, &params.instrument_name)?;
        (venue.time.milliseconds(), listing.listed.milliseconds())
    };
    let last = params.end_timestamp.0.min(now).div_euclid(hour);
    let first = params.start_timestamp.0.max(listed).div_euclid(hour);
    let first = first.max(last.saturating_sub(HOURS_MAX));
    let times = (first..=last).map(|number| number * hour).collect();
    let rates = Rates::of(call, &params.instrument_name, times).await?;
    let index = |time| {
        let index = rates.at(time).and_then(|rate| rate.index);
        index.map_or(0.0, |index| Decimal::from(index).to_f64())
    };
    let shape = |number: i64| {
        let (start, end) = ((number - 1) * hour, number * hour);
        FundingShape {
            timestamp: end,
            index_price: index(end),
            prev_index_price: index(start),
            interest_8h: rates.at(end).map_or(0, |rate| rate.rate_8h_ppb) as f64 / 1e9,
            interest_1h: rates.paid(start, end),
        }
    };
    // An hour is told once it has been, and there were rates.
    let first = first.max(rates.first.div_euclid(hour));
    Ok((first.saturating_add(1)..=last).map(shape).collect())
}

/// Which currency.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrencyParams {
    /// The currency.
    currency: String,
}

/// Standard deviation of hourly changes of the index over up to 15 days, as percent a year: one
/// figure an hour.
async fn get_volatility(call: &Call, params: CurrencyParams) -> Result<Vec<(i64, f64)>, RpcError> {
    let wrong = || RpcError::invalid("currency", "invalid currency");
    let asset = names::currency_or_any(Some(&params.currency))?.ok_or_else(wrong)?;
    let venue = call.service.venue.read();
    let index = venue.indexes.get(&asset).ok_or_else(wrong)?;
    let mut hourly: Vec<(i64, f64)> = Vec::new();
    for (time, price) in &index.history {
        let hour = time.milliseconds().div_euclid(Timestamp::HOUR) * Timestamp::HOUR;
        let price = Decimal::from(*price).to_f64();
        match hourly.last_mut() {
            Some((known, last)) if *known == hour => *last = price,
            _ => hourly.push((hour, price)),
        }
    }
    let changes: Vec<(i64, f64)> =
        hourly.windows(2).map(|pair| (pair[1].0, pricing_ln(pair[1].1 / pair[0].1))).collect();
    let figure = |end: usize| {
        let window = &changes[end.saturating_sub(360)..=end];
        let mean = window.iter().map(|(_, change)| change).sum::<f64>() / window.len() as f64;
        let squares = window.iter().map(|(_, change)| (change - mean) * (change - mean));
        let variance = squares.sum::<f64>() / window.len() as f64;
        (changes[end].0, (variance * 24.0 * 365.0).sqrt() * 100.0)
    };
    Ok((0..changes.len()).map(figure).collect())
}

fn pricing_ln(ratio: f64) -> f64 {
    numerics::ln(ratio)
}

/// Which candles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolatilityParams {
    /// The currency.
    currency: String,
    /// From this time on, in milliseconds.
    start_timestamp: Whole,
    /// Up to this time, in milliseconds.
    end_timestamp: Whole,
    /// Seconds: `1`, `60`, `3600`, `43200` or `1D`.
    resolution: String,
}

/// Candles: when, open, high, low, close, in percent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VolatilityShape {
    /// The candles.
    data: Vec<(i64, f64, f64, f64, f64)>,
    /// Where the next page begins: there is one page.
    continuation: Option<i64>,
}

async fn get_volatility_index(
    call: &Call,
    params: VolatilityParams,
) -> Result<VolatilityShape, RpcError> {
    let wrong = || RpcError::invalid("currency", "invalid currency");
    let asset = names::currency_or_any(Some(&params.currency))?.ok_or_else(wrong)?;
    let seconds: i64 = match params.resolution.as_str() {
        "1D" => 86_400,
        text @ ("1" | "60" | "3600" | "43200") => text.parse().unwrap_or(60),
        _ => return Err(RpcError::invalid("resolution", "there is no such resolution")),
    };
    let venue = call.service.venue.read();
    let points = venue.volatility.get(&asset).ok_or_else(wrong)?;
    let mut data: Vec<(i64, f64, f64, f64, f64)> = Vec::new();
    let time = params.start_timestamp.0..=params.end_timestamp.0;
    for (at, value) in points.iter().filter(|(at, _)| time.contains(&at.milliseconds())) {
        let start = at.milliseconds().div_euclid(seconds * 1_000) * seconds * 1_000;
        match data.last_mut() {
            Some(last) if last.0 == start => {
                *last = (start, last.1, last.2.max(*value), last.3.min(*value), *value);
            }
            _ => data.push((start, *value, *value, *value, *value)),
        }
    }
    Ok(VolatilityShape { data, continuation: None })
}

/// Which deliveries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryParams {
    /// Of which index.
    index_name: String,
    /// How many of the newest are passed over.
    offset: Option<Whole>,
    /// How many: 10 unless said.
    count: Option<Whole>,
}

/// Deliveries, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deliveries {
    /// They.
    data: Vec<Delivery>,
    /// How many there are in all.
    records_total: usize,
}

/// A delivery.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Delivery {
    /// The day, as `2026-02-05`.
    date: String,
    /// The price.
    delivery_price: Decimal,
}

async fn get_deliveries(call: &Call, params: DeliveryParams) -> Result<Deliveries, RpcError> {
    let wanted = count(params.count, 10)?;
    let offset = usize::try_from(params.offset.map_or(0, |offset| offset.0)).unwrap_or(0);
    let venue = call.service.venue.read();
    let known = names::index_asset(&params.index_name, &venue);
    known.ok_or_else(|| RpcError::invalid("index_name", "there is no such index"))?;
    let expired = venue.listings.iter().filter_map(|listing| {
        let is_of = names::index_name(&listing.instrument) == params.index_name;
        listing.expired.filter(|_| is_of)
    });
    let by_day: BTreeMap<String, Decimal> = expired
        .map(|(time, price)| (time.to_string().chars().take(10).collect(), price.into()))
        .collect();
    let records_total = by_day.len();
    let newest = by_day.into_iter().rev().skip(offset).take(wanted);
    let data = newest.map(|(date, delivery_price)| Delivery { date, delivery_price }).collect();
    Ok(Deliveries { data, records_total })
}
