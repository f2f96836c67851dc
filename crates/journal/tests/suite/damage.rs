//! Damage to what was acknowledged is found, wherever it is.

use plimsoll_journal::faulty::Memory;
use plimsoll_journal::{Damage, DamageKind, Journal, OpenError, Options, ReadError};

use crate::world::{batches, check, journal_of, open, options, read, scale, segments};

fn damage(memory: &Memory) -> Damage {
    let error = check(memory).expect_err("it is damaged");
    let Err(opened) = Journal::open(memory.clone(), options()) else {
        panic!("opened although: {error}");
    };
    let OpenError::Read(opened) = opened else { panic!("{opened}") };
    assert_eq!(opened.to_string(), error.to_string());
    let ReadError::Damaged(damage) = error else { panic!("{error}") };
    damage
}

/// Every byte of a journal is changed, each in several ways. Either that is found, and the file is
/// named, or all records are read as they were.
#[test]
fn every_flipped_byte_is_found_or_harmless() {
    let all = batches();
    let memory = journal_of(&all);
    let expected = check(&memory).unwrap().read;
    assert!(segments(&memory).len() >= 3, "segments of several kinds");
    let (mut found, mut harmless) = (0_u64, 0_u64);
    for name in segments(&memory) {
        let whole = memory.bytes(&name).unwrap();
        for at in 0..whole.len() {
            for value in changes(whole[at]) {
                let mut changed = whole.clone();
                changed[at] = value;
                memory.put(&name, changed);
                match check(&memory) {
                    Err(ReadError::Damaged(damage)) => {
                        assert_eq!(damage.file, name, "byte {at}: {damage}");
                        found += 1;
                    }
                    Err(error) => panic!("{name}, byte {at}: {error}"),
                    Ok(verified) => {
                        assert_eq!(verified.read, expected, "{name}, byte {at} to {value}");
                        assert_eq!(read(&memory).unwrap(), all);
                        harmless += 1;
                    }
                }
            }
        }
        memory.put(&name, whole);
    }
    assert!(found > harmless, "{found} found, {harmless} harmless");
}

/// A flip that verifying finds harmless stays so when the journal is opened and gone on with.
#[test]
fn a_harmless_flip_stays_harmless() {
    let all = batches();
    let memory = journal_of(&all[..7]);
    for name in segments(&memory) {
        let whole = memory.bytes(&name).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0xFF;
            memory.put(&name, changed);
            if check(&memory).is_err() {
                assert!(Journal::open(memory.clone(), options()).is_err(), "{name}, byte {at}");
                continue;
            }
            let other = memory.kill();
            let mut journal = open(&other);
            journal.append(&all[7].1, all[7].0).unwrap();
            journal.sync().unwrap();
            assert_eq!(read(&other).unwrap(), all, "{name}, byte {at}");
        }
        memory.put(&name, whole);
    }
}

fn changes(byte: u8) -> Vec<u8> {
    let all = scale() > 1;
    let some = [0, 1, 0x80, 0xFF, byte ^ 1, byte ^ 0x10, byte ^ 0x80, !byte];
    let mut values: Vec<u8> = if all { (0..=u8::MAX).collect() } else { some.to_vec() };
    values.sort_unstable();
    values.dedup();
    values.retain(|&value| value != byte);
    values
}

#[test]
fn a_missing_segment_is_named() {
    let memory = journal_of(&batches());
    let names = segments(&memory);
    let middle = memory.kill();
    middle.take(&names[1]);
    let found = damage(&middle);
    assert_eq!((found.file, found.offset), (names[2].clone(), 0));
    assert!(matches!(found.kind, DamageKind::Sequence { .. }));

    let first = memory.kill();
    first.take(&names[0]);
    assert_eq!(damage(&first).file, names[1]);
}

#[test]
fn a_doubled_or_renamed_segment_is_named() {
    let memory = journal_of(&batches());
    let names = segments(&memory);
    let bytes = memory.bytes(&names[0]).unwrap();

    let copied = memory.kill();
    copied.put("00000000000000000099.journal", bytes.clone());
    let found = damage(&copied);
    assert_eq!(found.file, "00000000000000000099.journal");
    assert_eq!(found.kind, DamageKind::Name { found: 1 });

    let stranger = memory.kill();
    stranger.put("copy of 1.journal", bytes.clone());
    assert_eq!(damage(&stranger).kind, DamageKind::Stranger);

    let over = memory.kill();
    over.put(&names[1], bytes);
    assert_eq!(damage(&over).file, names[1]);
}

