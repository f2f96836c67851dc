//! Verifying while a writer is at work, on real files.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plimsoll_journal::faulty::{Faults, Memory};
use plimsoll_journal::{
    Batches, Disk, End, Journal, Options, Patience, ReadError, VerifyOptions, verify,
};

use crate::world::{check, open, scale, segments};

/// Segments that a few large batches fill, so that there are many.
const SEGMENT_BYTES: u64 = 64 << 10;

#[test]
fn a_journal_is_verified_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    let (done, durable) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            write_many(&disk, &durable);
            done.store(true, Ordering::SeqCst);
        });
        let mut verifications = 0;
        while !done.load(Ordering::SeqCst) || verifications == 0 {
            let least = durable.load(Ordering::SeqCst);
            let patience = Patience::BESIDE_WRITER;
            let options = VerifyOptions { rules_known: 1..=1, anchor: None, patience };
            let verified = verify(&disk, &options).unwrap();
            assert!(verified.read.last >= least, "{} of {least}", verified.read.last);
            verifications += 1;
        }
    });
    let verified = check(&disk).unwrap();
    assert_eq!(verified.end, End::Clean);
    assert_eq!(verified.read.last, durable.load(Ordering::SeqCst));
    assert!(verified.read.segments > 3);
}

fn write_many(disk: &Disk, durable: &AtomicU64) {
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let mut journal = Journal::open(disk.clone(), options).unwrap().0;
    for batch in 0..u64::from(400 * scale()) {
        let length = (batch * 7919 % 9000) as usize;
        journal.append([vec![batch as u8; length], vec![0; 40]], batch).unwrap();
        durable.store(journal.sync().unwrap().sequence, Ordering::SeqCst);
    }
}

#[test]
fn a_batch_on_its_way_is_told_from_damage() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    journal.append(["acknowledged"], 0).unwrap();
    journal.sync().unwrap();
    for written in 1..511 {
        let other = memory.kill();
        other.inject(Faults { crash_after_steps: Some(written), ..Faults::default() });
        drop(journal);
        let opened = Journal::open(memory.clone(), crate::world::options());
        journal = opened.unwrap().0;
        let unfinished = torn(&memory, written as usize);
        let verified = check(&unfinished).unwrap();
        assert_eq!(verified.read.last, 1);
        let file = segments(&memory)[0].clone();
        assert_eq!(verified.end, End::Unfinished { file, offset: 1024, bytes: 512 });
    }
}

/// The journal with the first bytes of one more batch.
fn torn(memory: &Memory, written: usize) -> Memory {
    let whole = memory.kill();
    let mut journal = open(&whole);
    journal.append(["on its way"], 1).unwrap();
    let name = &segments(&whole)[0];
    let mut bytes = whole.bytes(name).unwrap();
    bytes[1024 + written..].fill(0);
    whole.put(name, bytes);
    whole
}

#[test]
fn a_reader_goes_on_where_it_came_to_an_end() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    let patience = Patience { attempts: 1, ..Patience::BESIDE_WRITER };
    journal.append(["first"], 0).unwrap();
    journal.sync().unwrap();
    let mut batches = Batches::open(&memory, 1, 1..=1, patience).unwrap();
    assert_eq!(batches.next().unwrap().unwrap().sequence(), 1);
    for sequence in 2..20 {
        assert!(batches.next().unwrap().is_none());
        journal.append([vec![sequence as u8; 900]], 0).unwrap();
        journal.sync().unwrap();
        assert_eq!(batches.next().unwrap().unwrap().sequence(), sequence);
    }
    assert!(segments(&memory).len() > 3);
}

#[test]
fn damage_stays_however_patient_the_reader() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    journal.append(["acknowledged"], 0).unwrap();
    journal.sync().unwrap();
    let name = &segments(&memory)[0];
    let mut bytes = memory.bytes(name).unwrap();
    bytes[600] ^= 1;
    memory.put(name, bytes);
    let patience = Patience { attempts: 2, ..Patience::BESIDE_WRITER };
    let error = verify(&memory, &VerifyOptions { rules_known: 1..=1, anchor: None, patience });
    assert!(matches!(error, Err(ReadError::Damaged(_))));
}
