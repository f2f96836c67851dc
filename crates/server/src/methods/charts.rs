//! What was: candles, funding, settlements, volatility.

use instruments::{ContractKind, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::market::listing;
use super::orders::count;
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::names;
use crate::number::Decimal;
use crate::params::Whole;
use crate::registry::{Method, method};
use crate::shapes::market::{amount, volumes};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/get_tradingview_chart_data", Public, Request, get_chart, ChartParams => ChartShape, "Candles"),
        method!("public/get_funding_rate_value", Public, Request, get_funding_value, FundingParams => f64, "Funding over a time"),
        method!("public/get_funding_rate_history", Public, Request, get_funding_history, FundingParams => Vec<FundingShape>, "Funding by the hour"),
        method!("public/get_historical_volatility", Public, Request, get_volatility, CurrencyParams => Vec<(i64, f64)>, "Realised volatility of an index in percent a year"),
        method!("public/get_volatility_index_data", Public, Request, get_volatility_index, VolatilityParams => VolatilityShape, "Candles of a volatility index"),
        method!("public/get_delivery_prices", Public, Request, get_deliveries, DeliveryParams => Deliveries, "Prices at which instruments expired"),
        method!("public/get_last_settlements_by_instrument", Public, Request, get_settlements, SettlementParams => Settlements, "Settlements, deliveries and bankruptcies of an instrument"),
        method!("public/get_last_settlements_by_currency", Public, Request, get_settlements_by_currency, CurrencySettlementParams => Settlements, "Settlements, deliveries and bankruptcies in a currency"),
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
    let venue = call.service.venue.read();
    let listing = listing(&venue, &params.instrument_name)?;
    let now = venue.time.milliseconds();
    let (from, to) = (params.start_timestamp.0.max(0), params.end_timestamp.0.min(now));
    let candles = listing.candles.within(from, to, minutes, 5_000);
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

/// ∫ rate dt over a time, as a share of the notional: each rate holds until the next.
fn paid(listing: &Listing, from: i64, to: i64) -> f64 {
    let ends =
        listing.funding.iter().skip(1).map(|(time, ..)| time.milliseconds()).chain([i64::MAX]);
    let hours_8 = (8 * Timestamp::HOUR) as f64;
    let spans = listing.funding.iter().zip(ends).map(|((start, ppb, _), end)| {
        let span = end.min(to) - start.milliseconds().max(from);
        span.max(0) as f64 / hours_8 * *ppb as f64 / 1e9
    });
    // No spans sum to minus zero.
    spans.sum::<f64>() + 0.0
}

async fn get_funding_value(call: &Call, params: FundingParams) -> Result<f64, RpcError> {
    let venue = call.service.venue.read();
    let listing = perpetual(&venue, &params.instrument_name)?;
    let to = params.end_timestamp.0.min(venue.time.milliseconds());
    Ok(paid(listing, params.start_timestamp.0, to))
}

async fn get_funding_history(
    call: &Call,
    params: FundingParams,
) -> Result<Vec<FundingShape>, RpcError> {
    let venue = call.service.venue.read();
    let listing = perpetual(&venue, &params.instrument_name)?;
    let hour = Timestamp::HOUR;
    let known = listing.funding.front().map_or(i64::MAX, |(time, ..)| time.milliseconds());
    let first = params.start_timestamp.0.max(known).div_euclid(hour);
    let last = params.end_timestamp.0.min(venue.time.milliseconds()).div_euclid(hour);
    let at = |time: i64| {
        let before = listing.funding.iter().take_while(|(start, ..)| start.milliseconds() <= time);
        before.last().map_or((0, 0.0), |(_, ppb, index)| {
            (*ppb, index.map_or(0.0, |index| Decimal::from(index).to_f64()))
        })
    };
    let shape = |number: i64| {
        let end = number * hour;
        let (rate, index_price) = at(end);
        FundingShape {
            timestamp: end,
            index_price,
            prev_index_price: at(end - hour).1,
            interest_8h: rate as f64 / 1e9,
            interest_1h: paid(listing, end - hour, end),
        }
    };
    let hours = first.saturating_add(1)..=last;
    let newest = hours.rev().take(744);
    let mut all: Vec<_> = newest.map(shape).collect();
    all.reverse();
    Ok(all)
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
    let by_day: std::collections::BTreeMap<String, Decimal> = expired
        .map(|(time, price)| (time.to_string().chars().take(10).collect(), price.into()))
        .collect();
    let records_total = by_day.len();
    let newest = by_day.into_iter().rev().skip(offset).take(wanted);
    let data = newest.map(|(date, delivery_price)| Delivery { date, delivery_price }).collect();
    Ok(Deliveries { data, records_total })
}

/// Which settlements.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementParams {
    /// Of which instrument.
    pub instrument_name: String,
    /// `settlement`, `delivery` or `bankruptcy`; all unless said.
    pub r#type: Option<String>,
    /// How many: 20 unless said.
    pub count: Option<Whole>,
    /// Where the page before ended.
    pub continuation: Option<String>,
    /// Only before this time, in milliseconds.
    pub search_start_timestamp: Option<Whole>,
}

