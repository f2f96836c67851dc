//! What reading a journal adds up to.

use crate::error::ReadError;
use crate::format::{GENESIS, Hash};
use crate::scan::{SEQUENCE_FIRST, Scanner, Step, Tail};
use crate::sector::{self, SECTOR_BYTES};
use crate::storage::Directory;

/// What was read of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The first record read.
    pub first: u64,
    /// The last record; 0 if there is none.
    pub last: u64,
    /// The chain value after it.
    pub hash: Hash,
    /// Segments.
    pub segments: u64,
    /// Batches.
    pub batches: u64,
    /// Records.
    pub records: u64,
    /// Bytes of segments, without what is reserved.
    pub bytes: u64,
}

impl Default for Summary {
    /// That of a journal without segments.
    fn default() -> Self {
        Self {
            first: SEQUENCE_FIRST,
            last: 0,
            hash: GENESIS,
            segments: 0,
            batches: 0,
            records: 0,
            bytes: 0,
        }
    }
}

/// Goes to the end of a journal.
pub fn walk<D: Directory>(scanner: &mut Scanner<'_, D>) -> Result<(Summary, Tail), ReadError> {
    let mut read = Summary { first: scanner.position().sequence, ..Summary::default() };
    let tail = loop {
        match scanner.step()? {
            Step::Batch(header) => {
                read.batches += 1;
                read.records += u64::from(header.records);
                read.bytes += (sector::count(header.content_bytes()) * SECTOR_BYTES) as u64;
            }
            Step::End(tail) => break tail,
        }
    };
    read.last = scanner.position().sequence - 1;
    read.hash = scanner.position().hash;
    read.segments = scanner.segments_read();
    read.bytes += read.segments * SECTOR_BYTES as u64;
    Ok((read, tail))
}
