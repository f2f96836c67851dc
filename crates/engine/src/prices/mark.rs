//! The mark: the index plus a slow average of what the book says on top of it.
//!
//! ```text
//! sample = clamp((bid + ask)/2 / index − 1, ±clamp)
//! basis ← basis + (sample − basis) · dt/(dt + tau)
//! mark   = index · (1 + clamp(basis, ±clamp))
//! ```
//!
//! The weight `dt/(dt + tau)` is that of an exponential average of time constant `tau`, stepped
//! implicitly (backward Euler), which is a rational number. It follows Deribit's mark of
//! perpetuals, the index plus a 30-second average of the basis within a band (Deribit, "Mark
//! price", 2025). One look at the book never weighs more than `gap_max/(gap_max + tau)`, however
//! long ago the one before was, and a time without both sides weighs nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Price, Rounding, Timestamp, mul_div};
use serde::{Deserialize, Serialize};

use super::rules::{DAY_MS, MILLION, PRICE_MAX, RulesError, held, within};

/// Parts of the index in which a basis is kept: 10¹⁸.
const BASIS_SCALE: i128 = 1_000_000_000_000_000_000;

/// How a mark follows index and book.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct MarkRules {
    /// The time constant of the average, in milliseconds; 1 to one day.
    pub tau_ms: u32,
    /// The longest time that one sample stands for, in milliseconds; 1 to one day.
    pub gap_max_ms: u32,
    /// How far sample and mark may lie from the index, in 10⁻⁶ of it; 0 to 500,000.
    pub clamp_ppm: u32,
    /// A book with a wider spread says nothing, in 10⁻⁶ of the index; 0 to 1,000,000.
    pub spread_max_ppm: u32,
}

/// The running average of the basis.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// In 10⁻¹⁸ of the index.
    value: i64,
    /// When the book was last looked at.
    time: Timestamp,
}

impl Default for MarkRules {
    /// For a perpetual: 30 s, one sample for at most 1 s, half a percent either way, and a spread
    /// of 1 %. A dated future needs a wider clamp.
    fn default() -> Self {
        Self { tau_ms: 30_000, gap_max_ms: 1_000, clamp_ppm: 5_000, spread_max_ppm: 10_000 }
    }
}

impl MarkRules {
    /// Whether every number is within its bounds.
    ///
    /// # Errors
    /// [`RulesError`] names the first that is not.
    pub fn check(&self) -> Result<(), RulesError> {
        within("mark.tau_ms", self.tau_ms, 1, DAY_MS)?;
        within("mark.gap_max_ms", self.gap_max_ms, 1, DAY_MS)?;
        within("mark.clamp_ppm", self.clamp_ppm, 0, 500_000)?;
        within("mark.spread_max_ppm", self.spread_max_ppm, 0, 1_000_000)
    }
}

impl Basis {
    /// No basis, from `now` on.
    #[must_use]
    pub const fn starting_at(now: Timestamp) -> Self {
        Self { value: 0, time: now }
    }

    /// The average, in 10⁻¹⁸ of the index.
    #[must_use]
    pub const fn value(&self) -> i64 {
        self.value
    }

    /// Looks at the book: its best bid and ask, and the index at `now`. The sample stands for the
    /// time since the last look, at most `gap_max_ms`; sample and average are rounded to the
    /// nearest 10⁻¹⁸ of the index, ties to even.
    ///
    /// Without both sides, with a crossed book or with one wider than `spread_max_ppm` there is no
    /// sample, and the time since the last look counts for nothing. A `now` before the last look
    /// changes nothing.
    pub fn sample(
        &mut self,
        rules: &MarkRules,
        now: Timestamp,
        index: Price,
        bid: Option<Price>,
        ask: Option<Price>,
    ) {
        let elapsed = now.since(self.time).clamp(0, i64::from(rules.gap_max_ms));
        self.time = self.time.max(now);
        let Some(sample) = sampled(rules, index, bid, ask) else { return };
        let elapsed = i128::from(elapsed);
        let before = i128::from(self.value);
        let all = elapsed + i128::from(rules.tau_ms.max(1));
        let moved = mul_div(sample - before, elapsed, all, Rounding::HalfEven).unwrap_or(0);
        self.value = i64::try_from(before + moved).unwrap_or(self.value);
    }
}

