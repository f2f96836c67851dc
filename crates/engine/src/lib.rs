//! The deterministic state machine of the venue: command in, events out.
//!
//! [`apply`] is a pure function: it changes a [`State`] by one [`Command`] and appends what happened
//! as [`Event`]s. No clock, no I/O, no randomness and no thread; the same commands give the same
//! events and the same [record hash](State::record_hash) on any machine. What is refused is an event
//! too, and changes no record. `docs/concepts/engine.md` says what each command does, in which
//! order.
//!
//! ```
//! use plimsoll_engine::{Command, Event, Limits, State, apply};
//!
//! let mut state = State::new(Limits::default())?;
//! let mut events = Vec::new();
//! for line in [
//!     r#"{"sequence": 1, "time": "2026-02-05T16:00:00Z", "add_asset": {"asset": "USDC"}}"#,
//!     r#"{"sequence": 2, "time": "2026-02-05T16:00:00Z", "open_account": {"margin_model": "portfolio"}}"#,
//!     r#"{"sequence": 3, "time": "2026-02-05T16:00:00Z", "tick": {}}"#,
//!     r#"{"sequence": 5, "time": "2026-02-05T16:00:00Z", "tick": {}}"#,
//! ] {
//!     let command: Command = serde_json::from_str(line)?;
//!     apply(&mut state, &command, &mut events);
//! }
//! assert!(matches!(events[0], Event::AssetAdded { .. }));
//! assert!(matches!(events[1], Event::AccountOpened { .. }));
//! // Command 4 is missing: that is refused, with a reason that says so.
//! let Some(Event::Rejected(rejected)) = events.last() else { panic!("a gap is refused") };
//! assert!(rejected.reason.to_string().starts_with("command 5 came where 4 was due"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate knows nothing of journals, clients and clocks, and holds no floating-point number:
//! models live behind `risk`.

#![deny(missing_docs)]

mod account;
mod ahead;
mod apply;
mod asset;
mod audit;
mod bound;
pub mod change;
mod credit;
mod epoch;
mod exact;
pub mod health;
mod ids;
pub mod liquidation;
mod listing;
mod margining;
mod orders;
mod preparation;
mod records;
mod rejection;
mod requests;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod watch;
mod work;

pub mod codec;
pub mod command;
pub mod event;
pub mod prices;
pub mod record_tree;
pub mod rules;

pub use apply::{ProtectionView, apply};
pub use command::{Action, Command};
pub use epoch::{EpochView, PreparedEpoch};
pub use event::Event;
pub use ids::InstrumentId;
pub use liquidation::{CaseId, LiquidationRules};
pub use preparation::EpochWork;
pub use rejection::Rejection;
pub use snapshot::SnapshotError;
pub use state::{Limits, State};
