//! One sync a batch; and none that fails is ever taken back.

use std::process::Command;

use plimsoll_journal::faulty::{Faults, Luck, Memory};
use plimsoll_journal::{AppendError, abort_on_sync_error};

use crate::world::{open, read};

/// Tells the test below that it is the process to be ended.
const CHILD: &str = "PLIMSOLL_JOURNAL_ABORTS";

#[test]
fn a_batch_takes_one_write_and_one_sync() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    journal.append(["first"], 0).unwrap();
    journal.sync().unwrap();
    memory.inject(Faults::default());
    let pending = journal.append(["one", "two", "three"], 1).unwrap();
    assert_eq!((pending.first, pending.last, pending.bytes), (2, 4, 512));
    assert_eq!(journal.durable().sequence, 1);
    assert_eq!(journal.sync().unwrap().sequence, 4);
    assert_eq!(memory.steps(), pending.bytes + 1);
    assert_eq!(journal.sync().unwrap().sequence, 4);
    assert_eq!(memory.steps(), pending.bytes + 1, "nothing to sync");
}

#[test]
fn only_one_batch_is_on_its_way() {
    let mut journal = open(&Memory::new());
    journal.append(["one"], 0).unwrap();
    assert!(matches!(journal.append(["two"], 0), Err(AppendError::NotSynced)));
    journal.sync().unwrap();
    journal.append(["two"], 0).unwrap();
}

#[test]
fn a_failed_sync_is_final() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    journal.append(["acknowledged"], 0).unwrap();
    journal.sync().unwrap();
    journal.append(["never acknowledged"], 1).unwrap();
    memory.inject(Faults { failing_sync: Some(0), ..Faults::default() });
    let error = journal.sync().unwrap_err();
    assert!(error.to_string().contains("the process must end now"), "{error}");
    assert!(journal.sync().is_err());
    assert!(matches!(journal.append(["more"], 2), Err(AppendError::Poisoned)));
    assert_eq!(journal.durable().sequence, 1);
    drop(journal);

    // The cache still shows the batch, as if it were written.
    let restarted = memory.kill();
    assert_eq!(read(&restarted).unwrap().len(), 2);
    assert_eq!(read(&restarted.cut_power(Luck::Nothing)).unwrap().len(), 1);
    // Whoever opens the journal takes it for durable, so opening makes it so.
    assert_eq!(open(&restarted).durable().sequence, 2);
    assert_eq!(read(&restarted.cut_power(Luck::Nothing)).unwrap().len(), 2);
}

#[test]
fn every_failing_sync_is_told() {
    for failing in 0..12 {
        let memory = Memory::new();
        let mut journal = open(&memory);
        memory.inject(Faults { failing_sync: Some(failing), ..Faults::default() });
        let mut acknowledged = 0;
        for time in 0..12_u64 {
            let appended = journal.append([[time as u8; 1500]], time);
            if appended.is_err() || journal.sync().is_err() {
                break;
            }
            acknowledged += 1;
        }
        assert!(acknowledged < 12, "sync {failing} did not fail");
        drop(journal);
        let left = memory.cut_power(Luck::Nothing);
        assert_eq!(open(&left).durable().sequence, acknowledged, "sync {failing}");
    }
}

#[test]
fn the_process_ends_when_asked_to() {
    if std::env::var_os(CHILD).is_some() {
        return end();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "syncs::the_process_ends_when_asked_to", "--nocapture"]);
    let output = child.env(CHILD, "1").output().unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("cannot sync 00000000000000000001.journal"), "{errors}");
    assert!(errors.contains("the process must end now"), "{errors}");
    assert!(!errors.contains("still here"), "{errors}");
}

fn end() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    journal.append(["one"], 0).unwrap();
    assert_eq!(abort_on_sync_error(journal.sync()).sequence, 1);
    journal.append(["two"], 0).unwrap();
    memory.inject(Faults { failing_sync: Some(0), ..Faults::default() });
    abort_on_sync_error(journal.sync());
    eprintln!("still here");
}
