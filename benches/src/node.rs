//! A node: commands in, events out once they are durable; replay and snapshots of its journal.

mod million;
mod venue;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journal::Disk;
use node::{
    JournalLog, JournalOptions, JournalReader, ManualClock, Node, Options, Released, replay,
};
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing};
use plimsoll_engine::State;
use venue::Script;

/// Commands of the mix; where every order is exact, as many of the first.
const COMMANDS: usize = 500_000;
const COMMANDS_EXACT: usize = 50_000;
/// Runs of each kind, each on a fresh folder.
const TURNS: usize = 3;
/// The share of the full rate at which latency is measured.
const LATENCY_LOAD: f64 = 0.5;
/// How long whoever hands in commands at a rate sleeps between two looks at the clock.
const PACE: Duration = Duration::from_micros(100);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    tables().map_err(|error| error.to_string())
}

fn tables() -> Outcome<Vec<Table>> {
    let script = Script::new(COMMANDS);
    let bound = way(&script, "Plimsoll, fast bound", COMMANDS, false)?;
    let exact = way(&script, "Plimsoll, every order exact", COMMANDS_EXACT, true)?;
    let mut conditions = script.conditions();
    conditions.push(format!(
        "durable before anything is released, on this machine's disk; threads: one that hands in \
         commands, the sequencer, the log. Latency is from when a command was to be handed in, at \
         {:.0} % of the full rate, to its release",
        100.0 * LATENCY_LOAD
    ));
    let table = |title: &str, item, conditions, rows| Table {
        name: "node",
        title: title.to_owned(),
        item,
        conditions,
        rows,
    };
    let (running, replaying): (Vec<Row>, Vec<Vec<Row>>) = [bound, exact].into_iter().unzip();
    let replaying = replaying.into_iter().next().unwrap_or_default();
    let recovery = vec![
        "the journal of the first row above: the venue's opening, then the mix; one thread \
         applies, one reads ahead, one computes epochs ahead"
            .to_owned(),
    ];
    let (rows, million) = million::rows()?;
    Ok(vec![
        table("Node end to end, with journal", "command", conditions, running),
        table("Replay of a node's journal", "command", recovery, replaying),
        table("Snapshot of 1,000,000 accounts", "account", million, rows),
    ])
}

/// A node on a fresh folder, with what it has released.
struct Bench {
    node: Node,
    clock: ManualClock,
    disk: Disk,
    releases: Arc<Mutex<Option<Vec<Instant>>>>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(options: Options) -> Outcome<Self> {
        let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
        let disk = Disk::create(folder.path())?;
        let (log, _) = JournalLog::open(disk.clone(), JournalOptions::default())?;
        let clock = ManualClock::at(instruments::Timestamp::from_milliseconds(0));
        let releases = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&releases);
        let publish = move |_: Released<'_>| {
            let mut noted = noted.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(noted) = &mut *noted {
                Vec::push(noted, Instant::now());
            }
        };
        let (node, _) = Node::open(log, clock.clone(), options, publish)?;
        Ok(Self { node, clock, disk, releases, _folder: folder })
    }

    /// Waits until all that was handed in is durable; gives how much that is.
    fn settled(&self) -> Outcome<u64> {
        Ok(self.node.read(State::sequence)?)
    }
}

/// Measures a way to admit orders: its row, and the rows of replaying its journal.
fn way(script: &Script, name: &str, count: usize, exact: bool) -> Outcome<(Row, Vec<Row>)> {
    let options = || Options { limits: script.limits, exact, ..Options::default() };
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..TURNS {
        drop(last.take());
        let bench = Bench::new(options())?;
        script.open(&bench)?;
        bench.node.snapshot()?;
        let begin = Instant::now();
        let handed_in = script.hand_in(&bench, count, |_| {})?;
        bench.settled()?;
        times.push(begin.elapsed().as_secs_f64() * 1e9 / handed_in as f64);
        last = Some((bench, handed_in));
    }
    let (bench, handed_in) = last.ok_or("no turn was taken")?;
    let timing = timing(&mut times);
    let latency = latency(script, count, exact, timing.median)?;
    let all = bench.settled()?;
    let hash = bench.node.record_hash()?;
    let rules = 1..=plimsoll_engine::rules::RULES_VERSION;
    let patience = journal::Patience::BESIDE_WRITER;
    let options = journal::VerifyOptions { rules_known: rules, anchor: None, patience };
    let read = journal::verify(&bench.disk, &options)?.read;
    let note = format!(
        "{:.0} k commands/s; {latency}; {:.0} bytes a command in the journal, opening included, \
         {:.0} commands a batch",
        1e6 / timing.median,
        read.bytes as f64 / all as f64,
        read.records as f64 / read.batches as f64,
    );
    let row = Row { engine: name.into(), timing, note };
    let reader = JournalReader::new(bench.disk.clone());
    let mut rows = Vec::new();
    for (name, snapshots) in [("from the first command", false), ("from a snapshot", true)] {
        let mut times = Vec::new();
        let mut commands = 0;
        for _ in 0..TURNS {
            let begin = Instant::now();
            let replayed = replay(&reader, all, snapshots, &mut |_, _| {})?;
            commands = replayed.report.commands;
            times.push(begin.elapsed().as_secs_f64() * 1e9 / commands as f64);
            let mut state = replayed.state.ok_or("a journal without commands")?;
            if state.record_hash() != hash {
                return Err("replay gives another state".into());
            }
        }
        let timing = self::timing(&mut times);
        let note = format!("{:.0} k commands/s, {commands} commands", 1e6 / timing.median);
        rows.push(Row { engine: format!("Plimsoll, {name}"), timing, note });
    }
    debug_assert!(handed_in >= count);
    Ok((row, rows))
}

/// How long commands take from when they are due to their release, in words.
fn latency(script: &Script, count: usize, exact: bool, nanoseconds: f64) -> Outcome<String> {
    let bench = Bench::new(Options { limits: script.limits, exact, ..Options::default() })?;
    script.open(&bench)?;
    bench.settled()?;
    *bench.releases.lock().map_err(|_| "a release failed")? = Some(Vec::with_capacity(count * 2));
    let gap = nanoseconds / LATENCY_LOAD;
    let begin = Instant::now();
    let due = |place: usize| Duration::from_nanos((place as f64 * gap) as u64);
    let handed_in = script.hand_in(&bench, count, |place| {
        while begin.elapsed() < due(place) {
            std::thread::sleep(PACE);
        }
    })?;
    bench.settled()?;
    let releases = bench.releases.lock().map_err(|_| "a release failed")?.take();
    let releases = releases.unwrap_or_default();
    if releases.len() != handed_in {
        return Err(format!("{} of {handed_in} were released", releases.len()).into());
    }
    let since = |(place, at): (usize, &Instant)| (*at - begin).saturating_sub(due(place));
    let mut waits: Vec<Duration> = releases.iter().enumerate().map(since).collect();
    waits.sort_unstable();
    let at = |part: f64| {
        let wait = waits[((waits.len() - 1) as f64 * part) as usize];
        format!("{:.1} ms", wait.as_secs_f64() * 1e3)
    };
    Ok(format!("p50 {}, p99 {}, p99.9 {}", at(0.5), at(0.99), at(0.999)))
}

fn timing(times: &mut [f64]) -> Timing {
    times.sort_by(f64::total_cmp);
    Timing { median: times[times.len() / 2], least: times[0] }
}
