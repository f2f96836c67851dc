//! Scenario vectors: exact sums of risk arrays, in `f64` while every sum is exact there and in
//! `i128` above, the same integers.

use numerics::exact::EXACT_MAX;
use numerics::{Filled, Kernel, Lanes, Trade, dispatch};

/// 1.5·2^52: adding and subtracting it rounds a number below 2^51 to the nearest integer.
pub(crate) const ROUNDING: f64 = 6_755_399_441_055_744.0;
/// Up to this magnitude [`ROUNDING`] rounds; above, `f64::round` does the same more slowly.
pub(crate) const ROUNDING_MAX: f64 = 2_251_799_813_685_248.0;

/// Profit or loss in each of a list of scenarios, in whole risk ticks.
#[derive(Debug, PartialEq)]
pub enum Ticks {
    /// Integers of magnitude at most 2^52.
    Narrow(Vec<f64>),
    /// Integers beyond.
    Wide(Vec<i128>),
}

impl Clone for Ticks {
    fn clone(&self) -> Self {
        match self {
            Self::Narrow(values) => Self::Narrow(values.clone()),
            Self::Wide(values) => Self::Wide(values.clone()),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Narrow(values), Self::Narrow(other)) => values.clone_from(other),
            _ => *self = other.clone(),
        }
    }
}

impl Ticks {
    /// No profit anywhere.
    #[must_use]
    pub fn zeros(count: usize) -> Self {
        Self::Narrow(vec![0.0; count])
    }

    /// Makes it a vector of no profit anywhere.
    pub(crate) fn reset(&mut self, count: usize) {
        match self {
            Self::Narrow(values) => {
                values.clear();
                values.resize(count, 0.0);
            }
            Self::Wide(_) => *self = Self::zeros(count),
        }
    }

    /// How many scenarios.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    /// Whether there are no scenarios.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Profit in one scenario.
    #[must_use]
    pub fn at(&self, scenario: usize) -> i128 {
        match self {
            Self::Narrow(values) => values[scenario] as i128,
            Self::Wide(values) => values[scenario],
        }
    }

    /// All profits.
    #[must_use]
    pub fn to_vec(&self) -> Vec<i128> {
        (0..self.len()).map(|scenario| self.at(scenario)).collect()
    }

    /// Makes room for sums up to `magnitude`, or returns to the fast form when they fit it.
    pub(crate) fn fit(&mut self, magnitude: f64) {
        match self {
            Self::Narrow(values) if magnitude > EXACT_MAX => {
                *self = Self::Wide(values.iter().map(|value| *value as i128).collect());
            }
            Self::Wide(values) if magnitude <= EXACT_MAX => {
                *self = Self::Narrow(values.iter().map(|value| *value as f64).collect());
            }
            _ => {}
        }
    }

    /// Adds `lots` of a row. The caller has made room.
    pub(crate) fn add(&mut self, lots: i64, row: &[f64]) {
        match self {
            Self::Narrow(values) => numerics::axpy(values, lots as f64, row),
            Self::Wide(values) => {
                for (value, ticks) in values.iter_mut().zip(row) {
                    *value += i128::from(lots) * (*ticks as i128);
                }
            }
        }
    }

    /// Adds `amount` of an unrounded row, each product rounded to the nearest tick.
    pub(crate) fn add_rounded(&mut self, amount: f64, row: &[f64], magnitude: f64) {
        match self {
            Self::Narrow(values) => add_rounded(values, amount, row, magnitude),
            Self::Wide(values) => {
                for (value, ticks) in values.iter_mut().zip(row) {
                    *value += rounded(amount, *ticks) as i128;
                }
            }
        }
    }

    /// Adds the same ticks in every scenario, rounded down.
    pub(crate) fn add_constant(&mut self, ticks: f64) {
        match self {
            Self::Narrow(values) => values.iter_mut().for_each(|value| *value += ticks.floor()),
            Self::Wide(values) => {
                values.iter_mut().for_each(|value| *value += ticks.floor() as i128)
            }
        }
    }

    /// Adds another vector where it is negative: filled or not, whichever is worse.
    pub(crate) fn add_if_worse(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Narrow(values), Self::Narrow(row)) => {
                numerics::add_trade(values, &Trade::at_mark(1.0, row), Filled::IfWorse);
            }
            (Self::Wide(values), other) => {
                for (scenario, value) in values.iter_mut().enumerate() {
                    *value += other.at(scenario).min(0);
                }
            }
            (Self::Narrow(_), Self::Wide(_)) => {
                unreachable!("a sum has at least the room of each of its parts")
            }
        }
    }

    /// Adds an open order where it loses: filled or not, whichever is worse. The caller has made
    /// room.
    pub(crate) fn add_order(&mut self, order: &OrderPart<'_>) {
        if let Self::Narrow(values) = self
            && order.room <= ROUNDING_MAX
        {
            let same = order.coin.is_none_or(|(_, row)| row.len() == values.len());
            assert!(same && order.row.len() == values.len(), "rows of an order differ in length");
            dispatch(AddOrder { values, order });
            return;
        }
        let mut filled = Self::zeros(self.len());
        filled.fit(order.room);
        filled.add(order.lots, order.row);
        filled.add_constant(order.constant);
        match order.coin {
            None => {}
            Some((units, row)) if order.coin_counts => filled.add_rounded(units, row, order.room),
            Some((units, row)) => {
                let mut moved = Self::zeros(self.len());
                moved.fit(order.room);
                moved.add_rounded(units, row, order.room);
                filled.add_if_worse(&moved);
            }
        }
        self.add_if_worse(&filled);
    }

    /// The scenarios of a block.
    pub(crate) fn slice(&self, span: std::ops::Range<usize>) -> Slice<'_> {
        match self {
            Self::Narrow(values) => Slice::Narrow(&values[span]),
            Self::Wide(values) => Slice::Wide(&values[span]),
        }
    }
}

