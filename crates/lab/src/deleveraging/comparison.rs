//! What each policy takes from whom.

use risk::waterfall::WaterfallError;
use risk::waterfall::adl::{Candidate, Need, Policy, allocate, capacity, charge};

use super::population::{Winner, winners};
use super::{DeleveragingError, Wave};

/// The policies that are compared: the queue and pro rata as venues run them, which may take all of a
/// position whatever that costs; and ours.
pub const POLICIES: [(&str, Policy); 3] = [
    ("queue", Policy::Queue),
    ("pro-rata", Policy::ProRata),
    ("ours", Policy::HedgesLast { hedge_weight_ppb: 50_000_000, by_leverage: false }),
];

/// One wave under every policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// In the order of [`POLICIES`].
    pub policies: Vec<PolicyOutcome>,
}

/// One wave under one policy. Money in 10⁻⁸ US dollars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyOutcome {
    /// The policy's name.
    pub name: &'static str,
    /// What was taken.
    pub taken: u128,
    /// Lots that nobody could give.
    pub unmet_lots: u64,
    /// Accounts that gave something.
    pub accounts: usize,
    /// The largest part of a position that was closed.
    pub largest_part_closed: f64,
    /// The largest part of what a position had gained that was taken; above one where more was.
    pub largest_part_of_gain: f64,
    /// The largest part of an account's equity that was taken.
    pub largest_part_of_equity: f64,
    /// Accounts that gave up part of a hedge.
    pub hedges_broken: usize,
    /// What was taken for lots that were part of a hedge, in money.
    pub taken_from_hedges: u128,
    /// Accounts that lost more than they had gained.
    pub principal_cut: usize,
}

/// Every wave under every policy, with winners made from `seed`.
///
/// # Errors
/// [`DeleveragingError::Figure`] for figures that no event has.
pub fn compare(waves: &[Wave], seed: u64) -> Result<Vec<Outcome>, DeleveragingError> {
    let outcome = |wave: &Wave| {
        let mut policies: Vec<PolicyOutcome> = POLICIES
            .iter()
            .map(|(name, _)| PolicyOutcome { name, ..PolicyOutcome::default() })
            .collect();
        let needed = wave.needed().max(1);
        for (place, leg) in wave.legs.iter().enumerate() {
            // A coin's winners had gained in proportion to what the coin lacked.
            let gains = wave.gains as f64 * (leg.need.deficit as f64 / needed as f64);
            let stream = u64::from(wave.number) * 1_000 + place as u64;
            let winners = winners(&leg.need, gains as i128, seed, stream);
            for (outcome, (_, policy)) in policies.iter_mut().zip(POLICIES) {
                take(&leg.need, &winners, policy, outcome).map_err(|source| {
                    let coin = leg.coin.clone();
                    DeleveragingError::Figure { wave: wave.number, coin, source }
                })?;
            }
        }
        Ok(Outcome { policies })
    };
    waves.iter().map(outcome).collect()
}

/// Takes one coin's need from its winners, and adds that to the wave's outcome.
fn take(
    need: &Need,
    winners: &[Winner],
    policy: Policy,
    outcome: &mut PolicyOutcome,
) -> Result<(), WaterfallError> {
    let candidates = winners.iter().enumerate().map(|(account, winner)| {
        let ours = matches!(policy, Policy::HedgesLast { .. });
        let most = capacity(need, winner.lots, winner.gain, winner.net_gain)?;
        Ok(Candidate {
            account,
            lots: winner.lots,
            capacity: if ours { most } else { winner.lots },
            unhedged: winner.unhedged,
            return_ppm: winner.return_ppm(),
            leverage_ppm: winner.leverage_ppm,
        })
    });
    let candidates = candidates.collect::<Result<Vec<_>, WaterfallError>>()?;
    let allocation = allocate(policy, need.lots, &candidates)?;
    let given: Vec<(usize, u64)> = allocation.lots.iter().copied().enumerate().collect();
    let charged = charge(need, &given)?;
    outcome.unmet_lots += allocation.unmet;
    for ((winner, (_, lots)), cost) in winners.iter().zip(given).zip(charged) {
        if lots > 0 {
            outcome.add(winner, lots, cost);
        }
    }
    Ok(())
}

impl PolicyOutcome {
    fn add(&mut self, winner: &Winner, lots: u64, cost: u128) {
        self.accounts += 1;
        self.taken += cost;
        let closed = lots as f64 / winner.lots as f64;
        self.largest_part_closed = self.largest_part_closed.max(closed);
        let gain = cost as f64 / winner.gain.max(1) as f64;
        self.largest_part_of_gain = self.largest_part_of_gain.max(gain);
        let lost = cost as f64 / winner.equity.max(1) as f64;
        self.largest_part_of_equity = self.largest_part_of_equity.max(lost);
        let hedge = lots.saturating_sub(winner.unhedged);
        self.hedges_broken += usize::from(hedge > 0);
        self.taken_from_hedges += cost * u128::from(hedge) / u128::from(lots);
        let gained = winner.gain.min(winner.net_gain).max(0).unsigned_abs();
        self.principal_cut += usize::from(cost > gained);
    }
}
