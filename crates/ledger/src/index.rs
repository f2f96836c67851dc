//! Cumulative indices: how funding and interest accrue without visiting every account.
//!
//! An [`Index`] says what one lot, or one unit of a balance, has been paid since the index began.
//! An [`Accrual`] remembers up to where on the index its holder has been counted, and what that
//! came to, exactly. With the index moving from I₀ to I₁ a holder of `size` accrues
//!
//! ```text
//! size · (I₁ − I₀) / 10¹⁸   units of 10⁻⁸ of the asset
//! ```
//!
//! as whole units, rounded down, and a fraction in 10⁻¹⁸ of a unit that stays with the holder. So
//! whoever receives gets less and whoever pays pays more, by less than one unit altogether, however
//! often the holder is counted, paid, split or merged.

mod encoding;

use borsh::BorshSerialize;
use ethnum::I256;
use instruments::Amount;
use serde::{Deserialize, Serialize};

use crate::account::BALANCE_MAX;

/// Steps of an index in one unit of an amount: 10¹⁸.
pub const INDEX_SCALE: u64 = 1_000_000_000_000_000_000;

/// The largest value of an index, in 10⁻¹⁸ of a unit, and of minus it: 2^126 − 1, so that the
/// difference of any two indices fits.
pub const INDEX_MAX: i128 = (1 << 126) - 1;

/// What one lot, or one unit of a balance, has been paid since the index began; negative where it
/// has paid. In 10⁻¹⁸ of a unit, which is 10⁻⁸ of the asset.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    Serialize,
    Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Index(i128);

/// What a holder has accrued against an index and has not been paid yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "encoding::AccrualParts", into = "encoding::AccrualParts")]
pub struct Accrual {
    index: Index,
    whole: Amount,
    /// In 10⁻¹⁸ of a unit, below [`INDEX_SCALE`].
    fraction: u64,
}

/// Fractions of a unit that holders left behind, until they make a whole unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Residue(u64);

/// Part of a unit, below one, in 10⁻¹⁸ of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fraction(u64);

/// Why an index or an accrual stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccrualError {
    /// The index would pass [`INDEX_MAX`].
    #[error("the index would leave its bounds of 2^126 steps (is the rate in 10^-18 of a unit?)")]
    IndexTooLarge,
    /// The size, or what has accrued, is beyond [`BALANCE_MAX`].
    #[error("what accrues would leave its bounds of 2^100 units (pay it out, or reduce the size)")]
    TooLarge,
    /// Two accruals were counted up to different places on their index.
    #[error("the accruals stand at different indices (advance both to the same one first)")]
    IndicesDiffer,
}

impl Index {
    /// Where every index begins.
    pub const ZERO: Self = Self(0);

    /// The index at `steps` · 10⁻¹⁸ of a unit.
    ///
    /// # Errors
    /// [`AccrualError::IndexTooLarge`].
    pub const fn from_steps(steps: i128) -> Result<Self, AccrualError> {
        if steps > INDEX_MAX || steps < -INDEX_MAX {
            return Err(AccrualError::IndexTooLarge);
        }
        Ok(Self(steps))
    }

    /// The index in 10⁻¹⁸ of a unit.
    #[must_use]
    pub const fn steps(self) -> i128 {
        self.0
    }

    /// The index after each lot has been paid `steps` · 10⁻¹⁸ of a unit more.
    ///
    /// # Errors
    /// [`AccrualError::IndexTooLarge`].
    pub const fn advanced(self, steps: i128) -> Result<Self, AccrualError> {
        match self.0.checked_add(steps) {
            Some(steps) => Self::from_steps(steps),
            None => Err(AccrualError::IndexTooLarge),
        }
    }
}

impl Accrual {
    /// Bytes of its record.
    pub const RECORD_BYTES: usize = 40;

    /// Nothing yet, for a holder who begins now.
    #[must_use]
    pub const fn starting_at(index: Index) -> Self {
        Self { index, whole: Amount::ZERO, fraction: 0 }
    }

    /// Up to where the holder has been counted.
    #[must_use]
    pub const fn index(&self) -> Index {
        self.index
    }

    /// Counts the holder of `size` up to `now`. Call it before the size changes: a size that is
    /// bought now accrues from now on, and one that is sold has accrued until now.
    ///
    /// # Errors
    /// [`AccrualError::TooLarge`]; nothing has changed then.
    pub fn advance(&mut self, size: i128, now: Index) -> Result<(), AccrualError> {
        if size.unsigned_abs() > BALANCE_MAX.units().unsigned_abs() {
            return Err(AccrualError::TooLarge);
        }
        let moved = now.0 - self.index.0;
        let (whole, fraction) = whole_and_fraction(size, moved, self.fraction)?;
        let whole = bounded(self.whole, Amount::from_units(whole))?;
        *self = Self { index: now, whole, fraction };
        Ok(())
    }

