//! The least of many sums, without keeping them all.
//!
//! Each portfolio has a threshold and room for candidates. A sum below the threshold is kept. When
//! the room is full, a bound is found that at least k candidates are at or below; the others go, and
//! the bound is the new threshold: once k sums are no greater, an equal one adds nothing to a tail.
//! So from a threshold of infinity the k least are always among the candidates. A threshold guessed
//! from outside, as from an earlier run, holds if in the end there are k candidates.

use super::{BLOCK, BlockRows, Portfolios, sums};
use crate::exact::{EXACT_MAX, least_lane};
use crate::{Kernel, LANES_MAX, Lanes, Level, LevelUnavailable, Mask, dispatch_at};

/// Room for candidates beside twice the rank.
const ROOM: usize = 32;
/// A bound is good enough when so many more candidates than k are at or below it.
const SLACK: usize = 6;
/// Halvings of the bound's range before sorting decides.
const HALVINGS_MAX: usize = 16;
/// Up to so many candidates, counting finds ranks faster than sorting.
const COUNTED_MAX: usize = 96;

/// Which ranks of a tail are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailRanks {
    /// How many of the least values are summed: k.
    pub sum: usize,
    /// The rank of the value reported beside the sum, from 1 up to k.
    pub value: usize,
}

/// What the tail of one portfolio came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailFigures {
    /// The least value.
    pub least: f64,
    /// The value of the rank asked for.
    pub value: f64,
    /// The k-th least value.
    pub last: f64,
    /// The sum of the k least values, exactly.
    pub sum: i128,
}

/// Candidates for the tails of some portfolios.
#[derive(Clone, Debug)]
pub struct Tails {
    ranks: TailRanks,
    /// More candidates than this are narrowed down before the next block.
    count_max: usize,
    /// Room per portfolio: one block more, and what a vector's store may overwrite.
    stride: usize,
    states: Vec<State>,
    candidates: Vec<f64>,
    narrowed: u64,
}

#[derive(Clone, Copy, Debug)]
struct State {
    threshold: f64,
    count: usize,
}

impl Tails {
    /// Room for tails of the given ranks.
    ///
    /// Panics unless 1 ≤ `ranks.value` ≤ `ranks.sum`.
    #[must_use]
    pub fn new(ranks: TailRanks) -> Self {
        assert!((1..=ranks.sum).contains(&ranks.value), "ranks count from 1 up to the sum's");
        let count_max = (2 * ranks.sum).next_multiple_of(LANES_MAX) + ROOM;
        let stride = count_max + BLOCK + LANES_MAX;
        Self { ranks, count_max, stride, states: vec![], candidates: vec![], narrowed: 0 }
    }

    /// Forgets all candidates and starts portfolios with these thresholds: ∞ where nothing is known.
    pub fn start(&mut self, thresholds: impl Iterator<Item = f64>) {
        self.states.clear();
        self.states.extend(thresholds.map(|threshold| State { threshold, count: 0 }));
        let room = self.states.len() * self.stride;
        if self.candidates.len() < room {
            self.candidates.resize(room, 0.0);
        }
    }

    /// Takes the sums of one more block.
    ///
    /// # Errors
    /// [`LevelUnavailable`] if this CPU lacks the level.
    ///
    /// Panics if there are more portfolios than thresholds, or a row does not exist.
    pub fn collect(
        &mut self,
        level: Level,
        portfolios: &Portfolios<'_>,
        rows: &BlockRows<'_>,
    ) -> Result<(), LevelUnavailable> {
        assert!(self.states.len() >= portfolios.len(), "every portfolio needs a threshold");
        dispatch_at(level, Collect { tails: self, portfolios, rows })
    }

    /// What the tail of a portfolio came to; `None` if its threshold was too low, so that fewer than
    /// k sums are known.
    ///
    /// # Errors
    /// [`LevelUnavailable`] if this CPU lacks the level.
    ///
    /// Panics if there is no such portfolio.
    pub fn finish(
        &mut self,
        level: Level,
        portfolio: usize,
    ) -> Result<Option<TailFigures>, LevelUnavailable> {
        let State { count, .. } = self.states[portfolio];
        if count < self.ranks.sum {
            return Ok(None);
        }
        let candidates = &mut self.candidates[portfolio * self.stride..][..self.stride];
        dispatch_at(level, Finish { candidates, count, ranks: self.ranks }).map(Some)
    }

    /// How often candidates had to be narrowed down, over all portfolios so far.
    #[must_use]
    pub const fn narrowed(&self) -> u64 {
        self.narrowed
    }
}

struct Collect<'a> {
    tails: &'a mut Tails,
    portfolios: &'a Portfolios<'a>,
    rows: &'a BlockRows<'a>,
}

impl Collect<'_> {
    #[inline(always)]
    fn collect<L: Lanes, const N: usize>(self) {
        let Tails { ranks, count_max, stride, states, candidates, narrowed } = self.tails;
        let places = candidates.chunks_exact_mut(*stride);
        for (portfolio, (state, candidates)) in
            states.iter_mut().zip(places).enumerate().take(self.portfolios.len())
        {
            let sums: [L; N] = sums(self.portfolios, self.rows, portfolio);
            let threshold = L::splat(state.threshold);
            for sum in sums {
                state.count +=
                    sum.compress_store(sum.lt(threshold), &mut candidates[state.count..]);
            }
            if state.count > *count_max {
                *state = narrow::<L>(candidates, state.count, ranks.sum);
                *narrowed += 1;
            }
        }
    }
}

