//! Everything that moves an account's profits, added in one pass over the scenarios.

use numerics::{Kernel, Lanes};

use crate::vector::{MovedCoin, ROUNDING};

/// Vectors that are summed side by side, in registers.
const BLOCK: usize = 8;
/// Scenarios come in multiples of this many, as many as any vector holds.
pub(super) const STEP: usize = numerics::LANES_MAX;

/// A number of a row: a whole number of ticks.
pub(super) trait Ticks: Copy {
    /// The first of a slice, as [`Lanes::load`].
    fn load<L: Lanes>(slice: &[Self]) -> L;
}

impl Ticks for f64 {
    #[inline(always)]
    fn load<L: Lanes>(slice: &[Self]) -> L {
        L::load(slice)
    }
}

impl Ticks for i32 {
    #[inline(always)]
    fn load<L: Lanes>(slice: &[Self]) -> L {
        L::load_integers(slice)
    }
}

/// Some lots of an instrument.
#[derive(Clone, Copy)]
pub(super) struct HeldRow<'a, T> {
    pub lots: f64,
    pub row: &'a [T],
}

/// An order, filled or not, whichever is worse, as [`crate::vector::OrderPart`] has it.
#[derive(Clone, Copy)]
pub(super) struct OrderRow<'a, T> {
    pub lots: f64,
    pub row: &'a [T],
    /// Whole ticks.
    pub constant: f64,
    /// Units of a coin and what one of them gains; no row if no coin moves.
    pub units: f64,
    pub coin: &'a [f64],
    /// What gains of the coin count for at most.
    pub most: f64,
    /// How often it is added: −1 takes it out.
    pub times: f64,
}

/// What rows are added to.
#[derive(Clone, Copy)]
pub(super) enum Before<'a> {
    /// Nothing.
    Zero,
    /// What the sums are.
    Sums,
    /// Other sums.
    Others(&'a [f64]),
}

/// Adds rows to sums of as many scenarios, a multiple of [`STEP`]. Magnitudes are below 2^51.
pub(super) struct AddRows<'a, T> {
    pub before: Before<'a>,
    pub sums: &'a mut [f64],
    pub held: &'a [HeldRow<'a, T>],
    pub coins: &'a [MovedCoin<'a>],
    pub orders: &'a [OrderRow<'a, T>],
}

impl<T: Ticks> AddRows<'_, T> {
    #[inline(always)]
    fn add<L: Lanes, const VECTORS: usize>(&mut self, start: usize) {
        let span = start..start + VECTORS * L::LANES;
        let mut sums = [L::splat(0.0); VECTORS];
        let before = match self.before {
            Before::Zero => &[],
            Before::Sums => &self.sums[span.clone()],
            Before::Others(before) => &before[span.clone()],
        };
        for (before, sum) in before.chunks_exact(L::LANES).zip(&mut sums) {
            *sum = L::load(before);
        }
        for HeldRow { lots, row } in self.held {
            let (lots, row) = (L::splat(*lots), &row[span.clone()]);
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum = lots.mul_add(T::load(&row[place * L::LANES..]), *sum);
            }
        }
        let rounding = L::splat(ROUNDING);
        for coin in self.coins {
            let (before, after) = (L::splat(coin.before), L::splat(coin.after));
            let row = &coin.row[span.clone()];
            for (place, sum) in sums.iter_mut().enumerate() {
                let unit = L::load(&row[place * L::LANES..]);
                let new = after.mul_add(unit, rounding) - rounding;
                let old = before.mul_add(unit, rounding) - rounding;
                *sum = *sum + (new - old);
            }
        }
        for order in self.orders {
            self.add_order(order, span.clone(), &mut sums);
        }
        let out = &mut self.sums[span];
        for (place, sum) in sums.iter().enumerate() {
            sum.store(&mut out[place * L::LANES..]);
        }
    }

    #[inline(always)]
    fn add_order<L: Lanes, const VECTORS: usize>(
        &self,
        order: &OrderRow<'_, T>,
        span: std::ops::Range<usize>,
        sums: &mut [L; VECTORS],
    ) {
        let (lots, constant) = (L::splat(order.lots), L::splat(order.constant));
        let (zero, times) = (L::splat(0.0), L::splat(order.times));
        let row = &order.row[span.clone()];
        if order.coin.is_empty() {
            for (place, sum) in sums.iter_mut().enumerate() {
                let filled = lots.mul_add(T::load(&row[place * L::LANES..]), constant);
                *sum = times.mul_add(filled.min(zero), *sum);
            }
            return;
        }
        let (units, most) = (L::splat(order.units), L::splat(order.most));
        let (coin, rounding) = (&order.coin[span], L::splat(ROUNDING));
        for (place, sum) in sums.iter_mut().enumerate() {
            let moved = units.mul_add(L::load(&coin[place * L::LANES..]), rounding) - rounding;
            let filled = lots.mul_add(T::load(&row[place * L::LANES..]), constant);
            *sum = times.mul_add((filled + moved.min(most)).min(zero), *sum);
        }
    }
}

impl<T: Ticks> Kernel for AddRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        assert!(self.sums.len().is_multiple_of(STEP), "scenarios come in whole vectors");
        let (count, mut start) = (self.sums.len(), 0);
        while start + BLOCK * L::LANES <= count {
            self.add::<L, BLOCK>(start);
            start += BLOCK * L::LANES;
        }
        while start + BLOCK / 2 * L::LANES <= count {
            self.add::<L, { BLOCK / 2 }>(start);
            start += BLOCK / 2 * L::LANES;
        }
        while start < count {
            self.add::<L, 1>(start);
            start += L::LANES;
        }
    }
}
