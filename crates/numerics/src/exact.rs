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

/// `accumulator[s] += lots·row[s]`.
///
/// Panics if the lengths differ.
#[inline]
pub fn axpy(accumulator: &mut [f64], lots: f64, row: &[f64]) {
    add_trade(accumulator, &Trade::at_mark(lots, row), Filled::Yes);
}

/// `accumulator[s] += min(0, lots·row[s] + constant)`.
///
/// Panics if the lengths differ.
#[inline]
pub fn add_min_zero(accumulator: &mut [f64], lots: f64, row: &[f64], constant: f64) {
    let trade = Trade { lots, row, constant, scaled: None };
    add_trade(accumulator, &trade, Filled::IfWorse);
}

/// `accumulator[s] +=` the trade's profit, or its part below zero.
///
/// Panics if the lengths differ.
#[inline]
pub fn add_trade(accumulator: &mut [f64], trade: &Trade<'_>, filled: Filled) {
    trade.assert_shape(accumulator.len());
    dispatch(AddTrade { accumulator, trade, filled });
}

/// `out[s] = base[s] +` the trade's profit, or its part below zero.
///
/// Panics if the lengths differ.
#[inline]
pub fn apply_trade(base: &[f64], trade: &Trade<'_>, filled: Filled, out: &mut [f64]) {
    trade.assert_shape(base.len());
    assert_eq!(out.len(), base.len(), "the result and the base differ in length");
    dispatch(ApplyTrade { base, trade, filled, out });
}

/// The least of `base[s] +` the trade's profit (or its part below zero), without
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
        let cap = match filled {
            Filled::Yes => f64::INFINITY,
            Filled::IfWorse => 0.0,
        };
        Self {
            lots: L::splat(trade.lots),
            constant: L::splat(trade.constant),
            amount: L::splat(trade.scaled.map_or(0.0, |(amount, _)| amount)),
            cap: L::splat(cap),
        }
    }

    #[inline(always)]
    fn profit<const SCALED: bool>(self, row: L, scale: L) -> L {
        let profit = self.lots.mul_add(row, self.constant);
        let profit = if SCALED { self.amount.mul_add(scale, profit) } else { profit };
        profit.min(self.cap)
    }

    /// base + profit for one vector's worth of scenarios.
    #[inline(always)]
    fn after<const SCALED: bool>(self, base: &[f64], row: &[f64], scale: &[f64]) -> L {
        // Without a scaled row the compiler drops the last load.
        L::load(base) + self.profit::<SCALED>(L::load(row), L::load(scale))
    }

    /// The same for fewer scenarios than a vector holds.
    #[inline(always)]
    fn after_tail<const SCALED: bool>(
        self,
        (base, padding): (&[f64], f64),
        row: &[f64],
        scale: &[f64],
    ) -> L {
        let (row, scale) = (L::load_padded(row, 0.0), L::load_padded(scale, 0.0));
        L::load_padded(base, padding) + self.profit::<SCALED>(row, scale)
    }
}

/// The row and its scale, each split into whole vectors and the rest. A trade
/// without scale gets the row in its place.
#[inline(always)]
fn split_rows<'a, L: Lanes>(trade: &Trade<'a>) -> ([&'a [f64]; 2], [&'a [f64]; 2]) {
    let (row, row_tail) = trade.row.split_at(whole::<L>(trade.row.len()));
    let scaled_row = trade.scaled.map_or(trade.row, |(_, scaled_row)| scaled_row);
    let (scale, scale_tail) = scaled_row.split_at(whole::<L>(scaled_row.len()));
    ([row, scale], [row_tail, scale_tail])
}

/// The number of values in whole vectors.
#[inline(always)]
fn whole<L: Lanes>(count: usize) -> usize {
    count - count % L::LANES
}

struct AddTrade<'a> {
    accumulator: &'a mut [f64],
    trade: &'a Trade<'a>,
    filled: Filled,
}