    /// What the holder of `size` would be paid at `now`; negative is to pay. Changes nothing.
    ///
    /// # Errors
    /// [`AccrualError::TooLarge`].
    pub fn accrued(&self, size: i128, now: Index) -> Result<Amount, AccrualError> {
        let mut then = *self;
        then.advance(size, now)?;
        Ok(then.whole)
    }

    /// Takes the whole units out, to be posted. The fraction stays.
    #[must_use = "what is taken must be posted"]
    pub fn take(&mut self) -> Amount {
        std::mem::take(&mut self.whole)
    }

    /// Two holders' accruals as one, exactly.
    ///
    /// # Errors
    /// [`AccrualError::IndicesDiffer`], [`AccrualError::TooLarge`].
    pub fn merged(self, other: Self) -> Result<Self, AccrualError> {
        if self.index != other.index {
            return Err(AccrualError::IndicesDiffer);
        }
        let (carry, fraction) = carried(self.fraction, other.fraction);
        let whole = bounded(bounded(self.whole, other.whole)?, carry)?;
        Ok(Self { index: self.index, whole, fraction })
    }

    /// Takes the fraction out, for a holder who leaves with nothing more to come: it goes to a
    /// [`Residue`].
    #[must_use = "what is left behind belongs to a residue"]
    pub fn leave(&mut self) -> Fraction {
        Fraction(std::mem::take(&mut self.fraction))
    }

    /// The record, 40 bytes, little-endian: `index i128 | whole units i128 | fraction u64`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::RECORD_BYTES] {
        let mut record = [0; Self::RECORD_BYTES];
        record[..16].copy_from_slice(&self.index.0.to_le_bytes());
        record[16..32].copy_from_slice(&self.whole.units().to_le_bytes());
        record[32..].copy_from_slice(&self.fraction.to_le_bytes());
        record
    }

    /// The accrual of a record; `None` if a number in it is out of bounds.
    #[must_use]
    pub fn from_bytes(record: &[u8; Self::RECORD_BYTES]) -> Option<Self> {
        let (numbers, fraction) = record.split_at(32);
        let (index, whole) = numbers.split_at(16);
        let index = Index::from_steps(i128::from_le_bytes(index.try_into().ok()?)).ok()?;
        let whole = Amount::from_units(i128::from_le_bytes(whole.try_into().ok()?));
        Self::of(index, whole, u64::from_le_bytes(fraction.try_into().ok()?))
    }

    /// The accrual of these parts, if they are in bounds.
    fn of(index: Index, whole: Amount, fraction: u64) -> Option<Self> {
        let whole = bounded(Amount::ZERO, whole).ok()?;
        (fraction < INDEX_SCALE).then_some(Self { index, whole, fraction })
    }
}

impl Residue {
    /// Adds a fraction, and returns the whole unit that is now complete, or nothing: it goes to
    /// the rounding account.
    #[must_use = "a whole unit must be posted"]
    pub fn collect(&mut self, fraction: Fraction) -> Amount {
        let (whole, rest) = carried(self.0, fraction.0);
        self.0 = rest;
        whole
    }

    /// What has been collected since the last whole unit, in 10⁻¹⁸ of a unit.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.0
    }

    /// The residue with this much collected; `None` from a whole unit on.
    #[must_use]
    pub const fn from_steps(steps: u64) -> Option<Self> {
        if steps < INDEX_SCALE { Some(Self(steps)) } else { None }
    }
}

/// `size` times the way of an index, and a fraction: whole units rounded down, and the rest.
fn whole_and_fraction(size: i128, moved: i128, fraction: u64) -> Result<(i128, u64), AccrualError> {
    const SCALE: i128 = INDEX_SCALE as i128;
    let narrow = size.checked_mul(moved).and_then(|steps| steps.checked_add(fraction.into()));
    let (whole, rest) = match narrow {
        Some(steps) => {
            let whole = steps.div_euclid(SCALE);
            (whole, steps - whole * SCALE)
        }
        // Almost never: a size and a way that both are enormous.
        None => {
            let steps = I256::from(size) * I256::from(moved) + I256::from(fraction);
            let whole = steps.div_euclid(I256::from(SCALE));
            let rest = steps - whole * I256::from(SCALE);
            (i128::try_from(whole).map_err(|_| AccrualError::TooLarge)?, rest.as_i128())
        }
    };
    Ok((whole, u64::try_from(rest).expect("a remainder is below 10^18")))
}

