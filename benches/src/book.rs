//! Order book: commands a second on one instrument, beside other books.

mod engines;
mod plimsoll;
mod stream;
mod tree;

use std::time::Instant;

use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing};

use engines::{Engine, Tally};
use stream::{Shape, Stream};

/// Turns of the fast engines. Each runs once a turn, so that what else the machine does meets all.
const TURNS: usize = 7;

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    [Shape::SHALLOW, Shape::DEEP].iter().map(table).collect()
}

struct Contestant {
    name: &'static str,
    make: fn(&Stream) -> Box<dyn Engine>,
    turns: usize,
    nanoseconds: Vec<f64>,
    note: &'static str,
}

fn contestants() -> Vec<Contestant> {
    let contestant = |name, make, turns, note| {
        let nanoseconds = Vec::new();
        Contestant { name, make, turns, nanoseconds, note }
    };
    vec![
        contestant("Plimsoll", plimsoll::make, TURNS, "all checks and events"),
        contestant("BTreeMap and slab", tree::make, TURNS, "ours, plain, fills only"),
        contestant("lobster 0.7.0", engines::lobster, TURNS, "amend as cancel and limit"),
        contestant("orderbook-rs 0.15.3", engines::orderbook_rs, 1, "amend as cancel and add"),
    ]
}

fn table(shape: &Shape) -> Result<Table, String> {
    let stream = stream::generate(shape);
    let mut contestants = contestants();
    for turn in 0..TURNS {
        for contestant in contestants.iter_mut().filter(|contestant| turn < contestant.turns) {
            let (nanoseconds, tally) = time(contestant, &stream);
            if tally != stream.expected {
                let name = contestant.name;
                return Err(format!("{name} trades {tally:?}, expected {:?}", stream.expected));
            }
            contestant.nanoseconds.push(nanoseconds);
        }
    }
    Ok(Table {
        name: "book",
        title: format!("Order book, {} orders resting", shape.orders),
        item: "command",
        conditions: conditions(&stream),
        rows: contestants.into_iter().map(row).collect(),
    })
}

/// Fills a fresh book, untimed, then times the commands.
fn time(contestant: &Contestant, stream: &Stream) -> (f64, Tally) {
    let mut engine = (contestant.make)(stream);
    engine.run(&stream.opening);
    let start = Instant::now();
    engine.run(&stream.commands);
    let elapsed = start.elapsed().as_secs_f64();
    (elapsed * 1e9 / stream.commands.len() as f64, engine.tally())
}

fn row(contestant: Contestant) -> Row {
    let mut times = contestant.nanoseconds;
    times.sort_by(f64::total_cmp);
    let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    let note = format!(
        "{:.1} M commands/s at best, {:.1} at worst of {}; {}",
        1e3 / least,
        1e3 / most,
        times.len(),
        contestant.note
    );
    Row { engine: contestant.name.into(), timing: Timing { median, least }, note }
}

fn conditions(stream: &Stream) -> Vec<String> {
    let counts = &stream.counts;
    let Tally { trades, volume, value, checksum } = stream.expected;
    vec![
        format!(
            "{} commands: {} new, {} immediate or cancel, {} cancel, {} amend to another price; \
             checksum {:016x}",
            stream.commands.len(),
            counts.new,
            counts.immediate,
            counts.cancel,
            counts.amend,
            stream.checksum()
        ),
        format!(
            "on average {:.0} orders resting at {:.0} prices",
            stream.orders_mean, stream.levels_mean
        ),
        format!(
            "every engine trades the same: {trades} trades of {volume} lots worth {value} ticks, \
             checksum of the fills {checksum:016x}"
        ),
        "one thread; the commands in memory; engines take turns, each on a fresh book".to_owned(),
    ]
}