impl Kernel for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        match L::LANES {
            8 => self.collect::<L, { BLOCK / 8 }>(),
            4 => self.collect::<L, { BLOCK / 4 }>(),
            _ => self.collect::<L, BLOCK>(),
        }
    }
}

/// Keeps k or a few more of the least candidates. The new threshold is no less than any of them, and
/// at least k are at or below it.
#[inline(always)]
fn narrow<L: Lanes>(candidates: &mut [f64], count: usize, k: usize) -> State {
    candidates[count..][..LANES_MAX].fill(f64::INFINITY);
    let room = count.next_multiple_of(L::LANES);
    let most = k + SLACK + k / 8;
    let (bound, found) = bound::<L>(&candidates[..room], k, most);
    if found > most {
        return narrow_by_sorting(&mut candidates[..count], k);
    }
    let limit = L::splat(bound);
    let mut kept = 0;
    for from in (0..room).step_by(L::LANES) {
        let vector = L::load(&candidates[from..]);
        // Writes no further than what was just read.
        kept += vector.compress_store(vector.le(limit), &mut candidates[kept..]);
    }
    State { threshold: bound, count: kept }
}

/// A number that at least k candidates are at or below, and how many are: at most `most` unless too
/// many are alike.
#[inline(always)]
fn bound<L: Lanes>(candidates: &[f64], k: usize, most: usize) -> (f64, usize) {
    let (mut least, mut greatest) = (L::splat(f64::INFINITY), L::splat(f64::NEG_INFINITY));
    for vector in candidates.chunks_exact(L::LANES) {
        let vector = L::load(vector);
        least = vector.min(least);
        let finite = vector.lt(L::splat(f64::INFINITY));
        greatest = L::select(finite, vector, greatest).max(greatest);
    }
    let mut greatest_lane = [f64::NEG_INFINITY; LANES_MAX];
    greatest.store(&mut greatest_lane);
    let high = greatest_lane.iter().copied().fold(f64::NEG_INFINITY, Lanes::max);
    let (mut low, mut high) = (least_lane(least), high);
    let mut found = count_up_to::<L>(candidates, high);
    for _ in 0..HALVINGS_MAX {
        if found <= most {
            break;
        }
        let middle = low + (high - low) * 0.5;
        let count = count_up_to::<L>(candidates, middle);
        if count < k {
            low = middle;
        } else {
            (high, found) = (middle, count);
        }
    }
    (high, found)
}

#[inline(always)]
fn count_up_to<L: Lanes>(candidates: &[f64], bound: f64) -> usize {
    let bound = L::splat(bound);
    let vectors = candidates.chunks_exact(L::LANES);
    vectors.map(|vector| L::load(vector).le(bound).count()).sum()
}

/// Exactly the k least.
#[cold]
fn narrow_by_sorting(candidates: &mut [f64], k: usize) -> State {
    candidates.sort_unstable_by(f64::total_cmp);
    State { threshold: candidates[k - 1], count: k }
}

struct Finish<'a> {
    candidates: &'a mut [f64],
    count: usize,
    ranks: TailRanks,
}

impl Kernel for Finish<'_> {
    type Output = TailFigures;

    #[inline(always)]
    fn run<L: Lanes>(self) -> TailFigures {
        let Self { candidates, mut count, ranks } = self;
        if count > ranks.sum + SLACK + ranks.sum / 8 {
            count = narrow::<L>(candidates, count, ranks.sum).count;
        }
        let values = if count <= COUNTED_MAX {
            candidates[count..][..LANES_MAX].fill(f64::INFINITY);
            ranked::<L>(&candidates[..count.next_multiple_of(L::LANES)], count, ranks)
        } else {
            candidates[..count].sort_unstable_by(f64::total_cmp);
            [candidates[0], candidates[ranks.value - 1], candidates[ranks.sum - 1]]
        };
        let [least, value, last] = values.map(|value| value + 0.0);
        let sum = tail_sum(&candidates[..count], ranks.sum, least, last);
        TailFigures { least, value, last, sum }
    }
}

/// The least candidate and those of the two ranks: the rank of a value is the greatest that has
/// fewer candidates below it.
#[inline(always)]
fn ranked<L: Lanes>(candidates: &[f64], count: usize, ranks: TailRanks) -> [f64; 3] {
    let (mut value, mut last) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut least = f64::INFINITY;
    for &candidate in &candidates[..count] {
        let target = L::splat(candidate);
        let mut below = 0;
        for vector in candidates.chunks_exact(L::LANES) {
            below += L::load(vector).lt(target).count();
        }
        least = Lanes::min(candidate, least);
        value = if below < ranks.value { Lanes::max(candidate, value) } else { value };
        last = if below < ranks.sum { Lanes::max(candidate, last) } else { last };
    }
    [least, value, last]
}

/// The sum of the k least, given the least and the k-th: in doubles while every partial sum is exact
/// there.
#[inline(always)]
fn tail_sum(candidates: &[f64], k: usize, least: f64, last: f64) -> i128 {
    let below = |candidate: &&f64| **candidate < last;
    let ties = |below_count: usize| k - below_count;
    if k as f64 * Lanes::max(least.abs(), last.abs()) <= 2.0 * EXACT_MAX {
        let (mut sum, mut count) = (0.0, 0);
        for candidate in candidates {
            let counts = *candidate < last;
            sum += if counts { *candidate } else { 0.0 };
            count += usize::from(counts);
        }
        return (sum + ties(count) as f64 * last) as i128;
    }
    let sum: i128 = candidates.iter().filter(below).map(|candidate| *candidate as i128).sum();
    let count = candidates.iter().filter(below).count();
    sum + ties(count) as i128 * last as i128
}
