//! W3: worst loss, value at risk and expected shortfall of a whole book.

mod inputs;

use std::num::NonZeroUsize;
use std::time::Instant;

use inputs::{INSTRUMENTS, POSITIONS, SCENARIOS};
use numerics::Level;
use plimsoll_benches::peers::Python;
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing, measure};
use risk::whole_book::{BookTail, Panel, RunSettings, SparseLots, TailRanks, Tally, tails};

const ACCOUNTS: usize = 100_000;
/// Value at risk at 99 % is the 10th of 1,000, shortfall at 97.5 % the mean of 25.
const RANKS: TailRanks = TailRanks { sum: 25, value: 10 };
/// The first two accounts, in cents: least, value at risk, shortfall.
const PUBLISHED: [(i128, i128, f64); 2] =
    [(-7_350_840, -4_103_397, -4_195_044.32), (-2_776_080, -2_483_176, -2_469_629.96)];

/// Runs the benchmark.
pub fn run(arguments: &Arguments) -> Result<Vec<Table>, String> {
    let world = World::new(ACCOUNTS, 1.0)?;
    let expected = naive(&world.rows, &world.book);
    for (account, (least, value, shortfall)) in expected.iter().zip(PUBLISHED) {
        if (account.least, account.value) != (least, value)
            || account.sum as f64 / 25.0 != shortfall
        {
            return Err(format!("the generator differs from the published one: {account:?}"));
        }
    }
    let mut rows = ours(&world, &expected)?;
    rows.push(naive_row(&world, &expected)?);
    if arguments.peers {
        rows.extend(peers(&world, &expected)?);
    }
    let conditions = vec![
        format!(
            "{ACCOUNTS} accounts of {POSITIONS} positions in {INSTRUMENTS} instruments, {SCENARIOS} \
             scenarios; all results of every row but those of fewer accounts equal the plain \
             computation's bit for bit, checksum {:016x}",
            checksum(&expected)
        ),
        "positions and risk arrays in memory as each engine wants them; one thread unless said; \
         cold: nothing known of any account; warm: with the thresholds that the run before left"
            .to_owned(),
        "a shock multiplies every move of the market, and thresholds are those from before it; the \
         fallback rate is the share of tails computed again because their threshold was too low"
            .to_owned(),
    ];
    let title = "W3: worst loss, value at risk and shortfall of a whole book".to_owned();
    let table = Table { name: "w3", title, item: "account", conditions, rows };
    Ok(vec![table, scaling()?])
}

/// The book and its scenarios.
struct World {
    rows: Vec<Vec<f64>>,
    panel: Panel,
    book: SparseLots,
}

impl World {
    fn new(accounts: usize, scale: f64) -> Result<Self, String> {
        let rows = inputs::rows(scale);
        let panel = panel(&rows)?;
        Ok(Self { rows, panel, book: inputs::book(accounts) })
    }
}

fn panel(rows: &[Vec<f64>]) -> Result<Panel, String> {
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    Panel::of(SCENARIOS, &rows).map_err(|error| error.to_string())
}

fn settings(threads: usize, level: Level) -> RunSettings<'static> {
    let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    RunSettings { threads, level, ..RunSettings::default() }
}

fn unknown(book: &SparseLots) -> Vec<f64> {
    vec![f64::INFINITY; book.accounts()]
}

/// One run, with its results.
fn once(
    panel: &Panel,
    book: &SparseLots,
    settings: &RunSettings<'_>,
    thresholds: &mut [f64],
) -> Result<(Vec<BookTail>, Tally), String> {
    tails(panel, book, RANKS, settings, thresholds).map_err(|error| error.to_string())
}

/// Rows of ours: cold, warm and shocked, with one thread and two, at every vector width.
fn ours(world: &World, expected: &[BookTail]) -> Result<Vec<Row>, String> {
    let World { panel, book, .. } = world;
    let best = Level::best();
    let mut left = unknown(book);
    once(panel, book, &settings(1, best), &mut left)?;
    let mut rows = Vec::new();
    for threads in [1, 2] {
        let plural = if threads == 1 { "" } else { ", 2 threads" };
        let settings = settings(threads, best);
        for (name, start) in [("cold", unknown(book)), ("warm", left.clone())] {
            let engine = format!("Plimsoll, {best:?}, {name}{plural}");
            rows.push(timed(engine, 9, panel, book, &settings, &start, expected)?);
        }
    }
    for (name, scale) in [("+5 %", 1.05), ("-5 %", 0.95)] {
        let shocked = inputs::rows(scale);
        let expected = naive(&shocked, book);
        let engine = format!("Plimsoll, {best:?}, warm, moves {name}");
        let (panel, settings) = (self::panel(&shocked)?, settings(1, best));
        rows.push(timed(engine, 9, &panel, book, &settings, &left, &expected)?);
    }
    for level in Level::available().filter(|level| *level != best) {
        let few = if level == Level::Portable { ACCOUNTS / 20 } else { ACCOUNTS };
        let book = inputs::book(few);
        let engine = format!("Plimsoll, {level:?}, cold, {few} accounts");
        let settings = settings(1, level);
        rows.push(timed(engine, 3, panel, &book, &settings, &unknown(&book), &expected[..few])?);
    }
    Ok(rows)
}