/// The mark price: index and basis, no further than `clamp_ppm` from the index, rounded to the
/// nearest unit, ties to even, and at least one unit.
#[must_use]
pub fn mark(rules: &MarkRules, index: Price, basis: &Basis) -> Price {
    let index = held(index);
    let basis = clamped(rules, i128::from(basis.value));
    let moved = mul_div(index, basis, BASIS_SCALE, Rounding::HalfEven).unwrap_or(0);
    let units = (index + moved).clamp(1, i128::from(PRICE_MAX.units()));
    Price::from_units(i64::try_from(units).unwrap_or(PRICE_MAX.units()))
}

/// The basis that the book shows, in 10⁻¹⁸ of the index, or `None` if it says nothing.
fn sampled(
    rules: &MarkRules,
    index: Price,
    bid: Option<Price>,
    ask: Option<Price>,
) -> Option<i128> {
    let [bid, ask] = [bid?, ask?].map(|price| i128::from(price.units()));
    let index = held(index);
    let spread = ask - bid;
    if spread < 0 || spread * MILLION > i128::from(rules.spread_max_ppm) * index {
        return None;
    }
    let twice = bid + ask - 2 * index;
    let basis = mul_div(twice, BASIS_SCALE, 2 * index, Rounding::HalfEven)?;
    Some(clamped(rules, basis))
}

