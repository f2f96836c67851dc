//! Slices in whole lots, what they cost, and the least that restores an account.

use ethnum::I256;

use crate::waterfall::wide::ceil;
use crate::waterfall::{Share, WaterfallError};

/// A slice of a portfolio: `units` of `whole` equal parts of every leg.
///
/// `whole` is the number of lots of the largest leg, so that a unit is one lot of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many parts are sold.
    pub units: u64,
    /// B of what is left, recomputed.
    pub margin_after: i128,
    /// Whether what is left stands: B ≥ 0. If not, the slice is everything.
    pub restores: bool,
}

/// The lots of one leg that a slice takes: `units/whole` of them, rounded towards zero; all of them in
/// the last slice. More units never take fewer lots.
#[must_use]
pub fn slice_lots(lots: i64, units: u64, whole: u64) -> i64 {
    if units >= whole {
        return lots;
    }
    // Smaller than `lots` in size, so that it fits again.
    let taken = u128::from(lots.unsigned_abs()) * u128::from(units) / u128::from(whole);
    let taken = i64::try_from(taken).expect("a part of the lots, and not the whole of them");
    if lots < 0 { -taken } else { taken }
}

/// What a slice costs its taker: `f·(1−δ)·(V − R)`, f being `units/whole`, rounded up. `for_sale`
/// is V − R, or the value at mark of the very lots and cash that change hands, with `units` =
/// `whole`.
///
/// # Errors
/// [`WaterfallError::Negative`] for a value below zero, [`WaterfallError::Parameter`] for more units
/// than there are, [`WaterfallError::TooLarge`].
pub fn slice_cost(
    for_sale: i128,
    discount: Share,
    units: u64,
    whole: u64,
) -> Result<i128, WaterfallError> {
    if for_sale < 0 {
        return Err(WaterfallError::Negative("the value of what is for sale"));
    }
    if units > whole || whole == 0 {
        return Err(WaterfallError::Parameter {
            what: "a slice",
            wanted: "no larger than the portfolio, which has at least one lot",
        });
    }
    let price = I256::from(for_sale) * I256::from(discount.rest().units());
    let parts = I256::from(whole) * I256::from(Share::ONE.units());
    ceil(price * I256::from(units), parts).ok_or(WaterfallError::TooLarge("the cost of a slice"))
}

/// The least slice of `whole` units after which `margin_after` is zero or more, one unit less
/// leaving it below. `margin_after` recomputes B of what a slice of so many units leaves, with what
/// its taker pays; `seed` is where to begin, [`restoring_share`](super::AuctionState::restoring_share)
/// of `whole`. It is asked at most 2·log₂(`whole`) + 4 times, and only near the seed if that is good.
///
/// Where add-ons and whole lots make B rise and fall along the way, there may be several slices of
/// which one unit less fails; this is the one that a search from the seed comes to.
///
/// # Errors
/// Those of `margin_after`.
pub fn least_slice<E>(
    whole: u64,
    seed: u64,
    mut margin_after: impl FnMut(u64) -> Result<i128, E>,
) -> Result<Slice, E> {
    let nothing = margin_after(0)?;
    if nothing >= 0 || whole == 0 {
        return Ok(Slice { units: 0, margin_after: nothing, restores: nothing >= 0 });
    }
    let seed = seed.clamp(1, whole);
    let at_seed = margin_after(seed)?;
    let bracket = match at_seed >= 0 {
        true => gallop_down(seed, at_seed, &mut margin_after)?,
        false => gallop_up(seed, whole, at_seed, &mut margin_after)?,
    };
    let Bracket { mut fails, mut restores, mut margin } = bracket;
    if margin < 0 {
        return Ok(Slice { units: whole, margin_after: margin, restores: false });
    }
    while restores - fails > 1 {
        let middle = fails + (restores - fails) / 2;
        let there = margin_after(middle)?;
        if there >= 0 {
            (restores, margin) = (middle, there);
        } else {
            fails = middle;
        }
    }
    Ok(Slice { units: restores, margin_after: margin, restores: true })
}

/// A slice that fails, and a larger one that restores, with B there; a B below zero says that even
/// the whole fails.
struct Bracket {
    fails: u64,
    restores: u64,
    margin: i128,
}

fn gallop_down<E>(
    seed: u64,
    at_seed: i128,
    margin_after: &mut impl FnMut(u64) -> Result<i128, E>,
) -> Result<Bracket, E> {
    let (mut restores, mut margin, mut step) = (seed, at_seed, 1);
    loop {
        let fails = restores.saturating_sub(step);
        if fails == 0 {
            return Ok(Bracket { fails, restores, margin });
        }
        let there = margin_after(fails)?;
        if there < 0 {
            return Ok(Bracket { fails, restores, margin });
        }
        (restores, margin) = (fails, there);
        step = step.saturating_mul(2);
    }
}

fn gallop_up<E>(
    seed: u64,
    whole: u64,
    at_seed: i128,
    margin_after: &mut impl FnMut(u64) -> Result<i128, E>,
) -> Result<Bracket, E> {
    let (mut fails, mut margin, mut step) = (seed, at_seed, 1);
    while fails < whole {
        let restores = fails.saturating_add(step).min(whole);
        margin = margin_after(restores)?;
        if margin >= 0 {
            return Ok(Bracket { fails, restores, margin });
        }
        fails = restores;
        step = step.saturating_mul(2);
    }
    Ok(Bracket { fails, restores: whole, margin })
}
