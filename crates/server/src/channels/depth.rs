//! The depth of a book, whole and as changes.

use std::collections::{BTreeMap, BTreeSet};

use engine::InstrumentId;
use serde::Serialize;

use super::emit::{Data, json};
use crate::feed::venue::Venue;
use crate::number::Decimal;
use crate::shapes::market::amount;

/// Levels in units of price and lots.
#[derive(Debug, Default)]
pub struct Depth {
    change: u64,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

#[derive(Serialize)]
struct BookMessage {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: i64,
    instrument_name: String,
    change_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_change_id: Option<u64>,
    bids: Vec<(&'static str, Decimal, Decimal)>,
    asks: Vec<(&'static str, Decimal, Decimal)>,
}

impl Depth {
    /// As it stands.
    pub fn of(venue: &Venue, id: InstrumentId) -> Self {
        let levels = &venue.at(id).levels;
        Self { change: levels.change, bids: levels.bids().collect(), asks: levels.asks().collect() }
    }

    /// All of it.
    pub fn snapshot(&self, venue: &Venue, id: InstrumentId) -> Data {
        let listing = venue.at(id);
        let level = |(price, lots): (&i64, &i64)| {
            ("new", Decimal(i128::from(*price)), amount(listing, *lots))
        };
        json(&BookMessage {
            kind: "snapshot",
            timestamp: venue.time.milliseconds(),
            instrument_name: listing.name.clone(),
            change_id: self.change,
            prev_change_id: None,
            bids: self.bids.iter().rev().map(level).collect(),
            asks: self.asks.iter().map(level).collect(),
        })
    }

    /// What changed since it was told, price by price.
    pub fn news(&mut self, venue: &Venue, id: InstrumentId) -> Option<Data> {
        let listing = venue.at(id);
        if listing.levels.change == self.change {
            return None;
        }
        let now = Self::of(venue, id);
        let scaled = |changes: Vec<(&'static str, i64, i64)>| -> Vec<_> {
            let one = |(what, price, lots): (_, i64, i64)| {
                (what, Decimal(i128::from(price)), amount(listing, lots))
            };
            changes.into_iter().map(one).collect()
        };
        let (mut bids, asks) = (changes(&self.bids, &now.bids), changes(&self.asks, &now.asks));
        bids.reverse();
        let message = BookMessage {
            kind: "change",
            timestamp: venue.time.milliseconds(),
            instrument_name: listing.name.clone(),
            change_id: now.change,
            prev_change_id: Some(self.change),
            bids: scaled(bids),
            asks: scaled(asks),
        };
        if message.bids.is_empty() && message.asks.is_empty() {
            // What came has gone again: as if nothing had been.
            return None;
        }
        *self = now;
        Some(json(&message))
    }
}

/// Price by price, ascending.
fn changes(
    before: &BTreeMap<i64, i64>,
    after: &BTreeMap<i64, i64>,
) -> Vec<(&'static str, i64, i64)> {
    let prices: BTreeSet<i64> = before.keys().chain(after.keys()).copied().collect();
    let change = |price: i64| match (before.get(&price), after.get(&price)) {
        (None, Some(lots)) => Some(("new", price, *lots)),
        (Some(_), None) => Some(("delete", price, 0)),
        (Some(old), Some(new)) if old != new => Some(("change", price, *new)),
        _ => None,
    };
    prices.into_iter().filter_map(change).collect()
}
