//! The most that fills of a future may turn into cash: as [`crate::settlement`] has it, with all
//! orders of a side at the limit that makes it most.
//!
//! Every lot bought is paired with one sold. Measured from the mark, what a pair realises is what
//! either of its lots is away from it. So of each side as many lots count as there are pairs, those
//! first that are farthest from the mark.

use super::sum::{Flow, lots_of, real};
use super::{GrossLeg, GrossOrders, GrossTable, InstrumentTerms};

/// Lots, and how far they are from the mark in all, in 10⁻⁸ of the settlement asset.
type Away = (u128, u128);

impl GrossTable {
    /// Adds what a position and its orders may realise.
    pub(super) fn add_realised(
        &self,
        flow: &mut Flow,
        terms: &InstrumentTerms,
        leg: &GrossLeg,
    ) -> Option<()> {
        let held = u128::from(leg.position.lots.unsigned_abs());
        let (long, short) = if leg.position.lots > 0 { (held, 0) } else { (0, held) };
        let bought = long + u128::from(lots_of(&leg.bids)?);
        let sold = short + u128::from(lots_of(&leg.asks)?);
        let pairs = bought.min(sold);
        if pairs == 0 {
            return Some(());
        }
        let [least, most] = leg.realisable.map(|profit| profit.units());
        let (made, lost) = (real(most.max(0).unsigned_abs())?, real(least.min(0).unsigned_abs())?);
        for (orders, is_bid, held) in [(&leg.bids, true, long), (&leg.asks, false, short)] {
            let [gain, loss] = self.away(terms, leg, orders, is_bid)?;
            let lots = u128::from(lots_of(orders)?);
            // A position's profit is on the side that holds it.
            let [made, lost] = if held > 0 { [made, lost] } else { [0; 2] };
            flow.inflow += farthest(pairs, (lots, gain), (held, made))?;
            flow.outflow += farthest(pairs, (lots, loss), (held, lost))?;
        }
        Some(())
    }

    /// What all orders of a side gain against the mark at the limit that gives away least, and lose
    /// at the one that gives away most.
    fn away(
        &self,
        terms: &InstrumentTerms,
        leg: &GrossLeg,
        orders: &GrossOrders,
        is_bid: bool,
    ) -> Option<[u128; 2]> {
        let lots = lots_of(orders)?;
        if lots == 0 {
            return Some([0; 2]);
        }
        let (far, near) = (orders.farthest, orders.nearest);
        let gains = if is_bid { far < leg.position.mark } else { far > leg.position.mark };
        let loses = if is_bid { near > leg.position.mark } else { near < leg.position.mark };
        let away = |limit, is_so| match is_so {
            true => self.difference(terms, lots, leg.position.mark, limit),
            false => Some(0),
        };
        Some([away(far, gains)?, away(near, loses)?])
    }
}

/// How far so many of two parcels are from the mark, the farther one first; rounded up.
fn farthest(lots: u128, a: Away, b: Away) -> Option<u128> {
    if a.0 + b.0 <= lots {
        return Some(a.1 + b.1);
    }
    let a_first = a.1.checked_mul(b.0)? >= b.1.checked_mul(a.0)?;
    let (first, second) = if a_first { (a, b) } else { (b, a) };
    let rest = lots - lots.min(first.0);
    Some(part(first, lots)? + part(second, rest)?)
}

fn part((lots, away): Away, of: u128) -> Option<u128> {
    if of >= lots { Some(away) } else { Some(away.checked_mul(of)?.div_ceil(lots)) }
}
