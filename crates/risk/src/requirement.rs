//! From scenario profits to the requirement R: aggregators over blocks, the largest term.

use ethnum::I256;
use instruments::Underlying;

use crate::FlatMap;
use crate::methodology::Aggregator;
use crate::room::Spare;
use crate::scenario::{BlockSpan, ScenarioSet, TermBlocks};
use crate::vector::{Slice, Ticks};

const PPM: u32 = 1_000_000;

/// Profits of one account in every scenario, coins and orders included.
#[derive(Clone, Debug, PartialEq)]
pub struct Profits {
    /// In the scenarios that move the whole universe.
    pub joint: Ticks,
    /// In each underlying's own scenarios.
    pub own: FlatMap<Underlying, Ticks>,
    /// In the scenarios of each underlying that stands alone.
    pub alone: FlatMap<Underlying, Ticks>,
    /// Losses on entry of open orders, counted outside the root of blocks that aggregate so.
    pub order_entry_loss: i128,
    /// No sum above is larger than this, nor will be.
    pub(crate) room: f64,
    pub(crate) spare: Spare,
}

impl Default for Profits {
    fn default() -> Self {
        Self {
            joint: Ticks::zeros(0),
            own: FlatMap::new(),
            alone: FlatMap::new(),
            order_entry_loss: 0,
            room: 0.0,
            spare: Spare::default(),
        }
    }
}

/// A loss that need not be whole ticks, as a mean of k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// Ticks times the denominator.
    pub numerator: i128,
    /// Greater than zero.
    pub denominator: i128,
}

impl Fraction {
    const fn whole(ticks: i128) -> Self {
        Self { numerator: ticks, denominator: 1 }
    }
}

/// What one block came to.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockLoss {
    /// The loss in ticks.
    pub loss: Fraction,
    /// The scenarios that made it, the worst first, as indices into the block: one for a worst
    /// loss, k for an expected shortfall, none where each underlying has its own.
    pub scenarios: Vec<usize>,
    /// For a root of squares, each underlying's loss and its worst scenario in the block.
    pub by_underlying: Vec<(Underlying, i128, usize)>,
    /// The loss at the quantile, reported and never enforced (expected shortfall only).
    pub value_at_risk: Option<i128>,
}

/// One term of the requirement.
#[derive(Clone, Debug, PartialEq)]
pub struct TermValue {
    /// Its name.
    pub name: String,
    /// Ticks, rounded up.
    pub ticks: i128,
}

/// The requirement R and what makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// R in ticks: the largest term and what stands alone.
    pub ticks: i128,
    /// Each block, in the order of the scenario set.
    pub blocks: Vec<BlockLoss>,
    /// Each term, in the methodology's order.
    pub terms: Vec<TermValue>,
    /// Index of the largest term, the first if several are; `None` if no term is positive.
    pub binding: Option<usize>,
    /// Underlyings outside the universe: loss and worst scenario.
    pub alone: Vec<(Underlying, i128, usize)>,
}

impl Requirement {
    /// The requirement of given profits.
    pub(crate) fn of(set: &ScenarioSet, profits: &Profits) -> Self {
        let blocks: Vec<_> = set.blocks.iter().map(|block| block_loss(block, profits)).collect();
        let losses: Vec<_> = blocks.iter().map(|block| block.loss).collect();
        let value =
            |term: &TermBlocks| TermValue { name: term.name.clone(), ticks: term.ticks(&losses) };
        let terms: Vec<_> = set.terms.iter().map(value).collect();
        let largest = terms.iter().map(|term| term.ticks).max().unwrap_or(0);
        let binding = terms.iter().position(|term| term.ticks == largest && largest > 0);
        let alone: Vec<_> = profits
            .alone
            .iter()
            .map(|(underlying, ticks)| {
                let (least, scenario) = ticks.slice(0..ticks.len()).worst().unwrap_or((0, 0));
                (*underlying, (-least).max(0), scenario)
            })
            .collect();
        let ticks = largest.max(0) + alone.iter().map(|(_, loss, _)| loss).sum::<i128>();
        Self { ticks, blocks, terms, binding, alone }
    }
}

