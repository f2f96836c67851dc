//! Who gives up how many lots.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::waterfall::{Claim, WaterfallError, water_fill};

const BILLION: u32 = 1_000_000_000;
const MILLION: u32 = 1_000_000;

/// Somebody on the other side of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<K> {
    /// Who; ties go to the lesser.
    pub account: K,
    /// Lots held.
    pub lots: u64,
    /// The most that may be taken; see [`capacity`](super::capacity).
    pub capacity: u64,
    /// u: of the lots held, those whose closing lowers the account's maintenance margin. The others
    /// are somebody's hedge.
    pub unhedged: u64,
    /// Profit as a part of what the position cost, in parts per million.
    pub return_ppm: i64,
    /// Notional over equity, in parts per million.
    pub leverage_ppm: u32,
}

/// How lots are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Policy {
    /// One after another, by return times leverage, each up to capacity: the queue that most venues
    /// publish. For comparison.
    Queue,
    /// From everybody, in proportion to lots held.
    ProRata,
    /// From everybody, in proportion to `u + η·(lots − u)`: hedges go last.
    HedgesLast {
        /// η in parts per billion, strictly between nothing and one.
        hedge_weight_ppb: u32,
        /// Whether weights are multiplied with leverage (α = 1), or not (α = 0).
        by_leverage: bool,
    },
}

/// Who gives up what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Lots, in the order of the candidates. They sum to the need less what is unmet.
    pub lots: Vec<u64>,
    /// Lots that exceed all capacities.
    pub unmet: u64,
}

/// Takes `needed` lots from the candidates: exactly so many, or all that capacities hold. The result
/// does not depend on the order of the candidates.
///
/// # Errors
/// [`WaterfallError::Duplicate`] for an account that stands twice, [`WaterfallError::Parameter`] for
/// more unhedged lots than lots or a weight of hedges out of range, [`WaterfallError::TooLarge`]
/// for weights beyond what [`water_fill`] holds.
pub fn allocate<K: Ord + Copy>(
    policy: Policy,
    needed: u64,
    candidates: &[Candidate<K>],
) -> Result<Allocation, WaterfallError> {
    let claims = candidates.iter().map(|candidate| {
        let capacity = u128::from(candidate.capacity.min(candidate.lots));
        Ok(Claim { key: candidate.account, capacity, weight: policy.weight(candidate)? })
    });
    let claims = claims.collect::<Result<Vec<_>, WaterfallError>>()?;
    let needed = u128::from(needed);
    let filled = match policy {
        // Checks the claims, and says what all of them together leave unmet.
        Policy::Queue => {
            let unmet = water_fill(needed, &claims)?.unmet;
            (in_line(needed, &claims, &line(candidates)), unmet)
        }
        _ => {
            let filled = water_fill(needed, &claims)?;
            (filled.parts, filled.unmet)
        }
    };
    let lots = |part| u64::try_from(part).expect("a part of lots that have 64 bits");
    Ok(Allocation { lots: filled.0.into_iter().map(lots).collect(), unmet: lots(filled.1) })
}

impl Policy {
    /// In proportion to what a candidate gives up under this policy; of a queue, one for each.
    pub(super) fn weight<K>(self, candidate: &Candidate<K>) -> Result<u128, WaterfallError> {
        if candidate.unhedged > candidate.lots {
            let wanted = "no more than the lots held";
            return Err(WaterfallError::Parameter { what: "lots that hedge nothing", wanted });
        }
        let Self::HedgesLast { hedge_weight_ppb, by_leverage } = self else {
            let by_size = self == Self::ProRata;
            return Ok(if by_size { u128::from(candidate.lots) } else { 1 });
        };
        if !(1..BILLION).contains(&hedge_weight_ppb) {
            let wanted = "above nothing and below one";
            return Err(WaterfallError::Parameter { what: "the weight of hedges", wanted });
        }
        let hedges = u128::from(candidate.lots - candidate.unhedged);
        let weight = u128::from(candidate.unhedged) * u128::from(BILLION)
            + hedges * u128::from(hedge_weight_ppb);
        let leverage = u128::from(if by_leverage { candidate.leverage_ppm } else { MILLION });
        // α = 0 leaves the unit out, so that weights keep more room.
        Ok(if by_leverage { weight * leverage } else { weight })
    }
}

/// Indices of candidates as a queue has them: the greatest return times leverage first.
pub(super) fn line<K: Ord + Copy>(candidates: &[Candidate<K>]) -> Vec<usize> {
    let score = |candidate: &Candidate<K>| {
        i128::from(candidate.return_ppm) * i128::from(candidate.leverage_ppm)
    };
    let mut line: Vec<usize> = (0..candidates.len()).collect();
    line.sort_unstable_by(|&a, &b| {
        let (a, b) = (&candidates[a], &candidates[b]);
        score(b).cmp(&score(a)).then_with(|| a.account.cmp(&b.account))
    });
    line
}

fn in_line<K>(needed: u128, claims: &[Claim<K>], line: &[usize]) -> Vec<u128> {
    let mut rest = needed;
    let mut parts = vec![0; claims.len()];
    for &i in line {
        parts[i] = claims[i].capacity.min(rest);
        rest -= parts[i];
    }
    parts
}