fn clamped(rules: &MarkRules, basis: i128) -> i128 {
    let most = i128::from(rules.clamp_ppm) * (BASIS_SCALE / MILLION);
    basis.clamp(-most, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(milliseconds)
    }

    #[test]
    fn one_step_by_hand() {
        let rules = MarkRules::default();
        let mut basis = Basis::starting_at(at(0));
        let book = |basis: &mut Basis, now, bid: &str, ask: &str| {
            basis.sample(&rules, at(now), price("100000"), Some(price(bid)), Some(price(ask)));
        };
        // A basis of 0.031 % with the weight of 1/31 is 0.001 %.
        book(&mut basis, 1_000, "100030", "100032");
        assert_eq!(basis.value(), 10_000_000_000_000);
        assert_eq!(mark(&rules, price("100000"), &basis), price("100001"));
        // A long time later the sample still stands for one second.
        let mut later = basis;
        book(&mut later, 900_000, "100030", "100032");
        assert_eq!(later.value(), 19_677_419_354_839, "10 + (310 − 10)/31 millionths");
        // No time, no weight; and time does not run backwards.
        let before = later;
        book(&mut later, 900_000, "99000", "99000");
        book(&mut later, 5, "99000", "99000");
        assert_eq!(later, before);
    }

    #[test]
    fn a_book_that_says_nothing_is_no_sample() {
        let rules = MarkRules::default();
        let index = price("100");
        let mut basis = Basis { value: 77, time: at(0) };
        for (bid, ask) in [
            (None, None),
            (Some("100"), None),
            (None, Some("100")),
            (Some("101"), Some("100")),
            (Some("99"), Some("100.00000001")),
        ] {
            basis.sample(&rules, at(10_000), index, bid.map(price), ask.map(price));
            assert_eq!(basis, Basis { value: 77, time: at(10_000) }, "{bid:?} {ask:?}");
        }
        // The time that passed without a book gives the next sample no weight.
        basis.sample(&rules, at(10_000), index, Some(price("99")), Some(price("100")));
        assert_eq!(basis.value(), 77);
    }

    #[test]
    fn a_spike_of_a_second_moves_the_mark_little_and_passes() {
        let rules = MarkRules::default();
        let index = price("50000");
        let mut basis = Basis::starting_at(at(0));
        let mut marks = Vec::new();
        for second in 1..=300 {
            let (bid, ask) = if second == 100 { ("90000", "90001") } else { ("49995", "50005") };
            basis.sample(&rules, at(second * 1_000), index, Some(price(bid)), Some(price(ask)));
            marks.push(mark(&rules, index, &basis).units() - index.units());
        }
        assert_eq!(marks[98], 0);
        // The book shows +80 %; the mark rises by 0.5 %/31, which is 0.0162 %.
        assert_eq!(Price::from_units(marks[99]).to_string(), "8.06451613");
        assert!(marks[99..].is_sorted_by(|earlier, later| earlier >= later));
        assert!(marks[299] * 500 < marks[99], "200 s later less than a 500th of it is left");
    }

    #[test]
    fn it_converges_to_the_book_and_no_further_than_the_clamp() {
        let rules = MarkRules::default();
        let check = |mid: &str, expected: &str| {
            let mut basis = Basis::starting_at(at(0));
            for second in 1..=2_000 {
                let mid = Some(price(mid));
                basis.sample(&rules, at(second * 1_000), price("50000"), mid, mid);
            }
            assert_eq!(mark(&rules, price("50000"), &basis).to_string(), expected);
        };
        check("50100", "50100");
        check("49900", "49900");
        check("60000", "50250");
        check("1", "49750");
    }

    #[test]
    fn the_edges() {
        let rules = MarkRules { clamp_ppm: 500_000, ..MarkRules::default() };
        let low = Basis { value: i64::MIN, time: at(0) };
        let high = Basis { value: i64::MAX, time: at(0) };
        assert_eq!(mark(&rules, Price::from_units(1), &low), Price::from_units(1));
        assert_eq!(mark(&rules, PRICE_MAX, &high), PRICE_MAX);
        assert_eq!(mark(&rules, Price::ZERO, &high), Price::from_units(1));
        let fine = MarkRules::default();
        assert_eq!(fine.check(), Ok(()));
        for bad in [
            MarkRules { tau_ms: 0, ..fine },
            MarkRules { gap_max_ms: 0, ..fine },
            MarkRules { clamp_ppm: 500_001, ..fine },
            MarkRules { spread_max_ppm: 1_000_001, ..fine },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn basis_and_mark_stay_within_the_clamp(
            looks in prop::collection::vec((any::<i64>(), any::<i64>(), 1_i64..1 << 60, -9_i64..100_000), 1..40),
            clamp_ppm in 0_u32..=500_000, tau_ms in 1_u32..1_000_000,
        ) {
            let rules = MarkRules { tau_ms, gap_max_ms: 60_000, clamp_ppm, spread_max_ppm: 1_000_000 };
            let mut basis = Basis::starting_at(at(0));
            let mut now = 0;
            for (bid, ask, index, elapsed) in looks {
                now += elapsed;
                // Half of the books are near the index, the others anywhere.
                let [bid, ask] = if bid % 2 == 0 { [bid, ask] } else { [index - bid % index / 8, index + ask % index / 8] };
                basis.sample(&rules, at(now), Price::from_units(index), Some(Price::from_units(bid)), Some(Price::from_units(ask)));
                prop_assert!(i128::from(basis.value()).abs() <= i128::from(clamp_ppm) * 1_000_000_000_000);
                let off = i128::from(mark(&rules, Price::from_units(index), &basis).units() - index).abs();
                prop_assert!((off - 1) * MILLION <= i128::from(clamp_ppm) * i128::from(index));
            }
        }

        #[test]
        fn one_look_moves_the_basis_by_no_more_than_its_weight(
            value in -5_000_i64..=5_000, mid in 1_i64..1 << 59, elapsed in 0_i64..10_000_000,
        ) {
            let rules = MarkRules { spread_max_ppm: 0, ..MarkRules::default() };
            let mut basis = Basis { value: value * 1_000_000_000_000, time: at(0) };
            let before = basis.value();
            let mid = Some(Price::from_units(mid));
            basis.sample(&rules, at(elapsed), Price::from_units(1 << 40), mid, mid);
            // From one clamp to the other is 1 %, times 1/31.
            prop_assert!((basis.value() - before).abs() <= 10_000_000_000_000_000 / 31 + 1);
        }
    }
}
