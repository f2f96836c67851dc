//! Why a command is refused.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Lots, Ticks};

/// Why a command changed nothing, and what to do about it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Error,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Refusal {
    /// The name is taken.
    #[error("an order of this name rests in the book: names are used once")]
    DuplicateOrder,
    /// The order does not rest here.
    #[error("no such order rests in the book: it was filled or cancelled, or never was here")]
    UnknownOrder,
    /// A size below one lot.
    #[error("the size is {0} lots: ask for 1 or more")]
    LotsNotPositive(Lots),
    /// A size above the limit.
    #[error("the size is above {max} lots: split it")]
    LotsAboveLimit {
        /// The greatest size.
        max: Lots,
    },
    /// A price outside the book's bounds.
    #[error("the price is outside {min} to {max} ticks")]
    PriceOutOfBounds {
        /// The least price.
        min: Ticks,
        /// The greatest price.
        max: Ticks,
    },
    /// A display size below one lot.
    #[error("the displayed size is {0} lots: show 1 or more")]
    DisplayNotPositive(Lots),
    /// A display size so small that the order would be shown in too many parts.
    #[error("too little is shown: {least} lots or more must be")]
    DisplayTooSmall {
        /// The least display size for this order.
        least: Lots,
    },
    /// A display size on an order that never rests.
    #[error("a displayed size is for orders that may rest: leave it out")]
    DisplayWithoutRest,
    /// A post-only order would take.
    #[error("post-only, and it would trade at once: the best opposite price is {best} ticks")]
    PostOnlyWouldTake {
        /// The price that it would trade at.
        best: Ticks,
    },
    /// The book is full.
    #[error("{max} orders rest in the book, and no more may")]
    BookFull {
        /// How many orders may rest.
        max: u32,
    },
    /// The account has as many orders as it may.
    #[error("{max} orders of this account rest in the book, and no more may: cancel some")]
    AccountFull {
        /// How many orders of one account may rest.
        max: u32,
    },
    /// Only limit orders are taken in a call period.
    #[error("a call period is on: only limit orders that may take are accepted until it ends")]
    CallPeriod,
    /// No call period is on.
    #[error("no call period is on: begin one first")]
    NoCallPeriod,
    /// A trailing amount below one tick, or above the range of prices.
    #[error("the trailing amount is {offset} ticks: it must be 1 to {max}")]
    TrailOutOfBounds {
        /// The amount that was asked.
        offset: Ticks,
        /// The greatest amount.
        max: Ticks,
    },
}