/// Part of a [`Ticks`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slice<'a> {
    Narrow(&'a [f64]),
    Wide(&'a [i128]),
}

impl Slice<'_> {
    pub fn len(self) -> usize {
        match self {
            Self::Narrow(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    /// Profit in one scenario.
    pub fn at(self, scenario: usize) -> i128 {
        match self {
            Self::Narrow(values) => values[scenario] as i128,
            Self::Wide(values) => values[scenario],
        }
    }

    /// The least profit and the first scenario that has it; `None` of no scenarios.
    pub fn worst(self) -> Option<(i128, usize)> {
        match self {
            Self::Narrow([]) | Self::Wide([]) => None,
            Self::Narrow(values) => {
                let (least, scenario) = numerics::min_with_index(values);
                Some((least as i128, scenario))
            }
            Self::Wide(values) => {
                values.iter().enumerate().map(|(scenario, value)| (*value, scenario)).min()
            }
        }
    }

    /// The sum of the k least profits; k is at most the count.
    pub fn sum_of_least(self, k: usize) -> i128 {
        if let Self::Narrow(values) = self
            && k > 0
        {
            let tail = numerics::tail(values, k);
            // Of losses alone a sum within 2^52 was exact all the way.
            if tail.last <= 0.0 && tail.sum >= -EXACT_MAX {
                return tail.sum as i128;
            }
        }
        self.least(k).iter().map(|scenario| self.at(*scenario)).sum()
    }

    /// The k scenarios of least profit, the least first, ties by index.
    pub fn least(self, k: usize) -> Vec<usize> {
        match self {
            Self::Narrow(values) => numerics::tail_indices(values, k),
            Self::Wide(values) => {
                let mut order: Vec<usize> = (0..values.len()).collect();
                order.sort_by_key(|scenario| (values[*scenario], *scenario));
                order.truncate(k);
                order
            }
        }
    }
}

/// Adds `amount` of an unrounded row to whole ticks, each product rounded to the nearest.
pub(crate) fn add_rounded(values: &mut [f64], amount: f64, row: &[f64], magnitude: f64) {
    assert_eq!(values.len(), row.len(), "a coin row and a vector differ in length");
    if magnitude <= ROUNDING_MAX {
        dispatch(AddRounded { values, amount, row });
    } else {
        let products = row.iter().map(|ticks| rounded(amount, *ticks));
        values.iter_mut().zip(products).for_each(|(value, product)| *value += product);
    }
}

/// A product rounded to the nearest integer, ties to even: the same in every form of a vector.
fn rounded(amount: f64, ticks: f64) -> f64 {
    if (amount * ticks).abs() < ROUNDING_MAX {
        amount.mul_add(ticks, ROUNDING) - ROUNDING
    } else {
        (amount * ticks).round_ties_even()
    }
}

/// A coin that a fill moves: units before and after it, and what one unit gains in each scenario.
#[derive(Clone, Copy)]
pub(crate) struct MovedCoin<'a> {
    pub before: f64,
    pub after: f64,
    pub row: &'a [f64],
}

/// Writes `base + lots·row`, and with a moved coin the new rounded products in place of the old, in
/// one pass. Magnitudes are below 2^51, where [`ROUNDING`] rounds.
pub(crate) fn fill(
    base: &[f64],
    lots: f64,
    row: &[f64],
    coin: Option<MovedCoin<'_>>,
    out: &mut [f64],
) {
    let same = base.len() == out.len() && row.len() == out.len();
    let same = same && coin.is_none_or(|coin| coin.row.len() == out.len());
    assert!(same, "rows of a fill differ in length");
    match coin {
        None => numerics::apply_trade(base, &Trade::at_mark(lots, row), Filled::Yes, out),
        Some(coin) => dispatch(FillWithCoin { base, lots, row, coin, out }),
    }
}

struct FillWithCoin<'a> {
    base: &'a [f64],
    lots: f64,
    row: &'a [f64],
    coin: MovedCoin<'a>,
    out: &'a mut [f64],
}

impl Kernel for FillWithCoin<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (lots, rounding) = (L::splat(self.lots), L::splat(ROUNDING));
        let (before, after) = (L::splat(self.coin.before), L::splat(self.coin.after));
        let filled = |base: L, row: L, coin: L| {
            let new = after.mul_add(coin, rounding) - rounding;
            let old = before.mul_add(coin, rounding) - rounding;
            lots.mul_add_whole(row, base) + (new - old)
        };
        let whole = self.out.len() - self.out.len() % L::LANES;
        let (base, base_tail) = self.base.split_at(whole);
        let (row, row_tail) = self.row.split_at(whole);
        let (coin, coin_tail) = self.coin.row.split_at(whole);
        let (out, out_tail) = self.out.split_at_mut(whole);
        let rows = row.chunks_exact(L::LANES).zip(coin.chunks_exact(L::LANES));
        let chunks = base.chunks_exact(L::LANES).zip(out.chunks_exact_mut(L::LANES));
        for ((base, out), (row, coin)) in chunks.zip(rows) {
            filled(L::load(base), L::load(row), L::load(coin)).store(out);
        }
        let tail = |tail: &[f64]| L::load_padded(tail, 0.0);
        filled(tail(base_tail), tail(row_tail), tail(coin_tail)).store_prefix(out_tail);
    }
}

