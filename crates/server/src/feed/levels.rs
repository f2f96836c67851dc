//! Published depth of one book: displayed lots by price.

use std::collections::BTreeMap;

use book::Side;
use borsh::{BorshDeserialize, BorshSerialize};

/// How much is shown at each price, in units of price and lots.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Levels {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    /// The last command that changed it.
    pub change: u64,
    /// The one before it that did.
    pub previous: u64,
}

impl Levels {
    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, i64> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Shows so many lots more, or fewer, at a price.
    pub fn add(&mut self, side: Side, price: i64, lots: i64) {
        if lots == 0 {
            return;
        }
        let level = self.side_mut(side).entry(price).or_default();
        *level += lots;
        if *level <= 0 {
            self.side_mut(side).remove(&price);
        }
    }

    /// Bids from the highest down.
    pub fn bids(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.bids.iter().rev().map(|(price, lots)| (*price, *lots))
    }

    /// Asks from the lowest up.
    pub fn asks(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.asks.iter().map(|(price, lots)| (*price, *lots))
    }

    /// The best price of a side, with its lots.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<(i64, i64)> {
        match side {
            Side::Buy => self.bids().next(),
            Side::Sell => self.asks().next(),
        }
    }

    /// Takes everything away: the instrument has expired.
    pub fn clear(&mut self) {
        (self.bids, self.asks) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_without_lots_is_gone() {
        let mut levels = Levels::default();
        levels.add(Side::Buy, 100, 5);
        levels.add(Side::Buy, 100, 2);
        levels.add(Side::Buy, 99, 1);
        levels.add(Side::Sell, 101, 4);
        assert_eq!(levels.bids().collect::<Vec<_>>(), [(100, 7), (99, 1)]);
        levels.add(Side::Sell, 101, -4);
        levels.add(Side::Buy, 100, -7);
        assert_eq!(levels.best(Side::Buy), Some((99, 1)));
        assert_eq!(levels.best(Side::Sell), None);
    }
}
