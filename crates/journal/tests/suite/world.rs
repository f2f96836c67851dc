//! What all tests use: journals in memory, and what is in them.

use plimsoll_journal::faulty::Memory;
use plimsoll_journal::{
    Batches, Directory, Journal, Options, Patience, ReadError, Verified, VerifyOptions, verify,
};

/// A record.
pub type Record = Vec<u8>;

/// A batch: its time and its records.
pub type Batch = (u64, Vec<Record>);

/// Segments so small that a few batches fill one.
pub fn options() -> Options {
    Options { segment_bytes: 4096, ..Options::default() }
}

/// How many times more cases to try.
pub fn scale() -> u32 {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    scale.unwrap_or(1)
}

/// Batches of every shape: an empty record, zeros over several sectors, one byte short of a sector
/// and one beyond, and many small ones.
pub fn batches() -> Vec<Batch> {
    let small = |from: u8, count: u8| (from..from + count).map(|byte| vec![byte; 9]).collect();
    let filling = |bytes: usize| vec![(0..bytes).map(|at| (at % 251) as u8).collect()];
    let records: Vec<Vec<Record>> = vec![
        small(1, 3),
        vec![Vec::new()],
        vec![vec![0; 1300], b"after zeros".to_vec()],
        filling(504 - 72 - 4 - 32),
        filling(504 - 72 - 4 - 32 + 1),
        small(40, 120),
        vec![vec![0xFF; 700]],
        small(7, 1),
    ];
    (1_000..).zip(records).collect()
}

/// A journal with these batches, all durable.
pub fn journal_of(batches: &[Batch]) -> Memory {
    let memory = Memory::new();
    let mut journal = open(&memory);
    for (time_ms, records) in batches {
        journal.append(records, *time_ms).unwrap();
        journal.sync().unwrap();
    }
    memory
}

/// Opens a journal that must be fine.
pub fn open(memory: &Memory) -> Journal<Memory> {
    Journal::open(memory.clone(), options()).unwrap().0
}

/// All batches of a journal, without patience.
pub fn read<D: Directory>(directory: &D) -> Result<Vec<Batch>, ReadError> {
    let mut batches = Batches::open(directory, 1, 1..=1, Patience::NONE)?;
    let mut found = Vec::new();
    while let Some(batch) = batches.next()? {
        let records = batch.records().map(<[u8]>::to_vec).collect();
        found.push((batch.time_ms(), records));
    }
    Ok(found)
}

/// Verifies without patience.
pub fn check<D: Directory>(directory: &D) -> Result<Verified, ReadError> {
    let patience = Patience::NONE;
    verify(directory, &VerifyOptions { rules_known: 1..=1, anchor: None, patience })
}

/// The names of segments, in order.
pub fn segments(memory: &Memory) -> Vec<String> {
    let mut names = memory.list().unwrap();
    names.retain(|name| name.ends_with(".journal"));
    names.sort();
    names
}
