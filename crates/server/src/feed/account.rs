//! An account as its owner sees it.

use std::collections::{BTreeMap, VecDeque};

use book::OrderId;
use borsh::{BorshDeserialize, BorshSerialize};
use engine::InstrumentId;
use engine::event::TransferStep;
use instruments::{Amount, Asset, Price, Timestamp};
use ledger::{AccountId, PostingKind, TransferId};
use risk::MarginModel;

use super::history::{Moved, OwnSettlement};
use super::listing::Trade;
use super::recent::Recent;

/// One account.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// The main account, of a subaccount.
    pub owner: Option<AccountId>,
    /// How it is margined.
    pub margin_model: MarginModel,
    /// What it may use, by asset.
    pub balances: BTreeMap<Asset, Amount>,
    /// What its withdrawals reserve, by asset.
    pub held: BTreeMap<Asset, Amount>,
    /// Its positions; none has zero lots.
    pub positions: BTreeMap<InstrumentId, Position>,
    /// Orders that can still trade.
    pub live: std::collections::BTreeSet<OrderId>,
    /// Orders that ended.
    pub ended: Recent<OrderId>,
    /// Its trades.
    pub trades: Recent<UserTrade>,
    /// What changed its balances.
    pub log: Recent<LogLine>,
    /// Deposits and withdrawals.
    pub transfers: Recent<TransferNow>,
    /// Transfers from and to accounts of the same owner.
    pub moved: Recent<Moved>,
    /// Settlements of its positions.
    pub settlements: Recent<OwnSettlement>,
    /// Orders that changed lately, with a count that never falls.
    pub changes: VecDeque<(u64, OrderId)>,
    /// The count of the last of these.
    pub change: u64,
    /// Counts what may change its summary.
    pub version: u64,
    /// Whether it is below initial margin.
    pub restricted: bool,
    /// Whether connections that log in cancel the orders placed over them when they are lost.
    pub cancels_on_disconnect: bool,
}

/// A position.
#[derive(Clone, Copy, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// Signed lots.
    pub lots: i64,
    /// What they cost.
    pub cost: Amount,
    /// Profit that became cash since the position opened.
    pub realised: Amount,
}

/// One side of a trade, as its owner sees it.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub struct UserTrade {
    /// The trade.
    pub trade: Trade,
    /// The order.
    pub order: OrderId,
    /// Whether this side rested.
    pub is_maker: bool,
    /// What it pays.
    pub fee: Amount,
    /// What it realised.
    pub realised: Amount,
}

/// A line of the transaction log.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub struct LogLine {
    /// The command that made it.
    pub sequence: u64,
    /// Its place among the account's lines.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// Of which asset.
    pub asset: Asset,
    /// What for.
    pub kind: PostingKind,
    /// By how much.
    pub change: Amount,
    /// The balance after it.
    pub balance: Amount,
    /// The trade that it belongs to.
    pub trade: Option<(InstrumentId, u64, Price, i64)>,
}

/// A deposit or withdrawal.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub struct TransferNow {
    /// Its id.
    pub id: TransferId,
    /// Its last step.
    pub step: TransferStep,
    /// Of which asset.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Account {
    /// A new one.
    #[must_use]
    pub fn new(id: AccountId, owner: Option<AccountId>, margin_model: MarginModel) -> Self {
        Self {
            id,
            owner,
            margin_model,
            balances: BTreeMap::new(),
            held: BTreeMap::new(),
            positions: BTreeMap::new(),
            live: std::collections::BTreeSet::new(),
            ended: Recent::default(),
            trades: Recent::default(),
            log: Recent::default(),
            transfers: Recent::default(),
            moved: Recent::default(),
            settlements: Recent::default(),
            changes: VecDeque::new(),
            change: 0,
            version: 0,
            restricted: false,
            cancels_on_disconnect: false,
        }
    }

    /// An order of it changed.
    pub fn note_change(&mut self, order: OrderId) {
        self.change += 1;
        self.version += 1;
        push(&mut self.changes, (self.change, order), 1_000);
    }

    /// Keeps a trade, and gives its place among the account's.
    pub fn note_trade(&mut self, trade: UserTrade, most: usize) -> u64 {
        self.version += 1;
        self.trades.push(trade, most)
    }

    /// Keeps a line of the log, and gives it with its place among the account's.
    pub fn note_line(&mut self, mut line: LogLine, most: usize) -> LogLine {
        line.number = self.log.count() + 1;
        self.version += 1;
        self.log.push(line, most);
        line
    }
}

/// Adds to a list of so many at most; gives what had to go.
pub fn push<T>(list: &mut VecDeque<T>, item: T, most: usize) -> Option<T> {
    let gone = if list.len() >= most { list.pop_front() } else { None };
    list.push_back(item);
    gone
}
