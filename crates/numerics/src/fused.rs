//! Many portfolios at once: their scenario sums are reduced as they are made, never written.
//!
//! Scenarios come in blocks of [`BLOCK`]: for one block, the rows of all instruments lie together
//! and stay in the nearest caches while portfolio after portfolio passes. Each portfolio's sums over
//! a block live in registers; what outlasts the block is a minimum ([`least_of_block`]), or the few
//! sums low enough to matter for a tail ([`Tails::collect`]).
//!
//! As in [`exact`](crate::exact), every number is an integer of magnitude at most 2^52, products and
//! sums included, so results depend neither on the order of positions nor on the vector width.
//! Keeping to that range is the caller's duty.

use crate::{Kernel, Lanes, Level, LevelUnavailable, dispatch_at};

mod tail;

pub use tail::{TailFigures, TailRanks, Tails};

/// How many scenarios one pass over the portfolios takes.
pub const BLOCK: usize = 16;

/// One row's values in the scenarios of a block, laid out so that no vector straddles two lines of
/// the cache.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Block(pub [f64; BLOCK]);

impl Block {
    /// The same number in every place.
    #[must_use]
    pub const fn splat(value: f64) -> Self {
        Self([value; BLOCK])
    }
}

/// 1.5·2^52: adding and subtracting it rounds a number below 2^51 to the nearest integer.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// A matrix in compressed sparse rows: entry j of portfolio i, for j from `offsets[i]` up to
/// `offsets[i + 1]`, is `weights[j]` times row `rows[j]`.
#[derive(Clone, Copy, Debug)]
pub struct Sparse<'a> {
    /// One more than there are portfolios; never falling.
    pub offsets: &'a [u32],
    /// Which row each entry takes.
    pub rows: &'a [u32],
    /// How much of it.
    pub weights: &'a [f64],
}

impl<'a> Sparse<'a> {
    /// How many portfolios.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows and weights of one portfolio.
    #[inline(always)]
    fn entries(&self, portfolio: usize) -> (&'a [u32], &'a [f64]) {
        let (from, to) = (self.offsets[portfolio] as usize, self.offsets[portfolio + 1] as usize);
        (&self.rows[from..to], &self.weights[from..to])
    }
}

/// What portfolios hold.
#[derive(Clone, Copy, Debug)]
pub struct Portfolios<'a> {
    /// Whole lots of integer rows: products are exact.
    pub lots: Sparse<'a>,
    /// Amounts of rows that are no integers: each product is rounded to the nearest one, ties to
    /// even. Where there are any, no product or sum may pass 2^51.
    pub amounts: Sparse<'a>,
}

impl<'a> Portfolios<'a> {
    /// How many portfolios.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.lots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them by itself.
    ///
    /// Panics if there is no such portfolio.
    #[must_use]
    pub fn one(&self, portfolio: usize) -> Self {
        let one = |all: Sparse<'a>| Sparse { offsets: &all.offsets[portfolio..][..2], ..all };
        Self { lots: one(self.lots), amounts: one(self.amounts) }
    }
}

/// All rows in the scenarios of one block.
#[derive(Clone, Copy, Debug)]
pub struct BlockRows<'a> {
    /// Where sums start: 0, or ∞ in places of the block that stand for no scenario.
    pub start: &'a Block,
    /// Rows that lots multiply.
    pub rows: &'a [Block],
    /// Rows that amounts multiply.
    pub unrounded: &'a [Block],
}

/// Lowers `least[i]`, place by place, to the sums of portfolio i where they are less.
///
/// # Errors
/// [`LevelUnavailable`] if this CPU lacks the level.
///
/// Panics if `least` is shorter than the portfolios, or a row does not exist.
pub fn least_of_block(
    level: Level,
    portfolios: &Portfolios<'_>,
    rows: &BlockRows<'_>,
    least: &mut [Block],
) -> Result<(), LevelUnavailable> {
    assert!(least.len() >= portfolios.len(), "every portfolio needs a place for its minimum");
    dispatch_at(level, LeastOfBlock { portfolios, rows, least })
}

struct LeastOfBlock<'a> {
    portfolios: &'a Portfolios<'a>,
    rows: &'a BlockRows<'a>,
    least: &'a mut [Block],
}

impl LeastOfBlock<'_> {
    #[inline(always)]
    fn lower<L: Lanes, const N: usize>(self) {
        for (portfolio, least) in self.least.iter_mut().enumerate().take(self.portfolios.len()) {
            let sums: [L; N] = sums(self.portfolios, self.rows, portfolio);
            for (place, sum) in sums.into_iter().enumerate() {
                let known = &mut least.0[place * L::LANES..][..L::LANES];
                sum.min(L::load(known)).store(known);
            }
        }
    }
}

impl Kernel for LeastOfBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        match L::LANES {
            8 => self.lower::<L, { BLOCK / 8 }>(),
            4 => self.lower::<L, { BLOCK / 4 }>(),
            _ => self.lower::<L, BLOCK>(),
        }
    }
}

/// A portfolio's sum in every scenario of the block; N vectors hold a block.
#[inline(always)]
fn sums<L: Lanes, const N: usize>(
    portfolios: &Portfolios<'_>,
    rows: &BlockRows<'_>,
    portfolio: usize,
) -> [L; N] {
    let (ids, lots) = portfolios.lots.entries(portfolio);
    // Two sums side by side, so that an addition need not wait for the one before.
    let (mut even, mut odd) = (load::<L, N>(rows.start), [L::splat(0.0); N]);
    let (pairs, lot_pairs) = (ids.chunks_exact(2), lots.chunks_exact(2));
    if let ([id], [lots]) = (pairs.remainder(), lot_pairs.remainder()) {
        add(&mut odd, *lots, &rows.rows[*id as usize]);
    }
    for (ids, lots) in pairs.zip(lot_pairs) {
        add(&mut even, lots[0], &rows.rows[ids[0] as usize]);
        add(&mut odd, lots[1], &rows.rows[ids[1] as usize]);
    }
    let (ids, amounts) = portfolios.amounts.entries(portfolio);
    for (id, amount) in ids.iter().zip(amounts) {
        add_rounded(&mut odd, *amount, &rows.unrounded[*id as usize]);
    }
    std::array::from_fn(|place| even[place] + odd[place])
}

#[inline(always)]
fn load<L: Lanes, const N: usize>(block: &Block) -> [L; N] {
    std::array::from_fn(|place| L::load(&block.0[place * L::LANES..]))
}

#[inline(always)]
fn add<L: Lanes, const N: usize>(sums: &mut [L; N], lots: f64, row: &Block) {
    let lots = L::splat(lots);
    for (sum, row) in sums.iter_mut().zip(load::<L, N>(row)) {
        *sum = lots.mul_add_whole(row, *sum);
    }
}

#[inline(always)]
fn add_rounded<L: Lanes, const N: usize>(sums: &mut [L; N], amount: f64, row: &Block) {
    let (amount, rounding) = (L::splat(amount), L::splat(ROUNDING));
    for (sum, row) in sums.iter_mut().zip(load::<L, N>(row)) {
        *sum = *sum + (amount.mul_add(row, rounding) - rounding);
    }
}

#[cfg(test)]
mod tests;
