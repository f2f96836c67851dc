//! The last layer: a cut of profits that are not settled yet, never more than a stated share.

use instruments::Rounding;

use super::split::{Claim, water_fill};
use super::{Share, WaterfallError};

/// Who gives up what of their unsettled profit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The parts, in the order of the profits.
    pub parts: Vec<u128>,
    /// The outstanding deficit: what the cap leaves unpaid.
    pub outstanding: u128,
}

/// Takes `needed` from unsettled profits, in proportion to them, from nobody more than `cap` of
/// theirs, rounded down. Largest remainders to the unit, ties to the lesser key. Who has no profit
/// gives nothing, so accounts without positions never pay.
///
/// # Errors
/// [`WaterfallError::Parameter`] for a cap above one, and as [`super::water_fill`].
pub fn capped_cut<K: Ord + Copy>(
    needed: u128,
    profits: &[(K, u128)],
    cap: Share,
) -> Result<Cut, WaterfallError> {
    if cap > Share::ONE {
        return Err(WaterfallError::Parameter {
            what: "the cap of the cut",
            wanted: "at most one",
        });
    }
    let claims = profits.iter().map(|&(key, profit)| {
        let units = i128::try_from(profit).map_err(|_| WaterfallError::TooLarge("a profit"))?;
        let capacity = cap.of(units, Rounding::Floor)?.unsigned_abs();
        Ok(Claim { key, capacity, weight: profit })
    });
    let filled = water_fill(needed, &claims.collect::<Result<Vec<_>, WaterfallError>>()?)?;
    Ok(Cut { parts: filled.parts, outstanding: filled.unmet })
}
