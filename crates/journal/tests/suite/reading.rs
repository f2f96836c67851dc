//! Reading from any record on, and anchors.

use plimsoll_journal::faulty::Memory;
use plimsoll_journal::{
    Anchor, Batches, GENESIS, Journal, OpenError, Options, Patience, ReadError, VerifyOptions,
    verify,
};

use crate::world::{batches, journal_of, open, options, segments};

fn records_from(memory: &Memory, sequence: u64) -> Result<(u64, usize), ReadError> {
    let mut batches = Batches::open(memory, sequence, 1..=1, Patience::NONE)?;
    let mut first = None;
    let mut count = 0;
    while let Some(batch) = batches.next()? {
        assert!(batch.last_sequence() >= sequence);
        first.get_or_insert(batch.sequence());
        count += batch.records().count();
    }
    Ok((first.unwrap_or_default(), count))
}

#[test]
fn reading_begins_with_the_batch_of_any_record() {
    let all = batches();
    let memory = journal_of(&all);
    let total: usize = all.iter().map(|(_, records)| records.len()).sum();
    let mut begin = 1;
    for (_, records) in &all {
        for at in 0..records.len() as u64 {
            let (first, count) = records_from(&memory, begin + at).unwrap();
            assert_eq!((first, count), (begin, total + 1 - begin as usize));
        }
        begin += records.len() as u64;
    }
    assert_eq!(records_from(&memory, begin).unwrap(), (0, 0));
    let beyond = records_from(&memory, begin + 1).unwrap_err();
    assert!(matches!(beyond, ReadError::TooLate { .. }), "{beyond}");
    let journal = open(&memory);
    assert!(journal.batches_from(begin).unwrap().next().unwrap().is_none());
    assert!(journal.batches_from(begin + 1).is_err());
}

#[test]
fn an_empty_folder_is_an_empty_journal() {
    let memory = Memory::new();
    assert_eq!(records_from(&memory, 1).unwrap(), (0, 0));
    assert!(records_from(&memory, 2).is_err());
    let journal = open(&memory);
    assert_eq!(journal.durable().sequence, 0);
    assert_eq!(journal.durable().hash, GENESIS);
    assert!(journal.batches_from(1).unwrap().next().unwrap().is_none());
}

#[test]
fn a_journal_reads_only_what_is_durable() {
    let memory = Memory::new();
    let mut journal = open(&memory);
    journal.append(["one"], 0).unwrap();
    journal.sync().unwrap();
    journal.append(["two"], 0).unwrap();
    let mut batches = journal.batches_from(1).unwrap();
    assert_eq!(batches.next().unwrap().unwrap().last_sequence(), 1);
    assert!(batches.next().unwrap().is_none());
}

/// The chain values after each batch.
fn anchors(memory: &Memory) -> Vec<Anchor> {
    let mut anchors = vec![Anchor { sequence: 0, hash: GENESIS }];
    let mut batches = Batches::open(memory, 1, 1..=1, Patience::NONE).unwrap();
    while let Some(batch) = batches.next().unwrap() {
        anchors.push(Anchor { sequence: batch.last_sequence(), hash: batch.hash() });
    }
    anchors
}

fn with_anchor(memory: &Memory, anchor: Anchor) -> Result<u64, ReadError> {
    let options = Options { anchor: Some(anchor), ..options() };
    let opened = Journal::open(memory.kill(), options).map(|(journal, _)| journal);
    let anchor = Some(anchor);
    let patience = Patience::NONE;
    let verified = verify(memory, &VerifyOptions { rules_known: 1..=1, anchor, patience });
    match (opened, verified) {
        (Ok(journal), Ok(verified)) => {
            assert_eq!(journal.durable().sequence, verified.read.last);
            Ok(verified.read.records)
        }
        (Err(OpenError::Read(opened)), Err(verified)) => {
            assert_eq!(opened.to_string(), verified.to_string());
            Err(verified)
        }
        (opened, verified) => panic!("{:?} and {verified:?}", opened.err()),
    }
}

#[test]
fn an_anchor_is_checked_and_spares_what_is_before() {
    let memory = journal_of(&batches());
    let anchors = anchors(&memory);
    let all = with_anchor(&memory, anchors[0]).unwrap();
    let last = *anchors.last().unwrap();
    assert!(with_anchor(&memory, last).unwrap() < all);
    for &anchor in &anchors {
        with_anchor(&memory, anchor).unwrap();
        let mut other = anchor;
        other.hash[7] ^= 1;
        let error = with_anchor(&memory, other).unwrap_err();
        assert!(matches!(error, ReadError::Anchor { .. }), "{error}");
    }
    let between = Anchor { sequence: 2, hash: anchors[1].hash };
    assert!(matches!(with_anchor(&memory, between), Err(ReadError::Anchor { .. })));

    // Segments before the last are not needed.
    let names = segments(&memory);
    names[..names.len() - 1].iter().for_each(|name| memory.take(name));
    with_anchor(&memory, last).unwrap();
    let early = with_anchor(&memory, anchors[1]).unwrap_err();
    assert!(matches!(early, ReadError::TooEarly { .. }), "{early}");
    assert!(crate::world::check(&memory).is_err());
}

#[test]
fn an_anchor_beyond_the_end_tells_that_records_are_missing() {
    let all = batches();
    let last = *anchors(&journal_of(&all)).last().unwrap();
    for count in 0..all.len() {
        let error = with_anchor(&journal_of(&all[..count]), last).unwrap_err();
        assert!(matches!(error, ReadError::Behind { .. }), "{error}");
    }
}
