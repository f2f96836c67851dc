//! Interest on debts in a collateral asset, by how much of the asset is lent.
//!
//! ```text
//! u    = debts/holdings, at most 1
//! rate = base + slope_low·min(u, kink)/kink + slope_high·max(0, u − kink)/(1 − kink)   per year
//! ```
//!
//! the two-slope curve that lending pools use (Aave, "Protocol whitepaper", 2020, borrow interest
//! rate): cheap while there is enough left to withdraw, dear from the kink on, so that debts are
//! paid back. A year is 365 days, and interest is not compounded within the index: a debt grows by
//! it when it is posted.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Rounding, Timestamp, mul_div};
use ledger::INDEX_SCALE;
use serde::{Deserialize, Serialize};

use super::rules::{BILLION, RulesError, within};

/// The greatest rate per year that each part of the curve may add, in 10⁻⁹: 1,000 %.
pub const INTEREST_PART_MAX_PPB: i64 = 10_000_000_000;

/// What debts cost.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct InterestRules {
    /// The rate while nothing is lent, in 10⁻⁹ per year; 0 to [`INTEREST_PART_MAX_PPB`].
    pub base_ppb: i64,
    /// What is added on the way to the kink, in 10⁻⁹ per year; 0 to [`INTEREST_PART_MAX_PPB`].
    pub slope_low_ppb: i64,
    /// The share lent from which the rate rises faster, in 10⁻⁶; 1 to 999,999.
    pub kink_ppm: u32,
    /// What is added from the kink until all is lent, in 10⁻⁹ per year; 0 to
    /// [`INTEREST_PART_MAX_PPB`].
    pub slope_high_ppb: i64,
}

impl Default for InterestRules {
    /// Up to 4 % a year until four fifths are lent, and 64 % when all is.
    fn default() -> Self {
        Self {
            base_ppb: 0,
            slope_low_ppb: 40_000_000,
            kink_ppm: 800_000,
            slope_high_ppb: 600_000_000,
        }
    }
}

impl InterestRules {
    /// Whether every number is within its bounds.
    ///
    /// # Errors
    /// [`RulesError`] names the first that is not.
    pub fn check(&self) -> Result<(), RulesError> {
        within("interest.base_ppb", self.base_ppb, 0, INTEREST_PART_MAX_PPB)?;
        within("interest.slope_low_ppb", self.slope_low_ppb, 0, INTEREST_PART_MAX_PPB)?;
        within("interest.kink_ppm", self.kink_ppm, 1, 999_999)?;
        within("interest.slope_high_ppb", self.slope_high_ppb, 0, INTEREST_PART_MAX_PPB)
    }
}

/// The rate in 10⁻⁹ per year where `debts` is what all accounts owe in the asset, and `holdings`
/// what all others have in it, both positive. The share lent and each part of the curve are rounded
/// up to 10⁻⁹.
///
/// Without debts nothing is lent, and with debts and no holdings all is.
#[must_use]
pub fn rate_ppb(rules: &InterestRules, debts: Amount, holdings: Amount) -> i64 {
    let lent = lent_ppb(debts, holdings);
    let kink = i128::from(rules.kink_ppm) * 1_000;
    let part = |slope: i64, share: i128, of: i128| {
        mul_div(i128::from(slope), share, of, Rounding::Ceil).unwrap_or(0)
    };
    let low = part(rules.slope_low_ppb, lent.min(kink), kink);
    let high = part(rules.slope_high_ppb, (lent - kink).max(0), BILLION - kink);
    i64::try_from(i128::from(rules.base_ppb) + low + high).unwrap_or(0)
}

/// What one unit (10⁻⁸) of debt owes for `elapsed_ms` at this rate, in 10⁻¹⁸ of a unit, rounded up
/// against the debtor. A debt is a negative balance, so the [`ledger::Index`] of what a unit of
/// balance gets *rises* by this, and the [`ledger::Accrual`] of a balance below zero falls.
///
/// A negative time counts as none, and more than a year as a year.
#[must_use]
pub fn steps(rate_ppb: i64, elapsed_ms: i64) -> i128 {
    let elapsed = i128::from(elapsed_ms.clamp(0, Timestamp::YEAR));
    let share = i128::from(rate_ppb.max(0)) * elapsed;
    let scale = i128::from(INDEX_SCALE) / BILLION;
    mul_div(share, scale, i128::from(Timestamp::YEAR), Rounding::Ceil).unwrap_or(0)
}

