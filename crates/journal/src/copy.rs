//! Copies of a journal, made beside its writer.

use std::ops::RangeInclusive;
use std::thread::sleep;

use crate::error::{Anchor, ReadError, StorageError};
use crate::format::segment_name;
use crate::recovery::{copy, remove_unfinished};
use crate::scan::{Patience, Scanner, Start, Step};
use crate::segment::Prepared;
use crate::snapshot::{self, SnapshotHeader, verify_snapshot};
use crate::storage::Directory;

/// What is to be copied.
#[derive(Clone, Debug)]
pub struct Copying {
    /// The rules that the program knows.
    pub rules_known: RangeInclusive<u32>,
    /// A point that the copy has come to before. Segments that end before it are not touched.
    pub after: Option<Anchor>,
    /// The last record at most. Batches are copied whole, so the copy may end before it.
    pub until: u64,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where the copy ends.
    pub through: Anchor,
    /// The epoch of its last writer.
    pub epoch: u64,
    /// The files that were written.
    pub segments: Vec<String>,
    /// Bytes written.
    pub bytes: u64,
}

/// Copies batches of a journal, each checked on the way, into a folder that is nobody else's. A
/// writer may be at work on the first; which of its batches are durable, [`settled`] tells. `None` if
/// there is nothing to be copied.
///
/// # Errors
/// Damage of the journal, by file and byte; that it does not have the point which the copy has come
/// to; what the file systems say.
pub fn copy_batches<S: Directory, T: Directory>(
    from: &S,
    to: &T,
    copying: &Copying,
) -> Result<Option<Copied>, ReadError> {
    remove_unfinished(to)?;
    let start = copying.after.map_or(Start::Beginning, Start::Anchor);
    let rules = copying.rules_known.clone();
    let Some(mut scanner) = Scanner::begin(from, start, rules, Patience::BESIDE_WRITER)? else {
        return Ok(None);
    };
    let mut ends: Vec<(u64, u64)> = Vec::new();
    let mut reached = None;
    while let Step::Batch(header) = scanner.step()? {
        if header.next_sequence() - 1 > copying.until {
            break;
        }
        match ends.last_mut() {
            Some((segment, end)) if *segment == scanner.segment() => *end = scanner.offset(),
            _ => ends.push((scanner.segment(), scanner.offset())),
        }
        reached = Some(scanner.position());
    }
    let Some(position) = reached else { return Ok(None) };
    let through = Anchor { sequence: position.sequence - 1, hash: position.hash };
    let mut copied = Copied { through, epoch: position.epoch, segments: Vec::new(), bytes: 0 };
    if copying.after.is_some_and(|after| after.sequence >= through.sequence) {
        return Ok(Some(copied));
    }
    for (segment, end) in ends {
        let name = segment_name(segment);
        let mut old = from.open(&name).map_err(StorageError::on("open", &name))?;
        Prepared::filled(to, segment, end, |file| copy(&mut old, file, end))?.publish()?;
        copied.segments.push(name);
        copied.bytes += end;
    }
    Ok(Some(copied))
}

/// The end of a journal beside its writer, as soon as it is sure to be durable: a batch is written
/// only after the one before it was synced, so this waits for one more. `None` if none came.
///
/// # Errors
/// Damage, by file and byte, or what the file system says.
pub fn settled<D: Directory>(
    directory: &D,
    rules_known: RangeInclusive<u32>,
    wait: Patience,
) -> Result<Option<Anchor>, ReadError> {
    let start = Start::Segment(u64::MAX);
    let beside = Patience::BESIDE_WRITER;
    let Some(mut scanner) = Scanner::begin(directory, start, rules_known, beside)? else {
        return Ok(None);
    };
    while let Step::Batch(_) = scanner.step()? {}
    let end = scanner.position();
    for _ in 0..wait.attempts {
        sleep(wait.pause);
        if let Step::Batch(_) = scanner.step()? {
            return Ok(Some(Anchor { sequence: end.sequence - 1, hash: end.hash }));
        }
    }
    Ok(None)
}

