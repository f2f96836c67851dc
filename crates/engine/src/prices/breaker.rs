//! The circuit breaker: whether a price has moved too far in too short a time.
//!
//! The window is kept as eight buckets of an eighth of it, each with its least and greatest price.
//! So it takes the same memory whatever the number of prices, and reaches back between seven eighths
//! of the window and all of it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Price, Timestamp};
use serde::{Deserialize, Serialize};

use super::rules::{DAY_MS, MILLION, RulesError, held, within};

const BUCKETS: usize = 8;

/// When trading halts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerRules {
    /// The greatest move within the window, in 10⁻⁶ of the price that it moved from; 0 to
    /// 10,000,000, and 0 is off.
    pub move_ppm: u32,
    /// The window, in milliseconds; 8 to one day.
    pub window_ms: u32,
    /// For how long trading halts, in milliseconds; 0 to one day.
    pub halt_ms: u32,
}

/// The least and greatest prices of the window.
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
pub struct Breaker {
    /// The length of a bucket; zero before the first price.
    bucket_ms: i64,
    buckets: [Option<Bucket>; BUCKETS],
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
struct Bucket {
    /// Whole bucket lengths since 1970-01-01 UTC.
    number: i64,
    least: Price,
    greatest: Price,
}

impl Default for BreakerRules {
    /// 10 % in five minutes halts for five minutes.
    fn default() -> Self {
        Self { move_ppm: 100_000, window_ms: 300_000, halt_ms: 300_000 }
    }
}

impl BreakerRules {
    /// Whether every number is within its bounds.
    ///
    /// # Errors
    /// [`RulesError`] names the first that is not.
    pub fn check(&self) -> Result<(), RulesError> {
        within("breaker.move_ppm", self.move_ppm, 0, 10_000_000)?;
        within("breaker.window_ms", self.window_ms, BUCKETS as i64, DAY_MS)?;
        within("breaker.halt_ms", self.halt_ms, 0, DAY_MS)
    }

    /// When a halt that begins at `now` ends.
    #[must_use]
    pub const fn halt_ends(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_milliseconds(now.milliseconds().saturating_add(self.halt_ms as i64))
    }
}

impl Breaker {
    /// Takes a price in, and says whether it trips the breaker: whether it lies above the least
    /// price of the window, or below the greatest, by more than `move_ppm` of that price.
    ///
    /// Having tripped it forgets the window and starts again from this price, so that trading can
    /// go on from where the price has moved to. It forgets too when rules come with another window,
    /// or are off.
    pub fn observe(&mut self, rules: &BreakerRules, now: Timestamp, price: Price) -> bool {
        let bucket_ms = i64::from(rules.window_ms.div_ceil(BUCKETS as u32).max(1));
        if rules.move_ppm == 0 {
            *self = Self::default();
            return false;
        }
        if self.bucket_ms != bucket_ms {
            *self = Self { bucket_ms, ..Self::default() };
        }
        let number = now.milliseconds().div_euclid(bucket_ms);
        let tripped = self.recent(number).any(|bucket| bucket.is_far_from(price, rules.move_ppm));
        if tripped {
            *self = Self { bucket_ms, ..Self::default() };
        }
        self.take_in(number, price);
        tripped
    }

    fn recent(&self, number: i64) -> impl Iterator<Item = &Bucket> {
        let oldest = number.saturating_sub(BUCKETS as i64 - 1);
        self.buckets
            .iter()
            .flatten()
            .filter(move |bucket| (oldest..=number).contains(&bucket.number))
    }

    fn take_in(&mut self, number: i64, price: Price) {
        let place = &mut self.buckets[number.rem_euclid(BUCKETS as i64) as usize];
        let fresh = Bucket { number, least: price, greatest: price };
        let bucket = place.filter(|bucket| bucket.number == number).unwrap_or(fresh);
        let (least, greatest) = (bucket.least.min(price), bucket.greatest.max(price));
        *place = Some(Bucket { number, least, greatest });
    }
}

impl Bucket {
    fn is_far_from(&self, price: Price, move_ppm: u32) -> bool {
        let [least, greatest, price] = [self.least, self.greatest, price].map(held);
        let most = i128::from(move_ppm);
        (price - least) * MILLION > most * least || (greatest - price) * MILLION > most * greatest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: BreakerRules =
        BreakerRules { move_ppm: 100_000, window_ms: 8_000, halt_ms: 60_000 };

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(milliseconds)
    }