/// R alone, without the record of what made it.
pub(crate) fn requirement_ticks(set: &ScenarioSet, profits: &Profits) -> i128 {
    requirement_ticks_in(set, profits, &mut Vec::new())
}

/// The same with room for the loss of each block.
pub(crate) fn requirement_ticks_in(
    set: &ScenarioSet,
    profits: &Profits,
    losses: &mut Vec<Fraction>,
) -> i128 {
    losses.clear();
    losses.extend(set.blocks.iter().map(|block| block_fraction(block, profits)));
    let terms = set.terms.iter().map(|term| term.ticks(losses));
    let alone = profits.alone.values().map(|ticks| worst_loss(ticks.slice(0..ticks.len())));
    terms.max().unwrap_or(0).max(0) + alone.sum::<i128>()
}

impl TermBlocks {
    /// ⌈Σ weight·loss⌉ over the term's blocks, given the loss of every block of the set.
    pub(crate) fn ticks(&self, losses: &[Fraction]) -> i128 {
        let losses = || self.blocks.iter().map(|(block, weight)| (losses[*block], *weight));
        let denominator: i128 = losses().map(|(loss, _)| loss.denominator).product();
        let whole = denominator * i128::from(self.whole);
        let scale =
            |loss: Fraction, weight: u32| denominator / loss.denominator * i128::from(weight);
        let sum = losses().try_fold(0_i128, |sum, (loss, weight)| {
            sum.checked_add(loss.numerator.checked_mul(scale(loss, weight))?)
        });
        match sum {
            // Almost always: 64 bits divide several times as fast.
            Some(sum) if let (Ok(sum), Ok(whole)) = (i64::try_from(sum), i64::try_from(whole)) => {
                i128::from(sum.div_euclid(whole)) + i128::from(sum.rem_euclid(whole) != 0)
            }
            Some(sum) => sum.div_euclid(whole) + i128::from(sum.rem_euclid(whole) != 0),
            None => {
                let wide: I256 = losses()
                    .map(|(loss, weight)| {
                        I256::from(loss.numerator) * I256::from(scale(loss, weight))
                    })
                    .sum();
                (-(-wide).div_euclid(I256::from(whole))).as_i128()
            }
        }
    }
}

/// What a block came to, with its scenarios.
fn block_loss(block: &BlockSpan, profits: &Profits) -> BlockLoss {
    let loss = block_fraction(block, profits);
    let none = BlockLoss { loss, scenarios: vec![], by_underlying: vec![], value_at_risk: None };
    match block.aggregator {
        Aggregator::Worst => {
            let worst = profits.joint.slice(block.span.clone()).worst();
            BlockLoss { scenarios: worst.iter().map(|(_, scenario)| *scenario).collect(), ..none }
        }
        Aggregator::ExpectedShortfall { alpha_ppm } => {
            let slice = profits.joint.slice(block.span.clone());
            let scenarios = slice.least(tail_count(slice.len(), alpha_ppm));
            let value_at_risk = scenarios.iter().map(|scenario| -slice.at(*scenario)).min();
            BlockLoss { scenarios, value_at_risk, ..none }
        }
        Aggregator::RootSumSquares => {
            let by_underlying = profits.own.iter().filter_map(|(underlying, ticks)| {
                let (least, scenario) = ticks.slice(block.span.clone()).worst()?;
                Some((*underlying, (-least).max(0), scenario))
            });
            BlockLoss { by_underlying: by_underlying.collect(), ..none }
        }
        Aggregator::WorstWithOffset { offset_ppm } => {
            let scenario = offset_worst(block, profits, offset_ppm).map(|(_, scenario)| scenario);
            BlockLoss { scenarios: scenario.into_iter().collect(), ..none }
        }
    }
}

