//! Going through a journal, batch by batch, and checking every byte on the way.

use std::ops::RangeInclusive;
use std::thread::sleep;
use std::time::Duration;

use crate::batch::{self, Batch};
use crate::error::{Anchor, Damage, DamageKind, ReadError, StorageError};
use crate::format::{
    BATCH_BYTES_MAX, BATCH_HEADER_BYTES, BatchHeader, GENESIS, HASH_BYTES, HEADER_INDEX, Hash,
    SegmentHeader, segment_name,
};
use crate::sector::{self, Condition, SECTOR_BYTES};
use crate::sectors::Sectors;
use crate::segment::{list_segments, open_segment};
use crate::storage::Directory;

/// Most sectors of a batch.
const BATCH_SECTORS_MAX: usize = sector::count(BATCH_HEADER_BYTES + BATCH_BYTES_MAX + HASH_BYTES);

const _: () = assert!(BATCH_SECTORS_MAX < HEADER_INDEX as usize);

/// How many sectors of an empty tail are looked at together.
const TAIL_SECTORS: usize = 2048;

/// The first sequence number of a journal.
pub const SEQUENCE_FIRST: u64 = 1;

/// How long to look again at what seems damaged at the end of a journal, before it is called so.
///
/// Whoever reads beside a writer may see half of what is being written. A write ends, damage stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many times to look again.
    pub attempts: u32,
    /// The pause before each.
    pub pause: Duration,
}

impl Patience {
    /// For files that nobody writes to.
    pub const NONE: Self = Self { attempts: 0, pause: Duration::ZERO };

    /// For files that a writer may be writing to: a fifth of a second.
    pub const BESIDE_WRITER: Self = Self { attempts: 20, pause: Duration::from_millis(10) };
}

/// Where to begin.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// With the first record ever.
    Beginning,
    /// With the segment that has this record, taking the chain value that its header says.
    Segment(u64),
    /// With the segment that this point is in; the point is checked.
    Anchor(Anchor),
}

/// What is known of the batches up to some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The sequence number of the next record.
    pub sequence: u64,
    /// The chain value.
    pub hash: Hash,
    /// The epoch of the last writer.
    pub epoch: u64,
}

impl Position {
    /// Where a journal begins.
    pub const BEGINNING: Self = Self { sequence: SEQUENCE_FIRST, hash: GENESIS, epoch: 0 };
}

/// Whether there was another batch.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Batch(BatchHeader),
    End(Tail),
}

/// The end of the last segment.
#[derive(Clone, Copy, Debug)]
pub struct Tail {
    /// Where the next batch belongs.
    pub offset: u64,
    /// Bytes of a batch that is not whole, from there on.
    pub torn_bytes: u64,
}

/// A place in the files of a journal.
pub struct Scanner<'d, D: Directory> {
    directory: &'d D,
    rules_known: RangeInclusive<u32>,
    patience: Patience,
    /// An anchor that was not come to yet.
    anchor: Option<Anchor>,
    segments: Vec<u64>,
    segment: usize,
    segment_first: usize,
    sectors: Sectors<D::File>,
    offset: u64,
    position: Position,
    content: Vec<u8>,
    /// The last step came to the end.
    ended: bool,
}

impl<'d, D: Directory> Scanner<'d, D> {
    /// Opens the segment to begin with; `None` if there are no segments at all.
    pub fn begin(
        directory: &'d D,
        start: Start,
        rules_known: RangeInclusive<u32>,
        patience: Patience,
    ) -> Result<Option<Self>, ReadError> {
        let segments = list_segments(directory)?;
        let Some(&first) = segments.first() else {
            return match start {
                Start::Anchor(anchor) if anchor.sequence >= SEQUENCE_FIRST => {
                    Err(ReadError::Behind { anchor, next: SEQUENCE_FIRST })
                }
                _ => Ok(None),
            };
        };
        let (expected, wanted, anchor) = match start {
            Start::Beginning => (Some(Position::BEGINNING), first, None),
            Start::Segment(sequence) => (None, sequence, None),
            Start::Anchor(anchor) => (None, anchor.sequence.saturating_add(1), Some(anchor)),
        };
        let Some(segment) = segments.partition_point(|&first| first <= wanted).checked_sub(1)
        else {
            return Err(ReadError::TooEarly { sequence: wanted, first });
        };
        let (sectors, header) = open_segment(directory, segments[segment])?;
        let position = expected.unwrap_or(Position {
            sequence: header.sequence,
            hash: header.previous,
            epoch: header.epoch,
        });
        let mut scanner = Self {
            directory,
            rules_known,
            patience,
            anchor,
            segments,
            segment,
            segment_first: segment,
            sectors,
            offset: 0,
            position,
            content: Vec::new(),
            ended: false,
        };
        scanner.enter(&header)?;
        scanner.check_anchor()?;
        Ok(Some(scanner))
    }

