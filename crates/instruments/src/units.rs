//! The three integer units: prices, lots and amounts of an asset.

use std::fmt;
use std::iter::Sum;
use std::ops::Neg;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::fixed::{Rounding, format_fixed, mul_div, parse_fixed};
use crate::{Error, NumberError};

/// Decimals that a [`Price`] and an [`Amount`] hold.
pub const SCALE_DECIMALS: u32 = 8;
/// Units of a [`Price`] or an [`Amount`] in one: 10⁸.
pub const SCALE: i64 = 100_000_000;

/// A price, in 10⁻⁸ of the asset that quotes it: the quote asset for futures and linear options,
/// the base asset for inverse options.
///
/// Signed, because spreads and differences are prices too; a mark is never negative.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Price(i64);

/// A signed number of whole lots; long is positive.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Quantity(i64);

/// A signed amount of one asset, in 10⁻⁸ of it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Amount(i128);

impl Price {
    /// A price of nothing.
    pub const ZERO: Self = Self(0);

    /// A price of `units` · 10⁻⁸.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// The price in 10⁻⁸.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// The price if it is greater than zero.
    ///
    /// # Errors
    /// [`Error::PriceNotPositive`].
    pub const fn positive(self) -> Result<Self, Error> {
        if self.0 > 0 { Ok(self) } else { Err(Error::PriceNotPositive) }
    }
}

impl Quantity {
    /// No lots.
    pub const ZERO: Self = Self(0);

    /// `lots` whole lots; negative is short.
    #[must_use]
    pub const fn from_lots(lots: i64) -> Self {
        Self(lots)
    }

    /// The signed number of lots.
    #[must_use]
    pub const fn lots(self) -> i64 {
        self.0
    }

    /// The sum of two quantities, or `None` if it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(lots) => Some(Self(lots)),
            None => None,
        }
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `units` · 10⁻⁸.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The amount in 10⁻⁸ of its asset.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// The sum of two amounts, or `None` if it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The difference of two amounts, or `None` if it does not fit.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The amount's worth at `price`, in the asset that quotes the price.
    ///
    /// # Errors
    /// [`Error::Overflow`] if it does not fit.
    pub fn worth(self, price: Price, rounding: Rounding) -> Result<Self, Error> {
        mul_div(self.0, i128::from(price.0), i128::from(SCALE), rounding)
            .map(Self)
            .ok_or(Error::Overflow)
    }
}

impl Neg for Quantity {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Amount {
    /// The sum; panics on overflow, which would need 10³⁰ of an asset.
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_fixed(i128::from(self.0), SCALE_DECIMALS))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_fixed(self.0, SCALE_DECIMALS))
    }
}

impl FromStr for Price {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let units = parse_fixed(text, SCALE_DECIMALS)
            .and_then(|units| i64::try_from(units).map_err(|_| NumberError::TooLarge));
        units.map(Self).map_err(|reason| Error::Number { text: text.into(), reason })
    }
}

impl FromStr for Amount {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let units = parse_fixed(text, SCALE_DECIMALS);
        units.map(Self).map_err(|reason| Error::Number { text: text.into(), reason })
    }
}
