//! The settlement price: the mean index over the last half hour, weighted by time.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Price, SETTLEMENT_WINDOW_MILLISECONDS, Timestamp};
use serde::{Deserialize, Serialize};

/// The running average over one settlement window.
///
/// Each price counts for the time in which it was in force, from one call of
/// [`SettlementAverage::advance`] to the next. A time without a price, as while the index is stale,
/// is not covered and counts for nothing.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SettlementAverage {
    /// Of the prices times how long each was in force, in 10⁻⁸ · milliseconds.
    sum: i128,
    covered_ms: i64,
    /// How far into the window it has been advanced.
    reached_ms: i64,
    /// The price in force from there on.
    price: Option<Price>,
}

impl SettlementAverage {
    /// Counts the price in force so far up to `now`, within the window of
    /// [`SETTLEMENT_WINDOW_MILLISECONDS`] from `window_start`; from `now` on `price` is in force,
    /// or none. A `now` before the last one counts nothing.
    ///
    /// Call it whenever the index changes, goes stale or comes back, from before the window opens,
    /// and once more when it closes.
    pub fn advance(&mut self, window_start: Timestamp, now: Timestamp, price: Option<Price>) {
        let into_window = now.since(window_start).clamp(0, SETTLEMENT_WINDOW_MILLISECONDS);
        let reached_ms = into_window.max(self.reached_ms);
        if let Some(in_force) = self.price {
            let held_ms = reached_ms - self.reached_ms;
            self.sum += i128::from(in_force.units()) * i128::from(held_ms);
            self.covered_ms += held_ms;
        }
        self.reached_ms = reached_ms;
        self.price = price;
    }

    /// The average so far, in units rounded down; `None` while no time is covered.
    #[must_use]
    pub fn value(&self) -> Option<Price> {
        let covered = i128::from(self.covered_ms);
        let units = if covered > 0 { self.sum.div_euclid(covered) } else { return None };
        i64::try_from(units).ok().map(Price::from_units)
    }

    /// How much of the window is covered by prices, in milliseconds; at most all of it.
    #[must_use]
    pub const fn covered_ms(&self) -> i64 {
        self.covered_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000;
    const START: i64 = 1_770_000_000_000;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(START + milliseconds)
    }

    fn averaged(steps: &[(i64, Option<i64>)]) -> SettlementAverage {
        let mut average = SettlementAverage::default();
        for &(time, units) in steps {
            average.advance(at(0), at(time), units.map(Price::from_units));
        }
        average
    }

    #[test]
    fn by_hand() {
        let check = |steps: &[(i64, Option<i64>)], expected: (Option<i64>, i64)| {
            let average = averaged(steps);
            let value = average.value().map(Price::units);
            assert_eq!((value, average.covered_ms() / MINUTE), expected, "{steps:?}");
        };
        let window = 30 * MINUTE;
        check(&[], (None, 0));
        check(&[(-MINUTE, Some(100))], (None, 0));
        check(&[(-MINUTE, Some(100)), (window, None)], (Some(100), 30));
        // What is in force before and after the window does not count.
        check(
            &[(-MINUTE, Some(100)), (0, Some(7)), (window, Some(9)), (2 * window, None)],
            (Some(7), 30),
        );
        // Ten minutes at 100 and twenty at 200, rounded down; below zero too.
        check(&[(0, Some(100)), (10 * MINUTE, Some(200)), (window, None)], (Some(166), 30));
        check(&[(0, Some(-100)), (10 * MINUTE, Some(-200)), (window, None)], (Some(-167), 30));
        // Ten minutes without a price leave twenty that count alike.
        check(
            &[(0, Some(100)), (10 * MINUTE, None), (20 * MINUTE, Some(200)), (window, None)],
            (Some(150), 20),
        );
        // Time does not run backwards, and none of it counts twice.
        let back = [(0, Some(100)), (MINUTE, Some(200)), (0, Some(300)), (2 * MINUTE, None)];
        check(&back, (Some(200), 2));
        let again = [(0, Some(100)), (2 * MINUTE, None), (MINUTE, Some(400)), (3 * MINUTE, None)];
        check(&again, (Some(200), 3));
    }

    proptest! {
        #[test]
        fn it_is_the_mean_over_milliseconds(
            mut changes in prop::collection::vec((-100_i64..300, prop::option::of(1_i64..1_000_000)), 0..30),
        ) {
            // In steps of ten seconds, so that the naive sum over each of them is short.
            changes.sort_by_key(|change| change.0);
            let steps: Vec<_> = changes.iter().map(|&(time, price)| (time * 10_000, price)).collect();
            let mut average = averaged(&steps);
            average.advance(at(0), at(30 * MINUTE), None);
            let in_force = |step: i64| changes.iter().rev().find(|change| change.0 <= step).and_then(|change| change.1);
            let held: Vec<i64> = (0..180).filter_map(in_force).collect();
            let mean = held.iter().sum::<i64>().checked_div(held.len() as i64);
            prop_assert_eq!(average.value().map(Price::units), mean);
            prop_assert_eq!(average.covered_ms(), held.len() as i64 * 10_000);
        }

        #[test]
        fn nothing_panics(steps in prop::collection::vec((any::<i64>(), any::<i64>(), prop::option::of(any::<i64>())), 0..20)) {
            let mut average = SettlementAverage::default();
            for (start, now, price) in steps {
                let [start, now] = [start, now].map(Timestamp::from_milliseconds);
                average.advance(start, now, price.map(Price::from_units));
                let _ = average.value();
            }
            prop_assert!((0..=SETTLEMENT_WINDOW_MILLISECONDS).contains(&average.covered_ms()));
        }
    }
}