    /// Goes on by a batch.
    pub fn step(&mut self) -> Result<Step, ReadError> {
        if std::mem::take(&mut self.ended) {
            self.reopen()?;
        }
        let mut attempts = 0;
        loop {
            match self.look() {
                Ok(Look::Batch(header)) => {
                    self.check_anchor()?;
                    return Ok(Step::Batch(header));
                }
                Ok(Look::SegmentEnd) => self.next_segment()?,
                Ok(Look::Tail(tail)) => {
                    if self.patience == Patience::NONE || !self.find_new_segments()? {
                        return self.end(tail);
                    }
                }
                Err(ReadError::Damaged(_))
                    if self.is_last_segment() && attempts < self.patience.attempts =>
                {
                    attempts += 1;
                    sleep(self.patience.pause);
                    self.find_new_segments()?;
                    self.reopen()?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The batch that the last step came to.
    pub fn batch(&self, header: BatchHeader) -> Batch<'_> {
        batch::read(header, &self.content).expect("looking at the batch has checked its records")
    }

    /// What is known up to here.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The segment that was come to, by its first record.
    pub fn segment(&self) -> u64 {
        self.segments[self.segment]
    }

    /// Where in the segment the next batch belongs.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many segments were come to.
    pub fn segments_read(&self) -> u64 {
        (self.segment + 1 - self.segment_first) as u64
    }

    fn end(&mut self, tail: Tail) -> Result<Step, ReadError> {
        self.ended = true;
        match self.anchor {
            Some(anchor) => Err(ReadError::Behind { anchor, next: self.position.sequence }),
            None => Ok(Step::End(tail)),
        }
    }

    fn is_last_segment(&self) -> bool {
        self.segment + 1 == self.segments.len()
    }

    /// Whether a writer has begun another segment meanwhile; then this one is read anew.
    fn find_new_segments(&mut self) -> Result<bool, ReadError> {
        let current = self.segment();
        let segments = list_segments(self.directory)?;
        self.segments.truncate(self.segment + 1);
        self.segments.extend(segments.into_iter().filter(|&first| first > current));
        if self.is_last_segment() {
            return Ok(false);
        }
        self.reopen()?;
        Ok(true)
    }

    /// Forgets what was read ahead, and opens the file again: a writer that has recovered has put
    /// another in its place.
    fn reopen(&mut self) -> Result<(), ReadError> {
        let (sectors, _) = open_segment(self.directory, self.segment())?;
        self.sectors = sectors;
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), ReadError> {
        let (sectors, header) = open_segment(self.directory, self.segments[self.segment + 1])?;
        self.segment += 1;
        self.sectors = sectors;
        self.enter(&header)
    }

    /// Checks that a segment follows on what was read, and goes to its first batch.
    fn enter(&mut self, header: &SegmentHeader) -> Result<(), ReadError> {
        self.offset = 0;
        self.check_follows(header.sequence, header.previous, header.epoch, header.rules)?;
        self.position.epoch = header.epoch;
        self.offset = SECTOR_BYTES as u64;
        Ok(())
    }

    fn look(&mut self) -> Result<Look, ReadError> {
        let first = self.sectors_at(self.offset, 1)?.first().map(sector::condition);
        match first {
            Some(Condition::Whole(0)) => self.look_at_batch(),
            Some(Condition::Whole(_)) => Err(self.damage(DamageKind::NoBatch)),
            Some(Condition::Blank | Condition::Torn | Condition::Spoiled) | None => {
                self.look_at_end(BATCH_SECTORS_MAX)
            }
        }
    }

    /// Reads a batch whose first sector is whole.
    fn look_at_batch(&mut self) -> Result<Look, ReadError> {
        let first = &self.sectors_at(self.offset, 1)?[0];
        let Some(header) = BatchHeader::decode(sector::content(first)) else {
            return Err(self.damage(DamageKind::NoBatch));
        };
        let count = sector::count(header.content_bytes());
        if !self.gather(count)? {
            return self.look_at_end(count);
        }
        let (content, padding) = self.content.split_at(header.content_bytes());
        if !batch::hash_fits(content) {
            return Err(self.damage(DamageKind::Hash));
        }
        self.check_follows(header.sequence, header.previous, header.epoch, header.rules)?;
        if !sector::is_blank(padding) || batch::read(header, content).is_none() {
            return Err(self.damage(DamageKind::Records));
        }
        self.content.truncate(header.content_bytes());
        let hash = self.batch(header).hash();
        self.position = Position { sequence: header.next_sequence(), hash, epoch: header.epoch };
        self.offset += (count * SECTOR_BYTES) as u64;
        Ok(Look::Batch(header))
    }

    /// Puts together the content of `count` sectors; `false` if not all of them are whole.
    fn gather(&mut self, count: usize) -> Result<bool, ReadError> {
        let read = self.sectors.at(self.offset, count);
        let name = || segment_name(self.segments[self.segment]);
        let sectors = read.map_err(|error| StorageError::on("read", &name())(error))?;
        self.content.clear();
        for (index, sector) in sectors.iter().enumerate() {
            if !is_whole(sector::condition(sector), index) {
                return Ok(false);
            }
            self.content.extend_from_slice(sector::content(sector));
        }
        Ok(sectors.len() == count)
    }

    /// Where the next batch belongs there is none that is whole: that is the end of the segment, or
    /// damage. At most `limit` sectors can be of a batch that is not whole.
    fn look_at_end(&mut self, limit: usize) -> Result<Look, ReadError> {
        if self.is_last_segment() {
            return self.look_at_tail(limit);
        }
        if self.file_length()? == self.offset {
            return Ok(Look::SegmentEnd);
        }
        let offset = self.offset;
        let sectors = self.sectors_at(offset, limit.min(BATCH_SECTORS_MAX))?;
        let fault =
            sectors.iter().enumerate().find_map(|(index, sector)| {
                match sector::condition(sector) {
                    condition if is_whole(condition, index) => None,
                    Condition::Spoiled => Some((index, DamageKind::Checksum)),
                    _ => Some((index, DamageKind::Unfinished)),
                }
            });
        let (index, kind) = fault.unwrap_or((0, DamageKind::Unfinished));
        Err(self.damage_at(offset + (index * SECTOR_BYTES) as u64, kind))
    }

    /// All that may stand behind the last batch is a part of one more: each of its sectors whole,
    /// torn or blank, and nothing after them.
    fn look_at_tail(&mut self, limit: usize) -> Result<Look, ReadError> {
        let begin = self.offset;
        let mut index = 0;
        let mut torn = 0;
        loop {
            let offset = begin + (index * SECTOR_BYTES) as u64;
            let sectors = self.sectors_at(offset, TAIL_SECTORS)?;
            if sectors.is_empty() {
                let torn_bytes = (torn * SECTOR_BYTES) as u64;
                return Ok(Look::Tail(Tail { offset: begin, torn_bytes }));
            }
            let used = sectors.iter().enumerate().filter(|(_, sector)| !sector::is_blank(*sector));
            let mut fault = None;
            for (more, sector) in used {
                let condition = sector::condition(sector);
                let explained = is_whole(condition, index + more) || condition == Condition::Torn;
                if !explained || index + more >= limit {
                    let spoiled = condition == Condition::Spoiled;
                    let kind = if spoiled { DamageKind::Checksum } else { DamageKind::Unfinished };
                    fault = Some((offset + (more * SECTOR_BYTES) as u64, kind));
                    break;
                }
                torn = index + more + 1;
            }
            index += sectors.len();
            if let Some((offset, kind)) = fault {
                return Err(self.damage_at(offset, kind));
            }
        }
    }

    fn check_follows(
        &self,
        sequence: u64,
        previous: Hash,
        epoch: u64,
        rules: u32,
    ) -> Result<(), ReadError> {
        let position = self.position;
        let (first, last) = (*self.rules_known.start(), *self.rules_known.end());
        let kind = if sequence != position.sequence {
            DamageKind::Sequence { expected: position.sequence, found: sequence }
        } else if previous != position.hash {
            DamageKind::Chain
        } else if epoch < position.epoch {
            DamageKind::Epoch { before: position.epoch, found: epoch }
        } else if !self.rules_known.contains(&rules) {
            DamageKind::Rules { found: rules, first, last }
        } else {
            return Ok(());
        };
        Err(self.damage(kind))
    }

    fn check_anchor(&mut self) -> Result<(), ReadError> {
        let Some(anchor) = self.anchor else { return Ok(()) };
        let last = self.position.sequence - 1;
        if last < anchor.sequence {
            return Ok(());
        }
        if (last, self.position.hash) != (anchor.sequence, anchor.hash) {
            return Err(ReadError::Anchor { anchor });
        }
        self.anchor = None;
        Ok(())
    }

    fn sectors_at(
        &mut self,
        offset: u64,
        count: usize,
    ) -> Result<&[[u8; SECTOR_BYTES]], ReadError> {
        let name = || segment_name(self.segments[self.segment]);
        let read = self.sectors.at(offset, count);
        Ok(read.map_err(|error| StorageError::on("read", &name())(error))?)
    }

    fn file_length(&self) -> Result<u64, ReadError> {
        let name = segment_name(self.segment());
        Ok(self.sectors.length().map_err(StorageError::on("ask for the length of", &name))?)
    }

    fn damage(&self, kind: DamageKind) -> ReadError {
        self.damage_at(self.offset, kind)
    }

    fn damage_at(&self, offset: u64, kind: DamageKind) -> ReadError {
        Damage { file: segment_name(self.segment()), offset, kind }.into()
    }
}

/// What there is where the next batch belongs.
enum Look {
    Batch(BatchHeader),
    SegmentEnd,
    Tail(Tail),
}

fn is_whole(condition: Condition, index: usize) -> bool {
    matches!(condition, Condition::Whole(found) if usize::from(found) == index)
}
