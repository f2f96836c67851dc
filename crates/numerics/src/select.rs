//! The worst scenarios: least value, k-th least, sum of the k least.
//!
//! Values are finite. Sums run in the order of the indices, whatever the vector
//! width, so their bits are always the same; of integers they are exact while
//! they stay within 2^53.
//!
//! How the k least of n are found without sorting: one pass keeps the least of
//! each of 64 interleaved groups. At least k values lie at or below the k-th
//! least of those 64, so it bounds the answer; a few halvings find a bound
//! nearly as good. A second pass keeps the values below the bound, a dozen for
//! k = 10 of 1,000, and counting ranks among them gives the answer.

use crate::exact::least_lane;
use crate::{Kernel, Lanes, Mask, dispatch};

/// Interleaved groups whose minima bound the k-th least value.
const GROUPS: usize = 64;
/// The largest k worth the two passes; above it a partial sort is as good.
const RANK_MAX: usize = 32;
/// Room for values below the bound; with more, a partial sort decides.
const CANDIDATES_MAX: usize = 120;
/// Halvings of the bound's range; enough unless a group is extreme.
const HALVINGS_MAX: usize = 12;
/// The bound is good enough when so many more groups than k are at or below it.
const SLACK: usize = 6;

/// The least value and its index, the first where it occurs more than once.
///
/// Panics if the slice is empty.
#[inline]
pub fn min_with_index(values: &[f64]) -> (f64, usize) {
    assert!(!values.is_empty(), "no scenario to take the worst of");
    dispatch(MinWithIndex(values))
}

/// The sum of the k least values: 0 for k = 0, the whole sum for k = n.
///
/// Summed in the order of the indices, the values equal to the k-th last.
/// Panics if k exceeds the number of values.
#[inline]
pub fn sum_of_k_smallest(values: &[f64], k: usize) -> f64 {
    if k == 0 {
        return 0.0;
    }
    kth(values, k).tail_sum(k)
}

/// The k least values, as their sum and the largest of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// Their sum, as [`sum_of_k_smallest`] has it.
    pub sum: f64,
    /// The k-th least value. If it is at most zero, every partial sum lies between zero and the
    /// sum: of integers the sum is exact if it is within 2^53 itself.
    pub last: f64,
}

/// The k least values in one search.
///
/// Panics if k is 0 or exceeds the number of values.
#[inline]
pub fn tail(values: &[f64], k: usize) -> Tail {
    assert!(k > 0, "ranks count from 1");
    let rank = kth(values, k);
    Tail { sum: rank.tail_sum(k), last: rank.value }
}

/// The k-th least value, counted from 1: `kth_smallest(values, 1)` is the least.
///
/// Panics if k is 0 or exceeds the number of values.
#[inline]
pub fn kth_smallest(values: &[f64], k: usize) -> f64 {
    assert!(k > 0, "ranks count from 1");
    kth(values, k).value
}

/// The indices of the k least values, from the least up; equal values in the
/// order of their index.
///
/// Panics if k exceeds the number of values.
pub fn tail_indices(values: &[f64], k: usize) -> Vec<usize> {
    if k == 0 {
        return Vec::new();
    }
    let rank = kth(values, k);
    let mut ties_left = k - rank.below_count;
    let mut indices = Vec::with_capacity(k);
    for (index, &value) in values.iter().enumerate() {
        let tie = value == rank.value && ties_left > 0;
        if value < rank.value || tie {
            indices.push(index);
            ties_left -= usize::from(tie);
        }
    }
    // A stable sort keeps equal values in the order of their index.
    indices.sort_by(|a, b| (values[*a] + 0.0).total_cmp(&(values[*b] + 0.0)));
    indices
}

/// The k-th least value, with the sum and number of the values below it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rank {
    value: f64,
    below_sum: f64,
    below_count: usize,
}

impl Rank {
    /// From the k-th least value and all values below it, in their order, with
    /// or without others.
    #[inline(always)]
    fn new(value: f64, values: &[f64]) -> Self {
        let (mut below_sum, mut below_count) = (0.0, 0);
        for &other in values {
            let below = other < value;
            below_sum += if below { other } else { 0.0 };
            below_count += usize::from(below);
        }
        Self { value, below_sum, below_count }
    }

    #[inline(always)]
    fn tail_sum(self, k: usize) -> f64 {
        self.below_sum + (k - self.below_count) as f64 * self.value
    }
}

#[inline]
fn kth(values: &[f64], k: usize) -> Rank {
    assert!(k <= values.len(), "a tail can't hold more scenarios than there are");
    let quick = values.len() >= GROUPS && k <= RANK_MAX;
    let found = if quick { dispatch(Kth { values, k }) } else { None };
    found.unwrap_or_else(|| kth_by_partial_sort(values, k))
}

#[cold]
fn kth_by_partial_sort(values: &[f64], k: usize) -> Rank {
    let mut sorted: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
    let (_, value, _) = sorted.select_nth_unstable_by(k - 1, f64::total_cmp);
    Rank::new(*value, values)
}