/// What an order adds to some scenarios once it fills.
pub(crate) struct OrderPart<'a> {
    pub lots: i64,
    pub row: &'a [f64],
    /// The same ticks in every scenario, rounded down.
    pub constant: f64,
    /// Units of a coin and what one of them gains in each scenario, rounded to the nearest.
    pub coin: Option<(f64, &'a [f64])>,
    /// Coin that may not count brings no risk either: with it or without, the worse.
    pub coin_counts: bool,
    /// No part of it is larger in any scenario.
    pub room: f64,
}

struct AddOrder<'a> {
    values: &'a mut [f64],
    order: &'a OrderPart<'a>,
}

impl Kernel for AddOrder<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { values, order } = self;
        let (lots, constant) = (L::splat(order.lots as f64), L::splat(order.constant.floor()));
        let (zero, rounding) = (L::splat(0.0), L::splat(ROUNDING));
        let most = L::splat(if order.coin_counts { f64::INFINITY } else { 0.0 });
        let (amount, coin) = order.coin.unwrap_or((0.0, order.row));
        let amount = L::splat(amount);
        let added = |value: L, row: L, coin: L| {
            let moved = amount.mul_add(coin, rounding) - rounding;
            let filled = lots.mul_add_whole(row, constant) + moved.min(most);
            value + filled.min(zero)
        };
        let whole = values.len() - values.len() % L::LANES;
        let (values, values_tail) = values.split_at_mut(whole);
        let (row, row_tail) = order.row.split_at(whole);
        let (coin, coin_tail) = coin.split_at(whole);
        let rows = row.chunks_exact(L::LANES).zip(coin.chunks_exact(L::LANES));
        for (values, (row, coin)) in values.chunks_exact_mut(L::LANES).zip(rows) {
            added(L::load(values), L::load(row), L::load(coin)).store(values);
        }
        let tail = |tail: &[f64]| L::load_padded(tail, 0.0);
        added(tail(values_tail), tail(row_tail), tail(coin_tail)).store_prefix(values_tail);
    }
}

struct AddRounded<'a> {
    values: &'a mut [f64],
    amount: f64,
    row: &'a [f64],
}

impl Kernel for AddRounded<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (amount, rounding) = (L::splat(self.amount), L::splat(ROUNDING));
        let added = |value: L, row: L| value + (amount.mul_add(row, rounding) - rounding);
        let whole = self.row.len() - self.row.len() % L::LANES;
        let (values, values_tail) = self.values.split_at_mut(whole);
        let (row, row_tail) = self.row.split_at(whole);
        for (values, row) in values.chunks_exact_mut(L::LANES).zip(row.chunks_exact(L::LANES)) {
            added(L::load(values), L::load(row)).store(values);
        }
        let tail = |tail: &[f64]| L::load_padded(tail, 0.0);
        added(tail(values_tail), tail(row_tail)).store_prefix(values_tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wide_and_narrow_hold_the_same_integers(
            rows in prop::collection::vec((-1_000_000_i64..1_000_000, prop::collection::vec(-1_000_000_000_i64..1_000_000_000, 37)), 1..6),
            amount in -1e5..1e5_f64, k in 1_usize..37,
        ) {
            let (mut narrow, mut wide) = (Ticks::zeros(37), Ticks::zeros(37));
            wide.fit(f64::INFINITY);
            for (lots, row) in &rows {
                // Six products of 10^15 stay below 2^52 only if halved.
                let row: Vec<f64> = row.iter().map(|ticks| (ticks / 4) as f64).collect();
                narrow.add(*lots, &row);
                wide.add(*lots, &row);
                narrow.add_rounded(amount, &row, amount.abs() * 1e9);
                wide.add_rounded(amount, &row, amount.abs() * 1e9);
            }
            prop_assert_eq!(narrow.to_vec(), wide.to_vec());
            let (n, w) = (narrow.slice(0..37), wide.slice(0..37));
            prop_assert_eq!(n.worst(), w.worst());
            prop_assert_eq!(n.least(k), w.least(k));
            prop_assert_eq!(n.sum_of_least(k), w.sum_of_least(k));
            wide.fit(0.0);
            prop_assert_eq!(narrow, wide);
        }
    }
}
