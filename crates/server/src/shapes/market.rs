//! Tickers, books and their summaries.

use book::Side;
use instruments::{ContractKind, Price, SettlementStyle, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::instruments::{InstrumentShape, state_name};
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::greeks::{Greeks, OptionFigures};
use crate::number::Decimal;

/// What happened within 24 hours.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsShape {
    /// The highest price.
    pub high: Option<Decimal>,
    /// The lowest price.
    pub low: Option<Decimal>,
    /// By how many percent the price changed.
    pub price_change: Option<f64>,
    /// Volume in the base currency.
    pub volume: Decimal,
    /// Volume in US dollars.
    pub volume_usd: Decimal,
    /// Volume in the quote currency.
    pub volume_notional: Decimal,
}

impl StatsShape {
    /// Of a listing, as of now, with the index in US dollars.
    #[must_use]
    pub fn of(listing: &Listing, now: Timestamp, index: Option<Price>) -> Self {
        let day = listing.day(now);
        let last = listing.last().map(|last| last.price);
        let price_change = day.first.zip(last).map(|(first, last)| {
            let change = (last.units() - first.units()) as f64 / first.units() as f64;
            (change * 1e6).round() / 1e4
        });
        let (base, quote) = volumes(listing, day.lots, day.value);
        let instrument = &listing.instrument;
        let in_coin = instrument.is_option() && instrument.style() == SettlementStyle::Inverse;
        let usd = match index {
            Some(index) if in_coin => {
                Decimal(quote.0 * i128::from(index.units()) / i128::from(instruments::SCALE))
            }
            _ => quote,
        };
        Self {
            high: day.high.map(Decimal::from),
            low: day.low.map(Decimal::from),
            price_change,
            volume: base,
            volume_usd: usd,
            volume_notional: quote,
        }
    }
}

/// Volume in base and quote: of inverse futures lots are dollars, of all else coins.
#[must_use]
pub fn volumes(listing: &Listing, lots: i64, value: i128) -> (Decimal, Decimal) {
    let lot_size = i128::from(listing.instrument.lot_size());
    let size = i128::from(lots) * lot_size;
    if listing.instrument.is_sized_in_quote() {
        let mean = if lots > 0 { value / i128::from(lots) } else { 0 };
        let base = if mean > 0 { size * i128::from(instruments::SCALE) / mean } else { 0 };
        (Decimal(base), Decimal(size))
    } else {
        (Decimal(size), Decimal(value * lot_size / i128::from(instruments::SCALE)))
    }
}

/// A ticker.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TickerShape {
    /// As of when.
    pub timestamp: i64,
    /// Of what.
    pub instrument_name: String,
    /// `open`, `halted` or `closed`.
    pub state: &'static str,
    /// What happened within 24 hours.
    pub stats: StatsShape,
    /// The mark.
    pub mark_price: Option<Decimal>,
    /// The index.
    pub index_price: Option<Decimal>,
    /// The price of the last trade.
    pub last_price: Option<Decimal>,
    /// The price of the last settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement_price: Option<Decimal>,
    /// The price at which it expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_price: Option<Decimal>,
    /// What it would settle at: the index.
    pub estimated_delivery_price: Option<Decimal>,
    /// The lowest price at which one may sell.
    pub min_price: Option<Decimal>,
    /// The highest price at which one may buy.
    pub max_price: Option<Decimal>,
    /// Open contracts, in the unit of amounts.
    pub open_interest: Decimal,
    /// The best bid; 0 without one.
    pub best_bid_price: Decimal,
    /// Its amount.
    pub best_bid_amount: Decimal,
    /// The best ask; 0 without one.
    pub best_ask_price: Decimal,
    /// Its amount.
    pub best_ask_amount: Decimal,
    /// Funding per 8 hours, as of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_funding: Option<Decimal>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funding_8h: Option<Decimal>,
    /// Interest within the price: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_value: Option<Decimal>,
    /// The mark volatility in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_iv: Option<f64>,
    /// The volatility of the best bid in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid_iv: Option<f64>,
    /// The volatility of the best ask in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_iv: Option<f64>,
    /// The forward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underlying_price: Option<f64>,
    /// What the forward is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underlying_index: Option<String>,
    /// The rate that prices are discounted with: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_rate: Option<f64>,
    /// Greeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeks: Option<Greeks>,
}

