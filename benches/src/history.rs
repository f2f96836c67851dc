//! The history of a venue on this machine's disk: rows as they are written of what a node released, and
//! pages as methods read them, beside plain SQLite.

use std::path::Path;
use std::time::Instant;

use ledger::AccountId;
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing};
use plimsoll_engine::{Command, Limits, State, apply};
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params, params_from_iter};
use server::history::measured::{Stream, page_through};
use server::history::{TABLES, script};
use simulator::{LiveMarket, LiveOptions, LiveStep};

/// Records that are written.
const RECORDS: usize = 200_000;
/// Rows that plain SQLite writes, each durable by itself.
const PLAIN_ROWS: u32 = 2_000;
/// What the venue's writer puts into one transaction at most.
const TOGETHER: usize = 20_000;
/// Trades on a page.
const PAGE: u32 = 100;
const TURNS: usize = 3;
/// Messages of clients in a step, which is of a quarter of a second.
const MESSAGES: usize = 200;
const STEP_MS: i64 = 250;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    tables().map_err(|error| error.to_string())
}

fn tables() -> Outcome<Vec<Table>> {
    let stream = stream()?;
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let path = folder.path().join("history.db");
    let mut conditions = vec![format!(
        "{} records of a seeded market of 100 accounts: trades, both sides of each, orders that ended, \
         lines of accounts' logs, with candles and all indexes",
        stream.records()
    )];
    conditions
        .push("one thread; a fresh file each turn; those who are compared take turns".to_owned());
    let writing = writing(&stream, &path)?;
    let reading = reading(&stream, &path)?;
    let table = |title: &str, item, rows| {
        let (name, title) = ("history", format!("History, {title}"));
        Table { name, title, item, conditions: conditions.clone(), rows }
    };
    let title = format!("an account's trades in pages of {PAGE}, the newest first");
    Ok(vec![table("writing", "row", writing), table(&title, "page", reading)])
}

/// What a market of some hours makes.
fn stream() -> Outcome<Stream> {
    let (mut stream, mut state) = (Stream::default(), State::new(Limits::default())?);
    let mut time = "2026-02-05T16:00:00Z".parse()?;
    let mut market = LiveMarket::new(&LiveOptions::default(), &state, time)?;
    let mut step = LiveStep { offer: None, actions: market.founding(&state, time) };
    let mut events = Vec::new();
    while stream.records() < RECORDS {
        if let Some(offer) = step.offer.take() {
            state.offer_epoch(offer);
        }
        for action in step.actions {
            let command = Command { sequence: state.sequence() + 1, time, action };
            events.clear();
            apply(&mut state, &command, &mut events);
            market.follow(&command, &events);
            stream.take_in(&command, &events);
        }
        time = instruments::Timestamp::from_milliseconds(time.milliseconds() + STEP_MS);
        step = market.step(&state, time, MESSAGES);
    }
    Ok(stream)
}

fn writing(stream: &Stream, path: &Path) -> Outcome<Vec<Row>> {
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        // The last leaves what is read from.
        for (place, together) in [(1, 1), (0, TOGETHER)] {
            let start = Instant::now();
            stream.write(path, together)?;
            times[place].push(start.elapsed().as_secs_f64() * 1e9);
        }
        let rows = some_rows(path)?;
        times[2].push(plain(&path.with_extension("plain"), &rows)? / rows.len() as f64);
    }
    let rows = f64::from(count(path)?);
    for times in &mut times[..2] {
        times.iter_mut().for_each(|time| *time /= rows);
    }
    let [ours, each, plain] = times;
    let size = std::fs::metadata(path)?.len() as f64 / rows;
    Ok(vec![
        row("Plimsoll", &ours, &format!("{TOGETHER} records a transaction; {size:.0} bytes a row")),
        row("Plimsoll's tables, a transaction a command", &each, "the same rows and settings"),
        row(
            "SQLite as it comes, a transaction a row",
            &plain,
            &format!("the first {PLAIN_ROWS} rows; no log beside the file, each row durable"),
        ),
    ])
}

