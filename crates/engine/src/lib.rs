//! The deterministic state machine of the venue: command in, events out.

#![deny(missing_docs)]

mod account;
mod apply;
mod asset;
mod audit;
mod bound;
mod credit;
mod epoch;
mod ids;
mod listing;
mod margining;
mod orders;
mod records;
mod rejection;
mod requests;
mod state;
#[cfg(test)]
mod tests;
mod work;

pub mod codec;
pub mod command;
pub mod event;
pub mod prices;
pub mod record_tree;
pub mod rules;

pub use apply::apply;
pub use command::{Action, Command};
pub use epoch::PreparedEpoch;
pub use event::Event;
pub use ids::InstrumentId;
pub use rejection::Rejection;
pub use state::{Limits, State};
