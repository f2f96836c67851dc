//! Funding: what holds a perpetual to its index.
//!
//! ```text
//! premium = (mark − index)/index
//! rate    = clamp(max(d, premium) + min(−d, premium) + interest, ±cap)      for 8 hours
//! ```
//!
//! with the dampener `d`: a premium within ±d costs nothing (Deribit, "Perpetual funding rate",
//! 2025; d is 0.025 % and the cap 0.5 % there for BTC, and interest nil). Longs pay shorts at a
//! positive rate, in proportion to time and to the worth of a lot at the index, into one cumulative
//! [`ledger::Index`] per instrument that longs and shorts share: what one side is paid the other
//! pays, and each is rounded against itself by the [`ledger::Accrual`].

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{ContractKind, Instrument, Price, Rounding, SCALE, mul_div};
use ledger::{INDEX_MAX, INDEX_SCALE};
use serde::{Deserialize, Serialize};

use super::rules::{BILLION, RulesError, held, within};

/// Milliseconds for which a funding rate is stated: 8 hours.
pub const FUNDING_PERIOD_MS: i64 = 8 * 3_600_000;

/// The greatest rate that rules may name, in 10⁻⁹ per 8 hours: 10 %.
pub const FUNDING_RATE_MAX_PPB: i64 = 100_000_000;

/// A lot is worth `lot·index/10⁸` units, of which `rate/10⁹ · elapsed/8h` is paid, in 10¹⁸ steps.
const LINEAR_PERIOD: i128 = PERIOD * BILLION / (STEPS / UNITS);
/// A lot is worth `lot·10⁸/index` units; the numerator's 10²⁶ and the denominator's 8h·10⁹ are
/// shortened by 10¹⁴, so that every factor fits.
const INVERSE_STEPS: i128 = STEPS * UNITS / SHORTENED;
const INVERSE_PERIOD: i128 = PERIOD * BILLION / SHORTENED;

const PERIOD: i128 = FUNDING_PERIOD_MS as i128;
const STEPS: i128 = INDEX_SCALE as i128;
const UNITS: i128 = SCALE as i128;
const SHORTENED: i128 = 100_000_000_000_000;

/// How funding follows the premium.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct FundingRules {
    /// A premium up to this costs nothing, in 10⁻⁹; 0 to [`FUNDING_RATE_MAX_PPB`].
    pub clamp_ppb: i64,
    /// The greatest rate, either way, in 10⁻⁹ per 8 hours; 0 to [`FUNDING_RATE_MAX_PPB`].
    pub cap_ppb: i64,
    /// Paid by longs on top of the premium, in 10⁻⁹ per 8 hours; within ±`cap_ppb`.
    pub interest_ppb: i64,
    /// The longest time that is charged at once, in milliseconds; 1 to 8 hours. What goes beyond,
    /// as after a stop, is not charged.
    pub gap_max_ms: u32,
}

/// Why there are no steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FundingError {
    /// Only perpetuals have funding.
    #[error("{0} is no perpetual (only perpetuals have funding)")]
    NotPerpetual(Instrument),
    /// The steps do not fit an index.
    #[error("funding of a lot of {0} would leave its bounds of 2^126 steps (list a smaller lot)")]
    TooLarge(Instrument),
}

impl Default for FundingRules {
    /// A dampener of 0.025 %, a cap of 0.5 %, no interest, an hour at once.
    fn default() -> Self {
        Self { clamp_ppb: 250_000, cap_ppb: 5_000_000, interest_ppb: 0, gap_max_ms: 3_600_000 }
    }
}

impl FundingRules {
    /// Whether every number is within its bounds.
    ///
    /// # Errors
    /// [`RulesError`] names the first that is not.
    pub fn check(&self) -> Result<(), RulesError> {
        within("funding.clamp_ppb", self.clamp_ppb, 0, FUNDING_RATE_MAX_PPB)?;
        within("funding.cap_ppb", self.cap_ppb, 0, FUNDING_RATE_MAX_PPB)?;
        within("funding.interest_ppb", self.interest_ppb, -self.cap_ppb, self.cap_ppb)?;
        within("funding.gap_max_ms", self.gap_max_ms, 1, FUNDING_PERIOD_MS)
    }
}

