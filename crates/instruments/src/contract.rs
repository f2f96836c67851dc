//! Contract terms.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::units::{SCALE, SCALE_DECIMALS};
use crate::{Asset, Error, Price, Quantity, Rounding, Timestamp, Underlying};
use crate::{format_fixed, mul_div, parse_fixed};

/// Call or put.
#[derive(
    Clone,
    Copy,
    Debug,
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
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// The right to buy at the strike.
    Call,
    /// The right to sell at the strike.
    Put,
}

/// What kind of contract an instrument is.
#[derive(
    Clone,
    Copy,
    Debug,
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
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ContractKind {
    /// The asset itself against the quote asset.
    Spot,
    /// A future without expiry, held to the index by funding.
    Perpetual,
    /// A future settled to the average index before its expiry.
    Future {
        /// When it settles.
        expiry: Timestamp,
    },
    /// A European option settled to the average index before its expiry.
    Option {
        /// When it settles.
        expiry: Timestamp,
        /// The strike, in the quote asset.
        strike: Price,
        /// Call or put.
        kind: OptionKind,
    },
}

/// In which asset profit is made and settled.
#[derive(
    Clone,
    Copy,
    Debug,
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
#[serde(rename_all = "snake_case")]
pub enum SettlementStyle {
    /// In the quote asset: profit is a straight line in the price.
    Linear,
    /// In the base asset: a future's size is fixed in the quote asset and its profit in coin is
    /// `m·(1/P0 − 1/P1)`.
    Inverse,
}

/// A contract with all the terms that its arithmetic needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Instrument {
    pub(crate) base: Asset,
    pub(crate) quote: Asset,
    pub(crate) kind: ContractKind,
    pub(crate) style: SettlementStyle,
    pub(crate) lot_size: i64,
}

impl Instrument {
    /// A contract with its own terms. `lot_size` is the size of one lot in 10⁻⁸ of
    /// [`Instrument::lot_asset`].
    ///
    /// # Errors
    /// [`Error::Number`] if the lot size is not positive, [`Error::PriceNotPositive`] if a strike
    /// is not, [`Error::InstrumentName`] for an inverse spot instrument, which does not exist.
    pub fn new(
        base: Asset,
        quote: Asset,
        kind: ContractKind,
        style: SettlementStyle,
        lot_size: i64,
    ) -> Result<Self, Error> {
        let instrument = Self { base, quote, kind, style, lot_size };
        if lot_size <= 0 {
            let text = format_fixed(i128::from(lot_size), SCALE_DECIMALS);
            return Err(Error::Number { text, reason: crate::NumberError::NotPositive });
        }
        if let ContractKind::Option { strike, .. } = kind {
            strike.positive()?;
        }
        if kind == ContractKind::Spot && style == SettlementStyle::Inverse {
            let name = instrument.to_string();
            return Err(Error::InstrumentName { name, reason: "spot is never inverse" });
        }
        Ok(instrument)
    }

    /// The asset that the contract is about.
    #[must_use]
    pub const fn base(&self) -> Asset {
        self.base
    }

    /// The asset in which futures prices and strikes are stated.
    #[must_use]
    pub const fn quote(&self) -> Asset {
        self.quote
    }

    /// What moves the contract.
    #[must_use]
    pub const fn underlying(&self) -> Underlying {
        Underlying::of(self.base)
    }

    /// Spot, perpetual, future or option, with its own terms.
    #[must_use]
    pub const fn kind(&self) -> ContractKind {
        self.kind
    }

    /// Linear or inverse.
    #[must_use]
    pub const fn style(&self) -> SettlementStyle {
        self.style
    }

    /// The asset in which profit is made and settled.
    #[must_use]
    pub const fn settlement_asset(&self) -> Asset {
        match self.style {
            SettlementStyle::Linear => self.quote,
            SettlementStyle::Inverse => self.base,
        }
    }

    /// When the contract settles; `None` for spot and perpetuals.
    #[must_use]
    pub const fn expiry(&self) -> Option<Timestamp> {
        match self.kind {
            ContractKind::Spot | ContractKind::Perpetual => None,
            ContractKind::Future { expiry } | ContractKind::Option { expiry, .. } => Some(expiry),
        }
    }

    /// Whether the contract is an option.
    #[must_use]
    pub const fn is_option(&self) -> bool {
        matches!(self.kind, ContractKind::Option { .. })
    }

    /// Whether its size is fixed in the quote asset: inverse futures and perpetuals.
    #[must_use]
    pub const fn is_sized_in_quote(&self) -> bool {
        matches!(self.style, SettlementStyle::Inverse) && !self.is_option()
    }

    /// The asset in which one lot's size is stated.
    #[must_use]
    pub const fn lot_asset(&self) -> Asset {
        if self.is_sized_in_quote() { self.quote } else { self.base }
    }

    /// The size of one lot, in 10⁻⁸ of [`Instrument::lot_asset`].
    #[must_use]
    pub const fn lot_size(&self) -> i64 {
        self.lot_size
    }

    /// Reads a size in [`Instrument::lot_asset`], as people write it, as whole lots.
    ///
    /// # Errors
    /// [`Error::Number`] for text that is no number, [`Error::NotWholeLots`] for a size between
    /// lots.
    pub fn lots_of(&self, size: &str) -> Result<Quantity, Error> {
        let number = |reason| Error::Number { text: size.into(), reason };
        let not_whole = || Error::NotWholeLots {
            text: size.into(),
            lot: format_fixed(i128::from(self.lot_size), SCALE_DECIMALS),
            unit: self.lot_asset(),
        };
        let units = parse_fixed(size, SCALE_DECIMALS).map_err(|reason| match reason {
            crate::NumberError::TooPrecise(_) => not_whole(),
            reason => number(reason),
        })?;
        if units % i128::from(self.lot_size) != 0 {
            return Err(not_whole());
        }
        let lots = i64::try_from(units / i128::from(self.lot_size));
        let lots = lots.map_err(|_| number(crate::NumberError::TooLarge))?;
        // The most negative integer has no opposite, and a position must be able to close.
        let lots = lots.checked_neg().ok_or(number(crate::NumberError::TooLarge))?;
        Ok(-Quantity::from_lots(lots))
    }

    /// Writes whole lots as a size in [`Instrument::lot_asset`].
    #[must_use]
    pub fn size_of(&self, lots: Quantity) -> String {
        let units = i128::from(lots.lots()) * i128::from(self.lot_size);
        format_fixed(units, SCALE_DECIMALS)
    }

    /// What `lots` would hold of the base asset at the given price of it, in 10⁻⁸; for everything
    /// but inverse futures it does not depend on the price.
    ///
    /// # Errors
    /// [`Error::PriceNotPositive`], [`Error::Overflow`].
    pub fn base_size(&self, lots: Quantity, index: Price) -> Result<i128, Error> {
        let units = i128::from(lots.lots()) * i128::from(self.lot_size);
        if !self.is_sized_in_quote() {
            return Ok(units);
        }
        let index = i128::from(index.positive()?.units());
        mul_div(units, i128::from(SCALE), index, Rounding::HalfEven).ok_or(Error::Overflow)
    }
}
