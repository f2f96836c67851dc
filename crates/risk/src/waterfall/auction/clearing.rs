//! Clearing sealed bids at one discount.

use ethnum::I256;

use super::slice::slice_cost;
use crate::waterfall::split::{Claim, water_fill};
use crate::waterfall::wide::floor;
use crate::waterfall::{Share, WaterfallError};

/// A sealed bid for a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid<K> {
    /// Who bids; ties go to the lesser, then to the bid that stands first.
    pub bidder: K,
    /// The slice wanted, in units of the portfolio.
    pub units: u64,
    /// The least discount at which it is taken.
    pub least_discount: Share,
    /// The most that the bidder pays in all; a slice that costs more shrinks to it.
    pub limit: u128,
}

/// What is for sale at a clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuctionTerms {
    /// V − R, at least 0.
    pub for_sale: i128,
    /// The units that make the whole portfolio; at least 1.
    pub whole: u64,
    /// The discount that the owner must accept by now: the schedule's, and no more than
    /// [`AuctionState::discount_max`](super::AuctionState::discount_max).
    pub reserve: Share,
}

/// What one bid is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The bid's index.
    pub bid: usize,
    /// Units taken; above zero.
    pub units: u64,
    /// What is paid for them.
    pub cost: i128,
}

/// A clearing: one discount for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The discount.
    pub discount: Share,
    /// Who is given what, in the order of the bids.
    pub fills: Vec<Fill>,
    /// Whether the fills cover what had to be sold.
    pub covered: bool,
    /// What the owner keeps because the discount is below the reserve.
    pub improvement: i128,
}

/// Clears bids at the least discount, of those asked for and the reserve, whose bids cover what
/// `needed` says must be sold there; bids that ask for less are served first, and those at the margin
/// pro rata to what they can pay for, largest remainders to the unit. If none covers, all bids that
/// the reserve satisfies are filled at the reserve. Whoever asks for more than the reserve gets
/// nothing.
///
/// # Errors
/// Those of `needed`, and [`WaterfallError`] for terms that [`slice_cost`] refuses.
pub fn clear<K: Ord + Copy, E: From<WaterfallError>>(
    terms: &AuctionTerms,
    bids: &[Bid<K>],
    mut needed: impl FnMut(Share) -> Result<u64, E>,
) -> Result<Cleared, E> {
    slice_cost(terms.for_sale, terms.reserve, 0, terms.whole)?;
    let in_reach = |bid: &&Bid<K>| bid.least_discount <= terms.reserve;
    let mut discounts: Vec<Share> =
        bids.iter().filter(in_reach).map(|bid| bid.least_discount).collect();
    discounts.push(terms.reserve);
    discounts.sort_unstable();
    discounts.dedup();
    for discount in discounts {
        let wanted = afforded(terms, bids, discount);
        let needed = needed(discount)?.min(terms.whole);
        if wanted.iter().copied().map(u128::from).sum::<u128>() >= u128::from(needed) {
            let units = served(bids, &wanted, needed)?;
            return Ok(settled(terms, discount, &units, true)?);
        }
    }
    let wanted = afforded(terms, bids, terms.reserve);
    Ok(settled(terms, terms.reserve, &wanted, false)?)
}

/// What each bid takes at a discount: nothing of one that asks for more, and no more than its limit
/// pays for, which is `limit/((1−δ)·(V−R))` of the whole.
fn afforded<K>(terms: &AuctionTerms, bids: &[Bid<K>], discount: Share) -> Vec<u64> {
    let price = I256::from(terms.for_sale) * I256::from(discount.rest().units());
    let afforded = |bid: &Bid<K>| {
        if bid.least_discount > discount {
            return 0;
        }
        let limit = i128::try_from(bid.limit).unwrap_or(i128::MAX);
        let parts = I256::from(terms.whole) * I256::from(Share::ONE.units());
        let units = floor(I256::from(limit) * parts, price);
        let units = units.and_then(|units| u64::try_from(units).ok()).unwrap_or(u64::MAX);
        units.min(bid.units).min(terms.whole)
    };
    bids.iter().map(afforded).collect()
}

/// Serves bids by what they ask for, up to `needed`; those at the margin pro rata.
fn served<K: Ord + Copy>(
    bids: &[Bid<K>],
    wanted: &[u64],
    needed: u64,
) -> Result<Vec<u64>, WaterfallError> {
    let mut order: Vec<usize> = (0..bids.len()).filter(|&i| wanted[i] > 0).collect();
    order.sort_unstable_by_key(|&i| (bids[i].least_discount, bids[i].bidder, i));
    let mut units = vec![0; bids.len()];
    let mut rest = u128::from(needed);
    for level in order.chunk_by(|&a, &b| bids[a].least_discount == bids[b].least_discount) {
        let claim = |&i: &usize| {
            let wanted = u128::from(wanted[i]);
            Claim { key: (bids[i].bidder, i), capacity: wanted, weight: wanted }
        };
        let filled = water_fill(rest, &level.iter().map(claim).collect::<Vec<_>>())?;
        for (&i, part) in level.iter().zip(filled.parts) {
            units[i] = u64::try_from(part).expect("a part of a capacity that has 64 bits");
        }
        rest = filled.unmet;
    }
    Ok(units)
}

fn settled(
    terms: &AuctionTerms,
    discount: Share,
    units: &[u64],
    covered: bool,
) -> Result<Cleared, WaterfallError> {
    let cost = |discount, units| slice_cost(terms.for_sale, discount, units, terms.whole);
    let (mut fills, mut improvement) = (vec![], 0_i128);
    for (bid, &units) in units.iter().enumerate().filter(|(_, units)| **units > 0) {
        let paid = cost(discount, units)?;
        let kept = paid - cost(terms.reserve, units)?;
        improvement = improvement
            .checked_add(kept)
            .ok_or(WaterfallError::TooLarge("what the owner keeps"))?;
        fills.push(Fill { bid, units, cost: paid });
    }
    Ok(Cleared { discount, fills, covered, improvement })
}
