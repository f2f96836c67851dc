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
                *sum = lots.mul_add_whole(T::load(&row[place * L::LANES..]), *sum);
            }
        }
        let rounding = L::splat(ROUNDING);
        for coin in self.coins {
            let row = &coin.row[span.clone()];
            if coin.after != 0.0 {
                let after = L::splat(coin.after);
                for (place, sum) in sums.iter_mut().enumerate() {
                    let new = after.mul_add(L::load(&row[place * L::LANES..]), rounding);
                    *sum = *sum + (new - rounding);
                }
            }
            if coin.before != 0.0 {
                let before = L::splat(coin.before);
                for (place, sum) in sums.iter_mut().enumerate() {
                    let old = before.mul_add(L::load(&row[place * L::LANES..]), rounding);
                    *sum = *sum - (old - rounding);
                }
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
                let filled = lots.mul_add_whole(T::load(&row[place * L::LANES..]), constant);
                *sum = times.mul_add_whole(filled.min(zero), *sum);
            }
            return;
        }
        let (units, most) = (L::splat(order.units), L::splat(order.most));
        let (coin, rounding) = (&order.coin[span], L::splat(ROUNDING));
        for (place, sum) in sums.iter_mut().enumerate() {
            let moved = units.mul_add(L::load(&coin[place * L::LANES..]), rounding) - rounding;
            let filled = lots.mul_add_whole(T::load(&row[place * L::LANES..]), constant);
            *sum = times.mul_add_whole((filled + moved.min(most)).min(zero), *sum);
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

#[cfg(test)]
mod tests {
    use numerics::{Level, SplitMix, dispatch_at};

    use super::*;

    #[test]
    fn rows_are_added_alike_by_all_vectors() {
        let random = SplitMix { seed: 11 };
        // A block of the widest vectors, half of one, and a vector more.
        const COUNT: usize = (BLOCK + BLOCK / 2 + 1) * STEP;
        let row = |place: u64| -> Vec<i32> {
            (0..COUNT as u64).map(|i| random.u64(place * 1_000 + i) as i32 / 1_000).collect()
        };
        let coin: Vec<f64> = row(3).iter().map(|ticks| f64::from(*ticks) / 977.0).collect();
        let rows = [row(0), row(1), row(2)];
        let before: Vec<f64> = row(4).iter().map(|ticks| f64::from(*ticks)).collect();
        let order = |times: f64, coin, most| OrderRow {
            lots: -7.0,
            row: &rows[2],
            constant: 12_345.0,
            units: 3_001.0,
            coin,
            most,
            times,
        };
        let orders = [order(1.0, &[][..], 0.0), order(-1.0, &coin, 0.0), order(1.0, &coin, 1e300)];
        let exactly = |s: usize| {
            let ticks = |place: usize| i64::from(rows[place][s]);
            let moved = |units: f64| (units * coin[s]).round_ties_even() as i64;
            let filled = -7 * ticks(2) + 12_345;
            let orders = filled.min(0) - (filled + moved(3_001.0).min(0)).min(0)
                + (filled + moved(3_001.0)).min(0);
            before[s] as i64 + 5 * ticks(0) - 900 * ticks(1) + moved(77.0) - moved(1_009.0) + orders
        };
        let exact: Vec<f64> = (0..COUNT).map(|s| exactly(s) as f64).collect();
        for level in Level::available() {
            let mut sums = vec![0.0; COUNT];
            let kernel = AddRows {
                before: Before::Others(&before),
                sums: &mut sums,
                held: &[
                    HeldRow { lots: 5.0, row: &rows[0] },
                    HeldRow { lots: -900.0, row: &rows[1] },
                ],
                coins: &[MovedCoin { before: 1_009.0, after: 77.0, row: &coin }],
                orders: &orders,
            };
            assert_eq!(dispatch_at(level, kernel), Ok(()));
            assert_eq!(sums, exact, "{level:?}");
        }
    }
}