/// Times a run that starts with the same thresholds each time.
fn timed(
    engine: String,
    repetitions: usize,
    panel: &Panel,
    book: &SparseLots,
    settings: &RunSettings<'_>,
    start: &[f64],
    expected: &[BookTail],
) -> Result<Row, String> {
    let mut last = Ok((vec![], Tally::default()));
    let timing = measure(repetitions, book.accounts(), || {
        last = once(panel, book, settings, &mut start.to_vec());
    });
    let (found, tally) = last?;
    if found != expected {
        return Err(format!("{engine}: results differ from the plain computation"));
    }
    let rate = 100.0 * tally.recomputed as f64 / tally.accounts as f64;
    let note = format!("fallback rate {rate:.2} %");
    Ok(Row { engine, timing, note })
}

/// What a plain implementation does: a vector of profits per account, then its tail.
fn naive(rows: &[Vec<f64>], book: &SparseLots) -> Vec<BookTail> {
    let mut profits = vec![0.0_f64; SCENARIOS];
    let tail = |account: usize| {
        profits.fill(0.0);
        let (columns, lots) = book.account(account);
        for (column, lots) in columns.iter().zip(lots) {
            let lots = *lots as f64;
            for (profit, ticks) in profits.iter_mut().zip(&rows[*column as usize]) {
                *profit += lots * ticks;
            }
        }
        profits.select_nth_unstable_by(RANKS.sum - 1, f64::total_cmp);
        let tail = &mut profits[..RANKS.sum];
        tail.sort_unstable_by(f64::total_cmp);
        let sum = tail.iter().sum::<f64>() as i128;
        BookTail { least: tail[0] as i128, value: tail[RANKS.value - 1] as i128, sum }
    };
    (0..book.accounts()).map(tail).collect()
}

fn naive_row(world: &World, expected: &[BookTail]) -> Result<Row, String> {
    let mut found = vec![];
    let timing = measure(3, world.book.accounts(), || found = naive(&world.rows, &world.book));
    if found != expected {
        return Err("the plain computation differs from itself".to_owned());
    }
    let note = "a vector per account, partial sort".to_owned();
    Ok(Row { engine: "plain Rust".to_owned(), timing, note })
}

/// Peers in Python, on the same arrays and positions, checked against the same results.
fn peers(world: &World, expected: &[BookTail]) -> Result<Vec<Row>, String> {
    let python = Python::create()?;
    let rows = world.rows.iter().flatten().flat_map(|ticks| ticks.to_le_bytes()).collect();
    let (mut columns, mut lots) = (Vec::new(), Vec::new());
    for account in 0..world.book.accounts() {
        let (held, sizes) = world.book.account(account);
        columns.extend(held.iter().flat_map(|column| column.to_le_bytes()));
        lots.extend(sizes.iter().flat_map(|lots| (*lots as f64).to_le_bytes()));
    }
    let figures = |tail: &BookTail| [tail.least, tail.value, tail.sum].map(|ticks| ticks as f64);
    let expected =
        expected.iter().flat_map(figures).flat_map(|ticks| ticks.to_le_bytes()).collect();
    let paths = [
        python.write_bytes("rows", rows)?,
        python.write_bytes("columns", columns)?,
        python.write_bytes("lots", lots)?,
        python.write_bytes("expected", expected)?,
    ];
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    python.rows("w3.py", &paths)
}

/// From a thousand accounts to a million, with the seconds and memory that it takes.
fn scaling() -> Result<Table, String> {
    let rows = inputs::rows(1.0);
    let panel = panel(&rows)?;
    drop(rows);
    let mut table_rows = Vec::new();
    for accounts in [1_000, 10_000, 100_000, 1_000_000] {
        forget_peak_memory();
        let book = inputs::book(accounts);
        for threads in [1, 2] {
            let mut seconds: Vec<f64> = Vec::new();
            for _ in 0..3 {
                let started = Instant::now();
                once(&panel, &book, &settings(threads, Level::best()), &mut unknown(&book))?;
                seconds.push(started.elapsed().as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            let each = |seconds: f64| seconds * 1e9 / accounts as f64;
            let timing = Timing { median: each(seconds[1]), least: each(seconds[0]) };
            let memory = peak_memory_bytes().map_or(String::new(), |bytes| {
                format!(", peak memory {:.0} MB", bytes as f64 / 1e6)
            });
            let note =
                format!("{:.3} s{memory}, book {:.0} MB", seconds[1], book.bytes() as f64 / 1e6);
            let plural = if threads == 1 { "1 thread" } else { "2 threads" };
            table_rows.push(Row { engine: format!("{accounts} accounts, {plural}"), timing, note });
        }
    }
    let conditions = vec![format!(
        "{POSITIONS} positions each, cold; peak memory is that of the whole process, which holds the \
         book, the risk arrays and the results"
    )];
    let title = "W3: from a thousand accounts to a million".to_owned();
    Ok(Table { name: "w3", title, item: "account", conditions, rows: table_rows })
}

/// Starts counting this process's most memory afresh, where the system lets it.
fn forget_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn checksum(tails: &[BookTail]) -> u64 {
    let numbers = tails.iter().flat_map(|tail| [tail.least, tail.value, tail.sum]);
    numbers.fold(0xCBF2_9CE4_8422_2325, |hash, number| {
        (hash ^ number as u64).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
