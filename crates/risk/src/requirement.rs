//! From scenario profits to the requirement R: aggregators over blocks, the largest term.

use std::collections::BTreeMap;

use ethnum::I256;
use instruments::Underlying;

use crate::methodology::{Aggregator, ScenarioRules};
use crate::scenario::{BlockSpan, ScenarioSet};
use crate::vector::{Slice, Ticks};

const PPM: u32 = 1_000_000;

/// Profits of one account in every scenario, coins and orders included.
#[derive(Clone, Debug, PartialEq)]
pub struct Profits {
    /// In the scenarios that move the whole universe.
    pub joint: Ticks,
    /// In each underlying's own scenarios.
    pub own: BTreeMap<Underlying, Ticks>,
    /// In the scenarios of each underlying that stands alone.
    pub alone: BTreeMap<Underlying, Ticks>,
    /// Losses on entry of open orders, counted outside the root of blocks that aggregate so.
    pub order_entry_loss: i128,
    /// No sum above is larger than this, nor will be.
    pub(crate) room: f64,
}

/// What one block came to.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockLoss {
    /// Loss as a fraction of ticks: numerator over denominator.
    pub loss: (i128, i128),
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
    pub(crate) fn of(rules: &ScenarioRules, set: &ScenarioSet, profits: &Profits) -> Self {
        let blocks: Vec<_> = set.blocks.iter().map(|block| block_loss(block, profits)).collect();
        let terms: Vec<_> = rules
            .terms
            .iter()
            .map(|term| TermValue {
                name: term.name.clone(),
                ticks: weighted(set, &blocks, &term.weights),
            })
            .collect();
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

/// R alone, without the record of what made it: the hot path.
pub(crate) fn requirement_ticks(
    rules: &ScenarioRules,
    set: &ScenarioSet,
    profits: &Profits,
) -> i128 {
    let losses = |block: &BlockSpan| {
        let loss = block_fraction(block, profits);
        BlockLoss { loss, scenarios: vec![], by_underlying: vec![], value_at_risk: None }
    };
    let blocks: Vec<_> = set.blocks.iter().map(losses).collect();
    let terms = rules.terms.iter().map(|term| weighted(set, &blocks, &term.weights));
    let alone = profits.alone.values().map(|ticks| worst_loss(ticks.slice(0..ticks.len())));
    terms.max().unwrap_or(0).max(0) + alone.sum::<i128>()
}

/// ⌈Σ weight·loss⌉ over the blocks of a term; a block that the set lacks counts nothing.
fn weighted(set: &ScenarioSet, blocks: &[BlockLoss], weights: &BTreeMap<String, u32>) -> i128 {
    let used = || {
        let known = set.blocks.iter().zip(blocks);
        known.filter_map(|(span, block)| Some((block.loss, *weights.get(&span.name)?)))
    };
    let denominator = used().map(|((_, denominator), _)| I256::from(denominator)).product::<I256>();
    let numerator: I256 = used()
        .map(|((loss, own), weight)| {
            I256::from(loss) * I256::from(weight) * (denominator / I256::from(own))
        })
        .sum();
    let whole = denominator * I256::from(PPM);
    let floor = numerator.div_euclid(whole);
    let up = if numerator.rem_euclid(whole) == I256::ZERO { I256::ZERO } else { I256::ONE };
    (floor + up).as_i128()
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
fn block_fraction(block: &BlockSpan, profits: &Profits) -> (i128, i128) {
    match block.aggregator {
        Aggregator::Worst => (worst_loss(profits.joint.slice(block.span.clone())), 1),
        Aggregator::ExpectedShortfall { alpha_ppm } => {
            let slice = profits.joint.slice(block.span.clone());
            let k = tail_count(slice.len(), alpha_ppm);
            if k == 0 { (0, 1) } else { (-slice.sum_of_least(k), k as i128) }
        }
        Aggregator::RootSumSquares => {
            let losses =
                profits.own.values().map(|ticks| worst_loss(ticks.slice(block.span.clone())));
            let squares = losses.map(|loss| I256::from(loss) * I256::from(loss)).sum();
            (ceil_root(squares) + profits.order_entry_loss, 1)
        }
        Aggregator::WorstWithOffset { offset_ppm } => {
            let worst = offset_worst(block, profits, offset_ppm).map_or(0, |(least, _)| least);
            ((-worst).max(0), i128::from(PPM))
        }
    }
}

fn worst_loss(slice: Slice<'_>) -> i128 {
    slice.worst().map_or(0, |(least, _)| (-least).max(0))
}

/// The least profit where gains count only in part, in millionths of a tick, and its scenario.
fn offset_worst(block: &BlockSpan, profits: &Profits, offset_ppm: u32) -> Option<(i128, usize)> {
    let profit = |scenario: usize| -> i128 {
        let each = profits.own.values().map(|ticks| ticks.at(block.span.start + scenario));
        each.map(|ticks| ticks * i128::from(if ticks > 0 { offset_ppm } else { PPM })).sum()
    };
    (0..block.span.len()).map(|scenario| (profit(scenario), scenario)).min()
}

/// k = ⌈N·(1−α)⌉ in integers.
pub(crate) fn tail_count(count: usize, alpha_ppm: u32) -> usize {
    let tail = count as u64 * u64::from(PPM - alpha_ppm);
    usize::try_from(tail.div_ceil(u64::from(PPM))).expect("no more than the count")
}

/// ⌈√n⌉ by Newton's method on integers.
pub(crate) fn ceil_root(n: I256) -> i128 {
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
        fn the_root_is_the_least_that_covers(n in 0_u128..=u128::MAX >> 2) {
            let root = I256::from(ceil_root(I256::from(n)));
            prop_assert!(root * root >= I256::from(n));
            let less = root - I256::ONE;
            prop_assert!(root == I256::ZERO || less * less < I256::from(n));
        }
    }
}
