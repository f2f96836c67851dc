//! What an account may expect before anything happens: its rank, and what it would lose.

use ethnum::U256;

use super::need::Need;
use super::policy::{Candidate, Policy, allocate, line};
use crate::waterfall::WaterfallError;

/// One account's prospect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// From 1 on. In a queue, the place in it; else by the part of its lots that an account loses,
    /// the largest first.
    pub rank: usize,
    /// Lots that it would give up.
    pub lots: u64,
    /// What that would cost it, at most.
    pub cost: u128,
}

/// Everybody's prospect if `need` arose now, in the order of the candidates. Ties in rank go to the
/// lesser account.
///
/// # Errors
/// As [`allocate`] and [`Need::cost`].
pub fn outlook<K: Ord + Copy>(
    policy: Policy,
    need: &Need,
    candidates: &[Candidate<K>],
) -> Result<Vec<Outlook>, WaterfallError> {
    let allocation = allocate(policy, need.lots, candidates)?;
    let mut outlooks = Vec::with_capacity(candidates.len());
    for &lots in &allocation.lots {
        outlooks.push(Outlook { rank: 0, lots, cost: need.cost(lots)? });
    }
    for (place, i) in ranked(policy, candidates)?.into_iter().enumerate() {
        outlooks[i].rank = place + 1;
    }
    Ok(outlooks)
}

/// Indices of candidates by rank: those of the greatest weight for each lot first.
fn ranked<K: Ord + Copy>(
    policy: Policy,
    candidates: &[Candidate<K>],
) -> Result<Vec<usize>, WaterfallError> {
    if policy == Policy::Queue {
        return Ok(line(candidates));
    }
    let weights: Result<Vec<u128>, _> = candidates.iter().map(|of| policy.weight(of)).collect();
    let weights = weights?;
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_unstable_by(|&a, &b| {
        let scaled = |weight: usize, by: usize| {
            U256::from(weights[weight]) * U256::from(candidates[by].lots.max(1))
        };
        let by_weight = scaled(b, a).cmp(&scaled(a, b));
        by_weight.then_with(|| candidates[a].account.cmp(&candidates[b].account))
    });
    Ok(order)
}
