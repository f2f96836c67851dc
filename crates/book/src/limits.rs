//! How much a book holds.

use thiserror::Error;

use crate::{Lots, Refusal, Ticks};

/// No price lies further from 0 than this many ticks, so that differences of prices fit.
pub const PRICE_BOUND: i64 = 1 << 60;

/// What a book accepts. [`Limits::default`] suits a listed future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The least price of an order.
    pub price_min: Ticks,
    /// The greatest price of an order.
    pub price_max: Ticks,
    /// The greatest size of an order.
    pub lots_max: Lots,
    /// How many orders may rest.
    pub orders_max: u32,
    /// How many orders of one account may rest.
    pub orders_per_account_max: u32,
    /// In how many parts an order with a displayed size may be shown. It bounds the fills of one
    /// command.
    pub parts_max: u32,
    /// How many prices on each side are held in an array: a power of two from 64 to 65,536.
    /// Prices outside it are held in a tree; nothing but speed depends on it.
    pub window: u32,
}

/// Why limits make no book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// The least price is above the greatest, or one is beyond [`PRICE_BOUND`].
    #[error("prices must go from a least to a greatest within ±2^60 ticks")]
    Prices,
    /// A count or size below one.
    #[error("sizes, counts and parts must be 1 or more")]
    NotPositive,
    /// All orders together could exceed an `i64`.
    #[error("orders_max · lots_max must stay below 2^62: lower one of them")]
    TooMuch,
    /// More orders than slots can be named.
    #[error("orders_max must be at most 2^30")]
    TooManyOrders,
    /// A window that is no power of two, or out of range.
    #[error("window must be a power of two from 64 to 65,536")]
    Window,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            price_min: Ticks(1),
            price_max: Ticks(1 << 40),
            lots_max: Lots(1 << 36),
            orders_max: 1 << 20,
            orders_per_account_max: 10_000,
            parts_max: 100,
            window: 4_096,
        }
    }
}

impl Limits {
    /// Checks that the limits make sense and exclude overflow.
    ///
    /// # Errors
    /// The first rule of [`LimitsError`] that they break.
    pub const fn validate(&self) -> Result<(), LimitsError> {
        let Self { price_min, price_max, lots_max, orders_max, .. } = *self;
        if price_min.0 > price_max.0 || price_min.0 < -PRICE_BOUND || price_max.0 > PRICE_BOUND {
            return Err(LimitsError::Prices);
        }
        let counts = [orders_max, self.orders_per_account_max, self.parts_max];
        if lots_max.0 < 1 || counts[0] == 0 || counts[1] == 0 || counts[2] == 0 {
            return Err(LimitsError::NotPositive);
        }
        if orders_max > 1 << 30 {
            return Err(LimitsError::TooManyOrders);
        }
        match lots_max.0.checked_mul(orders_max as i64) {
            Some(all) if all < 1 << 62 => {}
            _ => return Err(LimitsError::TooMuch),
        }
        if !self.window.is_power_of_two() || self.window < 64 || self.window > 1 << 16 {
            return Err(LimitsError::Window);
        }
        Ok(())
    }

    pub(crate) fn check_price(&self, price: Ticks) -> Result<(), Refusal> {
        let (min, max) = (self.price_min, self.price_max);
        if min <= price && price <= max {
            Ok(())
        } else {
            Err(Refusal::PriceOutOfBounds { min, max })
        }
    }

    pub(crate) fn check_lots(&self, lots: Lots) -> Result<(), Refusal> {
        if lots.0 < 1 {
            return Err(Refusal::LotsNotPositive(lots));
        }
        if lots > self.lots_max {
            return Err(Refusal::LotsAboveLimit { max: self.lots_max });
        }
        Ok(())
    }

    /// Checks the displayed size of an order of `lots`.
    pub(crate) fn check_display(&self, display: Lots, lots: Lots) -> Result<(), Refusal> {
        if display.0 < 1 {
            return Err(Refusal::DisplayNotPositive(display));
        }
        let parts = i64::from(self.parts_max);
        let least = lots.0 / parts + i64::from(lots.0 % parts != 0);
        if display.0 < least {
            return Err(Refusal::DisplayTooSmall { least: Lots(least) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_could_overflow_are_refused() {
        let fine = Limits::default();
        assert_eq!(fine.validate(), Ok(()));
        let cases = [
            (Limits { price_min: Ticks(2), price_max: Ticks(1), ..fine }, LimitsError::Prices),
            (Limits { price_max: Ticks(PRICE_BOUND + 1), ..fine }, LimitsError::Prices),
            (Limits { price_min: Ticks(i64::MIN), ..fine }, LimitsError::Prices),
            (Limits { lots_max: Lots(0), ..fine }, LimitsError::NotPositive),
            (Limits { parts_max: 0, ..fine }, LimitsError::NotPositive),
            (Limits { lots_max: Lots(i64::MAX), ..fine }, LimitsError::TooMuch),
            (Limits { orders_max: u32::MAX, ..fine }, LimitsError::TooManyOrders),
            (Limits { window: 100, ..fine }, LimitsError::Window),
            (Limits { window: 32, ..fine }, LimitsError::Window),
        ];
        for (limits, error) in cases {
            assert_eq!(limits.validate(), Err(error));
        }
    }

    #[test]
    fn the_least_displayed_size_is_rounded_up() {
        let limits = Limits { parts_max: 10, ..Limits::default() };
        assert_eq!(limits.check_display(Lots(11), Lots(101)), Ok(()));
        let refusal = Refusal::DisplayTooSmall { least: Lots(11) };
        assert_eq!(limits.check_display(Lots(10), Lots(101)), Err(refusal));
    }
}
