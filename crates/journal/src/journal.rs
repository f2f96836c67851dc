//! The writer.

use std::ops::RangeInclusive;

use crate::batch::{self, Place, Refused};
use crate::error::{
    Anchor, AppendError, OpenError, ReadError, StorageError, SyncError, UnknownRules,
};
use crate::format::{Hash, SegmentHeader};
use crate::read::Batches;
use crate::recovery::{self, Recovery};
use crate::scan::Position;
use crate::sector;
use crate::segment::{HEADER_BYTES, Prepared, Segment};
use crate::storage::{Directory, File};

/// How much of a segment is full, as a part of it, when the next one is made ready: what is written for a
/// short time only makes none.
const FORESEEN_AT: u64 = 4;

/// The epoch of a writer that goes on where the last one was.
pub(crate) const EPOCH_AS_BEFORE: u64 = 0;

/// How a journal is opened to write.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that a segment is given at once. A batch that is larger gets a segment as large as it.
    pub segment_bytes: u64,
    /// The epoch of this writer, from whoever decides who writes. Once it has written, lower ones
    /// are refused. 0 goes on with the epoch of the last writer, and begins with 1.
    pub epoch: u64,
    /// The rules under which the records to come are read.
    pub rules: u32,
    /// The rules that the program knows; a batch under any other stops it.
    pub rules_known: RangeInclusive<u32>,
    /// A point that the journal must have, as a snapshot says; what is before its segment is not
    /// read then, and may be gone. Without it all is read, from the first record on.
    pub anchor: Option<Anchor>,
}

impl Default for Options {
    /// Segments of 64 MiB, epoch 1, rules 1 and no others, read from the first record on.
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, epoch: 1, rules: 1, rules_known: 1..=1, anchor: None }
    }
}

/// A journal open to write: at most one in any process, for as long as the value lives.
#[derive(Debug)]
pub struct Journal<D: Directory> {
    directory: D,
    options: Options,
    _lock: D::Lock,
    /// The last segment; `None` before the first batch.
    segment: Option<Segment<D::File>>,
    durable: Position,
    /// Where the journal will be when what was appended is durable.
    appended: Position,
    poisoned: bool,
    content: Vec<u8>,
    sectors: Vec<u8>,
}

/// A batch that was written and is not durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The sequence number of its first record.
    pub first: u64,
    /// The sequence number of its last record.
    pub last: u64,
    /// Bytes it takes in the segment.
    pub bytes: u64,
}

/// What is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// The last durable record; 0 if there is none.
    pub sequence: u64,
    /// The chain value after it.
    pub hash: Hash,
}

impl<D: Directory> Journal<D> {
    /// Opens a journal to write, or begins one in a folder without.
    ///
    /// Everything is read and checked, from the anchor's segment on. The last segment is then written
    /// anew, up to the last batch that is whole, so that all of the journal is durable when this
    /// returns, acknowledged before or not.
    ///
    /// # Errors
    /// Any damage, by file and byte; another writer at work, or a later one; what the file system
    /// says. The journal is as it was then.
    pub fn open(directory: D, mut options: Options) -> Result<(Self, Recovery), OpenError> {
        if !options.rules_known.contains(&options.rules) {
            return Err(UnknownRules(options.rules).into());
        }
        let lock = directory.lock().map_err(StorageError::on("lock", "."))?;
        let lock = lock.ok_or(OpenError::Locked)?;
        let (segment, position, recovery) = recovery::recover(&directory, &options)?;
        if options.epoch == EPOCH_AS_BEFORE {
            options.epoch = position.epoch.max(1);
        }
        let journal = Self {
            directory,
            options,
            _lock: lock,
            segment,
            durable: position,
            appended: position,
            poisoned: false,
            content: Vec::new(),
            sectors: Vec::new(),
        };
        Ok((journal, recovery))
    }

    /// Writes a batch of records, which [`Journal::sync`] makes durable.
    ///
    /// # Errors
    /// See [`AppendError`]; no part of the batch is in the journal then.
    pub fn append<R: AsRef<[u8]>>(
        &mut self,
        records: impl IntoIterator<Item = R>,
        time_ms: u64,
    ) -> Result<Pending, AppendError> {
        if self.poisoned {
            return Err(AppendError::Poisoned);
        }
        if self.appended != self.durable {
            return Err(AppendError::NotSynced);
        }
        let place = Place {
            rules: self.options.rules,
            epoch: self.options.epoch,
            sequence: self.appended.sequence,
            time_ms,
            previous: self.appended.hash,
        };
        let written = batch::write(place, records, &mut self.content);
        let (header, hash) = written.map_err(|refused| match refused {
            Refused::Empty => AppendError::Empty,
            Refused::TooLarge => AppendError::TooLarge,
        })?;
        let next = place.sequence.checked_add(u64::from(header.records));
        let next = next.ok_or(AppendError::SequenceEnd)?;
        self.sectors.clear();
        sector::write(&self.content, 0, &mut self.sectors);
        self.write_sectors()?;
        self.appended = Position { sequence: next, hash, epoch: place.epoch };
        let bytes = self.sectors.len() as u64;
        Ok(Pending { first: place.sequence, last: next - 1, bytes })
    }

