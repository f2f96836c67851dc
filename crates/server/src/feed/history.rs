//! Deposits, withdrawals, what accounts moved among themselves, settlements, and funding rates.

use borsh::{BorshDeserialize, BorshSerialize};
use engine::command::{Action, Transfer};
use engine::event::TransferStep;
use engine::{Command, Event, InstrumentId};
use instruments::{Amount, Asset, Price, Timestamp};
use ledger::AccountId;

use super::account::TransferNow;
use super::venue::Venue;
use crate::history::record::{Record, is_deposit};

/// A transfer, as one of both sees it.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub struct Moved {
    /// The command that made it.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// The other account.
    pub other: AccountId,
    /// Of which asset.
    pub asset: Asset,
    /// How much came; negative went.
    pub amount: Amount,
}

/// How a position ends in cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SettlementKind {
    /// Its profit so far; it stays open.
    Settlement,
    /// All of it: the instrument has expired.
    Delivery,
}

impl SettlementKind {
    /// Its name in the dialect.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settlement => "settlement",
            Self::Delivery => "delivery",
        }
    }
}

/// A settlement of a position.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub struct OwnSettlement {
    /// What kind.
    pub kind: SettlementKind,
    /// When.
    pub time: Timestamp,
    /// Of what.
    pub instrument: InstrumentId,
    /// At what price.
    pub price: Price,
    /// The index.
    pub index: Option<Price>,
    /// Signed lots before it.
    pub lots: i64,
    /// Profit that became cash.
    pub realised: Amount,
}

/// A settlement of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settled {
    /// What kind.
    pub kind: SettlementKind,
    /// When.
    pub time: Timestamp,
    /// Of what.
    pub instrument: InstrumentId,
    /// At what price.
    pub price: Price,
}

/// A funding rate, which holds until the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FundingRate {
    /// Since when.
    pub time: Timestamp,
    /// What a long pays over 8 hours, in parts per billion.
    pub rate_8h_ppb: i64,
    /// The index then.
    pub index: Option<Price>,
    /// Σ rate · milliseconds of all rates before it.
    pub sum: i128,
}

impl FundingRate {
    /// Σ rate · milliseconds from the perpetual's beginning to a time at which it holds.
    #[must_use]
    pub fn sum_to(&self, time_ms: i64) -> i128 {
        let held = time_ms.saturating_sub(self.time.milliseconds());
        self.sum + i128::from(self.rate_8h_ppb) * i128::from(held)
    }
}

impl Venue {
    /// Takes note of a funding rate.
    pub(super) fn note_funding(&mut self, instrument: InstrumentId, rate_8h_ppb: i64) {
        let (time, most) = (self.time, self.bounds.funding);
        let index = self.index_of(self.at(instrument));
        let listing = self.listing_mut(instrument);
        listing.funding_8h_ppb = rate_8h_ppb;
        listing.version += 1;
        let sum = listing.funding.back().map_or(0, |last| last.sum_to(time.milliseconds()));
        let rate = FundingRate { time, rate_8h_ppb, index, sum };
        let number = listing.funding.push(rate, most);
        self.notes.push(|| Record::Funding { instrument, number, rate });
    }

    /// Takes note of a settlement; positions in the instrument follow.
    pub(super) fn note_settlement(
        &mut self,
        instrument: InstrumentId,
        kind: SettlementKind,
        price: Price,
    ) {
        self.settling = Some((instrument, kind, price));
        let settled = Settled { kind, time: self.time, instrument, price };
        let number = self.settlements.push(settled, self.bounds.settlements);
        self.notes.push(|| Record::Settled { number, settled });
    }

    /// Takes note of a step of a deposit or withdrawal.
    pub(super) fn transfer(
        &mut self,
        command: &Command,
        id: ledger::TransferId,
        account: AccountId,
        step: TransferStep,
    ) {
        let time = self.time;
        let asked = match &command.action {
            Action::AnnounceDeposit(request) | Action::RequestWithdrawal(request) => Some(*request),
            _ => None,
        };
        let Some(known) = self.accounts.get_mut(account.number() as usize) else { return };
        let place = known
            .transfers
            .iter_mut()
            .find(|one| one.id == id && is_deposit(one.step) == is_deposit(step));
        match (place, asked) {
            _ if step == TransferStep::AlreadyDone => return,
            (Some(one), _) => (one.step, one.updated) = (step, time),
            (None, Some(request)) => {
                let (asset, amount) = (request.asset, request.amount);
                let one = TransferNow { id, step, asset, amount, asked: time, updated: time };
                let number = known.transfers.push(one, self.bounds.transfers);
                self.notes.push(|| Record::Transfer { account, number, transfer: one });
                return;
            }
            // It is in the history alone.
            (None, None) => {}
        }
        self.notes.push(|| Record::Step { account, id, step, time });
    }

    /// Takes note of a transfer, if the command made one.
    pub(super) fn note_moved(&mut self, action: &Action, events: &[Event]) {
        let Action::Transfer(Transfer { from, to, asset, amount, .. }) = action else { return };
        if !events.iter().any(|event| matches!(event, Event::Balance { .. })) {
            return;
        }
        let (sequence, time) = (self.sequence, self.time);
        let went = Amount::from_units(-amount.units());
        for (own, other, amount) in [(*from, *to, went), (*to, *from, *amount)] {
            if let Some(account) = self.accounts.get_mut(own.number() as usize) {
                let moved = Moved { sequence, time, other, asset: *asset, amount };
                let number = account.moved.push(moved, self.bounds.transfers);
                self.notes.push(|| Record::Moved { account: own, number, moved });
            }
        }
    }

    /// Takes note of what a settlement made of a position, if the command settles its instrument.
    pub(super) fn note_settled(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        realised: Amount,
    ) {
        let settling = self.settling.filter(|(settled, ..)| *settled == instrument);
        let Some((_, kind, price)) = settling else { return };
        let (time, index) = (self.time, self.index_of(self.at(instrument)));
        if let Some(known) = self.accounts.get_mut(account.number() as usize) {
            let one = OwnSettlement { kind, time, instrument, price, index, lots, realised };
            let number = known.settlements.push(one, self.bounds.settlements);
            self.notes.push(|| Record::OwnSettlement { account, number, one });
        }
    }
}