fn lent_ppb(debts: Amount, holdings: Amount) -> i128 {
    if debts <= Amount::ZERO {
        return 0;
    }
    if debts >= holdings {
        return BILLION;
    }
    mul_div(debts.units(), BILLION, holdings.units(), Rounding::Ceil).unwrap_or(BILLION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Accrual, Index};
    use proptest::prelude::*;

    fn amount(units: i128) -> Amount {
        Amount::from_units(units)
    }

    #[test]
    fn rates_by_hand() {
        let rules = InterestRules { base_ppb: 10_000_000, ..InterestRules::default() };
        let check = |debts: i128, holdings: i128, expected: i64| {
            assert_eq!(
                rate_ppb(&rules, amount(debts), amount(holdings)),
                expected,
                "{debts}/{holdings}"
            );
        };
        check(0, 1_000, 10_000_000);
        check(0, 0, 10_000_000);
        check(-5, 1_000, 10_000_000);
        check(400, 1_000, 30_000_000);
        check(800, 1_000, 50_000_000);
        check(900, 1_000, 350_000_000);
        check(1_000, 1_000, 650_000_000);
        check(2_000, 1_000, 650_000_000);
        check(1, 0, 650_000_000);
        // A third lent, and what it adds, are rounded up: 16,666,666.7.
        check(1, 3, 26_666_667);
        check(i128::MAX, i128::MAX, 650_000_000);
    }

    #[test]
    fn steps_by_hand() {
        assert_eq!(steps(50_000_000, Timestamp::YEAR), 50_000_000_000_000_000, "5 % of 10¹⁸");
        assert_eq!(steps(50_000_000, Timestamp::YEAR / 365), 136_986_301_369_864);
        assert_eq!(steps(1, 1), 1, "rounded up");
        assert_eq!(steps(0, 1_000), 0);
        assert_eq!(steps(1_000, -1), 0);
        assert_eq!(steps(-1_000, 1), 0);
        assert_eq!(steps(1_000, i64::MAX), steps(1_000, Timestamp::YEAR));
    }

    #[test]
    fn a_debt_grows_by_hand() {
        // 5 % of a debt of 1000 coins for a year.
        let index = Index::ZERO.advanced(steps(50_000_000, Timestamp::YEAR)).unwrap();
        let owed = Accrual::starting_at(Index::ZERO).accrued(-100_000_000_000, index).unwrap();
        assert_eq!(owed.to_string(), "-50");
    }

    #[test]
    fn rules_out_of_bounds_are_refused() {
        let fine = InterestRules::default();
        assert_eq!(fine.check(), Ok(()));
        for bad in [
            InterestRules { base_ppb: -1, ..fine },
            InterestRules { slope_low_ppb: INTEREST_PART_MAX_PPB + 1, ..fine },
            InterestRules { kink_ppm: 0, ..fine },
            InterestRules { kink_ppm: 1_000_000, ..fine },
            InterestRules { slope_high_ppb: -1, ..fine },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn the_rate_rises_with_what_is_lent(
            debts in 0_i128..1 << 100, more in 0_i128..1 << 100, holdings in 0_i128..1 << 100,
            kink_ppm in 1_u32..1_000_000,
        ) {
            let rules = InterestRules { kink_ppm, ..InterestRules::default() };
            let least = rate_ppb(&rules, amount(debts), amount(holdings));
            prop_assert!(least <= rate_ppb(&rules, amount(debts + more), amount(holdings)));
            prop_assert!(least >= rate_ppb(&rules, amount(debts), amount(holdings + more)));
            prop_assert!((0..=640_000_000).contains(&least));
        }

        #[test]
        fn time_in_parts_costs_at_most_a_step_more(rate in 0_i64..30_000_000_000, first in 0_i64..1 << 33, second in 0_i64..1 << 33) {
            let parts = steps(rate, first) + steps(rate, second);
            prop_assert!((0..=1).contains(&(parts - steps(rate, first + second))));
        }

        #[test]
        fn nothing_panics(rate: i64, elapsed: i64, debts: i128, holdings: i128) {
            let _ = steps(rate, elapsed);
            let _ = rate_ppb(&InterestRules::default(), amount(debts), amount(holdings));
        }
    }
}