    /// Makes durable what was appended, with one sync of the segment; without anything appended
    /// nothing is done.
    ///
    /// # Errors
    /// If the sync fails, and ever after. The process must end, see [`SyncError`];
    /// [`abort_on_sync_error`] sees to it.
    pub fn sync(&mut self) -> Result<Durable, SyncError> {
        let name = self.segment.as_ref().map_or(".", |segment| &segment.name);
        if self.poisoned {
            let error = std::io::Error::other("an earlier write or sync failed");
            return Err(SyncError(StorageError::on("sync", name)(error)));
        }
        if let Some(segment) = &mut self.segment
            && self.appended != self.durable
        {
            let synced = segment.file.sync_data();
            self.poisoned = synced.is_err();
            synced.map_err(StorageError::on("sync", &segment.name)).map_err(SyncError)?;
            self.durable = self.appended;
        }
        Ok(self.durable())
    }

    /// What is durable.
    #[must_use]
    pub fn durable(&self) -> Durable {
        Durable { sequence: self.durable.sequence - 1, hash: self.durable.hash }
    }

    /// Has batches from the next one on be read under other rules.
    ///
    /// # Errors
    /// If they are not among the rules known.
    pub fn change_rules(&mut self, rules: u32) -> Result<(), UnknownRules> {
        if !self.options.rules_known.contains(&rules) {
            return Err(UnknownRules(rules));
        }
        self.options.rules = rules;
        Ok(())
    }

    /// The durable batches, from the one on that has the record with this sequence number.
    ///
    /// # Errors
    /// If the journal begins later, or is damaged.
    pub fn batches_from(&self, sequence: u64) -> Result<Batches<'_, D>, ReadError> {
        Batches::up_to(&self.directory, sequence, self.durable.sequence, &self.options.rules_known)
    }

    /// The folder.
    #[must_use]
    pub fn directory(&self) -> &D {
        &self.directory
    }

    /// Writes the sectors at the end of the journal, in a new segment if they do not fit this one.
    fn write_sectors(&mut self) -> Result<(), AppendError> {
        let bytes = self.sectors.len() as u64;
        let fits = |segment: &Segment<D::File>| segment.offset + bytes <= segment.length;
        if !self.segment.as_ref().is_some_and(fits) {
            self.begin_segment(bytes)?;
        }
        let segment = self.segment.as_mut().expect("a segment was begun if there was none");
        let written = segment.file.write_at(segment.offset, &self.sectors);
        self.poisoned = written.is_err();
        written.map_err(StorageError::on("write to", &segment.name)).map_err(AppendError::Write)?;
        segment.offset += bytes;
        let length = self.options.segment_bytes;
        if !segment.is_followed && segment.offset >= length / FORESEEN_AT {
            segment.is_followed = true;
            self.directory.foresee(length);
        }
        Ok(())
    }

    fn begin_segment(&mut self, bytes: u64) -> Result<(), AppendError> {
        let length = self.options.segment_bytes.max(bytes + HEADER_BYTES);
        let header = SegmentHeader {
            rules: self.options.rules,
            epoch: self.options.epoch,
            sequence: self.appended.sequence,
            previous: self.appended.hash,
        };
        let prepared = Prepared::empty(&self.directory, &header, length);
        let prepared = prepared.map_err(AppendError::NoSegment)?;
        // From here on the last segment is not what it was, so there is no trying again.
        self.poisoned = true;
        if let Some(last) = &mut self.segment {
            last.close().map_err(AppendError::Write)?;
        }
        self.segment = Some(prepared.publish().map_err(AppendError::Write)?);
        self.poisoned = false;
        Ok(())
    }
}

/// Ends the process if a sync has failed, with a message on standard error.
pub fn abort_on_sync_error(result: Result<Durable, SyncError>) -> Durable {
    match result {
        Ok(durable) => durable,
        Err(error) => {
            eprintln!("{error}");
            std::process::abort();
        }
    }
}
