//! The generalised zero price: the worst at which a liquidation may trade.

use ethnum::I256;
use instruments::{Instrument, Price, Quantity};

use super::WaterfallError;
use super::wide::{ceil, floor};

const SCALE: i64 = instruments::SCALE;

/// The most that a forced trade may lose against mark: `E·(MM − MM′)/MM`, rounded down, with MM and
/// MM′ the maintenance requirement before and after it. Then E/MM never falls: what is left is at
/// least `E·MM′/MM`. A trade that raises the requirement must gain, and the result is negative.
///
/// A fee is a loss like any other: take it off the result. For the whole of one linear position MM′
/// is 0 and everything may be lost, which is the bankruptcy price that venues publish.
///
/// # Errors
/// [`WaterfallError::Insolvent`] for negative equity, [`WaterfallError::NoRequirement`] where MM is
/// zero, [`WaterfallError::Negative`] for a negative requirement, [`WaterfallError::TooLarge`].
pub fn allowed_loss(
    equity: i128,
    maintenance: i128,
    maintenance_after: i128,
) -> Result<i128, WaterfallError> {
    if equity < 0 {
        return Err(WaterfallError::Insolvent);
    }
    if maintenance < 0 || maintenance_after < 0 {
        return Err(WaterfallError::Negative("maintenance margin"));
    }
    if maintenance == 0 {
        return Err(WaterfallError::NoRequirement);
    }
    let released = I256::from(maintenance) - I256::from(maintenance_after);
    floor(I256::from(equity) * released, I256::from(maintenance))
        .ok_or(WaterfallError::TooLarge("the allowed loss"))
}

/// The worst price at which `lots` (signed: above zero buys) may trade so that the loss against
/// `mark`, `value(lots, price) − value(lots, mark)`, is at most `allowed`, in 10⁻⁸ of the
/// instrument's settlement asset. The highest price for a buyer, the lowest for a seller, exact to
/// the last 10⁻⁸: one more would lose more.
///
/// Linear contracts and options: `mark ± allowed/(|lots|·m)`. Inverse futures, whose loss is
/// `lots·m·(1/mark − 1/price)`: `lots·m·mark/(lots·m − allowed·mark)`. A seller's price is never
/// below zero (above zero where it divides), a buyer's never beyond what a [`Price`] holds.
///
/// # Errors
/// [`WaterfallError::NoLots`]; [`WaterfallError::NoPrice`] where the trade must gain more than any
/// price gives; [`WaterfallError::Instrument`] for an inverse future at a mark of zero or less.
pub fn worst_price(
    instrument: &Instrument,
    lots: Quantity,
    mark: Price,
    allowed: i128,
) -> Result<Price, WaterfallError> {
    if lots == Quantity::ZERO {
        return Err(WaterfallError::NoLots);
    }
    let buys = lots.lots() > 0;
    let size = i128::from(lots.lots()).abs() * i128::from(instrument.lot_size());
    let limit = if instrument.is_sized_in_quote() {
        inverse_limit(size, mark.positive()?, allowed, buys)
    } else {
        linear_limit(size, mark, allowed, buys)
    };
    price(limit, buys, i64::from(instrument.is_sized_in_quote()))
}

fn linear_limit(size: i128, mark: Price, allowed: i128, buys: bool) -> i128 {
    let room = floor(I256::from(allowed) * I256::from(SCALE), I256::from(size));
    let room = room.unwrap_or(if allowed < 0 { i128::MIN } else { i128::MAX });
    let mark = i128::from(mark.units());
    if buys { mark.saturating_add(room) } else { mark.saturating_sub(room) }
}

/// As for linear contracts, with value `−size/price`. Endless for a buyer who may lose all that a
/// rising price can take, and for a seller who must gain more than it can give.
fn inverse_limit(size: i128, mark: Price, allowed: i128, buys: bool) -> i128 {
    let mark = I256::from(mark.units());
    let whole = I256::from(size) * I256::from(SCALE);
    let loss = I256::from(allowed) * mark;
    let limit = match buys {
        true => floor(whole * mark, whole - loss),
        false => ceil(whole * mark, whole + loss),
    };
    limit.unwrap_or(i128::MAX)
}

fn price(limit: i128, buys: bool, least: i64) -> Result<Price, WaterfallError> {
    let possible = if buys { limit >= i128::from(least) } else { limit <= i128::from(i64::MAX) };
    if !possible {
        return Err(WaterfallError::NoPrice);
    }
    let within = limit.clamp(i128::from(least), i128::from(i64::MAX));
    Ok(Price::from_units(i64::try_from(within).expect("it is clamped to this type")))
}
