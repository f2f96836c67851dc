//! What an account in auction lacks, and which share of it restores it.

use ethnum::I256;
use instruments::Rounding;

use crate::waterfall::wide::ceil;
use crate::waterfall::{Share, WaterfallError};

/// The most that the insurance fund may take of released margin: 10 %.
pub const FEE_MAX: Share = Share::from_ppb(100_000_000);

/// An account in auction as it stands, in one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuctionState {
    /// E, after haircuts.
    pub equity: i128,
    /// V, at mark and without haircuts; what bidders paid in is part of both.
    pub value: i128,
    /// MM, at least 0.
    pub maintenance: i128,
    /// R, what earlier bidders paid in: it is cash, and not sold again.
    pub paid_in: i128,
}

impl AuctionState {
    /// B = E − (1+b)·MM, rounded down: what is there beyond the requirement and its buffer. An auction
    /// goes on until it is zero or more.
    ///
    /// # Errors
    /// [`WaterfallError::Negative`] for a requirement below zero, [`WaterfallError::TooLarge`].
    pub fn margin_with_buffer(&self, buffer: Share) -> Result<i128, WaterfallError> {
        if self.maintenance < 0 {
            return Err(WaterfallError::Negative("maintenance margin"));
        }
        let extra = buffer.of(self.maintenance, Rounding::Ceil)?;
        let without = self.equity.checked_sub(self.maintenance);
        without
            .and_then(|margin| margin.checked_sub(extra))
            .ok_or(WaterfallError::TooLarge("the margin with its buffer"))
    }

    /// V − R: what is for sale.
    ///
    /// # Errors
    /// [`WaterfallError::TooLarge`].
    pub fn for_sale(&self) -> Result<i128, WaterfallError> {
        let sale = self.value.checked_sub(self.paid_in);
        sale.ok_or(WaterfallError::TooLarge("what is for sale"))
    }

    /// f_max = B/(B − (1−δ)·V − δ·R), rounded up: the share of what is for sale that restores B = 0 at
    /// a discount of δ, where the requirement shrinks with the slice and E = V. Zero where nothing is
    /// lacking; the whole where no share restores it.
    ///
    /// # Errors
    /// As [`Self::margin_with_buffer`].
    pub fn restoring_share(&self, buffer: Share, discount: Share) -> Result<Share, WaterfallError> {
        let margin = self.margin_with_buffer(buffer)?;
        if margin >= 0 {
            return Ok(Share::ZERO);
        }
        let one = I256::from(Share::ONE.units());
        let lacking = -I256::from(margin) * one;
        let kept = I256::from(discount.rest().units()) * I256::from(self.value);
        let discount = discount.min(Share::ONE).units();
        let divisor = lacking + kept + I256::from(discount) * I256::from(self.paid_in);
        let share = ceil(lacking * one, divisor).and_then(|share| u64::try_from(share).ok());
        Ok(share.map_or(Share::ONE, |share| Share::from_units(share).min(Share::ONE)))
    }

    /// E/(V − R), rounded down, between zero and one: no discount may be greater, since the owner would
    /// then owe what is not there.
    ///
    /// # Errors
    /// [`WaterfallError::TooLarge`].
    pub fn discount_max(&self) -> Result<Share, WaterfallError> {
        let sale = self.for_sale()?;
        if sale <= 0 || self.equity <= 0 {
            return Ok(Share::ZERO);
        }
        if self.equity >= sale {
            return Ok(Share::ONE);
        }
        let one = i128::from(Share::ONE.units());
        let share = instruments::mul_div(self.equity, one, sale, Rounding::Floor);
        let share = share.and_then(|share| u64::try_from(share).ok());
        Ok(Share::from_units(share.expect("a quotient below one has few units")))
    }
}

/// The insurance fund's fee on a slice: `rate` of the maintenance margin that it released, rounded
/// down, and no more than leaves B ≥ 0, `margin_after` being B before the fee.
///
/// # Errors
/// [`WaterfallError::Parameter`] for a rate above [`FEE_MAX`].
pub fn fund_fee(released: i128, rate: Share, margin_after: i128) -> Result<i128, WaterfallError> {
    if rate > FEE_MAX {
        return Err(WaterfallError::Parameter {
            what: "the fund's fee",
            wanted: "at most a tenth of the margin released",
        });
    }
    let fee = rate.of(released.max(0), Rounding::Floor)?;
    Ok(fee.min(margin_after.max(0)))
}
