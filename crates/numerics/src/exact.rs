//! Sums of integers held in `f64`: exact, so independent of order and width.
//!
//! Every number in and out is an integer of magnitude at most 2^52
//! ([`EXACT_MAX`]), products included. Then each operation is exact and a
//! vector of scenario profits is the same whatever the order of its positions.
//! Keeping to that range is the caller's duty: it knows its lots and arrays.

use crate::{Kernel, Lanes, dispatch};

/// The magnitude up to which sums here are exact: 2^52.
pub const EXACT_MAX: f64 = 4_503_599_627_370_496.0;

/// What a trade, filled, adds to each scenario's profit:
/// `lots·row[s] + constant + amount·scaled_row[s]`.
///
/// All numbers are integers, in risk ticks where they are amounts.
#[derive(Clone, Copy, Debug)]
pub struct Trade<'a> {
    /// Signed number of lots.
    pub lots: f64,
    /// The profit of one lot in each scenario.
    pub row: &'a [f64],
    /// The same amount in every scenario: the gain of the fill against mark,
    /// less the fee.
    pub constant: f64,
    /// An amount that each scenario scales, and the scale: the gain of a fill
    /// in an asset whose price the scenario moves.
    pub scaled: Option<(f64, &'a [f64])>,
}

impl<'a> Trade<'a> {
    /// A trade at mark without fee: only the position counts.
    pub fn at_mark(lots: f64, row: &'a [f64]) -> Self {
        Self { lots, row, constant: 0.0, scaled: None }
    }

    fn assert_shape(&self, scenarios: usize) {
        assert_eq!(self.row.len(), scenarios, "a risk array and a vector differ in length");
        if let Some((_, scaled_row)) = self.scaled {
            assert_eq!(scaled_row.len(), scenarios, "a scale and a vector differ in length");
        }
    }
}

/// Which part of a trade counts in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// It is filled: gains and losses count.
    Yes,
    /// Filled or not, whichever is worse: only losses count, `min(0, …)`.
    IfWorse,
}

/// accumulator[s] += lots·row[s].
///
/// Panics if the lengths differ.
#[inline]
pub fn axpy(accumulator: &mut [f64], lots: f64, row: &[f64]) {
    add_trade(accumulator, &Trade::at_mark(lots, row), Filled::Yes);
}

/// accumulator[s] += min(0, lots·row[s] + constant).
///
/// Panics if the lengths differ.
#[inline]
pub fn add_min_zero(accumulator: &mut [f64], lots: f64, row: &[f64], constant: f64) {
    let trade = Trade { lots, row, constant, scaled: None };
    add_trade(accumulator, &trade, Filled::IfWorse);
}

/// accumulator[s] += the trade's profit, or its part below zero.
///
/// Panics if the lengths differ.
#[inline]
pub fn add_trade(accumulator: &mut [f64], trade: &Trade<'_>, filled: Filled) {
    trade.assert_shape(accumulator.len());
    dispatch(AddTrade { accumulator, trade, filled });
}

/// out[s] = base[s] + the trade's profit, or its part below zero.
///
/// Panics if the lengths differ.
#[inline]
pub fn apply_trade(base: &[f64], trade: &Trade<'_>, filled: Filled, out: &mut [f64]) {
    trade.assert_shape(base.len());
    assert_eq!(out.len(), base.len(), "the result and the base differ in length");
    dispatch(ApplyTrade { base, trade, filled, out });
}

/// The least of base[s] + the trade's profit (or its part below zero), without
/// writing the vector. ∞ if there are no scenarios.
///
/// Panics if the lengths differ.
#[inline]
pub fn min_after_trade(base: &[f64], trade: &Trade<'_>, filled: Filled) -> f64 {
    trade.assert_shape(base.len());
    dispatch(MinAfterTrade { base, trade, filled })
}

/// A trade's numbers in every lane.
#[derive(Clone, Copy)]
struct Terms<L> {
    lots: L,
    constant: L,
    amount: L,
    cap: L,
}

impl<L: Lanes> Terms<L> {
    #[inline(always)]
    fn new(trade: &Trade<'_>, filled: Filled) -> Self {
        let amount = trade.scaled.map_or(0.0, |(amount, _)| amount);
        let cap = match filled {
            Filled::Yes => f64::INFINITY,
            Filled::IfWorse => 0.0,
        };
        Self {
            lots: L::splat(trade.lots),
            constant: L::splat(trade.constant),
            amount: L::splat(amount),
            cap: L::splat(cap),
        }
    }

    #[inline(always)]
    fn after(self, base: L, row: L) -> L {
        base + self.lots.mul_add(row, self.constant).min(self.cap)
    }

    #[inline(always)]
    fn after_scaled(self, base: L, row: L, scale: L) -> L {
        let term = self.lots.mul_add(row, self.constant);
        base + self.amount.mul_add(scale, term).min(self.cap)
    }
}

