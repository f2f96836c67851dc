//! Trades as everybody sees them.

use schemars::JsonSchema;
use serde::Serialize;

use super::market::{amount, direction};
use crate::feed::listing::{Listing, Trade};
use crate::feed::venue::Venue;
use crate::greeks::OptionFigures;
use crate::number::Decimal;

/// A trade.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TradeShape {
    /// Its id.
    pub trade_id: String,
    /// Its number in the instrument.
    pub trade_seq: u64,
    /// Of what.
    pub instrument_name: String,
    /// When.
    pub timestamp: i64,
    /// 0 rose, 1 as before after a rise, 2 fell, 3 as before after a fall.
    pub tick_direction: u8,
    /// The price.
    pub price: Decimal,
    /// The amount.
    pub amount: Decimal,
    /// The amount in contracts.
    pub contracts: i64,
    /// Which way the taker traded.
    pub direction: &'static str,
    /// The index then.
    pub index_price: Option<Decimal>,
    /// The mark then.
    pub mark_price: Option<Decimal>,
    /// The volatility of the price in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iv: Option<f64>,
    /// `M`, `T` or `MT`: which side a liquidation was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liquidation: Option<&'static str>,
}

impl TradeShape {
    /// Of a trade.
    #[must_use]
    pub fn of(venue: &Venue, trade: &Trade) -> Self {
        let listing = venue.at(trade.instrument);
        let figures =
            venue.market.as_ref().and_then(|market| OptionFigures::of(market, &listing.instrument));
        Self {
            trade_id: trade_id(listing, trade),
            trade_seq: trade.number,
            instrument_name: listing.name.clone(),
            timestamp: trade.time.milliseconds(),
            tick_direction: trade.tick_direction,
            price: trade.price.into(),
            amount: amount(listing, trade.lots),
            contracts: trade.lots,
            direction: direction(trade.side),
            index_price: trade.index.map(Decimal::from),
            mark_price: trade.mark.map(Decimal::from),
            iv: figures.map(|figures| figures.implied(trade.price)),
            liquidation: match (trade.maker.1, trade.taker.1) {
                (false, false) => None,
                (true, false) => Some("M"),
                (false, true) => Some("T"),
                (true, true) => Some("MT"),
            },
        }
    }
}

/// A trade's id: its instrument's number and its own.
#[must_use]
pub fn trade_id(listing: &Listing, trade: &Trade) -> String {
    format!("{}-{}", listing.id.0 + 1, trade.number)
}
