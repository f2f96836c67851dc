//! Allocation until everybody who is touched still stands.

use super::policy::{Allocation, Candidate, Policy, allocate};
use crate::waterfall::WaterfallError;

/// Allocates as [`allocate`], asks `most` how many lots each account touched can really give up, at
/// most so many as it is asked about, and still meet its maintenance margin; takes no more from those
/// who can give less, and refills from the rest, until nothing changes. Each round but the last settles
/// what at least one account gives at most, so that there are at most as many as candidates and one.
///
/// # Errors
/// Those of [`allocate`] and of `most`.
pub fn refill<K: Ord + Copy, E: From<WaterfallError>>(
    policy: Policy,
    needed: u64,
    candidates: &[Candidate<K>],
    mut most: impl FnMut(&K, u64) -> Result<u64, E>,
) -> Result<Allocation, E> {
    let mut candidates = candidates.to_vec();
    let mut settled = vec![false; candidates.len()];
    // What has been found to be bearable, so that it is asked only once.
    let mut bearable = vec![0; candidates.len()];
    loop {
        let allocation = allocate(policy, needed, &candidates)?;
        let mut changed = false;
        for (i, &lots) in allocation.lots.iter().enumerate() {
            if settled[i] || lots <= bearable[i] {
                continue;
            }
            let can_give = most(&candidates[i].account, lots)?;
            if can_give < lots {
                candidates[i].capacity = can_give;
                settled[i] = true;
                changed = true;
            } else {
                bearable[i] = lots;
            }
        }
        if !changed {
            return Ok(allocation);
        }
    }
}
