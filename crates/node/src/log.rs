//! Where commands are kept: a seam. [`JournalLog`](crate::JournalLog) keeps them on this machine;
//! a log that is replicated to others fits behind the same two traits.

use std::io::{self, Read, Write};

use engine::record_tree::Hash;

use crate::NodeError;

/// A log that records are added to, by one writer.
pub trait Log: Send + 'static {
    /// Reads the same log, beside the writer.
    type Reader: LogReader;

    /// Adds records and returns when no crash can take them away, with the sequence number of the
    /// last. They are there wholly or not at all.
    ///
    /// # Errors
    /// If that can't be promised. The log takes nothing more then, and the node ends.
    fn commit(
        &mut self,
        records: &mut dyn Iterator<Item = &[u8]>,
        time_ms: u64,
    ) -> Result<u64, NodeError>;

    /// The last record there is; 0 before the first.
    fn last(&self) -> u64;

    /// A reader of it.
    fn reader(&self) -> Self::Reader;
}

/// Reads a log, and keeps snapshots beside it.
pub trait LogReader: Send + Sync + 'static {
    /// Hands out the batches that have the records after one, up to and with another, in order: the
    /// first may begin before them, and the last may go on behind. Returns the last point reached, or
    /// `None` if there was no batch.
    ///
    /// # Errors
    /// What is wrong with the log, or what `each` says.
    fn replay(
        &self,
        after: u64,
        until: u64,
        each: &mut dyn FnMut(Committed<'_>) -> Result<(), NodeError>,
    ) -> Result<Option<Point>, NodeError>;

    /// The newest snapshot that is good, of those not after a record, with what is wrong with newer
    /// ones, in words.
    ///
    /// # Errors
    /// What the storage says.
    fn newest_snapshot(&self, until: u64) -> Result<(Option<Snapshot>, Vec<String>), NodeError>;

    /// Keeps a snapshot as of a point that is in the log, and lets older ones go, but for the newest
    /// before it. Returns its bytes.
    ///
    /// # Errors
    /// What the storage says; the older ones are there still.
    fn keep_snapshot(
        &self,
        point: Point,
        state: Hash,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<u64, NodeError>;
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The last record before it.
    pub sequence: u64,
    /// A hash of everything up to there, from the log.
    pub chain: Hash,
}

/// A batch that is in the log.
pub struct Committed<'a> {
    /// The sequence number of its first record.
    pub first: u64,
    /// Its records, in order.
    pub records: &'a mut dyn Iterator<Item = &'a [u8]>,
}

/// A snapshot that can be read.
pub struct Snapshot {
    /// What the state has taken in.
    pub point: Point,
    /// The record hash that it had.
    pub state: Hash,
    /// Its bytes.
    pub bytes: Box<dyn Read>,
}