/// The sum of two fractions: a whole unit or none, and the rest.
fn carried(a: u64, b: u64) -> (Amount, u64) {
    let sum = a + b;
    (Amount::from_units(i128::from(sum / INDEX_SCALE)), sum % INDEX_SCALE)
}

fn bounded(a: Amount, b: Amount) -> Result<Amount, AccrualError> {
    let sum = a.checked_add(b).filter(|sum| (-BALANCE_MAX..=BALANCE_MAX).contains(sum));
    sum.ok_or(AccrualError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCALE: i128 = INDEX_SCALE as i128;

    fn index(steps: i128) -> Index {
        Index::from_steps(steps).unwrap()
    }

    #[test]
    fn both_sides_are_rounded_against_themselves() {
        // A long lot pays a third of a unit, seven lots two units and a third.
        let now = index(-SCALE / 3);
        let start = Accrual::starting_at(Index::ZERO);
        assert_eq!(start.accrued(7, now).unwrap().units(), -3);
        assert_eq!(start.accrued(-7, now).unwrap().units(), 2);
    }

    #[test]
    fn the_fraction_waits() {
        let mut accrual = Accrual::starting_at(Index::ZERO);
        let mut paid = 0;
        for step in 1..=30 {
            accrual.advance(1, index(step * SCALE / 10)).unwrap();
            paid += accrual.take().units();
        }
        assert_eq!(paid, 3, "thirty times a tenth of a unit, paid each time");
        assert_eq!(accrual.leave(), Fraction(0));
    }

    #[test]
    fn interest_on_a_debt_by_hand() {
        // 5 % on a debt of 1000 coins of 10⁸ units; the index counts what a unit of balance gets.
        let debt = -1_000 * 100_000_000;
        let now = index(SCALE / 20);
        let accrual = Accrual::starting_at(Index::ZERO);
        assert_eq!(accrual.accrued(debt, now).unwrap().to_string(), "-50");
    }

    #[test]
    fn residues_make_whole_units() {
        let mut residue = Residue::default();
        let half = Fraction(INDEX_SCALE / 2);
        assert_eq!(residue.collect(half), Amount::ZERO);
        assert_eq!(residue.collect(half), Amount::from_units(1));
        assert_eq!(residue.collect(half), Amount::ZERO);
        assert_eq!(residue.steps(), INDEX_SCALE / 2);
        assert_eq!(Residue::from_steps(INDEX_SCALE), None);
    }

    #[test]
    fn the_edges_are_refused_and_change_nothing() {
        assert_eq!(Index::from_steps(INDEX_MAX + 1), Err(AccrualError::IndexTooLarge));
        assert_eq!(index(INDEX_MAX).advanced(1), Err(AccrualError::IndexTooLarge));
        assert_eq!(index(1).advanced(i128::MAX), Err(AccrualError::IndexTooLarge));
        let mut accrual = Accrual::starting_at(index(-INDEX_MAX));
        let before = accrual;
        for size in [i128::MIN, i128::MAX, BALANCE_MAX.units(), 1 << 80] {
            assert_eq!(accrual.advance(size, index(INDEX_MAX)), Err(AccrualError::TooLarge));
            assert_eq!(accrual, before);
        }
        let other = Accrual::starting_at(Index::ZERO);
        assert_eq!(accrual.merged(other), Err(AccrualError::IndicesDiffer));
    }

    #[test]
    fn records_round_trip() {
        let mut accrual = Accrual::starting_at(index(5));
        accrual.advance(-12_345, index(98_765_432_109_876_543_210)).unwrap();
        assert_eq!(Accrual::from_bytes(&accrual.to_bytes()), Some(accrual));
        assert_eq!(Accrual::from_bytes(&[0xff; 40]), None);
    }

    proptest! {
        #[test]
        fn numbers_of_any_size_divide_alike(size: i128, moved: i128, fraction in 0..INDEX_SCALE, bits in 0_u32..127) {
            for (size, moved) in [(size >> bits, moved >> (127 - bits)), (size, moved >> bits), (size >> 64, moved >> 63)] {
                let steps = I256::from(size) * I256::from(moved) + I256::from(fraction);
                let scale = I256::from(INDEX_SCALE);
                let expected = i128::try_from(steps.div_euclid(scale)).ok().map(|whole| (whole, steps.rem_euclid(scale).as_u64()));
                prop_assert_eq!(whole_and_fraction(size, moved, fraction).ok(), expected);
            }
        }
    }
}
