//! The log on this machine: a journal in a folder.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

use engine::record_tree::Hash;
use engine::rules::RULES_VERSION;
use journal::{
    Batches, Directory, End, Journal, Options, Patience, ReadError, Recovery, SnapshotHeader,
    SnapshotReader, SnapshotWriter, WhenDamaged, list_snapshots, newest_snapshot, prune_snapshots,
    verify_snapshot,
};

use crate::NodeError;
use crate::log::{Committed, Log, LogReader, Point, Snapshot};

/// The rules that this program knows.
pub(crate) const RULES_KNOWN: RangeInclusive<u32> = 1..=RULES_VERSION;
/// Snapshots that are kept: the newest, and one in case it is damaged.
const SNAPSHOTS_KEPT: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// A [`Journal`] as a [`Log`].
pub struct JournalLog<D: Directory> {
    journal: Journal<D>,
}

/// How a journal is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Bytes that a segment is given at once.
    pub segment_bytes: u64,
    /// The epoch of this writer; lower ones than have written before are refused. 0 goes on with that
    /// of the last one.
    pub epoch: u64,
}

impl Default for JournalOptions {
    /// Segments of 64 MiB, and the epoch of the last writer.
    fn default() -> Self {
        let Options { segment_bytes, .. } = Options::default();
        Self { segment_bytes, epoch: 0 }
    }
}

impl<D: Directory + Clone> JournalLog<D> {
    /// Opens the journal of a folder to write, from the newest good snapshot on, or begins one.
    ///
    /// # Errors
    /// What stands in the way: damage by file and byte, rules that this program does not know,
    /// another writer.
    pub fn open(directory: D, options: JournalOptions) -> Result<(Self, Recovery), NodeError> {
        let newest = newest_snapshot(&directory, &RULES_KNOWN, WhenDamaged::Skip)?;
        let options = Options {
            segment_bytes: options.segment_bytes,
            epoch: options.epoch,
            rules: RULES_VERSION,
            rules_known: RULES_KNOWN,
            anchor: newest.snapshot.map(|header| header.anchor()),
        };
        let (journal, recovery) = Journal::open(directory, options)?;
        Ok((Self { journal }, recovery))
    }
}

impl<D> Log for JournalLog<D>
where
    D: Directory + Clone + Send + Sync + 'static,
    D::File: Send + 'static,
    D::Lock: Send,
{
    type Reader = JournalReader<D>;

    fn commit(
        &mut self,
        records: &mut dyn Iterator<Item = &[u8]>,
        time_ms: u64,
    ) -> Result<u64, NodeError> {
        self.journal.append(records, time_ms)?;
        Ok(self.journal.sync()?.sequence)
    }

    fn last(&self) -> u64 {
        self.journal.durable().sequence
    }

    fn reader(&self) -> JournalReader<D> {
        JournalReader::new(self.journal.directory().clone())
    }
}

/// Reads a journal beside its writer, or without one.
#[derive(Clone, Debug)]
pub struct JournalReader<D> {
    directory: D,
}

impl<D> JournalReader<D> {
    /// A reader of the journal in a folder.
    #[must_use]
    pub const fn new(directory: D) -> Self {
        Self { directory }
    }
}

impl<D> JournalReader<D>
where
    D: Directory,
    D::File: 'static,
{
    /// A snapshot, ready to be read.
    pub(crate) fn snapshot(&self, header: &SnapshotHeader) -> Result<Snapshot, NodeError> {
        let reader = SnapshotReader::open(&self.directory, header.sequence, &RULES_KNOWN)?;
        let point = Point { sequence: header.sequence, chain: header.chain };
        Ok(Snapshot { point, state: header.state, bytes: Box::new(reader) })
    }

    /// Whether the writer has done away with a snapshot meanwhile.
    pub(crate) fn let_go(&self, sequence: u64) -> Result<bool, NodeError> {
        Ok(!list_snapshots(&self.directory)?.contains(&sequence))
    }

    /// What stands behind the last record, which is not before `from`.
    ///
    /// # Errors
    /// Damage from there on, or what the file system says.
    pub fn end(&self, from: u64) -> Result<End, NodeError> {
        let patience = Patience::BESIDE_WRITER;
        let mut batches = Batches::open(&self.directory, from, RULES_KNOWN, patience)?;
        while batches.next()?.is_some() {}
        Ok(batches.end())
    }

    /// The folder.
    pub(crate) const fn directory(&self) -> &D {
        &self.directory
    }
}

impl<D> LogReader for JournalReader<D>
where
    D: Directory + Send + Sync + 'static,
    D::File: Send + 'static,
{
    fn replay(
        &self,
        after: u64,
        until: u64,
        each: &mut dyn FnMut(Committed<'_>) -> Result<(), NodeError>,
    ) -> Result<Option<Point>, NodeError> {
        let mut reached = None;
        if after >= until {
            return Ok(reached);
        }
        let patience = Patience::BESIDE_WRITER;
        let mut batches = Batches::open(&self.directory, after + 1, RULES_KNOWN, patience)?;
        while let Some(batch) = batches.next()? {
            let (first, last) = (batch.sequence(), batch.last_sequence());
            each(Committed { first, records: &mut batch.records() })?;
            reached = Some(Point { sequence: last, chain: batch.hash() });
            if last >= until {
                break;
            }
        }
        Ok(reached)
    }

    fn newest_snapshot(&self, until: u64) -> Result<(Option<Snapshot>, Vec<String>), NodeError> {
        let mut damaged = Vec::new();
        let snapshots = list_snapshots(&self.directory)?;
        for sequence in snapshots.into_iter().filter(|sequence| *sequence <= until).rev() {
            match verify_snapshot(&self.directory, sequence, &RULES_KNOWN) {
                Ok(header) => return Ok((Some(self.snapshot(&header)?), damaged)),
                Err(ReadError::Damaged(damage)) => damaged.push(damage.to_string()),
                Err(_) if self.let_go(sequence)? => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok((None, damaged))
    }

    fn keep_snapshot(
        &self,
        point: Point,
        state: Hash,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<u64, NodeError> {
        let Point { sequence, chain } = point;
        let header = SnapshotHeader { rules: RULES_VERSION, sequence, chain, state };
        let mut writer = SnapshotWriter::begin(&self.directory, &header)?;
        write(&mut writer).map_err(NodeError::SnapshotWrite)?;
        let bytes = writer.finish()?;
        prune_snapshots(&self.directory, SNAPSHOTS_KEPT)?;
        Ok(bytes)
    }
}
