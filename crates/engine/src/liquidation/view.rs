//! What can be asked about liquidation.

use instruments::{Amount, Timestamp, Underlying};
use ledger::AccountId;
use serde::Serialize;

use super::{CaseId, Stage};
use crate::InstrumentId;

/// What deleveraging would do to one position. The question is the same for everybody: if a tenth of the
/// open interest, rounded up, had to be closed on the other side now, lacking the maintenance margin that
/// so many lots need alone, under portfolio margin where the venue has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AdlOutlook {
    /// In what.
    pub instrument: InstrumentId,
    /// From 1 on, the first being hit first; nothing for a position that could not be asked to give
    /// anything, since it or its account has not gained.
    pub rank: Option<usize>,
    /// How many positions are ranked.
    pub of: usize,
    /// Lots that it would give up.
    pub lots: u64,
    /// What that would cost at most, in the settlement asset.
    pub cost: Amount,
}

/// What deleveraging would do to each position on one side of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdlOutlooks {
    /// Positions that are ranked, by account, ascending.
    pub ranked: Vec<(AccountId, AdlOutlook)>,
    /// Any other.
    pub unranked: AdlOutlook,
}

/// The insurance fund, in cash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FundView {
    /// All that it has.
    pub cash: Amount,
    /// What is no group's.
    pub shared: Amount,
    /// Its layers by risk group.
    pub groups: Vec<FundGroupView>,
    /// The most that it had within the last 8 hours.
    pub peak: Amount,
    /// Whether it has fallen so far from there that deleveraging begins early.
    pub early: bool,
}

/// One risk group's layer of the fund, in cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FundGroupView {
    /// The group.
    pub underlying: Underlying,
    /// What it has.
    pub balance: Amount,
    /// What it has at most.
    pub balance_max: Amount,
    /// What it drew from the shared layer and has not made up for.
    pub shared_drawn: Amount,
    /// What it may draw from there at most.
    pub shared_max: Amount,
}

/// A case that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CaseView {
    /// Its number.
    pub id: CaseId,
    /// Whose it is.
    pub account: AccountId,
    /// The risk group whose layer of the fund pays.
    pub group: Underlying,
    /// Where it stands.
    pub stage: Stage,
    /// How many steps it has taken, for compare-and-swap.
    pub step: u32,
    /// When it opened, as if time had stood still while it was paused.
    pub opened: Timestamp,
    /// Whether a stale index has stopped it.
    pub paused: bool,
    /// How many bids wait.
    pub bids: usize,
    /// What takers of slices have paid in, in US dollars: it is not sold again.
    pub paid_in: Amount,
    /// In an auction the reserve discount by now, in 10⁻¹⁸.
    pub discount: Option<u64>,
    /// In an insolvent auction the part of the premium that is offered by now, in 10⁻¹⁸.
    pub premium: Option<u64>,
}