/// Copies a snapshot, and checks every byte of the copy. Rules that are unknown are no matter here.
///
/// # Errors
/// Damage, by file and byte, or what the file systems say.
pub fn copy_snapshot<S: Directory, T: Directory>(
    from: &S,
    to: &T,
    sequence: u64,
) -> Result<SnapshotHeader, ReadError> {
    snapshot::copy(from, to, sequence)?;
    verify_snapshot(to, sequence, &(0..=u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faulty::Memory;
    use crate::journal::{Journal, Options};
    use crate::read::{VerifyOptions, verify};

    fn journal(memory: &Memory) -> Journal<Memory> {
        let options = Options { segment_bytes: 4096, epoch: 0, ..Options::default() };
        Journal::open(memory.clone(), options).unwrap().0
    }

    fn write(journal: &mut Journal<Memory>, batches: u64) {
        for batch in 0..batches {
            journal.append([[7u8; 300], [8; 300]], batch).unwrap();
            journal.sync().unwrap();
        }
    }

    fn copying(after: Option<Anchor>, until: u64) -> Copying {
        Copying { rules_known: 1..=1, after, until }
    }

    #[test]
    fn a_copy_is_the_journal_up_to_a_batch_and_goes_on_from_there() {
        let (from, to) = (Memory::new(), Memory::new());
        assert_eq!(copy_batches(&from, &to, &copying(None, 9)).unwrap(), None);
        let mut journal = journal(&from);
        write(&mut journal, 10);
        let first = copy_batches(&from, &to, &copying(None, 13)).unwrap().unwrap();
        assert_eq!(first.through.sequence, 12, "batches have two records and are whole");
        write(&mut journal, 10);
        let all = copying(Some(first.through), u64::MAX);
        let second = copy_batches(&from, &to, &all).unwrap().unwrap();
        assert_eq!(second.through.sequence, 40);
        assert!(!second.segments.contains(&first.segments[0]), "it was there already");
        let read = |memory: &Memory| {
            let patience = Patience::NONE;
            let options = VerifyOptions { rules_known: 1..=1, anchor: None, patience };
            verify(memory, &options).unwrap().read
        };
        assert_eq!(read(&to), read(&from));
        let none = copying(Some(second.through), u64::MAX);
        assert_eq!(copy_batches(&from, &to, &none).unwrap().unwrap().bytes, 0);
        let other = Anchor { sequence: 12, hash: [1; 32] };
        let refused = copy_batches(&from, &to, &copying(Some(other), 40));
        assert!(matches!(refused, Err(ReadError::Anchor { .. })));
    }

    #[test]
    fn a_writer_that_does_not_say_goes_on_with_the_epoch_that_it_finds() {
        let memory = Memory::new();
        write(&mut journal(&memory), 1);
        let later = Options { epoch: 5, ..Options::default() };
        let mut replaced = Journal::open(memory.clone(), later).unwrap().0;
        replaced.append(["one"], 0).unwrap();
        replaced.sync().unwrap();
        drop(replaced);
        write(&mut journal(&memory), 1);
        let mut epochs = Vec::new();
        let again = journal(&memory);
        let mut batches = again.batches_from(1).unwrap();
        while let Some(batch) = batches.next().unwrap() {
            epochs.push(batch.epoch());
        }
        assert_eq!(epochs, [1, 5, 5]);
    }

    #[test]
    fn the_end_is_settled_when_another_batch_follows() {
        let memory = Memory::new();
        let mut journal = journal(&memory);
        write(&mut journal, 3);
        let wait = |attempts| Patience { attempts, pause: std::time::Duration::from_millis(1) };
        assert_eq!(settled(&memory, 1..=1, wait(2)).unwrap(), None);
        let beside = memory.clone();
        let waiting = std::thread::spawn(move || settled(&beside, 1..=1, wait(100_000)).unwrap());
        let mut written = 3;
        while !waiting.is_finished() {
            write(&mut journal, 1);
            written += 1;
            // In memory a batch costs so little that one who reads might never come to the end.
            sleep(std::time::Duration::from_micros(500));
        }
        let settled = waiting.join().unwrap().unwrap().sequence;
        assert!((6..2 * written).contains(&settled), "{settled} of {written}");
    }
}