/// Which settlements.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrencySettlementParams {
    /// In which currency.
    pub currency: String,
    /// `settlement`, `delivery` or `bankruptcy`; all unless said.
    pub r#type: Option<String>,
    /// How many: 20 unless said.
    pub count: Option<Whole>,
    /// Where the page before ended.
    pub continuation: Option<String>,
    /// Only before this time, in milliseconds.
    pub search_start_timestamp: Option<Whole>,
}

/// Settlements, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Settlements {
    /// They.
    settlements: Vec<SettlementShape>,
    /// Where the next page begins; none on the last.
    continuation: Option<String>,
}

/// A settlement.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SettlementShape {
    /// `settlement` or `delivery`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When.
    timestamp: i64,
    /// Of what.
    instrument_name: String,
    /// The mark, or the price of delivery.
    mark_price: Decimal,
    /// The index.
    index_price: Option<Decimal>,
    /// What is open, in the unit of amounts.
    position: Decimal,
}

async fn get_settlements(call: &Call, params: SettlementParams) -> Result<Settlements, RpcError> {
    let venue = call.service.venue.read();
    let known = venue.listings.iter().rev().find(|listing| listing.name == params.instrument_name);
    let listing = known.ok_or_else(|| RpcError::no_instrument("instrument_name"))?;
    let page = (params.count, params.continuation.as_deref(), params.search_start_timestamp);
    settlements(std::iter::once(listing), params.r#type.as_deref(), page)
}

async fn get_settlements_by_currency(
    call: &Call,
    params: CurrencySettlementParams,
) -> Result<Settlements, RpcError> {
    let currency = names::currency_or_any(Some(&params.currency))?;
    let venue = call.service.venue.read();
    let listings = venue.listings.iter().filter(|listing| {
        currency.is_none_or(|currency| names::is_of(&listing.instrument, currency))
    });
    let page = (params.count, params.continuation.as_deref(), params.search_start_timestamp);
    settlements(listings, params.r#type.as_deref(), page)
}

/// What was settled and delivered. Bankruptcies are told by `public/x_cases`.
fn settlements<'a>(
    listings: impl Iterator<Item = &'a Listing>,
    kind: Option<&str>,
    limits: Limits<'_>,
) -> Result<Settlements, RpcError> {
    let mut all: Vec<SettlementShape> = listings.flat_map(settled).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.timestamp));
    let of = |one: &SettlementShape| (one.kind, one.timestamp);
    let (settlements, continuation) = page(all, of, kind, limits)?;
    Ok(Settlements { settlements, continuation })
}

/// How many, where the page before ended, and until when.
pub type Limits<'a> = (Option<Whole>, Option<&'a str>, Option<Whole>);

/// A page of settlements, the newest first, and where the next one begins.
///
/// # Errors
/// For a kind, number or continuation that is none.
pub fn page<T>(
    mut all: Vec<T>,
    of: impl Fn(&T) -> (&'static str, i64),
    kind: Option<&str>,
    (wanted, continuation, until): Limits<'_>,
) -> Result<(Vec<T>, Option<String>), RpcError> {
    if !matches!(kind, None | Some("settlement" | "delivery" | "bankruptcy")) {
        return Err(RpcError::invalid("type", "must be settlement, delivery or bankruptcy"));
    }
    let wanted = count(wanted, 20)?;
    let from: usize = match continuation {
        None | Some("none" | "") => 0,
        Some(text) => {
            text.parse().map_err(|_| RpcError::invalid("continuation", "is none of ours"))?
        }
    };
    all.retain(|one| {
        let (own, time) = of(one);
        kind.is_none_or(|kind| own == kind) && until.is_none_or(|until| time <= until.0)
    });
    let end = from.saturating_add(wanted).min(all.len());
    let continuation = (end < all.len()).then(|| end.to_string());
    Ok((all.into_iter().take(end).skip(from).collect(), continuation))
}

fn settled(listing: &Listing) -> Vec<SettlementShape> {
    let shape = |kind, time: Timestamp, price| SettlementShape {
        kind,
        timestamp: time.milliseconds(),
        instrument_name: listing.name.clone(),
        mark_price: Decimal::from(price),
        index_price: (kind == "delivery").then(|| Decimal::from(price)),
        position: amount(listing, listing.open_interest),
    };
    let settled =
        listing.settlements.iter().map(|(time, price)| shape("settlement", *time, *price));
    let delivered = listing.expired.iter().map(|(time, price)| shape("delivery", *time, *price));
    settled.chain(delivered).collect()
}
