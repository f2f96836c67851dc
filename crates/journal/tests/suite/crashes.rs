//! The process ends at every step of a journal's life: at each byte of each write, and before each
//! other operation on files.

use plimsoll_journal::faulty::{Faults, Luck, Memory};
use plimsoll_journal::{AppendError, Journal, OpenError, SyncError};

use crate::world::{Batch, batches, check, open, options, read, scale};

/// What was lost may be decided in so many ways at each crash.
const SEEDS: u64 = 3;

/// Where recovery is interrupted: at every so many steps, from zero on.
const STRIDE: usize = 29;

/// How a life ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Sync(#[from] SyncError),
}

/// Opens the journal, and writes batches while it can; returns how many were acknowledged.
fn live(memory: &Memory, batches: &[Batch]) -> (usize, Result<(), Ended>) {
    let mut acknowledged = 0;
    let lived = (|| {
        let (mut journal, _) = Journal::open(memory.clone(), options())?;
        for (time_ms, records) in batches {
            journal.append(records, *time_ms)?;
            journal.sync()?;
            acknowledged += 1;
        }
        Ok(())
    })();
    (acknowledged, lived)
}

/// What a crash may leave: everything acknowledged, and at most the batch that was on its way.
fn check_survivors(memory: &Memory, all: &[Batch], acknowledged: usize, case: &str) -> usize {
    let verified = check(memory).unwrap_or_else(|error| panic!("{case}: verify: {error}"));
    let opened = Journal::open(memory.clone(), options());
    let (journal, recovery) = opened.unwrap_or_else(|error| panic!("{case}: open: {error}"));
    assert_eq!(recovery.read, verified.read, "{case}");
    drop(journal);
    let found = read(memory).unwrap_or_else(|error| panic!("{case}: read: {error}"));
    assert!(found.len() >= acknowledged, "{case}: {} of {acknowledged} are left", found.len());
    assert!(found.len() <= acknowledged + 1, "{case}: more than was written");
    assert_eq!(found, all[..found.len()], "{case}");
    found.len()
}

/// What is left can be gone on with, and what was recovered is durable.
fn check_going_on(memory: &Memory, all: &[Batch], found: usize, case: &str) {
    let memory = memory.cut_power(Luck::Nothing);
    let (more, lived) = live(&memory, &all[found..]);
    lived.unwrap_or_else(|error| panic!("{case}: go on: {error}"));
    assert_eq!(found + more, all.len(), "{case}");
    assert_eq!(read(&memory.cut_power(Luck::Nothing)).unwrap(), all, "{case}");
}

fn after_crash(memory: &Memory) -> impl Iterator<Item = (String, Memory)> {
    let seeds = (0..SEEDS * u64::from(scale())).map(Luck::Seed);
    let cuts = [Luck::Everything, Luck::Nothing].into_iter().chain(seeds);
    let cut = cuts.map(|luck| (format!("{luck:?}"), memory.cut_power(luck)));
    std::iter::once(("killed".to_owned(), memory.kill())).chain(cut)
}

fn crash_everywhere(begin: &Memory, all: &[Batch], there: usize, stride: usize) {
    let whole = begin.cut_power(Luck::Everything);
    let (_, lived) = live(&whole, &all[there..]);
    lived.unwrap();
    for step in (0..whole.steps()).step_by(stride) {
        let memory = begin.cut_power(Luck::Everything);
        memory.inject(Faults { crash_after_steps: Some(step), ..Faults::default() });
        let (acknowledged, lived) = live(&memory, &all[there..]);
        assert!(lived.is_err() && memory.has_crashed(), "step {step}");
        for (what, memory) in after_crash(&memory) {
            let case = format!("step {step}, {what}");
            let found = check_survivors(&memory, all, there + acknowledged, &case);
            check_going_on(&memory, all, found, &case);
        }
    }
}

#[test]
fn a_crash_at_any_step_loses_nothing_acknowledged() {
    crash_everywhere(&Memory::new(), &batches(), 0, 1);
}

/// Recovery itself is interrupted, at a journal with a batch that is not whole.
#[test]
fn a_crash_while_recovering_changes_nothing() {
    let all = batches();
    let base = Memory::new();
    live(&base, &all[..5]).1.unwrap();
    let (_, bytes_of_sixth) = {
        let whole = base.kill();
        let mut journal = open(&whole);
        whole.inject(Faults::default());
        let pending = journal.append(&all[5].1, all[5].0).unwrap();
        (pending.first, whole.steps())
    };
    for torn in [1, 100, 511, 512, 513, bytes_of_sixth - 1, bytes_of_sixth] {
        let memory = base.kill();
        let mut journal = open(&memory);
        memory.inject(Faults { crash_after_steps: Some(torn), ..Faults::default() });
        let _ = journal.append(&all[5].1, all[5].0);
        drop(journal);
        for (_, torn) in after_crash(&memory) {
            let there = read(&torn).unwrap().len();
            crash_everywhere(&torn, &all[..7], there, STRIDE);
        }
    }
}
