//! The same on real files.

use std::io::{Read, Write};

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
