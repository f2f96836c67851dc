//! Open, high, low, close and volume by minute.

use std::collections::VecDeque;

use instruments::Price;

/// Minutes that are kept: ten days.
const MINUTES_MAX: usize = 14_400;
const MINUTE_MS: i64 = 60_000;

/// What traded within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// When it begins, in milliseconds.
    pub start: i64,
    /// The first price.
    pub open: Price,
    /// The highest.
    pub high: Price,
    /// The lowest.
    pub low: Price,
    /// The last.
    pub close: Price,
    /// Lots.
    pub lots: i64,
    /// Σ price · lots, in units of price.
    pub value: i128,
}

/// The minutes in which an instrument traded.
#[derive(Clone, Debug, Default)]
pub struct Candles(VecDeque<Candle>);

impl Candles {
    /// Takes in a trade.
    pub fn trade(&mut self, time_ms: i64, price: Price, lots: i64) {
        let start = time_ms - time_ms.rem_euclid(MINUTE_MS);
        let value = i128::from(price.units()) * i128::from(lots);
        let one = Candle { start, open: price, high: price, low: price, close: price, lots, value };
        match self.0.back_mut() {
            Some(last) if last.start == start => last.add(&one),
            _ => {
                if self.0.len() == MINUTES_MAX {
                    self.0.pop_front();
                }
                self.0.push_back(one);
            }
        }
    }

    /// The minutes that begin at a time or later.
    pub fn since(&self, from_ms: i64) -> impl Iterator<Item = &Candle> {
        self.0.range(self.0.partition_point(|minute| minute.start < from_ms)..)
    }

    /// Candles of so many minutes each that begin within a time. One in which nothing traded repeats
    /// the close before it; there is none before the first trade.
    #[must_use]
    pub fn within(&self, from_ms: i64, to_ms: i64, minutes: i64, most: usize) -> Vec<Candle> {
        let length = minutes * MINUTE_MS;
        let floor = |time: i64| time - time.rem_euclid(length);
        let from = floor(from_ms);
        let first = self.0.partition_point(|minute| minute.start < from);
        // The close before it, so that a time without trades is flat from its start.
        let before = first.checked_sub(1).map(|place| self.0[place].close);
        let mut all: Vec<Candle> =
            before.map(|close| Candle::empty(from - length, close)).into_iter().collect();
        for minute in self.0.range(first..).take_while(|minute| minute.start <= to_ms) {
            let start = floor(minute.start);
            while let Some(last) = all.last().copied().filter(|last| last.start + length < start) {
                all.push(Candle::empty(last.start + length, last.close));
            }
            match all.last_mut() {
                Some(last) if last.start == start => last.add(minute),
                _ => all.push(Candle { start, ..*minute }),
            }
        }
        while let Some(last) = all.last().copied().filter(|last| last.start + length <= to_ms) {
            all.push(Candle::empty(last.start + length, last.close));
        }
        all.retain(|candle| candle.start >= from);
        all.split_off(all.len().saturating_sub(most))
    }
}

impl Candle {
    fn empty(start: i64, price: Price) -> Self {
        Self { start, open: price, high: price, low: price, close: price, lots: 0, value: 0 }
    }

    fn add(&mut self, next: &Self) {
        self.high = self.high.max(next.high);
        self.low = self.low.min(next.low);
        self.close = next.close;
        self.lots += next.lots;
        self.value += next.value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_add_up_and_gaps_are_flat() {
        let mut candles = Candles::default();
        for (minute, price) in [(0, 10), (0, 14), (1, 9), (7, 12)] {
            candles.trade(minute * MINUTE_MS + 5, Price::from_units(price), 2);
        }
        let fives = candles.within(0, 12 * MINUTE_MS, 5, 100);
        let figures: Vec<_> = fives
            .iter()
            .map(|one| {
                (one.open.units(), one.high.units(), one.low.units(), one.close.units(), one.lots)
            })
            .collect();
        assert_eq!(figures, [(10, 14, 9, 9, 6), (12, 12, 12, 12, 2), (12, 12, 12, 12, 0)]);
        assert_eq!(candles.within(0, 12 * MINUTE_MS, 5, 1).len(), 1);
    }
}
