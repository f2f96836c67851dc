//! What accounts moved among themselves, and what settlements made of their positions.

use engine::command::{Action, Transfer};
use engine::{Event, InstrumentId};
use instruments::{Amount, Asset, Price, Timestamp};
use ledger::AccountId;

use super::account::push;
use super::venue::Venue;

/// Transfers and settlements that are kept of an account.
const KEPT_MAX: usize = 1_000;

/// A transfer, as one of both sees it.
#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementKind {
    /// Its profit so far; it stays open.
    Settlement,
    /// All of it: the instrument has expired.
    Delivery,
}

/// A settlement of a position.
#[derive(Clone, Copy, Debug)]
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

impl Venue {
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
                push(&mut account.moved, moved, KEPT_MAX);
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
        if let Some(account) = self.accounts.get_mut(account.number() as usize) {
            let one = OwnSettlement { kind, time, instrument, price, index, lots, realised };
            push(&mut account.settlements, one, KEPT_MAX);
        }
    }
}
