//! What a residual needs, leg by leg, and what one account can bear of it.

use ethnum::U256;

use crate::waterfall::{WaterfallError, largest_remainder};

/// One leg of a residual: lots to close, and the money that closing them at mark lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Q, above zero.
    pub lots: u64,
    /// What all of them together lack, in the smallest unit of the settlement asset: the leg closes at
    /// its bankruptcy price, `deficit/(lots·m)` away from mark.
    pub deficit: u128,
}

/// Splits the deficit of a case over its legs by the maintenance margin that each would need alone,
/// exact to the unit, ties to the lesser key.
///
/// # Errors
/// [`WaterfallError::NoWeight`] where no leg needs margin alone; as [`crate::waterfall::water_fill`].
pub fn split_residual<K: Ord + Copy>(
    deficit: u128,
    stand_alone: &[(K, u128)],
) -> Result<Vec<u128>, WaterfallError> {
    largest_remainder(deficit, stand_alone)
}

impl Need {
    /// What closing `lots` of it costs whoever gives them up: their part of the deficit, rounded up.
    ///
    /// # Errors
    /// [`WaterfallError::NoLots`] for a need of none, [`WaterfallError::TooLarge`].
    pub fn cost(&self, lots: u64) -> Result<u128, WaterfallError> {
        if self.lots == 0 {
            return Err(WaterfallError::NoLots);
        }
        let cost = U256::from(self.deficit) * U256::from(lots);
        let cost = (cost + U256::from(self.lots - 1)) / U256::from(self.lots);
        u128::try_from(cost).map_err(|_| WaterfallError::TooLarge("the cost of closing"))
    }
}

/// The most lots of `held` that an account can give up so that closing them costs no more than the
/// leg's profit since it was opened and no more than the account's net profit: principal is never cut.
/// Nothing where either is a loss; everything where closing costs nothing.
///
/// # Errors
/// [`WaterfallError::NoLots`] for a need of none.
pub fn capacity(
    need: &Need,
    held: u64,
    leg_profit: i128,
    net_profit: i128,
) -> Result<u64, WaterfallError> {
    if need.lots == 0 {
        return Err(WaterfallError::NoLots);
    }
    let Ok(budget) = u128::try_from(leg_profit.min(net_profit)) else { return Ok(0) };
    if need.deficit == 0 {
        return Ok(held);
    }
    // A whole number costs no more than a budget, rounded up or not.
    let lots = U256::from(budget) * U256::from(need.lots) / U256::from(need.deficit);
    Ok(u64::try_from(lots).unwrap_or(u64::MAX).min(held))
}

/// Splits what the lots given up must bring over those who gave them up, exact to the unit: the
/// deficit of all lots if all are taken, else their part of it, rounded down; what is not taken stays
/// a deficit. Nobody pays more than [`Need::cost`] of their lots.
///
/// # Errors
/// [`WaterfallError::Parameter`] if more lots are given up than needed; as
/// [`crate::waterfall::water_fill`].
pub fn charge<K: Ord + Copy>(need: &Need, given: &[(K, u64)]) -> Result<Vec<u128>, WaterfallError> {
    let taken: u128 = given.iter().map(|(_, lots)| u128::from(*lots)).sum();
    if taken > u128::from(need.lots) {
        let wanted = "no more than the lots needed";
        return Err(WaterfallError::Parameter { what: "what is given up", wanted });
    }
    if taken == 0 {
        return Ok(vec![0; given.len()]);
    }
    let total = U256::from(need.deficit) * U256::from(taken) / U256::from(need.lots);
    let weights: Vec<_> = given.iter().map(|&(key, lots)| (key, u128::from(lots))).collect();
    // No more than the deficit, which has 128 bits.
    largest_remainder(total.as_u128(), &weights)
}
