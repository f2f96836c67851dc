//! Commands of liquidators.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Amount;
use ledger::AccountId;
use serde::{Deserialize, Serialize};

use crate::liquidation::CaseId;

/// A sealed bid for a part of a portfolio in auction. It waits for the next clearings until it is
/// filled, replaced or taken back, or the auction ends. An account has one bid in a case: a new one
/// replaces it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PlaceBid {
    /// Who bids: an account that is registered as a liquidator.
    pub account: AccountId,
    /// Makes a retry harmless.
    #[serde(default)]
    pub request: Option<u64>,
    /// Which case.
    pub case: CaseId,
    /// Only if the case has taken so many steps: compare-and-swap.
    #[serde(default)]
    pub step: Option<u32>,
    /// The part of the portfolio that is wanted, in parts per billion.
    pub share_ppb: u32,
    /// The least discount at which it is taken; in an insolvent auction the least part of the premium.
    /// In parts per billion.
    pub least_ppb: u32,
    /// The most that is paid, in US dollars; in an insolvent auction it says nothing.
    pub limit: Amount,
}