struct MinWithIndex<'a>(&'a [f64]);

impl Kernel for MinWithIndex<'_> {
    type Output = (f64, usize);

    #[inline(always)]
    fn run<L: Lanes>(self) -> (f64, usize) {
        let Self(values) = self;
        let mut least = [L::splat(f64::INFINITY); 4];
        let mut blocks = values.chunks_exact(4 * L::LANES);
        for block in &mut blocks {
            for (vector, least) in block.chunks_exact(L::LANES).zip(&mut least) {
                *least = L::load(vector).min(*least);
            }
        }
        for (vector, least) in blocks.remainder().chunks(L::LANES).zip(&mut least) {
            *least = L::load_padded(vector, f64::INFINITY).min(*least);
        }
        let least = least_lane(least[0].min(least[1]).min(least[2].min(least[3])));
        let target = L::splat(least);
        for (place, vector) in values.chunks(L::LANES).enumerate() {
            let bits = L::load_padded(vector, f64::INFINITY).eq(target).bits();
            if bits != 0 {
                return (least + 0.0, place * L::LANES + bits.trailing_zeros() as usize);
            }
        }
        unreachable!("the least value is one of the values");
    }
}

struct Kth<'a> {
    values: &'a [f64],
    k: usize,
}

impl Kernel for Kth<'_> {
    /// None where ties or an uneven spread leave too many candidates.
    type Output = Option<Rank>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Option<Rank> {
        let Self { values, k } = self;
        let bound = match L::LANES {
            8 => bound::<L, { GROUPS / 8 }>(values, k),
            4 => bound::<L, { GROUPS / 4 }>(values, k),
            _ => bound::<L, GROUPS>(values, k),
        };
        let mut candidates = [f64::INFINITY; CANDIDATES_MAX + crate::LANES_MAX];
        let count = candidates_below::<L>(values, bound, &mut candidates)?;
        let value = if count < k {
            // Yet at least k values are at or below the bound: the k-th is the bound.
            bound
        } else {
            value_of_rank::<L>(&candidates[..count.next_multiple_of(L::LANES)], count, k)
        };
        Some(Rank::new(value + 0.0, &candidates[..count]))
    }
}

/// A number that at least k values are at or below: the groups' minima, halved
/// between the least and the greatest of them. N vectors hold all groups.
#[inline(always)]
fn bound<L: Lanes, const N: usize>(values: &[f64], k: usize) -> f64 {
    let mut minima = [L::splat(f64::INFINITY); N];
    let mut blocks = values.chunks_exact(N * L::LANES);
    for block in &mut blocks {
        for (vector, least) in block.chunks_exact(L::LANES).zip(&mut minima) {
            *least = L::load(vector).min(*least);
        }
    }
    for (vector, least) in blocks.remainder().chunks(L::LANES).zip(&mut minima) {
        *least = L::load_padded(vector, f64::INFINITY).min(*least);
    }
    let (mut least, mut greatest) = (minima[0], minima[0]);
    for minimum in &minima[1..] {
        least = minimum.min(least);
        greatest = minimum.max(greatest);
    }
    let (mut low, mut high) = (least_lane(least), -least_lane(-greatest));
    for _ in 0..HALVINGS_MAX {
        let middle = low + (high - low) * 0.5;
        let mut count = 0;
        for minimum in &minima {
            count += minimum.le(L::splat(middle)).count();
        }
        if count < k {
            low = middle;
            continue;
        }
        high = middle;
        if count <= k + SLACK {
            break;
        }
    }
    high
}

/// Collects the values below the bound and returns their count; the rest of
/// their last vector is infinite. None if there are too many.
#[inline(always)]
fn candidates_below<L: Lanes>(
    values: &[f64],
    bound: f64,
    candidates: &mut [f64; CANDIDATES_MAX + crate::LANES_MAX],
) -> Option<usize> {
    let bound = L::splat(bound);
    let mut count = 0;
    for vector in values.chunks(L::LANES) {
        let vector = L::load_padded(vector, f64::INFINITY);
        if count > CANDIDATES_MAX {
            return None;
        }
        count += vector.compress_store(vector.lt(bound), &mut candidates[count..]);
    }
    if count > CANDIDATES_MAX {
        return None;
    }
    candidates[count..][..crate::LANES_MAX].fill(f64::INFINITY);
    Some(count)
}

/// The k-th least of `count` candidates: the greatest with fewer than k below it.
#[inline(always)]
fn value_of_rank<L: Lanes>(candidates: &[f64], count: usize, k: usize) -> f64 {
    let mut value = f64::NEG_INFINITY;
    for &candidate in &candidates[..count] {
        let mut below = 0;
        for vector in candidates.chunks_exact(L::LANES) {
            below += L::load(vector).lt(L::splat(candidate)).count();
        }
        if below < k {
            value = Lanes::max(candidate, value);
        }
    }
    value
}

#[cfg(test)]
mod tests;