fn count(path: &Path) -> Outcome<u32> {
    let connection = Connection::open(path)?;
    let mut rows = 0;
    for table in TABLES {
        let count = format!("select count(*) from {}", table.name);
        rows += connection.query_row(&count, [], |row| row.get::<_, u32>(0))?;
    }
    Ok(rows)
}

/// The first rows of the largest tables in turn, each with its table's place.
fn some_rows(path: &Path) -> Outcome<Vec<(usize, Vec<Value>)>> {
    let connection = Connection::open(path)?;
    let mut rows = Vec::new();
    for (place, table) in TABLES.iter().enumerate() {
        let wanted = ["trades", "fills", "orders", "log"].contains(&table.name);
        let most = if wanted { PLAIN_ROWS / 4 } else { 0 };
        let mut read = connection.prepare(&format!("select * from {} limit ?", table.name))?;
        let read = read.query_map([most], |row| {
            (0..table.columns.len()).map(|column| row.get(column)).collect::<Result<_, _>>()
        })?;
        for row in read {
            rows.push((place, row?));
        }
    }
    Ok(rows)
}

/// Writes rows, each by itself, with no setting changed; gives nanoseconds.
fn plain(path: &Path, rows: &[(usize, Vec<Value>)]) -> Outcome<f64> {
    let _ = std::fs::remove_file(path);
    let connection = Connection::open(path)?;
    let begin = Transaction::new_unchecked(&connection, rusqlite::TransactionBehavior::Immediate)?;
    begin.execute_batch(&script())?;
    begin.commit()?;
    let start = Instant::now();
    for (place, row) in rows {
        connection.prepare_cached(&TABLES[*place].insertion())?.execute(params_from_iter(row))?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e9)
}

fn reading(stream: &Stream, path: &Path) -> Outcome<Vec<Row>> {
    let (account, newest) = stream.busiest().ok_or("nobody traded")?;
    let connection = Connection::open(path)?;
    let (mut ours, mut offset) = (Vec::new(), Vec::new());
    // Once to warm up.
    for _ in 0..=TURNS {
        let start = Instant::now();
        let (pages, trades) = page_through(&connection, account, newest, PAGE as usize)?;
        ours.push(start.elapsed().as_secs_f64() * 1e9 / pages as f64);
        let start = Instant::now();
        let found = page_by_offset(&connection, account)?;
        offset.push(start.elapsed().as_secs_f64() * 1e9 / pages as f64);
        if found as usize != trades || trades as u64 != newest {
            return Err(format!("of {newest} trades {trades} and {found} are found").into());
        }
    }
    Ok(vec![
        row("Plimsoll", &ours[1..], &format!("{newest} trades, by their numbers")),
        row(
            "SQLite, limit and offset",
            &offset[1..],
            "the same tables and order; no column is made sense of",
        ),
    ])
}

/// The same by counting rows off from the newest each time.
fn page_by_offset(connection: &Connection, account: AccountId) -> Outcome<u32> {
    let mut query = connection.prepare(
        "select f.order_id, f.maker, f.fee, f.realised, t.* from fills f \
         join trades t on t.id = f.trade where f.account = ? \
         order by f.number desc limit ? offset ?",
    )?;
    let columns = query.column_count();
    let mut found = 0;
    loop {
        let mut rows = query.query(params![account.number(), PAGE, found])?;
        let before = found;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                std::hint::black_box(row.get::<_, Value>(column)?);
            }
            found += 1;
        }
        if found - before < PAGE {
            return Ok(found);
        }
    }
}

fn row(engine: &str, times: &[f64], note: &str) -> Row {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let timing = Timing { median: sorted[sorted.len() / 2], least: sorted[0] };
    let rate = 1e9 / timing.median;
    Row { engine: engine.into(), timing, note: format!("{rate:.0}/s; {note}") }
}
