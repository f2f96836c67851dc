//! Verifying: what is sound passes, and what is not is named.

use engine::{Command, Event};
use journal::faulty::Memory;
use node::{
    JournalLog, JournalOptions, JournalReader, Log, LogReader, NodeError, Options, Verification,
    Watched, replay, verify,
};

use crate::cases;
use crate::world::{open, options, script};

/// A journal of a node, with two snapshots, in several segments.
fn journal(seed: u64) -> Memory {
    let memory = Memory::new();
    let world = open(&memory, Options { snapshot_every: 0, ..options() }).unwrap();
    for part in 0..6 {
        world.ask(&script(seed * 6 + part));
        if part == 2 || part == 4 {
            world.node.snapshot().unwrap();
        }
    }
    world.node.close().unwrap();
    memory
}

fn verified(memory: &Memory) -> Verification {
    verify(&JournalReader::new(memory.clone()), &mut |_| {}).unwrap()
}

/// Names of segments and snapshots.
fn files(memory: &Memory) -> Vec<String> {
    let mut names = journal::Directory::list(memory).unwrap();
    names.retain(|name| name.ends_with(".journal") || name.ends_with(".snapshot"));
    names.sort();
    names
}

#[test]
fn a_sound_journal_passes_with_all_that_was_checked() {
    for seed in 0..cases(5) {
        let memory = journal(seed);
        let reader = JournalReader::new(memory.clone());
        let (mut length, mut applied) = (0, 0);
        let found = verify(&reader, &mut |watched| match watched {
            Watched::Length(commands) => length = commands,
            Watched::Applied => applied += 1,
        })
        .unwrap();
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        let read = found.journal.unwrap().read;
        assert_eq!((length, applied, found.report.commands), (read.last, read.last, read.last));
        assert_eq!(found.snapshots.len(), 2);
        assert!(found.report.checkpoints > 0 && found.audits >= 16);
        let ignored = &mut |_: &Command, _: &[Event]| {};
        let mut whole = replay(&reader, u64::MAX, false, ignored).unwrap().state.unwrap();
        assert_eq!(found.state.unwrap().record_hash(), whole.record_hash());
    }
}

#[test]
fn nothing_is_verified_of_nothing() {
    let found = verified(&Memory::new());
    assert!(found.problems.is_empty() && found.state.is_none());
    assert_eq!((found.audits, found.report.commands), (0, 0));
}

#[test]
fn damage_is_named_by_file_and_byte() {
    let memory = journal(1);
    for name in files(&memory) {
        let bytes = memory.bytes(&name).unwrap();
        for offset in [9, 300, 700] {
            let mut changed = bytes.clone();
            changed[offset] ^= 0x10;
            memory.put(&name, changed);
            let found = verified(&memory);
            let [problem] = &found.problems[..] else { panic!("{:?}", found.problems) };
            assert!(problem.to_string().contains(&format!("{name}, byte ")), "{problem}");
            // A snapshot that is damaged does not keep the rest from being verified.
            assert_eq!(found.state.is_some(), name.ends_with(".snapshot"), "{name} {offset}");
        }
        memory.put(&name, bytes);
    }
    assert!(verified(&memory).problems.is_empty());
}

#[test]
fn a_journal_that_has_lost_its_end_is_behind_its_snapshots() {
    let memory = journal(2);
    let names = files(&memory);
    let segments: Vec<&String> = names.iter().filter(|name| name.ends_with("journal")).collect();
    assert!(segments.len() > 2);
    // All but the first segment go, so that the last snapshot is ahead of what is left.
    for name in &segments[1..] {
        journal::Directory::remove(&memory, name).unwrap();
    }
    let found = verified(&memory);
    let [problem] = &found.problems[..] else { panic!("{:?}", found.problems) };
    assert!(problem.to_string().contains("files are missing"), "{problem}");
}

#[test]
fn without_its_first_segments_a_journal_is_verified_from_a_snapshot_on() {
    let memory = journal(3);
    let names = files(&memory);
    let first = names.iter().find(|name| name.ends_with("journal")).unwrap();
    journal::Directory::remove(&memory, first).unwrap();
    let found = verified(&memory);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    assert!(found.report.snapshot.is_some() && found.state.is_some());
    for name in names.iter().filter(|name| name.ends_with("snapshot")) {
        journal::Directory::remove(&memory, name).unwrap();
    }
    let found = verified(&memory);
    assert!(found.problems[0].to_string().contains("put back older segments"));
}

#[test]
fn another_state_than_the_recorded_one_is_found() {
    // Records of a node, one checkpoint of them changed, in a journal that is sound by itself.
    let memory = journal(4);
    let forged = Memory::new();
    let (mut log, _) = JournalLog::open(forged.clone(), JournalOptions::default()).unwrap();
    let mut changed = None;
    let reader = JournalReader::new(memory);
    reader
        .replay(0, u64::MAX, &mut |batch| {
            let first = batch.first;
            let mut records: Vec<Vec<u8>> = batch.records.map(<[u8]>::to_vec).collect();
            for (sequence, record) in (first..).zip(&mut records) {
                if record[0] == 2 && changed.is_none() {
                    record[20] ^= 1;
                    changed = Some(sequence);
                }
            }
            log.commit(&mut records.iter().map(Vec::as_slice), 0).map(|_| ())
        })
        .unwrap();
    drop(log);
    let found = verified(&forged);
    let [NodeError::Checkpoint { sequence, .. }] = &found.problems[..] else {
        panic!("{:?}", found.problems)
    };
    assert_eq!(Some(*sequence), changed);
}
