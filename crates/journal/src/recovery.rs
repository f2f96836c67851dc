//! Making a journal ready to be written to, whatever its last writer left behind.

use std::io;

use crate::error::{OpenError, StorageError};
use crate::format::{SEGMENT_SUFFIX, SPARE_NAME, UNFINISHED_SUFFIX, segment_name, sequence_in};
use crate::journal::{EPOCH_AS_BEFORE, Options};
use crate::scan::{Patience, Position, Scanner, Start};
use crate::segment::{Prepared, Segment};
use crate::snapshot::SNAPSHOT_SUFFIX;
use crate::storage::{Directory, File};
use crate::summary::{self, Summary};

/// How much of a segment is copied at once.
const COPY_BYTES: usize = 1 << 20;

/// What was found when a journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// What was read.
    pub read: Summary,
    /// Bytes of a batch that was not whole and was cut. It was never acknowledged.
    pub cut_bytes: u64,
}

type Recovered<F> = (Option<Segment<F>>, Position, Recovery);

/// Reads a journal, cuts what is not whole at its end, and makes the rest durable.
pub fn recover<D: Directory>(
    directory: &D,
    options: &Options,
) -> Result<Recovered<D::File>, OpenError> {
    let start = options.anchor.map_or(Start::Beginning, Start::Anchor);
    let rules = options.rules_known.clone();
    let Some(mut scanner) = Scanner::begin(directory, start, rules, Patience::NONE)? else {
        remove_unfinished(directory)?;
        let recovery = Recovery { read: Summary::default(), cut_bytes: 0 };
        return Ok((None, Position::BEGINNING, recovery));
    };
    let (read, tail) = summary::walk(&mut scanner)?;
    let position = scanner.position();
    if position.epoch > options.epoch && options.epoch != EPOCH_AS_BEFORE {
        return Err(OpenError::Replaced { asked: options.epoch, found: position.epoch });
    }
    // Not even the bytes that were read are known to be durable: if the last writer ended because a
    // sync failed, they may be in the system's memory only, and taken there for written.
    let segment = renew(directory, scanner.segment(), tail.offset, options.segment_bytes)?;
    remove_unfinished(directory)?;
    Ok((Some(segment), position, Recovery { read, cut_bytes: tail.torn_bytes }))
}

/// Writes the last segment anew up to `end`, and puts it in place of what is there.
fn renew<D: Directory>(
    directory: &D,
    sequence: u64,
    end: u64,
    segment_bytes: u64,
) -> Result<Segment<D::File>, StorageError> {
    let name = segment_name(sequence);
    let mut old = directory.open(&name).map_err(StorageError::on("open", &name))?;
    let length = segment_bytes.max(end);
    let prepared = Prepared::filled(directory, sequence, length, |file| copy(&mut old, file, end));
    prepared?.publish()
}

/// Copies the first `end` bytes of a file.
pub fn copy(from: &mut impl File, to: &mut impl File, end: u64) -> io::Result<u64> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut offset = 0;
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(usize::MAX);
        let part = &mut buffer[..left.min(COPY_BYTES)];
        if from.read_at(offset, part)? < part.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_at(offset, part)?;
        offset += part.len() as u64;
    }
    Ok(end)
}

/// Does away with segments and snapshots that never got their names, and with what was ready for a segment.
pub fn remove_unfinished(directory: &impl Directory) -> Result<(), StorageError> {
    for name in directory.list().map_err(StorageError::on("list", "."))? {
        let finished = name.strip_suffix(UNFINISHED_SUFFIX);
        let is_ours = finished.is_some_and(|name| {
            let suffixes = [SEGMENT_SUFFIX, SNAPSHOT_SUFFIX];
            suffixes.iter().any(|suffix| sequence_in(name, suffix).is_some())
        });
        if is_ours || name == SPARE_NAME {
            directory.remove(&name).map_err(StorageError::on("remove", &name))?;
        }
    }
    Ok(())
}
