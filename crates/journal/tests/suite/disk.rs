//! The same on real files.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use plimsoll_journal::{
    Disk, Journal, OpenError, Options, SnapshotHeader, SnapshotReader, SnapshotWriter,
};

use crate::world::{batches, check, options, read};

#[test]
fn a_journal_on_disk_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path().join("journal")).unwrap();
    let all = batches();
    let (first, second) = all.split_at(4);
    for (part, records_before) in [(first, 0), (second, 7)] {
        let (mut journal, recovery) = Journal::open(disk.clone(), options()).unwrap();
        assert_eq!(recovery.read.records, records_before);
        assert!(matches!(Journal::open(disk.clone(), options()), Err(OpenError::Locked)));
        for (time_ms, records) in part {
            journal.append(records, *time_ms).unwrap();
            journal.sync().unwrap();
        }
    }
    assert_eq!(read(&disk).unwrap(), all);
    assert_eq!(check(&disk).unwrap().read.batches, all.len() as u64);
}

#[test]
fn the_next_segment_is_made_ready_while_one_is_written() {
    const SPARE: &str = "spare.journal.new";
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(SPARE);
    std::fs::write(&place, "left by one who was killed").unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    let options = Options { segment_bytes: 16 << 10, ..Options::default() };
    let (mut journal, _) = Journal::open(disk, options).unwrap();
    assert!(!place.exists());
    let record = [7; 1_000];
    let append = |journal: &mut Journal<Disk>| {
        journal.append([record], 1).unwrap();
        journal.sync().unwrap();
    };
    append(&mut journal);
    assert!(!place.exists(), "a journal that hardly has anything needs no more room");
    for _ in 0..3 {
        append(&mut journal);
    }
    let ready = || {
        let there = std::fs::metadata(&place).ok().filter(|file| file.len() == 16 << 10);
        there.map(|file| (file.ino(), std::fs::read(&place).unwrap()))
    };
    let until = Instant::now() + Duration::from_secs(30);
    let (inode, bytes) = loop {
        assert!(Instant::now() < until, "nothing is made ready");
        match ready() {
            Some(ready) => break ready,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    assert!(bytes.iter().all(|byte| *byte == 0));
    // The thread that made it has to have ended, too.
    std::thread::sleep(Duration::from_secs(1));
    for _ in 0..10 {
        append(&mut journal);
    }
    let second = std::fs::metadata(folder.path().join("00000000000000000011.journal")).unwrap();
    assert_eq!(second.ino(), inode, "it is the one that was made ready");
    let last = journal.durable();
    drop(journal);
    assert!(!place.exists(), "nobody needs it any more");
    let disk = Disk::existing(folder.path());
    assert_eq!(read(&disk).unwrap().len(), 14);
    let (journal, _) = Journal::open(disk, Options::default()).unwrap();
    assert_eq!(journal.durable(), last);
}

#[test]
fn a_torn_batch_on_disk_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    let all = batches();
    let (mut journal, _) = Journal::open(disk.clone(), Options::default()).unwrap();
    journal.append(&all[0].1, all[0].0).unwrap();
    journal.sync().unwrap();
    journal.append(&all[2].1, all[2].0).unwrap();
    journal.sync().unwrap();
    drop(journal);
    let path = folder.path().join("00000000000000000001.journal");
    let length = std::fs::metadata(&path).unwrap().len();
    assert_eq!(length, Options::default().segment_bytes);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1024 + 700).unwrap();
    drop(file);
    let (journal, recovery) = Journal::open(disk.clone(), Options::default()).unwrap();
    assert_eq!(recovery.cut_bytes, 512, "what is left of its second sector is blank");
    assert_eq!(journal.durable().sequence, 3);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
    assert_eq!(read(&disk).unwrap(), all[..1]);
}

#[test]
fn a_snapshot_on_disk_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    let header = SnapshotHeader { rules: 1, sequence: 9, chain: [1; 32], state: [2; 32] };
    let state: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 253) as u8).collect();
    let mut writer = SnapshotWriter::begin(&disk, &header).unwrap();
    writer.write_all(&state).unwrap();
    writer.finish().unwrap();
    let mut reader = SnapshotReader::open(&disk, 9, &(1..=1)).unwrap();
    assert_eq!(reader.header(), header);
    let mut found = Vec::new();
    reader.read_to_end(&mut found).unwrap();
    assert!(found == state);
}
