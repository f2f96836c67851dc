//! A part of one.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Rounding, format_fixed, mul_div};

use super::WaterfallError;

/// A part of one, in 10⁻¹⁸: a discount, a slice, a rate. Never negative; more than one where a
/// buffer or rate is, up to 18.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize,
)]
pub struct Share(u64);

/// Decimals of a share.
const DECIMALS: u32 = 18;
const PER_BILLIONTH: u64 = 1_000_000_000;

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(1_000_000_000_000_000_000);

    /// A share of `units` · 10⁻¹⁸.
    #[must_use]
    pub const fn from_units(units: u64) -> Self {
        Self(units)
    }

    /// A share of `ppb` parts per billion, as commands and methodologies state it.
    #[must_use]
    pub const fn from_ppb(ppb: u32) -> Self {
        Self(ppb as u64 * PER_BILLIONTH)
    }

    /// The share in 10⁻¹⁸.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }

    /// What is left of one; nothing of more than one.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(Self::ONE.0.saturating_sub(self.0))
    }

    /// This share of an amount, rounded once.
    ///
    /// # Errors
    /// [`WaterfallError::TooLarge`].
    pub fn of(self, amount: i128, rounding: Rounding) -> Result<i128, WaterfallError> {
        mul_div(amount, i128::from(self.0), i128::from(Self::ONE.0), rounding)
            .ok_or(WaterfallError::TooLarge("a share of an amount"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_fixed(i128::from(self.0), DECIMALS))
    }
}
