//! One instrument's order book: price-time priority, order types, matching.
//!
//! A [`Book`] takes orders in whole ticks and lots and appends what happened to a list of
//! [`Event`]s. The best price trades first, and of one price the order that was queued first. The
//! rules, one by one, are in `docs/concepts/order-book.md`.
//!
//! ```
//! use plimsoll_book::{
//!     AccountId, Book, Event, Limits, Lots, NewOrder, OrderId, OrderKind, SelfTrade, Side, Ticks,
//! };
//!
//! let mut book = Book::new(Limits::default())?;
//! let mut events = Vec::new();
//!
//! let sell = NewOrder {
//!     id: OrderId(1),
//!     account: AccountId(7),
//!     side: Side::Sell,
//!     lots: Lots(10),
//!     kind: OrderKind::Limit { price: Ticks(101) },
//!     display: None,
//!     self_trade: SelfTrade::CancelTaker,
//! };
//! book.submit(&sell, &mut events);
//! assert_eq!(book.best(Side::Sell), Some(Ticks(101)));
//!
//! // Another account buys 4 at any price up to 105, at once.
//! let kind = OrderKind::Market { protection: Ticks(105) };
//! let (id, account, side, lots) = (OrderId(2), AccountId(8), Side::Buy, Lots(4));
//! events.clear();
//! book.submit(&NewOrder { id, account, side, lots, kind, ..sell }, &mut events);
//! assert!(matches!(
//!     events[..],
//!     [Event::Fill { maker: OrderId(1), price: Ticks(101), lots: Lots(4), maker_open: Lots(6), .. }]
//! ));
//! # Ok::<(), plimsoll_book::LimitsError>(())
//! ```
//!
//! Stop, take and trailing orders wait in [`Triggers`] until a price fires them; the caller then
//! submits what they stand for.
//!
//! A book is deterministic: the same commands give the same events and the same records
//! ([`RestingOrder::to_bytes`], [`Book::state_bytes`]) on any machine. It is bounded by its
//! [`Limits`], which exclude overflow, and a command that it refuses changes nothing. In a steady
//! state it allocates nothing, prices beyond the window of the array set aside. It knows nothing
//! of margin, fees, time or I/O: the engine does.

#![deny(missing_docs)]

mod accounts;
mod admission;
mod ahead;
mod amend;
mod bitmap;
mod book;
mod call;
mod check;
mod event;
mod index;
mod ladder;
mod limits;
mod links;
mod matching;
mod order;
mod query;
mod record;
mod refusal;
mod slab;
mod triggers;
mod units;

pub use book::{Book, Phase, Totals};
pub use call::Equilibrium;
pub use event::{CancelReason, Event, ReduceReason};
pub use index::SlotIndex;
pub use limits::{Limits, LimitsError, PRICE_BOUND};
pub use order::{Crossing, NewOrder, OrderKind, RestingOrder, SelfTrade};
pub use query::{DepthLevel, Fillable};
pub use record::{RECORD_LEN, RestoreError};
pub use refusal::Refusal;
pub use triggers::{Direction, PriceSource, TRIGGER_RECORD_LEN, Target, Trigger, Triggers};
pub use units::{AccountId, Lots, OrderId, Side, Ticks};
