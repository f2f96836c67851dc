//! How a segment begins and ends, and how it is found again.
//!
//! A segment gets its name only when its content and its length are durable, and after the one before
//! it was cut to what it holds. So a named segment has a header that is whole, and every segment but
//! the last ends with its last batch.

use std::io;

use crate::error::{Damage, DamageKind, ReadError, StorageError};
use crate::format::{
    FORMAT, HEADER_INDEX, NoHeader, SEGMENT_SUFFIX, SegmentHeader, UNFINISHED_SUFFIX, segment_name,
    segment_sequence,
};
use crate::sector::{self, Condition, SECTOR_BYTES};
use crate::sectors::Sectors;
use crate::storage::{Directory, File};

/// Bytes before the first batch.
pub const HEADER_BYTES: u64 = SECTOR_BYTES as u64;

/// A segment that batches are appended to.
#[derive(Debug)]
pub struct Segment<F> {
    pub file: F,
    pub name: String,
    /// Where the next batch belongs.
    pub offset: u64,
    /// Bytes that are reserved.
    pub length: u64,
    /// Whether it was said that another will follow.
    pub is_followed: bool,
}

impl<F: File> Segment<F> {
    /// Cuts the segment to what it holds, since another follows.
    pub fn close(&mut self) -> Result<(), StorageError> {
        self.file.truncate(self.offset).map_err(StorageError::on("truncate", &self.name))?;
        self.file.sync_all().map_err(StorageError::on("sync", &self.name))
    }
}

/// A segment that is durable but for its name.
pub struct Prepared<'d, D: Directory> {
    directory: &'d D,
    unfinished: String,
    segment: Segment<D::File>,
}

impl<'d, D: Directory> Prepared<'d, D> {
    /// Makes a segment with a header only.
    pub fn empty(
        directory: &'d D,
        header: &SegmentHeader,
        length: u64,
    ) -> Result<Self, StorageError> {
        let mut sectors = Vec::with_capacity(SECTOR_BYTES);
        sector::write(&header.encode(), HEADER_INDEX, &mut sectors);
        Self::filled(directory, header.sequence, length, |file| {
            file.write_at(0, &sectors)?;
            Ok(HEADER_BYTES)
        })
    }

    /// Makes a segment with what `fill` writes; that says how much it was. If that fails, nothing of
    /// the segment stays.
    pub fn filled(
        directory: &'d D,
        sequence: u64,
        length: u64,
        fill: impl FnOnce(&mut D::File) -> io::Result<u64>,
    ) -> Result<Self, StorageError> {
        let name = segment_name(sequence);
        let unfinished = format!("{name}{UNFINISHED_SUFFIX}");
        let written = write_durably(directory, &unfinished, length, fill);
        match written {
            Ok((file, offset)) => {
                let segment = Segment { file, name, offset, length, is_followed: false };
                Ok(Self { directory, unfinished, segment })
            }
            Err(error) => {
                // The first error is the one to tell; what stays the next opening does away with.
                let _ = directory.remove(&unfinished);
                Err(error)
            }
        }
    }

    /// Gives the segment its name, in place of one that had it.
    pub fn publish(self) -> Result<Segment<D::File>, StorageError> {
        let Self { directory, unfinished, segment } = self;
        let renamed = directory.rename(&unfinished, &segment.name);
        renamed.map_err(StorageError::on("rename", &unfinished))?;
        directory.sync().map_err(StorageError::on("sync", "."))?;
        Ok(segment)
    }
}

fn write_durably<D: Directory>(
    directory: &D,
    name: &str,
    length: u64,
    fill: impl FnOnce(&mut D::File) -> io::Result<u64>,
) -> Result<(D::File, u64), StorageError> {
    let mut file = match directory.create_foreseen(name, length) {
        Some(ready) => ready,
        None => {
            let mut file = directory.create(name).map_err(StorageError::on("create", name))?;
            file.preallocate(length).map_err(StorageError::on("reserve room for", name))?;
            file
        }
    };
    let filled = fill(&mut file).map_err(StorageError::on("write to", name))?;
    file.sync_all().map_err(StorageError::on("sync", name))?;
    Ok((file, filled))
}

/// The first records of all segments, ascending.
pub fn list_segments(directory: &impl Directory) -> Result<Vec<u64>, ReadError> {
    let names = directory.list().map_err(StorageError::on("list", "."))?;
    let mut segments = Vec::new();
    for name in names.into_iter().filter(|name| name.ends_with(SEGMENT_SUFFIX)) {
        let kind = DamageKind::Stranger;
        let sequence = segment_sequence(&name).ok_or(Damage { file: name, offset: 0, kind })?;
        segments.push(sequence);
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Checks that every segment has the sequence number that it is named for. What else may be wrong with
/// one is told of where its batches are.
///
/// # Errors
/// The first one that has another, or what the file system says.
pub fn check_names<D: Directory>(directory: &D) -> Result<(), ReadError> {
    for sequence in list_segments(directory)? {
        match open_segment(directory, sequence) {
            Err(ReadError::Damaged(damage)) if matches!(damage.kind, DamageKind::Name { .. }) => {
                return Err(damage.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Opens a segment, and reads its header.
pub fn open_segment<D: Directory>(
    directory: &D,
    sequence: u64,
) -> Result<(Sectors<D::File>, SegmentHeader), ReadError> {
    let file = segment_name(sequence);
    let damage = |kind| Damage { file: file.clone(), offset: 0, kind };
    let opened = directory.open(&file).map_err(StorageError::on("open", &file))?;
    let mut sectors = Sectors::new(opened);
    let read = sectors.at(0, 1).map_err(StorageError::on("read", &file))?;
    let Some(first) = read.first() else {
        return Err(damage(DamageKind::NoSegmentHeader).into());
    };
    match sector::condition(first) {
        Condition::Whole(HEADER_INDEX) => {}
        Condition::Spoiled => return Err(damage(DamageKind::Checksum).into()),
        _ => return Err(damage(DamageKind::NoSegmentHeader).into()),
    }
    let header = SegmentHeader::decode(sector::content(first)).map_err(|none| match none {
        NoHeader::Format(found) => damage(DamageKind::Format { found, known: FORMAT }),
        NoHeader::Other => damage(DamageKind::NoSegmentHeader),
    })?;
    if header.sequence != sequence {
        return Err(damage(DamageKind::Name { found: header.sequence }).into());
    }
    Ok((sectors, header))
}
