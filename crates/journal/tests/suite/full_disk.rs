//! A full disk is told, changes nothing, and is no end.

use plimsoll_journal::AppendError;
use plimsoll_journal::faulty::{Faults, Memory};

use crate::world::{check, journal_of, open, read, segments};

fn capacity(memory: &Memory, capacity_bytes: Option<u64>) {
    memory.inject(Faults { capacity_bytes, ..Faults::default() });
}

#[test]
fn a_batch_that_finds_no_room_can_be_tried_again() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    let batch = [vec![1; 3000]];
    journal.append(&batch, 1).unwrap();
    journal.sync().unwrap();
    for capacity_bytes in [4096, 4097, 5000, 8191] {
        capacity(&memory, Some(capacity_bytes));
        let error = journal.append(&batch, 2).unwrap_err();
        assert!(matches!(error, AppendError::NoSegment(_)), "{error}");
        assert_eq!(journal.sync().unwrap().sequence, 1);
        assert_eq!(segments(&memory).len(), 1);
        assert_eq!(check(&memory).unwrap().read.records, 1);
    }
    capacity(&memory, None);
    journal.append(&batch, 3).unwrap();
    assert_eq!(journal.sync().unwrap().sequence, 2);
    assert_eq!(read(&memory).unwrap(), [(1, batch.to_vec()), (3, batch.to_vec())]);
}

#[test]
fn a_smaller_batch_may_still_fit() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    journal.append([vec![1; 2000]], 1).unwrap();
    journal.sync().unwrap();
    capacity(&memory, Some(4096));
    assert!(journal.append([vec![2; 2000]], 2).is_err());
    journal.append([vec![3; 100]], 3).unwrap();
    assert_eq!(journal.sync().unwrap().sequence, 2);
}

#[test]
fn a_journal_is_not_opened_to_write_without_room() {
    let memory = journal_of(&[(1, vec![vec![1; 100]])]);
    let name = &segments(&memory)[0];
    memory.put(name, memory.bytes(name).unwrap()[..1024].to_vec());
    capacity(&memory, Some(1024));
    assert!(plimsoll_journal::Journal::open(memory.clone(), crate::world::options()).is_err());
    assert_eq!(check(&memory).unwrap().read.records, 1);
    capacity(&memory, None);
    assert_eq!(open(&memory).durable().sequence, 1);
}
