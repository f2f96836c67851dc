//! What changed, for those who subscribe.

use borsh::{BorshDeserialize, BorshSerialize};
use engine::InstrumentId;
use engine::event::CaseEvent;
use instruments::Asset;
use ledger::AccountId;

use super::listing::Trade;

/// A change of what clients can ask about.
#[derive(Clone, Debug)]
pub enum Update {
    /// The depth of a book.
    Book(InstrumentId),
    /// A trade.
    Trade(Trade),
    /// A mark, or what else a ticker shows.
    Ticker(InstrumentId),
    /// An index.
    Index(Asset),
    /// An instrument was listed, expired, opened or halted.
    State,
    /// An order of an account.
    Order(AccountId),
    /// A trade of an account.
    UserTrade(AccountId),
    /// Balances or positions of an account.
    Account(AccountId),
    /// A step of a liquidation case.
    Case(Box<CaseEvent>),
    /// Changes that are announced.
    Changes,
}

/// What became of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Announcement {
    /// It was listed.
    Created,
    /// It trades.
    Open,
    /// It does not trade now.
    Halted,
    /// It has expired.
    Closed,
}

impl Announcement {
    /// Its name in the dialect.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Open => "open",
            Self::Halted => "halted",
            Self::Closed => "closed",
        }
    }
}
