//! What the book answers.

use crate::{AccountId, Lots, OrderId, Refusal, Side, Ticks};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Something that happened. From fills alone the caller can charge fees and book trades; from all
/// events together it can keep a copy of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command was refused and changed nothing.
    Refused {
        /// The order that the command named, if it named one.
        order: Option<OrderId>,
        /// Why.
        refusal: Refusal,
    },
    /// An order went to the back of the queue at a price: new, amended, or with a new part shown.
    Rested {
        /// The order.
        order: OrderId,
        /// Whose it is.
        account: AccountId,
        /// Its side.
        side: Side,
        /// Where it rests.
        price: Ticks,
        /// What is shown.
        displayed: Lots,
        /// All that is open, shown or not.
        open: Lots,
    },
    /// Two orders traded.
    Fill {
        /// The order that rested; in an uncross, the one accepted earlier.
        maker: OrderId,
        /// Whose the maker is.
        maker_account: AccountId,
        /// The order that came.
        taker: OrderId,
        /// Whose the taker is.
        taker_account: AccountId,
        /// The taker's side.
        taker_side: Side,
        /// The price of the trade: the maker's, or the uncross price.
        price: Ticks,
        /// How much traded.
        lots: Lots,
        /// What is open of the maker afterwards, shown or not. At 0 it has left the book.
        maker_open: Lots,
        /// What is open of the taker afterwards.
        taker_open: Lots,
    },
    /// What was open of an order is gone, untraded. It has left the book, if it was there.
    Cancelled {
        /// The order.
        order: OrderId,
        /// Whose it was.
        account: AccountId,
        /// Its side.
        side: Side,
        /// The price at which it rested, or its worst price.
        price: Ticks,
        /// How much was open.
        lots: Lots,
        /// Why.
        reason: CancelReason,
    },
    /// An order became smaller without a trade and kept its place.
    Reduced {
        /// The order.
        order: OrderId,
        /// Whose it is.
        account: AccountId,
        /// Its side.
        side: Side,
        /// The price at which it rests, or its worst price.
        price: Ticks,
        /// By how much.
        lots: Lots,
        /// What is open of it afterwards, shown or not. At 0 it has left the book.
        open: Lots,
        /// Why.
        reason: ReduceReason,
    },
    /// An order has new terms. If it lost its place, fills and its rest follow.
    Amended {
        /// The order.
        order: OrderId,
        /// Whose it is.
        account: AccountId,
        /// Its side.
        side: Side,
        /// Its price from now on.
        price: Ticks,
        /// What is open of it from now on, shown or not.
        open: Lots,
        /// Whether it kept its place in the queue.
        kept_place: bool,
    },
    /// A post-only order that would have taken has another price.
    Repriced {
        /// The order.
        order: OrderId,
        /// The price that was asked.
        from: Ticks,
        /// The price at which it will rest.
        to: Ticks,
    },
    /// A call period began: orders collect without matching.
    CallBegan,
    /// A call period ended at one price; its fills follow, and then continuous trading.
    Uncrossed {
        /// The price of all fills; `None` if nothing trades.
        price: Option<Ticks>,
        /// How much trades.
        lots: Lots,
        /// What is bid at the price or above, less what is offered at it or below.
        imbalance: Lots,
    },
}

/// Why an order was cancelled.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum CancelReason {
    /// By its name.
    Requested,
    /// With all orders of its account.
    MassCancel,
    /// Nothing more to trade with at its price or better, and it may not rest.
    Unfilled,
    /// Not all of it could be filled at once.
    FillOrKill,
    /// It would have traded with its own account.
    SelfTrade,
    /// No price to rest at: neither a fill nor a best price on its own side.
    NoPrice,
    /// Reduced to nothing.
    Reduced,
}

/// Why an order became smaller.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReduceReason {
    /// By its name.
    Requested,
    /// It would have traded with its own account.
    SelfTrade,
}
