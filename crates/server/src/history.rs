//! The venue's past in a database beside the journal: trades, orders, the transaction log, funding,
//! settlements, transfers, cases and candles.
//!
//! The feed takes note of what is finished while it takes in what the node released, and a thread writes
//! it down, together with the number of the last command that is there. Trading never waits for it. What
//! is missing is made again from the journal, by the same code: a database that is lost, damaged or behind
//! ends up equal to one that was never away.

mod catch_up;
mod check;
mod error;
mod inlet;
#[doc(hidden)]
pub mod measured;
pub(crate) mod queries;
pub(crate) mod reader;
pub(crate) mod record;
mod rows;
mod schema;
pub(crate) mod span;
mod sql;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod unsynced;
mod words;
mod writer;

use std::path::{Path, PathBuf};

pub use check::{Checked, Rebuilt, check, rebuild};
pub use error::HistoryError;
pub(crate) use inlet::{Inlet, Portion, ends};
pub(crate) use reader::History;
pub use schema::{Column, Kind, TABLES, Table, VERSION, script};
pub use sql::{Answer, Cell, Past, query};
pub(crate) use writer::{Begin, begin};

/// Where a venue's history is in its data folder.
#[must_use]
pub fn place(data: &Path) -> PathBuf {
    data.join("history.db")
}

/// Where a venue's journal is in its data folder.
#[must_use]
pub fn journal_of(data: &Path) -> PathBuf {
    data.join("journal")
}
