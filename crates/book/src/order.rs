//! What is asked of the book: a new order and its terms.

use crate::{AccountId, Lots, OrderId, Side, Ticks};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// An order as it is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its name, which no resting order may have.
    pub id: OrderId,
    /// Whose it is.
    pub account: AccountId,
    /// Which way it trades.
    pub side: Side,
    /// Its size, from 1 to [`Limits::lots_max`](crate::Limits::lots_max).
    pub lots: Lots,
    /// Its terms.
    pub kind: OrderKind,
    /// The most that is shown at once, from 1 on; `None` shows all. Only for orders that may rest.
    pub display: Option<Lots>,
    /// What happens where it would trade with an order of its own account.
    pub self_trade: SelfTrade,
}

/// The terms of an order: up to which price it trades, and what becomes of the rest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OrderKind {
    /// Trades up to `price`; the rest rests there until it is filled or cancelled.
    Limit {
        /// The worst price.
        price: Ticks,
    },
    /// Rests at `price` and never takes.
    PostOnly {
        /// The worst price.
        price: Ticks,
        /// What happens if it would take.
        crossing: Crossing,
    },
    /// Trades up to `price` at once; the rest is cancelled.
    ImmediateOrCancel {
        /// The worst price.
        price: Ticks,
    },
    /// Trades all of it up to `price` at once, or nothing.
    FillOrKill {
        /// The worst price.
        price: Ticks,
    },
    /// Trades at once at any price up to `protection`; the rest is cancelled.
    Market {
        /// The worst price, which the venue sets.
        protection: Ticks,
    },
    /// Trades at once at any price up to `protection`; the rest rests at the price of its last
    /// fill. Without a fill it joins the best price of its own side, held to `protection`;
    /// where there is none, it is cancelled.
    MarketLimit {
        /// The worst price, which the venue sets.
        protection: Ticks,
    },
}

/// What a post-only order does that would take.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Crossing {
    /// It is refused.
    Reject = 1,
    /// It rests one tick behind the best price of the opposite side.
    Reprice = 2,
}

/// What happens where a taker meets an order of its own account. The taker's choice counts.
///
/// In an uncross, orders of one account do trade with each other.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SelfTrade {
    /// They trade.
    Allow = 0,
    /// What is left of the taker is cancelled.
    #[default]
    CancelTaker = 1,
    /// The whole resting order is cancelled, and the taker goes on.
    CancelMaker = 2,
    /// Both are cancelled.
    CancelBoth = 3,
    /// Both shrink as if they had traded, and nothing trades.
    Decrement = 4,
}

impl OrderKind {
    /// The worst price at which the order trades.
    #[must_use]
    pub const fn limit(self) -> Ticks {
        match self {
            Self::Limit { price }
            | Self::PostOnly { price, .. }
            | Self::ImmediateOrCancel { price }
            | Self::FillOrKill { price }
            | Self::Market { protection: price }
            | Self::MarketLimit { protection: price } => price,
        }
    }

    /// Whether something of it may rest in the book.
    #[must_use]
    pub const fn may_rest(self) -> bool {
        matches!(self, Self::Limit { .. } | Self::PostOnly { .. } | Self::MarketLimit { .. })
    }
}

/// An order that rests in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// Its name.
    pub id: OrderId,
    /// Whose it is.
    pub account: AccountId,
    /// Which way it trades.
    pub side: Side,
    /// Where it rests.
    pub price: Ticks,
    /// What is shown of it now.
    pub displayed: Lots,
    /// What is not shown.
    pub hidden: Lots,
    /// The most that is shown at once; `None` shows all.
    pub display: Option<Lots>,
    /// What it does when an amend would make it take; `None` if it may take.
    pub post_only: Option<Crossing>,
    /// What happens where an amended price makes it meet an order of its own account.
    pub self_trade: SelfTrade,
    /// The stamp of its acceptance: the order of an account's orders.
    pub accepted: u64,
    /// The stamp of its last going to the back of a queue: its place among orders of one price.
    pub queued: u64,
}

impl RestingOrder {
    /// All that is open, shown or not.
    #[must_use]
    pub const fn open(&self) -> Lots {
        Lots(self.displayed.0 + self.hidden.0)
    }
}
