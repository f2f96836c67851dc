//! Snapshots are whole or not there, and damage to them is told.

use std::io::{Read, Write};
use std::num::NonZeroUsize;

use plimsoll_journal::faulty::{Faults, Luck, Memory};
use plimsoll_journal::{
    Damage, DamageKind, Directory, Newest, ReadError, SnapshotError, SnapshotHeader,
    SnapshotReader, SnapshotWriter, StorageError, WhenDamaged, list_snapshots, newest_snapshot,
    prune_snapshots, verify_snapshot,
};

use crate::world::open;

fn header(sequence: u64) -> SnapshotHeader {
    SnapshotHeader { rules: 1, sequence, chain: [3; 32], state: [4; 32] }
}

fn state(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 31 % 257) as u8).collect()
}

fn write(memory: &Memory, sequence: u64, state: &[u8]) -> Result<u64, StorageError> {
    let mut writer = SnapshotWriter::begin(memory, &header(sequence))?;
    writer.write_all(state).map_err(|source| StorageError {
        action: "write",
        file: String::new(),
        source,
    })?;
    writer.finish()
}

fn read(memory: &Memory, sequence: u64) -> std::io::Result<Vec<u8>> {
    let reader = SnapshotReader::open(memory, sequence, &(1..=1));
    let mut bytes = Vec::new();
    reader.map_err(std::io::Error::other)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn newest(memory: &Memory, when_damaged: WhenDamaged) -> Result<Newest, SnapshotError> {
    newest_snapshot(memory, &(1..=1), when_damaged)
}

#[test]
fn a_state_is_read_as_it_was_written() {
    for bytes in [0, 1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let memory = Memory::new();
        let state = state(bytes);
        let written = write(&memory, 7, &state).unwrap();
        let name = "00000000000000000007.snapshot";
        assert_eq!(memory.bytes(name).unwrap().len() as u64, written);
        assert_eq!(read(&memory.cut_power(Luck::Nothing), 7).unwrap(), state);
        assert_eq!(verify_snapshot(&memory, 7, &(1..=1)).unwrap(), header(7));
    }
}

#[test]
fn every_flipped_byte_of_a_snapshot_is_found() {
    let memory = Memory::new();
    write(&memory, 7, &state(300)).unwrap();
    let name = "00000000000000000007.snapshot";
    let whole = memory.bytes(name).unwrap();
    for at in 0..whole.len() {
        for mask in [1, 0x80, 0xFF] {
            let mut changed = whole.clone();
            changed[at] ^= mask;
            memory.put(name, changed);
            assert!(verify_snapshot(&memory, 7, &(1..=1)).is_err(), "byte {at}");
            assert!(read(&memory, 7).is_err(), "byte {at}");
        }
    }
    for length in 0..whole.len() {
        memory.put(name, whole[..length].to_vec());
        assert!(verify_snapshot(&memory, 7, &(1..=1)).is_err(), "cut to {length}");
    }
    memory.put(name, [&whole[..], &[0]].concat());
    assert!(verify_snapshot(&memory, 7, &(1..=1)).is_err(), "longer");
}

#[test]
fn chunks_of_another_snapshot_are_found() {
    let memory = Memory::new();
    write(&memory, 1, &state(300)).unwrap();
    write(&memory, 2, &vec![9; 300]).unwrap();
    let (one, two) = ("00000000000000000001.snapshot", "00000000000000000002.snapshot");
    let mut mixed = memory.bytes(one).unwrap();
    mixed[96..96 + 308].copy_from_slice(&memory.bytes(two).unwrap()[96..96 + 308]);
    memory.put(one, mixed);
    let error = verify_snapshot(&memory, 1, &(1..=1)).unwrap_err();
    let ReadError::Damaged(damage) = error else { panic!("{error}") };
    assert_eq!((damage.offset, damage.kind), (96 + 308, DamageKind::SnapshotEnd));
}

#[test]
fn a_crash_leaves_the_snapshot_or_none() {
    let whole = Memory::new();
    write(&whole, 7, &state(700)).unwrap();
    for step in 0..whole.steps() {
        let memory = Memory::new();
        memory.inject(Faults { crash_after_steps: Some(step), ..Faults::default() });
        assert!(write(&memory, 7, &state(700)).is_err());
        let seeds = (0..3).map(Luck::Seed);
        for luck in [Luck::Nothing, Luck::Everything].into_iter().chain(seeds) {
            let left = memory.cut_power(luck);
            let found = newest(&left, WhenDamaged::Refuse).unwrap();
            assert!(found.snapshot.is_none_or(|found| found == header(7)));
            drop(open(&left));
            assert!(left.list().unwrap().iter().all(|name| !name.ends_with(".new")));
            write(&left, 7, &state(700)).unwrap();
            assert_eq!(read(&left, 7).unwrap(), state(700));
        }
    }
}

#[test]
fn damaged_snapshots_are_skipped_only_when_allowed() {
    let memory = Memory::new();
    assert_eq!(newest(&memory, WhenDamaged::Refuse).unwrap().snapshot, None);
    for sequence in [10, 20, 30] {
        write(&memory, sequence, &state(100)).unwrap();
    }
    assert_eq!(newest(&memory, WhenDamaged::Refuse).unwrap().snapshot, Some(header(30)));
    for (sequence, at) in [(30, 110), (20, 3)] {
        let name = format!("{sequence:020}.snapshot");
        let mut bytes = memory.bytes(&name).unwrap();
        bytes[at] ^= 1;
        memory.put(&name, bytes);
    }
    let error = newest(&memory, WhenDamaged::Refuse).unwrap_err();
    let SnapshotError::Damaged { damaged, good } = &error else { panic!("{error}") };
    let damage = |file: &str, offset, kind| Damage { file: file.to_owned(), offset, kind };
    let expected = [
        damage("00000000000000000030.snapshot", 96, DamageKind::Checksum),
        damage("00000000000000000020.snapshot", 0, DamageKind::NoSnapshot),
    ];
    assert_eq!((&damaged[..], *good), (&expected[..], Some(10)));
    assert!(error.to_string().contains("skipped"), "{error}");
    let found = newest(&memory, WhenDamaged::Skip).unwrap();
    assert_eq!((found.snapshot, &found.damaged[..]), (Some(header(10)), &expected[..]));
}

#[test]
fn old_snapshots_go_by_count() {
    let memory = Memory::new();
    for sequence in [10, 20, 30, 40] {
        write(&memory, sequence, b"state").unwrap();
    }
    let keep = |count| NonZeroUsize::new(count).unwrap();
    assert_eq!(prune_snapshots(&memory, keep(5)).unwrap(), []);
    assert_eq!(prune_snapshots(&memory, keep(3)).unwrap(), [10]);
    assert_eq!(prune_snapshots(&memory, keep(1)).unwrap(), [20, 30]);
    assert_eq!(list_snapshots(&memory.cut_power(Luck::Nothing)).unwrap(), [40]);
}

#[test]
fn a_renamed_snapshot_and_unknown_rules_are_told() {
    let memory = Memory::new();
    write(&memory, 10, b"state").unwrap();
    let bytes = memory.bytes("00000000000000000010.snapshot").unwrap();
    memory.put("00000000000000000020.snapshot", bytes);
    let error = verify_snapshot(&memory, 20, &(1..=1)).unwrap_err();
    assert!(error.to_string().contains("begins with 10"), "{error}");
    let error = verify_snapshot(&memory, 10, &(2..=3)).unwrap_err();
    assert!(error.to_string().contains("rules 1"), "{error}");
}
