//! What becomes of the venue's past: records that do not change any more, but where it is said.

use engine::InstrumentId;
use engine::event::{CaseEvent, TransferStep};
use instruments::{Instrument, Price, Timestamp};
use ledger::{AccountId, TransferId};

use crate::feed::account::{LogLine, TransferNow, UserTrade};
use crate::feed::history::{FundingRate, Moved, OwnSettlement, Settled};
use crate::feed::listing::Trade;
use crate::feed::order::Order;

/// A record. Numbers count from 1 on, among all of the same list.
#[derive(Clone, Debug)]
pub enum Record {
    /// An instrument was listed.
    Listed {
        /// Its number.
        id: InstrumentId,
        /// Its contract.
        instrument: Instrument,
        /// When.
        time: Timestamp,
    },
    /// An instrument expired: its record is complete now.
    Expired {
        /// Its number.
        id: InstrumentId,
        /// When.
        time: Timestamp,
        /// At what index.
        price: Price,
    },
    /// A trade.
    Trade(Trade),
    /// One side of a trade.
    Fill {
        /// Whose.
        account: AccountId,
        /// Its place among the account's.
        number: u64,
        /// What it is.
        own: UserTrade,
    },
    /// An order that ended.
    Order {
        /// Its place among those of its account that ended.
        number: u64,
        /// The order.
        order: Box<Order>,
    },
    /// A line of the transaction log.
    Line {
        /// Whose.
        account: AccountId,
        /// The line, with its place among the account's.
        line: LogLine,
    },
    /// A deposit or withdrawal that is new.
    Transfer {
        /// Whose.
        account: AccountId,
        /// Its place among the account's.
        number: u64,
        /// The transfer.
        transfer: TransferNow,
    },
    /// A deposit or withdrawal took a step: its record changes.
    Step {
        /// Whose.
        account: AccountId,
        /// Which.
        id: TransferId,
        /// The step.
        step: TransferStep,
        /// When.
        time: Timestamp,
    },
    /// A transfer between accounts, as one of both sees it.
    Moved {
        /// Whose.
        account: AccountId,
        /// Its place among the account's.
        number: u64,
        /// The transfer.
        moved: Moved,
    },
    /// A funding rate.
    Funding {
        /// Of which perpetual.
        instrument: InstrumentId,
        /// Its place among the perpetual's.
        number: u64,
        /// The rate.
        rate: FundingRate,
    },
    /// A settlement or delivery.
    Settled {
        /// Its place among all.
        number: u64,
        /// The settlement.
        settled: Settled,
    },
    /// What a settlement made of a position.
    OwnSettlement {
        /// Whose.
        account: AccountId,
        /// Its place among the account's.
        number: u64,
        /// What.
        one: OwnSettlement,
    },
    /// Something happened in a liquidation case.
    Case {
        /// Its place among all.
        number: u64,
        /// When.
        time: Timestamp,
        /// What.
        event: Box<CaseEvent>,
    },
}

/// Whether a step is one of a deposit; else it is one of a withdrawal.
#[must_use]
pub const fn is_deposit(step: TransferStep) -> bool {
    use TransferStep as Step;
    matches!(step, Step::DepositAnnounced | Step::DepositCredited | Step::DepositVoided)
}

/// Records as they are made, if somebody wants them.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Whether somebody does.
    pub are_wanted: bool,
    list: Vec<Record>,
}

impl Notes {
    /// Takes note of a record.
    pub fn push(&mut self, record: impl FnOnce() -> Record) {
        if self.are_wanted {
            self.list.push(record());
        }
    }

    /// What a fill realised is known only after it.
    pub fn realised(&mut self, owner: AccountId, place: u64, amount: instruments::Amount) {
        let fill = self.list.iter_mut().rev().find_map(|record| match record {
            Record::Fill { account, number, own } if (*account, *number) == (owner, place) => {
                Some(own)
            }
            _ => None,
        });
        if let Some(own) = fill {
            own.realised = amount;
        }
    }

    /// All, in the order in which they were made; there are none then.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Record> {
        self.list.drain(..)
    }
}