/// The rate for 8 hours at these prices, in 10⁻⁹; positive where longs pay. The premium is rounded
/// to the nearest 10⁻⁹, ties to even.
#[must_use]
pub fn rate_8h_ppb(rules: &FundingRules, index: Price, mark: Price) -> i64 {
    let [index, mark] = [index, mark].map(held);
    let premium = mul_div(mark - index, BILLION, index, Rounding::HalfEven).unwrap_or(0);
    let dampener = i128::from(rules.clamp_ppb);
    let dampened = premium.max(dampener) + premium.min(-dampener);
    let cap = i128::from(rules.cap_ppb.max(0));
    let rate = (dampened + i128::from(rules.interest_ppb)).clamp(-cap, cap);
    i64::try_from(rate).unwrap_or(0)
}

/// What one lot long is paid for `elapsed_ms` at this rate, in 10⁻¹⁸ of a unit of the settlement
/// asset, rounded down; negative where longs pay. Steps for [`ledger::Index::advanced`].
///
/// `−rate · worth · elapsed/8h`, where a lot is worth `m·index` in the quote asset, or `m/index` in
/// the base asset if the perpetual is inverse. Of the time at most `gap_max_ms` is charged, and none
/// if it is negative.
///
/// An index in which a lot is worth up to 2^52 units (45 million) lasts for a hundred years at the
/// greatest rate.
///
/// # Errors
/// [`FundingError`].
pub fn steps(
    rules: &FundingRules,
    instrument: &Instrument,
    rate_8h_ppb: i64,
    index: Price,
    elapsed_ms: i64,
) -> Result<i128, FundingError> {
    if instrument.kind() != ContractKind::Perpetual {
        return Err(FundingError::NotPerpetual(*instrument));
    }
    let rate = rate_8h_ppb.clamp(-FUNDING_RATE_MAX_PPB, FUNDING_RATE_MAX_PPB);
    let elapsed = elapsed_ms.clamp(0, i64::from(rules.gap_max_ms));
    let [lot, index] = [i128::from(instrument.lot_size()), held(index)];

    let share = -i128::from(rate) * i128::from(elapsed);
    let steps = if instrument.is_sized_in_quote() {
        mul_div(share, lot * INVERSE_STEPS, index * INVERSE_PERIOD, Rounding::Floor)
    } else {
        mul_div(share, lot * index, LINEAR_PERIOD, Rounding::Floor)
    };
    let fits = |steps: &i128| (-INDEX_MAX..=INDEX_MAX).contains(steps);
    steps.filter(fits).ok_or(FundingError::TooLarge(*instrument))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Accrual, Index};
    use proptest::prelude::*;

    const UNIT: i128 = INDEX_SCALE as i128;

    fn instrument(name: &str) -> Instrument {
        name.parse().unwrap()
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn rates_by_hand() {
        let rules = FundingRules::default();
        let check = |interest_ppb: i64, index: &str, mark: &str, expected: i64| {
            let rules = FundingRules { interest_ppb, ..rules };
            assert_eq!(rate_8h_ppb(&rules, price(index), price(mark)), expected, "{mark}/{index}");
        };
        check(0, "10000", "10000", 0);
        check(0, "10000", "10002.5", 0);
        check(0, "10000", "9997.5", 0);
        check(0, "10000", "10003.5", 100_000);
        check(0, "10000", "9996.5", -100_000);
        check(0, "10000", "10052.5", 5_000_000);
        check(0, "10000", "10053", 5_000_000);
        check(0, "10000", "5000", -5_000_000);
        check(100_000, "10000", "10000", 100_000);
        check(100_000, "10000", "9996.5", 0);
        check(100_000, "10000", "20000", 5_000_000);
        // Two thirds of 10⁻⁹ are rounded up, one third down.
        check(0, "30000", "30007.50002", 1);
        check(0, "30000", "30007.50001", 0);
        check(0, "0.00000001", "9999999999", 5_000_000);
    }

    #[test]
    fn steps_by_hand() {
        let rules = FundingRules { gap_max_ms: 28_800_000, ..FundingRules::default() };
        let check = |name: &str, rate: i64, elapsed: i64, expected: i128| {
            let steps = steps(&rules, &instrument(name), rate, price("50000"), elapsed);
            assert_eq!(steps, Ok(expected), "{name} at {rate} for {elapsed}");
        };
        // A thousandth of a coin, 50 USDC: 0.01 % of it is 0.005 USDC.
        check("BTC_USDC-PERPETUAL", 100_000, 28_800_000, -500_000 * UNIT);
        check("BTC_USDC-PERPETUAL", -100_000, 14_400_000, 250_000 * UNIT);
        // 10 USD, 0.0002 coins: 0.01 % of it is 2·10⁻⁸ coins.
        check("BTC-PERPETUAL", 100_000, 28_800_000, -2 * UNIT);
        check("BTC-PERPETUAL", -100_000, 14_400_000, UNIT);
        check("ETH-PERPETUAL", 5_000_000, 3_600_000, -UNIT * 125 / 100);
        // One millisecond at 10⁻⁹, rounded down either way: 2·10⁴/(28.8·10⁶·10⁹) of a unit.
        check("BTC-PERPETUAL", 1, 1, -694_445);
        check("BTC-PERPETUAL", -1, 1, 694_444);
        check("BTC-PERPETUAL", 100_000, -5, 0);
        check("BTC-PERPETUAL", 100_000, i64::MAX, -2 * UNIT);
    }

    #[test]
    fn only_perpetuals_have_funding() {
        let rules = FundingRules::default();
        let check = |name: &str| {
            let instrument = instrument(name);
            let refused = Err(FundingError::NotPerpetual(instrument));
            assert_eq!(steps(&rules, &instrument, 1, price("1"), 1), refused);
        };
        check("BTC-27MAR26");
        check("BTC-27MAR26-100000-C");
    }

    #[test]
    fn rules_out_of_bounds_are_refused() {
        let fine = FundingRules::default();
        assert_eq!(fine.check(), Ok(()));
        for bad in [
            FundingRules { clamp_ppb: -1, ..fine },
            FundingRules { cap_ppb: FUNDING_RATE_MAX_PPB + 1, ..fine },
            FundingRules { interest_ppb: 5_000_001, ..fine },
            FundingRules { interest_ppb: -5_000_001, ..fine },
            FundingRules { gap_max_ms: 0, ..fine },
            FundingRules { gap_max_ms: 28_800_001, ..fine },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn the_rate_rises_with_the_mark_and_both_ways_alike(
            index in 1_i64..1 << 50, off in 0_i64..1 << 40, more in 0_i64..1 << 40,
        ) {
            let rules = FundingRules::default();
            let rate = |off: i64| rate_8h_ppb(&rules, Price::from_units(index), Price::from_units(index + off));
            prop_assert!(rate(off) <= rate(off + more));
            prop_assert!(rate(off).abs() <= rules.cap_ppb);
            if off < index {
                prop_assert_eq!(rate(-off), -rate(off));
            }
        }

        #[test]
        fn time_in_parts_costs_the_same_to_a_step(
            inverse: bool, rate in -100_000_000_i64..=100_000_000, units in 100_i64..1 << 55,
            first in 0_i64..1_800_000, second in 0_i64..1_800_000,
        ) {
            let rules = FundingRules::default();
            let contract = instrument(if inverse { "BTC-PERPETUAL" } else { "BTC_USDC-PERPETUAL" });
            let of = |rate, elapsed| steps(&rules, &contract, rate, Price::from_units(units), elapsed).unwrap();
            let parts = of(rate, first) + of(rate, second);
            prop_assert!((0..=1).contains(&(of(rate, first + second) - parts)));
            prop_assert!((-1..=0).contains(&(of(rate, first) + of(-rate, first))));
        }

        #[test]
        fn longs_and_shorts_pay_each_other(
            inverse: bool, rate in -100_000_000_i64..=100_000_000, units in 1_000_000_i64..1 << 50,
            elapsed in 0_i64..3_600_000, lots in 1_i128..1_000_000,
        ) {
            let rules = FundingRules::default();
            let contract = instrument(if inverse { "BTC-PERPETUAL" } else { "BTC_USDC-PERPETUAL" });
            let steps = steps(&rules, &contract, rate, Price::from_units(units), elapsed).unwrap();
            let now = Index::ZERO.advanced(steps).unwrap();
            let start = Accrual::starting_at(Index::ZERO);
            let [long, short] = [lots, -lots].map(|size| start.accrued(size, now).unwrap().units());
            prop_assert!((-1..=0).contains(&(long + short)), "less than a unit is kept back");
            prop_assert!(rate.signum() == 0 || elapsed == 0 || i128::from(rate) * long <= 0 || long == 0);
        }

        #[test]
        fn nothing_panics(rate: i64, units: i64, mark: i64, elapsed: i64, lot in 1_i64..=i64::MAX, inverse: bool) {
            let style = if inverse { instruments::SettlementStyle::Inverse } else { instruments::SettlementStyle::Linear };
            let [base, quote] = ["BTC", "USDC"].map(|name| name.parse().unwrap());
            let contract = Instrument::new(base, quote, ContractKind::Perpetual, style, lot).unwrap();
            let _ = steps(&FundingRules::default(), &contract, rate, Price::from_units(units), elapsed);
            let _ = rate_8h_ppb(&FundingRules::default(), Price::from_units(units), Price::from_units(mark));
        }
    }
}
