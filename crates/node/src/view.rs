//! One account as of one command: what explanations and what-if questions are computed from.

use std::sync::Arc;

use engine::{EpochView, Rejection, State};
use instruments::Timestamp;
use ledger::AccountId;
use risk::{Account, Margin, MarginModel, Market};

/// An account with the market and the epoch that it is margined in, all as of the same command.
/// Nothing of it changes any more, so that it can be computed with beside the engine.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// The last command taken in.
    pub sequence: u64,
    /// Its time.
    pub time: Timestamp,
    /// The account's number.
    pub account: AccountId,
    /// How it is margined.
    pub margin_model: MarginModel,
    /// Whether it was below initial margin when last reviewed.
    pub restricted: bool,
    /// Balances, positions and orders.
    pub contents: Account,
    /// Its margin, or why there is none.
    pub margin: Result<Margin, Rejection>,
    /// The live market.
    pub market: Arc<Market>,
    /// The open epoch.
    pub epoch: Option<EpochView>,
}

impl AccountView {
    /// An account of a state; `None` if it is not open.
    pub(crate) fn of(state: &State, account: AccountId, market: Arc<Market>) -> Option<Self> {
        Some(Self {
            sequence: state.sequence(),
            time: state.time(),
            account,
            margin_model: state.margin_model(account)?,
            restricted: state.is_restricted(account)?,
            contents: state.account(account)?,
            margin: state.margin(account),
            market,
            epoch: state.epoch(),
        })
    }
}
