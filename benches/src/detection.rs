//! Detection: the accounts to be liquidated found after each mark, beside a scan of all accounts.

mod venue;

use std::time::Instant;

use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing};
use risk::MarginModel;
use venue::{Population, Venue};

/// Accounts, and how many of them are within 5 % of the line; the first is what ratios are to.
const SIZES: [Population; 6] = [
    portfolio(1_000_000, 50_000),
    portfolio(300_000, 50_000),
    portfolio(100_000, 50_000),
    portfolio(1_000_000, 10_000),
    portfolio(1_000_000, 2_000),
    Population { accounts: 1_000_000, near: 50_000, model: MarginModel::Cross },
];
/// Sizes of which a scan is timed too: each of its marks looks at every account.
const SCANNED: usize = 3;
const MARKS: usize = 1_000;
/// Marks that are timed as one.
const BATCH: usize = 50;
const MARKS_SCANNED: usize = 2;
/// Basis points that a trend goes.
const TREND: i64 = 300;

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    let mut rows = Vec::new();
    let mut scans = Vec::new();
    let mut built = String::new();
    for (place, population) in SIZES.into_iter().enumerate() {
        let begin = Instant::now();
        let mut venue = Venue::of(population)?;
        if place == 0 {
            built = format!(
                "the largest venue was made by {} commands in {:.0} s",
                venue.state.sequence(),
                begin.elapsed().as_secs_f64()
            );
        }
        rows.push(watched(&mut venue, population)?);
        if place == 0 || population.model != MarginModel::Portfolio {
            rows.push(trending(&mut venue, population)?);
        }
        if place < SCANNED {
            venue.state.scan_everyone(true);
            scans.push(scanned(&mut venue, population)?);
        }
    }
    rows.extend(scans);
    let conditions = vec![
        "portfolio accounts under `core` with 1,250 days of history, or cross accounts under \
         `standard`: bitcoin long or short, or \
         long against ether short, each in one of four sizes; near ones would be liquidated by a \
         move of 0.3 to 5 % against them, evenly spread, the others by 5 to 100 %"
            .to_owned(),
        "a mark is the report of an index with all that follows: marks, funding, detection, \
         and no reviews. Prices walk by up to 3 basis points a mark, within 25, or fall by one a \
         mark for 325; nobody is liquidated"
            .to_owned(),
        built,
        format!(
            "one thread; {MARKS} marks in batches of {BATCH}, whose means are shown; of a scan \
             {MARKS_SCANNED}"
        ),
    ];
    Ok(vec![Table {
        name: "detection",
        title: "Detection of accounts to be liquidated".to_owned(),
        item: "mark",
        conditions,
        rows,
    }])
}

/// Marks with accounts watched.
fn watched(venue: &mut Venue, population: Population) -> Result<Row, String> {
    let first = timed(|| venue.mark(0))?;
    venue.open_epoch()?;
    let after_epoch = timed(|| venue.mark(1))?;
    let mut times = Vec::new();
    for _ in 0..MARKS {
        let by = venue.random.within(-3, 3);
        times.push(timed(|| venue.mark(by))?);
    }
    check(venue)?;
    let passed: u32 = venue.state.audit_watches()?.values().sum();
    let mut batches: Vec<f64> =
        times.chunks(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    batches.sort_by(f64::total_cmp);
    times.sort_by(f64::total_cmp);
    let note = format!(
        "p50 {:.1} µs, p99 {:.1} µs of single marks; {:.2} s for the first mark, which looks at everybody, {:.1} ms \
         for the one after another epoch opened; {passed} accounts would not be looked at next",
        times[MARKS / 2] / 1e3,
        times[MARKS * 99 / 100] / 1e3,
        first / 1e9,
        after_epoch / 1e6,
    );
    let timing = Timing { median: batches[batches.len() / 2], least: batches[0] };
    Ok(Row { engine: format!("Plimsoll, {population}"), timing, note })
}

/// Marks that fall by a basis point each, from where near accounts are watched to just above their
/// lines: levels are reached all the way.
fn trending(venue: &mut Venue, population: Population) -> Result<Row, String> {
    for away in (0..=TREND).step_by(25) {
        venue.move_to(away)?;
    }
    venue.state.scan_everyone(false);
    venue.move_to(TREND)?;
    let times: Result<Vec<f64>, String> =
        (-25..TREND).rev().map(|away| timed(|| venue.move_to(away))).collect();
    check(venue)?;
    let mut times = times?;
    let sum: f64 = times.iter().sum();
    times.sort_by(f64::total_cmp);
    let most = times.last().copied().unwrap_or_default();
    let note = format!(
        "p99 {:.0} µs of single marks, {:.0} µs at most; mean {:.0} µs",
        times[times.len() * 99 / 100] / 1e3,
        most / 1e3,
        sum / times.len() as f64 / 1e3,
    );
    let timing = Timing { median: times[times.len() / 2], least: times[0] };
    Ok(Row { engine: format!("Plimsoll, falling, {population}"), timing, note })
}

const fn portfolio(accounts: u32, near: u32) -> Population {
    Population { accounts, near, model: MarginModel::Portfolio }
}

/// Marks after which everybody is looked at.
fn scanned(venue: &mut Venue, population: Population) -> Result<Row, String> {
    let mut times = Vec::new();
    for _ in 0..MARKS_SCANNED {
        let by = venue.random.within(-3, 3);
        times.push(timed(|| venue.mark(by))?);
    }
    check(venue)?;
    times.sort_by(f64::total_cmp);
    let timing = Timing { median: times[MARKS_SCANNED / 2], least: times[0] };
    let each = timing.median / f64::from(population.accounts);
    let note = format!("{each:.0} ns an account");
    Ok(Row { engine: format!("scan of all, {population}"), timing, note })
}

/// Nobody is liquidated in what is timed.
fn check(venue: &Venue) -> Result<(), String> {
    match venue.cases {
        0 => Ok(()),
        events => Err(format!("there were {events} events of cases")),
    }
}

fn timed(work: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed().as_secs_f64() * 1e9)
}
