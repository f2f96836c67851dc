//! Replay reads ahead of what it applies: it stops where it must all the same.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::command::Action;
use engine::{Command, Event, codec};
use instruments::Timestamp;
use journal::faulty::Memory;
use node::{JournalLog, JournalOptions, JournalReader, Log, LogReader, NodeError, replay};

use crate::world::{open, options, script};

/// Records of a batch, and in all: more than are read ahead.
const BATCH: usize = 1_000;
const LAST: u64 = 20_000;

/// A journal of many small commands, one record of which is changed.
fn journal(at: u64, change: impl Fn(&mut Vec<u8>)) -> Memory {
    let founding = Memory::new();
    let world = open(&founding, options()).unwrap();
    world.ask(&script(1)[..1]);
    world.node.close().unwrap();
    let mut records = Vec::new();
    let keep = &mut |batch: node::Committed<'_>| {
        records.extend(batch.records.map(<[u8]>::to_vec));
        Ok(())
    };
    JournalReader::new(founding).replay(0, 1, keep).unwrap();
    records.extend((2..=LAST).map(|sequence| {
        let time = Timestamp::from_milliseconds(1 << 42);
        let command = Command { sequence, time, action: Action::Tick {} };
        [vec![0], codec::encode(&command).unwrap()].concat()
    }));
    change(&mut records[usize::try_from(at - 1).unwrap()]);
    let memory = Memory::new();
    let journal = JournalOptions { segment_bytes: 1 << 17, epoch: 1 };
    let (mut log, _) = JournalLog::open(memory.clone(), journal).unwrap();
    for batch in records.chunks(BATCH) {
        log.commit(&mut batch.iter().map(Vec::as_slice), 0).unwrap();
    }
    memory
}

/// Replays a journal that can't be replayed to the end; gives what is wrong with it, and the last
/// command applied.
fn stopped(memory: &Memory) -> (NodeError, u64) {
    let reader = JournalReader::new(memory.clone());
    let mut seen = 0;
    let count = &mut |command: &Command, _: &[Event]| {
        seen += 1;
        assert_eq!(command.sequence, seen);
    };
    let mut walker = replay(&reader, 0, false, count).unwrap();
    let error = walker.go_on(&reader, u64::MAX, count).unwrap_err();
    let last = walker.state.as_ref().map_or(0, engine::State::sequence);
    assert_eq!((seen, walker.report.commands), (last, last));
    // Whoever asks for less than what is wrong gets it.
    let before = replay(&reader, last, false, &mut |_, _| {}).unwrap();
    let hash = before.state.map(|mut state| state.record_hash());
    assert_eq!(hash, walker.state.map(|mut state| state.record_hash()));
    (error, last)
}

#[test]
fn what_stands_before_a_bad_record_is_applied() {
    for at in [1, 2, 512, 513, 1_000, 1_001, 8_193, LAST] {
        let unknown = journal(at, |record| record[0] = 9);
        let (error, last) = stopped(&unknown);
        let NodeError::Record { sequence, problem } = error else { panic!("{at}: {error}") };
        assert_eq!((sequence, last), (at, at - 1));
        assert!(problem.contains("flags are 9"), "{problem}");
    }
    let (error, last) = stopped(&journal(700, |record| record[1] ^= 1));
    let NodeError::Misnumbered { sequence: 700, found } = error else { panic!("{error}") };
    assert_eq!((found, last), (700 ^ 1, 699));
}

#[test]
fn what_stands_before_damage_is_applied() {
    let memory = journal(1, |_| {});
    let mut names = journal::Directory::list(&memory).unwrap();
    names.sort();
    let [first, second, ..] = &names[..] else { panic!("{names:?}") };
    assert!(names.len() > 3);
    let mut bytes = memory.bytes(second).unwrap();
    bytes[1_500] ^= 0x10;
    memory.put(second, bytes);
    let (error, last) = stopped(&memory);
    assert!(error.to_string().contains(&format!("{second}, byte ")), "{error}");
    // All of the first segment, whose name is its first record's number.
    let begins = |name: &str| name[..20].parse::<u64>().unwrap();
    assert_eq!((begins(first), last), (1, begins(second) - 1));
}

#[test]
fn replay_that_stops_early_leaves_nobody_waiting() {
    // A checkpoint early in a long log is wrong.
    let forged = journal(5, |record| {
        record[0] = 2;
        record.splice(1..1, [0; 32]);
    });
    let (error, last) = stopped(&forged);
    assert!(matches!(error, NodeError::Checkpoint { sequence: 5, .. }), "{error}");
    assert_eq!(last, 4);
    // Whoever watches panics.
    let reader = JournalReader::new(journal(1, |_| {}));
    let watch = &mut |command: &Command, _: &[Event]| assert!(command.sequence < 3, "enough");
    let panicked = catch_unwind(AssertUnwindSafe(|| replay(&reader, u64::MAX, false, watch)));
    assert!(panicked.is_err());
}
