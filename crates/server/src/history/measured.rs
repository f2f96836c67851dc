//! A history without the venue around it, as benches write and read it.

use std::path::Path;

use engine::{Command, Event};
use ledger::AccountId;
use rusqlite::{Connection, Error};

use super::error::HistoryError;
use super::queries::{Which, fills};
use super::record::Record;
use super::span::Span;
use super::store::Store;
use crate::feed::venue::Venue;

/// What becomes of commands that a node released, as the feed hands it to the history.
#[derive(Debug, Default)]
pub struct Stream {
    venue: Venue,
    /// Records, each with its command.
    records: Vec<(u64, Record)>,
}

impl Stream {
    /// Takes in a command, each in its turn, and what happened.
    pub fn take_in(&mut self, command: &Command, events: &[Event]) {
        self.venue.notes.are_wanted = true;
        self.venue.take_in(command, events, &mut Vec::new());
        let sequence = command.sequence;
        self.records.extend(self.venue.notes.drain().map(|record| (sequence, record)));
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// The account that traded most, and how often.
    #[must_use]
    pub fn busiest(&self) -> Option<(AccountId, u64)> {
        let trades = self.venue.accounts.iter().map(|account| (account.id, account.trades.count()));
        trades.max_by_key(|(_, count)| *count)
    }

    /// Writes a new database; a transaction has the records of a command and of those that follow, about
    /// so many in all.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, path: &Path, together: usize) -> Result<(), HistoryError> {
        let mut store = Store::begin_anew(path)?;
        let mut rest = &self.records[..];
        while let Some((last, _)) = rest.get(together.clamp(1, rest.len().max(1)) - 1) {
            let (portion, others) = rest.split_at(rest.partition_point(|(at, _)| at <= last));
            store.write(portion, *last)?;
            rest = others;
        }
        store.close()
    }
}

/// Goes through an account's trades in pages, the newest first, as methods do; gives how many pages and
/// trades there are.
///
/// # Errors
/// What SQLite says.
pub fn page_through(
    connection: &Connection,
    account: AccountId,
    newest: u64,
    count: usize,
) -> Result<(usize, usize), Error> {
    let (all, page) = ((1, u64::MAX), Span::newest(count));
    let (mut pages, mut found, mut next) = (0, 0, newest + 1);
    while let Some(span) = page.below(next) {
        let trades = fills(connection, account, &Which::All, all, all, &span)?;
        (pages, found) = (pages + 1, found + trades.len());
        next = next.saturating_sub(count as u64);
    }
    Ok((pages, found))
}
