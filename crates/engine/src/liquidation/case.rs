//! A case: one account's liquidation from opening to close.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Timestamp, Underlying};
use ledger::AccountId;
use serde::{Deserialize, Serialize};

/// The number of a case, from 1 on.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct CaseId(pub u64);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {}", self.0)
    }
}

/// Where a case stands in the waterfall.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Slices are traded in the order book.
    Book,
    /// Slices of the whole portfolio are auctioned.
    Auction,
    /// The fund pays whoever takes over what is worth less than nothing.
    Insolvent,
    /// What nobody takes is closed against those who gained.
    Deleveraging,
}

/// How a case ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Before any forced trade: the market, the owner or the end of its orders made it healthy.
    Recovered,
    /// Forced trades brought it to its target.
    Restored,
    /// It has nothing left that could be liquidated, and owes nothing.
    Flat,
    /// It is insolvent no more: what it lacked was paid, and what it had is the fund's.
    Resolved,
    /// Nobody took what it has, for now; a new case may open, after a while if it has no positions.
    Unsold,
}

/// A case that is open.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Case {
    pub account: AccountId,
    /// The risk group whose layer of the fund pays.
    pub group: Underlying,
    pub stage: Stage,
    /// How many steps it has taken; each is compare-and-swap on it.
    pub step: u32,
    /// Whether any forced trade has been made.
    pub traded: bool,
    /// R: what takers of slices have paid in, in 10⁻⁸ US dollars.
    pub paid_in: i128,
    /// When it opened, its auction began, and the fund began to pay; as if time had stood still
    /// while it was paused.
    pub opened: Timestamp,
    pub auction_since: Option<Timestamp>,
    pub insolvent_since: Option<Timestamp>,
    /// How long the reserve discount takes to grow; set when the auction begins.
    pub duration_ms: u64,
    /// When it is looked at next.
    pub next: Timestamp,
    /// Since when a stale index has stopped it.
    pub paused: Option<Timestamp>,
    /// How often deleveraging has been tried.
    pub tries: u32,
    /// What others have paid for what the account lacked, in 10⁻⁸ US dollars.
    pub paid_for: i128,
    pub bids: Vec<StandingBid>,
}

/// A sealed bid that waits for a clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct StandingBid {
    pub bidder: AccountId,
    /// Whether it is for what is worth less than nothing. It waits while that is not so.
    pub insolvent: bool,
    /// Parts of the portfolio, in 10⁻⁹ of the whole.
    pub share_ppb: u32,
    /// The least discount, or in an insolvent auction the least part of the premium.
    pub least_ppb: u32,
    /// The most that is paid, in US dollars.
    pub limit: Amount,
    /// Cash set aside for its initial margin.
    pub held: Amount,
}

impl Case {
    pub fn new(account: AccountId, group: Underlying, now: Timestamp) -> Self {
        Self {
            account,
            group,
            stage: Stage::Book,
            step: 0,
            traded: false,
            paid_in: 0,
            opened: now,
            auction_since: None,
            insolvent_since: None,
            duration_ms: 0,
            next: now,
            paused: None,
            tries: 0,
            paid_for: 0,
            bids: Vec::new(),
        }
    }

    /// Whether others have paid for what the account lacked, so that what it still has in the end is the
    /// fund's up to that.
    pub const fn is_paid_for(&self) -> bool {
        self.paid_for > 0
    }

    /// Lets its clocks stand still for a while that is over.
    pub fn resume(&mut self, now: Timestamp) {
        let Some(paused) = self.paused.take() else { return };
        let while_paused = now.since(paused);
        let clocks =
            [Some(&mut self.opened), self.auction_since.as_mut(), self.insolvent_since.as_mut()];
        for clock in clocks.into_iter().flatten() {
            *clock = Timestamp::from_milliseconds(clock.milliseconds() + while_paused);
        }
        self.next = now;
    }
}