    /// Which of these prices trip the breaker.
    fn tripping(rules: &BreakerRules, prices: &[(i64, i64)]) -> Vec<bool> {
        let mut breaker = Breaker::default();
        let observe = |&(time, units): &(i64, i64)| {
            breaker.observe(rules, at(time), Price::from_units(units))
        };
        prices.iter().map(observe).collect()
    }

    #[test]
    fn by_hand() {
        let check = |prices: &[(i64, i64)], expected: &[bool]| {
            assert_eq!(tripping(&RULES, prices), expected, "{prices:?}");
        };
        check(&[(0, 1_000)], &[false]);
        check(&[(0, 1_000), (1, 1_100), (2, 1_101)], &[false, false, true]);
        check(&[(0, 1_000), (1, 900), (2, 899)], &[false, false, true]);
        // From the greatest of the window, not from the first; and from the least.
        check(&[(0, 1_000), (1, 1_050), (2, 944)], &[false, false, true]);
        check(&[(0, 1_000), (1, 950), (2, 1_046)], &[false, false, true]);
        // After it has tripped the new price is the start.
        check(&[(0, 1_000), (1, 1_200), (2, 1_250), (3, 1_000)], &[false, true, false, true]);
        // Seven eighths of the window later it still counts, a whole one later no more.
        check(&[(999, 1_000), (7_999, 1_200)], &[false, true]);
        check(&[(0, 1_000), (7_999, 1_200)], &[false, true]);
        check(&[(0, 1_000), (8_000, 1_200)], &[false, false]);
        // A slow move that stays below the bound within every window.
        check(&[(0, 1_000), (5_000, 1_080), (10_000, 1_160), (15_000, 1_240)], &[false; 4]);
    }

    #[test]
    fn it_can_be_off_and_its_rules_may_change() {
        let off = BreakerRules { move_ppm: 0, ..RULES };
        assert_eq!(tripping(&off, &[(0, 1), (1, 1 << 50)]), [false, false]);
        let mut breaker = Breaker::default();
        assert!(!breaker.observe(&RULES, at(0), Price::from_units(1_000)));
        let longer = BreakerRules { window_ms: 16_000, ..RULES };
        assert!(!breaker.observe(&longer, at(1), Price::from_units(2_000)));
        assert!(breaker.observe(&longer, at(2), Price::from_units(4_000)));
        assert_eq!(RULES.halt_ends(at(2)), at(60_002));
    }

    #[test]
    fn rules_out_of_bounds_are_refused() {
        assert_eq!(BreakerRules::default().check(), Ok(()));
        for bad in [
            BreakerRules { move_ppm: 10_000_001, ..RULES },
            BreakerRules { window_ms: 7, ..RULES },
            BreakerRules { window_ms: 86_400_001, ..RULES },
            BreakerRules { halt_ms: 86_400_001, ..RULES },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn it_trips_within_seven_eighths_and_never_beyond_the_window(
            moves in prop::collection::vec((0_i64..4_000, 850_i64..1_150), 1..60), start in -9_000_i64..9_000,
        ) {
            let mut breaker = Breaker::default();
            let mut now = start;
            // All prices since it last tripped.
            let mut kept: Vec<(i64, i64)> = Vec::new();
            for (elapsed, units) in moves {
                now += elapsed;
                let far = |other: i64| (units - other).abs() * 10 > other;
                let must = kept.iter().any(|&(time, other)| now - time <= 7_000 && far(other));
                let may = kept.iter().any(|&(time, other)| now - time < 8_000 && far(other));
                let tripped = breaker.observe(&RULES, at(now), Price::from_units(units));
                prop_assert!(tripped >= must && tripped <= may);
                if tripped {
                    kept.clear();
                }
                kept.push((now, units));
            }
        }

        #[test]
        fn nothing_panics(prices in prop::collection::vec((any::<i64>(), any::<i64>()), 0..20), window_ms: u32, move_ppm: u32) {
            let _ = tripping(&BreakerRules { move_ppm, window_ms, halt_ms: 0 }, &prices);
        }
    }
}
