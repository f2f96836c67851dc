//! Open, high, low, close and volume by minute.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Price;

/// A minute in milliseconds.
pub const MINUTE_MS: i64 = 60_000;

/// What traded within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
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
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Candles {
    minutes: VecDeque<Candle>,
    /// Whether older ones are in the history alone.
    has_older: bool,
}

impl Candles {
    /// Takes in a trade; so many minutes are kept.
    pub fn trade(&mut self, time_ms: i64, price: Price, lots: i64, most: usize) {
        let one = Candle::of(time_ms, 1, price, lots);
        match self.minutes.back_mut() {
            Some(last) if last.start == one.start => last.add(&one),
            _ => {
                while self.minutes.len() >= most.max(1) {
                    self.minutes.pop_front();
                    self.has_older = true;
                }
                self.minutes.push_back(one);
            }
        }
    }

    /// The minutes that begin at a time or later.
    pub fn since(&self, from_ms: i64) -> impl Iterator<Item = &Candle> {
        self.minutes.range(self.minutes.partition_point(|minute| minute.start < from_ms)..)
    }

    /// The first time from which on candles of so many minutes can be made of these; none if all can.
    #[must_use]
    pub fn complete_from(&self, minutes: i64) -> Option<i64> {
        let length = minutes * MINUTE_MS;
        let first = self.minutes.front().map(|minute| minute.start);
        let ceiling = |first: i64| (first + length - 1).div_euclid(length) * length;
        self.has_older.then(|| first.map_or(i64::MAX, ceiling))
    }

    /// Leaves all to the history.
    pub fn forget(&mut self) {
        self.has_older |= !self.minutes.is_empty();
        self.minutes = VecDeque::new();
    }

    /// The close before a time, and the minutes from it on.
    #[must_use]
    pub fn split(&self, from_ms: i64) -> (Option<Price>, Vec<Candle>) {
        let first = self.minutes.partition_point(|minute| minute.start < from_ms);
        let before = first.checked_sub(1).map(|place| self.minutes[place].close);
        (before, self.minutes.range(first..).copied().collect())
    }

    /// Candles of so many minutes each that begin within a time, as [`gather`] makes them.
    #[must_use]
    pub fn within(&self, from_ms: i64, to_ms: i64, minutes: i64, most: usize) -> Vec<Candle> {
        let length = minutes * MINUTE_MS;
        let (before, all) = self.split(from_ms - from_ms.rem_euclid(length));
        let mut all = gather(before, &all, from_ms, to_ms, minutes);
        all.split_off(all.len().saturating_sub(most))
    }
}

/// Candles of so many minutes each that begin within a time, made of shorter ones, and of the close before
/// them, so that a time without trades is flat from its start. One in which nothing traded repeats the
/// close before it; there is none before the first trade.
#[must_use]
pub fn gather(
    before: Option<Price>,
    parts: &[Candle],
    from_ms: i64,
    to_ms: i64,
    minutes: i64,
) -> Vec<Candle> {
    let length = minutes * MINUTE_MS;
    let floor = |time: i64| time - time.rem_euclid(length);
    // A candle that begins in time is told whole.
    let (from, end) = (floor(from_ms), floor(to_ms) + length);
    let mut all: Vec<Candle> =
        before.map(|close| Candle::empty(from - length, close)).into_iter().collect();
    for part in parts.iter().take_while(|part| part.start < end) {
        let start = floor(part.start);
        while let Some(last) = all.last().copied().filter(|last| last.start + length < start) {
            all.push(Candle::empty(last.start + length, last.close));
        }
        match all.last_mut() {
            Some(last) if last.start == start => last.add(part),
            _ => all.push(Candle { start, ..*part }),
        }
    }
    while let Some(last) = all.last().copied().filter(|last| last.start + length <= to_ms) {
        all.push(Candle::empty(last.start + length, last.close));
    }
    all.retain(|candle| candle.start >= from);
    all
}

impl Candle {
    /// Of one trade, in so many minutes.
    #[must_use]
    pub fn of(time_ms: i64, minutes: i64, price: Price, lots: i64) -> Self {
        let start = time_ms - time_ms.rem_euclid(minutes * MINUTE_MS);
        let value = i128::from(price.units()) * i128::from(lots);
        Self { start, open: price, high: price, low: price, close: price, lots, value }
    }

    fn empty(start: i64, price: Price) -> Self {
        Self { start, open: price, high: price, low: price, close: price, lots: 0, value: 0 }
    }

    /// Adds what traded next.
    pub fn add(&mut self, next: &Self) {
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
            candles.trade(minute * MINUTE_MS + 5, Price::from_units(price), 2, 100);
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