impl TickerShape {
    /// Of a listing.
    #[must_use]
    pub fn of(venue: &Venue, listing: &Listing) -> Self {
        let instrument = &listing.instrument;
        let index = venue.index_of(listing).map(Decimal::from);
        let best = |side: Side| {
            let (price, lots) = listing.levels.best(side).unwrap_or_default();
            (Price::from_units(price), amount(listing, lots))
        };
        let ((bid, bid_amount), (ask, ask_amount)) = (best(Side::Buy), best(Side::Sell));
        let figures =
            venue.market.as_ref().and_then(|market| OptionFigures::of(market, instrument));
        let band = listing.band();
        let funding = (instrument.kind() == ContractKind::Perpetual)
            .then(|| Decimal(i128::from(listing.funding_8h_ppb) / 10));
        let iv = |price: Price| {
            figures.map(|figures| if price.units() > 0 { figures.implied(price) } else { 0.0 })
        };
        let expiry = instrument.expiry().filter(|_| instrument.is_option());
        let underlying = expiry.map(|_| listing.name.rsplitn(3, '-').last().unwrap_or_default());
        Self {
            timestamp: venue.time.milliseconds(),
            instrument_name: listing.name.clone(),
            state: state_name(listing),
            stats: StatsShape::of(listing, venue.time, venue.index_of(listing)),
            mark_price: listing.mark.map(Decimal::from),
            index_price: index,
            last_price: listing.last().map(|last| last.price.into()),
            settlement_price: listing.settled.map(Decimal::from),
            delivery_price: listing.expired.map(|(_, price)| price.into()),
            estimated_delivery_price: index,
            min_price: band.map(|(low, _)| low.into()),
            max_price: band.map(|(_, high)| high.into()),
            open_interest: amount(listing, listing.open_interest),
            best_bid_price: bid.into(),
            best_bid_amount: bid_amount,
            best_ask_price: ask.into(),
            best_ask_amount: ask_amount,
            current_funding: funding,
            funding_8h: funding,
            interest_value: funding.map(|_| Decimal(0)),
            mark_iv: figures.map(|figures| figures.mark_iv),
            bid_iv: iv(bid),
            ask_iv: iv(ask),
            underlying_price: figures.map(|figures| (figures.forward * 1e4).round() / 1e4),
            underlying_index: underlying.map(str::to_owned),
            interest_rate: figures.map(|_| 0.0),
            greeks: figures.map(|figures| figures.greeks),
        }
    }
}

/// Lots as an amount.
#[must_use]
pub fn amount(listing: &Listing, lots: i64) -> Decimal {
    Decimal(i128::from(lots) * i128::from(listing.instrument.lot_size()))
}

/// A price with an amount.
pub type Level = (Decimal, Decimal);

/// A book with its ticker.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BookShape {
    /// The ticker.
    #[serde(flatten)]
    pub ticker: TickerShape,
    /// The last change.
    pub change_id: u64,
    /// Bids from the highest down.
    pub bids: Vec<Level>,
    /// Asks from the lowest up.
    pub asks: Vec<Level>,
}

impl BookShape {
    /// Of a listing, so many levels deep.
    #[must_use]
    pub fn of(venue: &Venue, listing: &Listing, depth: usize) -> Self {
        let level = |(price, lots): (i64, i64)| (Decimal(price.into()), amount(listing, lots));
        Self {
            ticker: TickerShape::of(venue, listing),
            change_id: listing.levels.change,
            bids: listing.levels.bids().take(depth).map(level).collect(),
            asks: listing.levels.asks().take(depth).map(level).collect(),
        }
    }
}

/// A line of a summary of many books.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SummaryShape {
    /// Of what.
    pub instrument_name: String,
    /// The coin that it is about.
    pub base_currency: String,
    /// In which prices are stated.
    pub quote_currency: String,
    /// As of when.
    pub creation_timestamp: i64,
    /// The best bid.
    pub bid_price: Option<Decimal>,
    /// The best ask.
    pub ask_price: Option<Decimal>,
    /// Half way between them.
    pub mid_price: Option<Decimal>,
    /// The mark.
    pub mark_price: Option<Decimal>,
    /// The mark volatility in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_iv: Option<f64>,
    /// The price of the last trade.
    pub last: Option<Decimal>,
    /// The highest price within 24 hours.
    pub high: Option<Decimal>,
    /// The lowest.
    pub low: Option<Decimal>,
    /// Open contracts, in the unit of amounts.
    pub open_interest: Decimal,
    /// Volume within 24 hours in the base currency.
    pub volume: Decimal,
    /// In US dollars.
    pub volume_usd: Decimal,
    /// In the quote currency.
    pub volume_notional: Decimal,
    /// By how many percent the price changed within 24 hours.
    pub price_change: Option<f64>,
    /// What it would settle at: the index.
    pub estimated_delivery_price: Option<Decimal>,
    /// The forward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underlying_price: Option<f64>,
    /// What the forward is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underlying_index: Option<String>,
    /// The rate that prices are discounted with: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_rate: Option<f64>,
    /// Funding per 8 hours, as of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_funding: Option<Decimal>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funding_8h: Option<Decimal>,
}

impl SummaryShape {
    /// Of a listing.
    #[must_use]
    pub fn of(venue: &Venue, listing: &Listing) -> Self {
        let ticker = TickerShape::of(venue, listing);
        let instrument = InstrumentShape::of(listing);
        let some = |price: Decimal| (price.0 > 0).then_some(price);
        let (bid, ask) = (some(ticker.best_bid_price), some(ticker.best_ask_price));
        Self {
            instrument_name: ticker.instrument_name,
            base_currency: instrument.base_currency,
            quote_currency: instrument.quote_currency,
            creation_timestamp: ticker.timestamp,
            bid_price: bid,
            ask_price: ask,
            mid_price: bid.zip(ask).map(|(bid, ask)| Decimal((bid.0 + ask.0) / 2)),
            mark_price: ticker.mark_price,
            mark_iv: ticker.mark_iv,
            last: ticker.last_price,
            high: ticker.stats.high,
            low: ticker.stats.low,
            open_interest: ticker.open_interest,
            volume: ticker.stats.volume,
            volume_usd: ticker.stats.volume_usd,
            volume_notional: ticker.stats.volume_notional,
            price_change: ticker.stats.price_change,
            estimated_delivery_price: ticker.estimated_delivery_price,
            underlying_price: ticker.underlying_price,
            underlying_index: ticker.underlying_index,
            interest_rate: ticker.interest_rate,
            current_funding: ticker.current_funding,
            funding_8h: ticker.funding_8h,
        }
    }
}

/// `buy` or `sell`.
#[must_use]
pub const fn direction(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