/// Splits a slice into whole vectors and a tail shorter than one.
#[inline(always)]
fn whole<L: Lanes>(slice: &[f64]) -> (&[f64], &[f64]) {
    slice.split_at(slice.len() - slice.len() % L::LANES)
}

#[inline(always)]
fn whole_mut<L: Lanes>(slice: &mut [f64]) -> (&mut [f64], &mut [f64]) {
    slice.split_at_mut(slice.len() - slice.len() % L::LANES)
}

struct AddTrade<'a> {
    accumulator: &'a mut [f64],
    trade: &'a Trade<'a>,
    filled: Filled,
}

impl Kernel for AddTrade<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let terms = Terms::<L>::new(self.trade, self.filled);
        let (out, out_tail) = whole_mut::<L>(self.accumulator);
        let (row, row_tail) = whole::<L>(self.trade.row);
        let vectors = out.chunks_exact_mut(L::LANES).zip(row.chunks_exact(L::LANES));
        let (base_last, row_last) = (L::load_padded(out_tail, 0.0), L::load_padded(row_tail, 0.0));
        let last = match self.trade.scaled {
            None => {
                for (out, row) in vectors {
                    terms.after(L::load(out), L::load(row)).store(out);
                }
                terms.after(base_last, row_last)
            }
            Some((_, scale)) => {
                let (scale, scale_tail) = whole::<L>(scale);
                for ((out, row), scale) in vectors.zip(scale.chunks_exact(L::LANES)) {
                    terms.after_scaled(L::load(out), L::load(row), L::load(scale)).store(out);
                }
                terms.after_scaled(base_last, row_last, L::load_padded(scale_tail, 0.0))
            }
        };
        last.store_prefix(out_tail);
    }
}

struct ApplyTrade<'a> {
    base: &'a [f64],
    trade: &'a Trade<'a>,
    filled: Filled,
    out: &'a mut [f64],
}

impl Kernel for ApplyTrade<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let terms = Terms::<L>::new(self.trade, self.filled);
        let (out, out_tail) = whole_mut::<L>(self.out);
        let (base, base_tail) = whole::<L>(self.base);
        let (row, row_tail) = whole::<L>(self.trade.row);
        let inputs = base.chunks_exact(L::LANES).zip(row.chunks_exact(L::LANES));
        let vectors = out.chunks_exact_mut(L::LANES).zip(inputs);
        let (base_last, row_last) =
            (L::load_padded(base_tail, 0.0), L::load_padded(row_tail, 0.0));
        let last = match self.trade.scaled {
            None => {
                for (out, (base, row)) in vectors {
                    terms.after(L::load(base), L::load(row)).store(out);
                }
                terms.after(base_last, row_last)
            }
            Some((_, scale)) => {
                let (scale, scale_tail) = whole::<L>(scale);
                for ((out, (base, row)), scale) in vectors.zip(scale.chunks_exact(L::LANES)) {
                    terms.after_scaled(L::load(base), L::load(row), L::load(scale)).store(out);
                }
                terms.after_scaled(base_last, row_last, L::load_padded(scale_tail, 0.0))
            }
        };
        last.store_prefix(out_tail);
    }
}

struct MinAfterTrade<'a> {
    base: &'a [f64],
    trade: &'a Trade<'a>,
    filled: Filled,
}

impl Kernel for MinAfterTrade<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self) -> f64 {
        let terms = Terms::<L>::new(self.trade, self.filled);
        let (base, base_tail) = whole::<L>(self.base);
        let (row, row_tail) = whole::<L>(self.trade.row);
        // Padding by infinity leaves the minimum alone.
        let base_last = L::load_padded(base_tail, f64::INFINITY);
        let row_last = L::load_padded(row_tail, 0.0);
        let vectors = base.chunks_exact(L::LANES).zip(row.chunks_exact(L::LANES));
        let mut least = match self.trade.scaled {
            None => terms.after(base_last, row_last),
            Some((_, scale)) => {
                let scale_last = L::load_padded(whole::<L>(scale).1, 0.0);
                terms.after_scaled(base_last, row_last, scale_last)
            }
        };
        match self.trade.scaled {
            None => {
                for (base, row) in vectors {
                    least = terms.after(L::load(base), L::load(row)).min(least);
                }
            }
            Some((_, scale)) => {
                let scales = whole::<L>(scale).0.chunks_exact(L::LANES);
                for ((base, row), scale) in vectors.zip(scales) {
                    let after = terms.after_scaled(L::load(base), L::load(row), L::load(scale));
                    least = after.min(least);
                }
            }
        }
        least_lane(least)
    }
}

/// The least of a vector's lanes.
#[inline(always)]
pub(crate) fn least_lane<L: Lanes>(vector: L) -> f64 {
    let mut lanes = [f64::INFINITY; crate::LANES_MAX];
    vector.store(&mut lanes);
    let four = |i: usize| Lanes::min(lanes[i], lanes[i + 4]);
    let two = |i: usize| Lanes::min(four(i), four(i + 2));
    Lanes::min(two(0), two(1))
}

#[cfg(test)]
mod tests;