impl AddTrade<'_> {
    #[inline(always)]
    fn add<L: Lanes, const SCALED: bool>(self) {
        let terms = Terms::<L>::new(self.trade, self.filled);
        let ([row, scale], [row_tail, scale_tail]) = split_rows::<L>(self.trade);
        let (sums, tail) = self.accumulator.split_at_mut(row.len());
        let rows = row.chunks_exact(L::LANES).zip(scale.chunks_exact(L::LANES));
        for (sum, (row, scale)) in sums.chunks_exact_mut(L::LANES).zip(rows) {
            terms.after::<SCALED>(sum, row, scale).store(sum);
        }
        let last = terms.after_tail::<SCALED>((tail, 0.0), row_tail, scale_tail);
        last.store_prefix(tail);
    }
}

impl Kernel for AddTrade<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.trade.scaled.is_some() { self.add::<L, true>() } else { self.add::<L, false>() }
    }
}

struct ApplyTrade<'a> {
    base: &'a [f64],
    trade: &'a Trade<'a>,
    filled: Filled,
    out: &'a mut [f64],
}

impl ApplyTrade<'_> {
    #[inline(always)]
    fn apply<L: Lanes, const SCALED: bool>(self) {
        let terms = Terms::<L>::new(self.trade, self.filled);
        let ([row, scale], [row_tail, scale_tail]) = split_rows::<L>(self.trade);
        let (base, base_tail) = self.base.split_at(row.len());
        let (out, out_tail) = self.out.split_at_mut(row.len());
        let rows = row.chunks_exact(L::LANES).zip(scale.chunks_exact(L::LANES));
        let places = out.chunks_exact_mut(L::LANES).zip(base.chunks_exact(L::LANES));
        for ((out, base), (row, scale)) in places.zip(rows) {
            terms.after::<SCALED>(base, row, scale).store(out);
        }
        let last = terms.after_tail::<SCALED>((base_tail, 0.0), row_tail, scale_tail);
        last.store_prefix(out_tail);
    }
}

impl Kernel for ApplyTrade<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.trade.scaled.is_some() { self.apply::<L, true>() } else { self.apply::<L, false>() }
    }
}

struct MinAfterTrade<'a> {
    base: &'a [f64],
    trade: &'a Trade<'a>,
    filled: Filled,
}

/// Minima kept side by side, so that none waits for the one before.
const MINIMA: usize = 4;

impl MinAfterTrade<'_> {
    #[inline(always)]
    fn least<L: Lanes, const SCALED: bool>(self) -> f64 {
        let terms = Terms::<L>::new(self.trade, self.filled);
        let ([row, scale], [row_tail, scale_tail]) = split_rows::<L>(self.trade);
        let (base, base_tail) = self.base.split_at(row.len());
        // Padding by infinity leaves the minimum alone.
        let last = terms.after_tail::<SCALED>((base_tail, f64::INFINITY), row_tail, scale_tail);
        let mut least = [last; MINIMA];
        let block = MINIMA * L::LANES;
        let (mut bases, mut rows) = (base.chunks_exact(block), row.chunks_exact(block));
        let mut scales = scale.chunks_exact(block);
        for ((base, row), scale) in (&mut bases).zip(&mut rows).zip(&mut scales) {
            for (place, least) in least.iter_mut().enumerate() {
                let (from, to) = (place * L::LANES, (place + 1) * L::LANES);
                let after =
                    terms.after::<SCALED>(&base[from..to], &row[from..to], &scale[from..to]);
                *least = after.min(*least);
            }
        }
        let rows = rows.remainder().chunks_exact(L::LANES);
        let scales = scales.remainder().chunks_exact(L::LANES);
        let bases = bases.remainder().chunks_exact(L::LANES);
        for (least, ((base, row), scale)) in least.iter_mut().zip(bases.zip(rows).zip(scales)) {
            *least = terms.after::<SCALED>(base, row, scale).min(*least);
        }
        least_lane(least[0].min(least[1]).min(least[2].min(least[3]))) + 0.0
    }
}

impl Kernel for MinAfterTrade<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self) -> f64 {
        if self.trade.scaled.is_some() { self.least::<L, true>() } else { self.least::<L, false>() }
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