/// A block's loss as a fraction of ticks.
fn block_fraction(block: &BlockSpan, profits: &Profits) -> Fraction {
    match block.aggregator {
        Aggregator::Worst => Fraction::whole(worst_loss(profits.joint.slice(block.span.clone()))),
        Aggregator::ExpectedShortfall { alpha_ppm } => {
            let slice = profits.joint.slice(block.span.clone());
            shortfall(slice, alpha_ppm)
        }
        Aggregator::RootSumSquares => {
            let losses =
                profits.own.values().map(|ticks| worst_loss(ticks.slice(block.span.clone())));
            Fraction::whole(ceil_root_of_squares(losses) + profits.order_entry_loss)
        }
        Aggregator::WorstWithOffset { offset_ppm } => {
            let worst = offset_worst(block, profits, offset_ppm).map_or(0, |(least, _)| least);
            Fraction { numerator: (-worst).max(0), denominator: i128::from(PPM) }
        }
    }
}

/// The mean of the k worst losses.
pub(crate) fn shortfall(slice: Slice<'_>, alpha_ppm: u32) -> Fraction {
    let k = tail_count(slice.len(), alpha_ppm);
    if k == 0 {
        return Fraction::whole(0);
    }
    Fraction { numerator: -slice.sum_of_least(k), denominator: k as i128 }
}

pub(crate) fn worst_loss(slice: Slice<'_>) -> i128 {
    slice.worst().map_or(0, |(least, _)| (-least).max(0))
}

/// The least profit where gains count only in part, in millionths of a tick, and its scenario.
fn offset_worst(block: &BlockSpan, profits: &Profits, offset_ppm: u32) -> Option<(i128, usize)> {
    let profit = |scenario: usize| -> i128 {
        let each = profits.own.values().map(|ticks| ticks.at(block.span.start + scenario));
        let part = |ticks: i128| i128::from(if ticks > 0 { offset_ppm } else { PPM });
        each.map(|ticks| ticks.saturating_mul(part(ticks))).fold(0, i128::saturating_add)
    };
    (0..block.span.len()).map(|scenario| (profit(scenario), scenario)).min()
}

/// k = ⌈N·(1−α)⌉ in integers.
pub(crate) fn tail_count(count: usize, alpha_ppm: u32) -> usize {
    let tail = count as u64 * u64::from(PPM - alpha_ppm);
    usize::try_from(tail.div_ceil(u64::from(PPM))).expect("no more than the count")
}

/// ⌈√Σ loss²⌉.
pub(crate) fn ceil_root_of_squares(losses: impl Iterator<Item = i128> + Clone) -> i128 {
    let narrow = losses.clone().try_fold(0_u128, |sum, loss| {
        let loss = loss.unsigned_abs();
        sum.checked_add(loss.checked_mul(loss)?)
    });
    match narrow {
        Some(squares) => {
            let root = squares.isqrt();
            i128::try_from(root + u128::from(root * root != squares)).expect("half the bits")
        }
        None => ceil_root(losses.map(|loss| I256::from(loss) * I256::from(loss)).sum()),
    }
}

/// ⌈√n⌉ by Newton's method on integers.
fn ceil_root(n: I256) -> i128 {
    if n <= I256::ZERO {
        return 0;
    }
    let bits = 256 - n.leading_zeros();
    let mut root = I256::ONE << bits.div_ceil(2);
    loop {
        let next = (root + n / root) >> 1;
        if next >= root {
            break;
        }
        root = next;
    }
    let up = if root * root == n { I256::ZERO } else { I256::ONE };
    (root + up).as_i128()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tails_are_counted_in_integers() {
        let check = |count, alpha, k| assert_eq!(tail_count(count, alpha), k);
        check(1_000, 990_000, 10);
        check(250, 990_000, 3);
        check(1_000, 975_000, 25);
        check(1, 990_000, 1);
        check(0, 990_000, 0);
        check(100, 999_999, 1);
    }

    proptest! {
        #[test]
        fn both_roots_agree(losses in prop::collection::vec(0_i128..1 << 60, 0..5)) {
            let squares = losses.iter().map(|loss| I256::from(*loss) * I256::from(*loss)).sum();
            prop_assert_eq!(ceil_root_of_squares(losses.iter().copied()), ceil_root(squares));
        }

        #[test]
        fn the_root_is_the_least_that_covers(n in 0_u128..=u128::MAX >> 2) {
            let root = I256::from(ceil_root(I256::from(n)));
            prop_assert!(root * root >= I256::from(n));
            let less = root - I256::ONE;
            prop_assert!(root == I256::ZERO || less * less < I256::from(n));
        }
    }
}