#[test]
fn batches_that_are_missing_doubled_or_swapped_are_named() {
    let memory = journal_of(&batches()[..2]);
    let name = &segments(&memory)[0];
    let bytes = memory.bytes(name).unwrap();
    let sector = |index: usize| &bytes[index * 512..(index + 1) * 512];
    let (header, one, two, blank) = (sector(0), sector(1), sector(2), sector(3));
    let sequence = |expected, found| DamageKind::Sequence { expected, found };
    for (case, sectors, offset, kind) in [
        ("missing", [header, two, blank, blank], 512, sequence(1, 4)),
        ("doubled", [header, one, one, two], 1024, sequence(4, 1)),
        ("swapped", [header, two, one, blank], 512, sequence(1, 4)),
        ("blanked", [header, blank, two, blank], 1024, DamageKind::Unfinished),
        ("header", [one, two, blank, blank], 0, DamageKind::NoSegmentHeader),
        ("header again", [header, header, blank, blank], 512, DamageKind::NoBatch),
    ] {
        memory.put(name, sectors.concat());
        let found = damage(&memory);
        assert_eq!((found.offset, found.kind), (offset, kind), "{case}");
    }
}

#[test]
fn a_gap_after_the_end_is_not_taken_for_a_torn_batch() {
    let memory = journal_of(&batches()[..1]);
    let name = &segments(&memory)[0];
    let bytes = memory.bytes(name).unwrap();
    for gap in [1, 3, 20_000] {
        let mut longer = bytes[..1024].to_vec();
        longer.resize(1024 + gap * 512, 0);
        longer.extend_from_slice(&bytes[512..1024]);
        memory.put(name, longer);
        assert_eq!(damage(&memory).offset, (1024 + gap * 512) as u64);
    }
}

#[test]
fn another_journals_batch_breaks_the_chain() {
    let all = batches();
    let other = journal_of(&[(1, all[0].1.clone()), all[1].clone()]);
    let memory = journal_of(&all[..2]);
    let name = &segments(&memory)[0];
    let mut bytes = memory.bytes(name).unwrap();
    bytes[1024..1536].copy_from_slice(&other.bytes(name).unwrap()[1024..1536]);
    memory.put(name, bytes);
    let found = damage(&memory);
    assert_eq!((found.offset, found.kind), (1024, DamageKind::Chain));
}

#[test]
fn a_cut_segment_in_the_middle_is_named() {
    let memory = journal_of(&batches());
    let names = segments(&memory);
    let bytes = memory.bytes(&names[0]).unwrap();
    for length in [0, 511, 512, 700, 1024, bytes.len() - 512, bytes.len() - 1] {
        memory.put(&names[0], bytes[..length].to_vec());
        let found = damage(&memory);
        let expected = if length == 512 || length == 1024 { &names[1] } else { &names[0] };
        assert!(found.file == *expected || found.file == names[1], "{length}: {found}");
    }
    let mut longer = bytes.clone();
    longer.extend_from_slice(&[0; 512]);
    memory.put(&names[0], longer);
    let found = damage(&memory);
    assert_eq!((found.file, found.offset), (names[0].clone(), bytes.len() as u64));
}

#[test]
fn unknown_rules_and_formats_stop_reading() {
    let memory = Memory::new();
    let known = Options { rules: 2, rules_known: 1..=2, ..options() };
    let mut journal = Journal::open(memory.clone(), Options { rules: 1, ..known }).unwrap().0;
    journal.append(["under rules 1"], 0).unwrap();
    journal.sync().unwrap();
    journal.change_rules(2).unwrap();
    journal.append(["under rules 2"], 0).unwrap();
    journal.sync().unwrap();
    assert!(journal.change_rules(3).is_err());
    drop(journal);
    let found = damage(&memory);
    assert_eq!(found.offset, 1024);
    assert_eq!(found.kind, DamageKind::Rules { found: 2, first: 1, last: 1 });
    assert!(found.to_string().contains("use the program that wrote it"), "{found}");
}

#[test]
fn a_replaced_writer_is_refused() {
    let memory = Memory::new();
    let with_epoch = |epoch| Journal::open(memory.clone(), Options { epoch, ..options() });
    let mut journal = with_epoch(5).unwrap().0;
    assert!(matches!(with_epoch(6), Err(OpenError::Locked)));
    journal.append(["of epoch 5"], 0).unwrap();
    journal.sync().unwrap();
    drop(journal);
    assert!(matches!(with_epoch(4), Err(OpenError::Replaced { asked: 4, found: 5 })));
    let mut journal = with_epoch(7).unwrap().0;
    journal.append(["of epoch 7"], 0).unwrap();
    journal.sync().unwrap();
    drop(journal);
    assert!(matches!(with_epoch(6), Err(OpenError::Replaced { asked: 6, found: 7 })));
}
