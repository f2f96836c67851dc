//! The journal on this machine's disk: durable appends with one data sync a batch, and reading all of
//! it with every check, beside redb.

use std::path::Path;
use std::time::Instant;

use journal::{Batches, Disk, Journal, Options, Patience};
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

/// Bytes of a record: about what a command takes.
const RECORD_BYTES: usize = 64;

/// Records in a batch, and batches in a turn.
const SHAPES: [(usize, usize); 2] = [(100, 1_000), (4_000, 200)];

/// Turns of each store, each on a fresh folder, one after the other.
const TURNS: usize = 3;

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    let tables = SHAPES.iter().map(|&(records, batches)| tables(records, batches));
    let tables: Outcome<Vec<[Table; 2]>> = tables.collect();
    Ok(tables.map_err(|error| error.to_string())?.into_iter().flatten().collect())
}

struct Store {
    name: &'static str,
    append: fn(&Path, &[Vec<u8>], usize) -> Outcome<()>,
    read: fn(&Path) -> Outcome<(usize, usize)>,
    note: &'static str,
    appending: Vec<f64>,
    reading: Vec<f64>,
    bytes: u64,
}

fn stores() -> [Store; 2] {
    let (appending, reading) = (Vec::new(), Vec::new());
    [
        Store {
            name: "Plimsoll",
            append: append_ours,
            read: read_ours,
            note: "all checks; reading includes the 64 MiB reserved",
            appending: appending.clone(),
            reading: reading.clone(),
            bytes: 0,
        },
        Store {
            name: "redb 4.4.0",
            append: append_redb,
            read: read_redb,
            note: "a tree by sequence number; a commit, immediately durable, for each batch",
            appending,
            reading,
            bytes: 0,
        },
    ]
}

fn tables(records: usize, batches: usize) -> Outcome<[Table; 2]> {
    let batch: Vec<Vec<u8>> = (0..records).map(record).collect();
    let items = (records * batches) as f64;
    let mut stores = stores();
    for _ in 0..TURNS {
        for store in &mut stores {
            let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
            let start = Instant::now();
            (store.append)(folder.path(), &batch, batches)?;
            store.appending.push(start.elapsed().as_secs_f64() * 1e9 / items);
            store.bytes = bytes_used(folder.path())?;
            let start = Instant::now();
            let found = (store.read)(folder.path())?;
            store.reading.push(start.elapsed().as_secs_f64() * 1e9 / items);
            if found != (records * batches, records * batches * RECORD_BYTES) {
                return Err(format!("{} reads {found:?}", store.name).into());
            }
        }
    }
    let shape = format!("{batches} batches of {records} records of {RECORD_BYTES} bytes");
    let condition = "one thread; a fresh folder each turn; the stores take turns".to_owned();
    let append = stores.iter().map(|store| {
        let syncs = 1e9 / (median(&store.appending) * records as f64);
        let size = store.bytes as f64 / items;
        row(store, &store.appending, &format!("{syncs:.0} batches/s, {size:.0} bytes a record"))
    });
    let read = stores.iter().map(|store| {
        let rate = RECORD_BYTES as f64 * 1e3 / median(&store.reading);
        row(store, &store.reading, &format!("{rate:.0} MB/s of records"))
    });
    let table = |title: &str, rows| Table {
        name: "journal",
        title: format!("Journal, {title}, {records} records a batch"),
        item: "record",
        conditions: vec![shape.clone(), condition.clone()],
        rows,
    };
    Ok([table("durable appends", append.collect()), table("reading all", read.collect())])
}

fn record(at: usize) -> Vec<u8> {
    (0..RECORD_BYTES).map(|byte| ((at * 31 + byte * 7) % 251) as u8).collect()
}

fn append_ours(folder: &Path, batch: &[Vec<u8>], batches: usize) -> Outcome<()> {
    let (mut journal, _) = Journal::open(Disk::create(folder)?, Options::default())?;
    for time_ms in 0..batches as u64 {
        journal.append(batch, time_ms)?;
        journal.sync()?;
    }
    Ok(())
}

fn read_ours(folder: &Path) -> Outcome<(usize, usize)> {
    let disk = Disk::existing(folder);
    let mut batches = Batches::open(&disk, 1, 1..=1, Patience::NONE)?;
    let mut found = (0, 0);
    while let Some(batch) = batches.next()? {
        for record in batch.records() {
            found = (found.0 + 1, found.1 + record.len());
        }
    }
    Ok(found)
}

fn append_redb(folder: &Path, batch: &[Vec<u8>], batches: usize) -> Outcome<()> {
    let database = Database::create(folder.join("records.redb"))?;
    let mut sequence = 0;
    for _ in 0..batches {
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(RECORDS)?;
            for record in batch {
                sequence += 1;
                table.insert(sequence, record.as_slice())?;
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

fn read_redb(folder: &Path) -> Outcome<(usize, usize)> {
    let database = Database::open(folder.join("records.redb"))?;
    let table = database.begin_read()?.open_table(RECORDS)?;
    let mut found = (0, 0);
    for entry in table.iter()? {
        found = (found.0 + 1, found.1 + entry?.1.value().len());
    }
    Ok(found)
}

/// Bytes of all files, without what is reserved.
fn bytes_used(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let content = std::fs::read(entry?.path())?;
        let end = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes += end as u64;
    }
    Ok(bytes)
}

fn row(store: &Store, times: &[f64], note: &str) -> Row {
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let timing = Timing { median: median(times), least };
    Row { engine: store.name.into(), timing, note: format!("{note}; {}", store.note) }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
