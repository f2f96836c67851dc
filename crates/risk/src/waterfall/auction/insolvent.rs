//! The insolvent branch: the fund pays whoever takes over a portfolio that is worth less than nothing.

use ethnum::I256;

use crate::waterfall::wide::floor;
use crate::waterfall::{Share, WaterfallError};

/// What the fund pays for the whole of an insolvent account, at the start and at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// At the start: −V, the deficit itself.
    pub from: i128,
    /// At the end: −V + MM, the deficit and the whole premium.
    pub to: i128,
}

impl TakeOver {
    /// From −V up to −V + MM.
    ///
    /// # Errors
    /// [`WaterfallError::Solvent`] unless the value is negative, [`WaterfallError::Negative`] for a
    /// requirement below zero, [`WaterfallError::TooLarge`].
    pub fn of(value: i128, maintenance: i128) -> Result<Self, WaterfallError> {
        if value >= 0 {
            return Err(WaterfallError::Solvent);
        }
        if maintenance < 0 {
            return Err(WaterfallError::Negative("maintenance margin"));
        }
        let from = value.checked_neg();
        let to = from.and_then(|from| from.checked_add(maintenance));
        match (from, to) {
            (Some(from), Some(to)) => Ok(Self { from, to }),
            _ => Err(WaterfallError::TooLarge("the price of a take-over")),
        }
    }

    /// What the fund pays for `units` of `whole` when `progress` of the way is gone:
    /// `f·(from + progress·(to − from))`, rounded down.
    ///
    /// # Errors
    /// [`WaterfallError::Parameter`] for progress above one, an end below the start, or more units
    /// than there are; [`WaterfallError::TooLarge`].
    pub fn payment(&self, progress: Share, units: u64, whole: u64) -> Result<i128, WaterfallError> {
        if progress > Share::ONE || self.to < self.from || units > whole || whole == 0 {
            let wanted = "part of a portfolio, on the way from a start to an end that is no lower";
            return Err(WaterfallError::Parameter { what: "a take-over", wanted });
        }
        let [start, end] = [progress.rest(), progress].map(|share| I256::from(share.units()));
        let price = I256::from(self.from) * start + I256::from(self.to) * end;
        let parts = I256::from(whole) * I256::from(Share::ONE.units());
        floor(price * I256::from(units), parts)
            .ok_or(WaterfallError::TooLarge("the price of a take-over"))
    }
}
