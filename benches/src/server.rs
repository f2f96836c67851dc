//! The server under load: `plimsoll serve` with a quiet market and `plimsoll load`, each a process, on two
//! cores together.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing};
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// More than it can take, for what it takes at most.
const FULL: u64 = 80_000;
/// Orders a second, one after another.
const RATES: [u64; 5] = [1_000, 5_000, 10_000, 20_000, FULL];
/// Connections that listen to a book every 100 ms.
const SUBSCRIBERS: [u64; 2] = [0, 1_000];
/// How long each rate is measured, in seconds.
const SECONDS: u64 = 10;
/// How often all is measured: a disk that stands still for a tenth of a second makes one turn bad.
const TURNS: usize = 5;
/// Accounts that trade, a connection each.
const ACCOUNTS: u64 = 16;
/// The cores that both processes run on.
const CORES: &str = "0,1";
const SERVE: &str = "serve --output json --listen 127.0.0.1:0 --demo --accounts 8 --instruments 8 --messages 1 \
                     --matching-rate 1000000 --matching-burst 1000000 --request-rate 1000 \
                     --request-burst 10000 --connections 2000";

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    tables().map_err(|error| error.to_string())
}

fn tables() -> Outcome<Vec<Table>> {
    let binary = binary()?;
    let mut turns: Vec<[Value; SUBSCRIBERS.len()]> = Vec::new();
    for _ in 0..TURNS {
        let turn = SUBSCRIBERS.map(|listeners| Venue::start(&binary)?.load(&binary, listeners));
        let [alone, heard] = turn;
        turns.push([alone?, heard?]);
    }
    let mut full = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for (place, listeners) in SUBSCRIBERS.into_iter().enumerate() {
        for (step, rate) in RATES.into_iter().enumerate() {
            let measured: Vec<&Value> =
                turns.iter().map(|turn| &turn[place]["rates"][step]).collect();
            let row = row(&measured, rate, listeners)?;
            if rate == FULL { full.push(row) } else { rows.push(row) }
        }
    }
    if let [_, heard] = &mut full[..] {
        heard.note += &slower(&turns)?;
    }
    full.extend(rows);
    let conditions = vec![
        format!(
            "`plimsoll serve --demo` and `plimsoll load` over WebSocket on cores {CORES} together: {ACCOUNTS} \
             accounts with a connection each, which quote, amend, cancel and take (40, 20, 30, 10 \
             in a hundred); {SECONDS} s a rate; journal on this machine's disk"
        ),
        format!(
            "{TURNS} turns, each on a fresh venue, those with listeners and those without one after \
             the other; a figure is the median of them, with the least and the most where it says so"
        ),
        "latency is from when a request was due to its acknowledgement, which comes after the \
         data sync; a request that waits for others to be sent is late by that"
            .to_owned(),
        "after each load the journal has what was acknowledged".to_owned(),
    ];
    let title = "Orders over WebSocket, to a venue with a journal".to_owned();
    Ok(vec![Table { name: "server", title, item: "order", conditions, rows: full }])
}

/// How many orders fewer the venue takes at most when somebody listens, turn by turn.
fn slower(turns: &[[Value; SUBSCRIBERS.len()]]) -> Outcome<String> {
    let most = |loaded: &Value| {
        let rates = loaded["rates"].as_array()?;
        let full = rates.iter().find(|rate| rate["rate"].as_u64() == Some(FULL))?;
        full["acknowledged_per_second"].as_f64()
    };
    let share = |[alone, heard]: &[Value; 2]| Some(100.0 * (1.0 - most(heard)? / most(alone)?));
    let mut all: Vec<f64> =
        turns.iter().map(share).collect::<Option<_>>().ok_or("no figure of the full rate")?;
    all.sort_by(f64::total_cmp);
    let (least, middle, greatest) = (all[0], all[all.len() / 2], all[all.len() - 1]);
    Ok(format!("; {middle:.1} % fewer than in the same turn without ({least:.1} to {greatest:.1})"))
}

/// What came of a rate in all turns.
fn row(measured: &[&Value], rate: u64, listeners: u64) -> Outcome<Row> {
    let figures = |key: &str| -> Outcome<Vec<f64>> {
        let figures = measured.iter().map(|one| one[key].as_f64());
        let mut figures: Vec<f64> =
            figures.collect::<Option<_>>().ok_or_else(|| format!("no figure {key}"))?;
        figures.sort_by(f64::total_cmp);
        Ok(figures)
    };
    let median = |key: &str| figures(key).map(|figures| figures[figures.len() / 2]);
    let asked = match rate {
        FULL => "as many as it takes".to_owned(),
        rate => format!("{rate} orders/s"),
    };
    let listens = match listeners {
        0 => "nobody listens".to_owned(),
        count => format!("{count} listen"),
    };
    let done = figures("acknowledged_per_second")?;
    let (least, most) = (done[0], done[done.len() - 1]);
    let mut note = format!("{:.0} orders/s", done[done.len() / 2]);
    if rate == FULL {
        note += &format!(" ({least:.0} to {most:.0})");
    } else {
        let slow = figures("p99_ms")?;
        note += &format!(
            "; p50 {:.2} ms, p99 {:.2} ms ({:.2} to {:.2}), p99.9 {:.2} ms",
            median("p50_ms")?,
            median("p99_ms")?,
            slow[0],
            slow[slow.len() - 1],
            median("p99_9_ms")?
        );
        let late = measured.iter().filter(|one| one["kept_up"] != true).count();
        if late > 0 {
            note += &format!("; not kept up in {late} turns");
        }
    }
    note += &format!("; {:.0} refused", median("refused")?);
    let timing = Timing { median: 1e9 / done[done.len() / 2], least: 1e9 / most };
    Ok(Row { engine: format!("Plimsoll, {asked}, {listens}"), timing, note })
}

/// Builds the program as it is released, and says where it is.
fn binary() -> Outcome<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--package", "plimsoll-cli", "--message-format", "json"]);
    let built = build.current_dir(root).stderr(Stdio::inherit()).output()?;
    let lines = String::from_utf8(built.stdout)?;
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut places = messages.filter_map(|message| Some(message["executable"].as_str()?.into()));
    places.next_back().ok_or_else(|| "the program can't be built".into())
}

/// A program on the cores that are measured.
fn on_cores(binary: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", CORES]).arg(binary);
    command
}

/// A venue, killed when it goes out of scope.
struct Venue {
    process: Child,
    url: String,
    folder: tempfile::TempDir,
}

impl Venue {
    fn start(binary: &Path) -> Outcome<Self> {
        let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
        let mut serve = on_cores(binary);
        serve.args(SERVE.split_whitespace()).arg("--data").arg(folder.path());
        serve.args(["--demo-accounts", &ACCOUNTS.to_string()]);
        let mut process = serve.stdout(Stdio::piped()).spawn()?;
        let out = process.stdout.take().ok_or("no standard output")?;
        let mut venue = Self { process, url: String::new(), folder };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let place: Value = serde_json::from_str(&line)?;
        venue.url = place["ws"].as_str().ok_or("the venue does not say where it is")?.to_owned();
        Ok(venue)
    }

    fn load(&self, binary: &Path, subscribers: u64) -> Outcome<Value> {
        let rates = RATES.map(|rate| rate.to_string()).join(",");
        let mut load = on_cores(binary);
        load.args(["load", "--json", "--url", &self.url, "--rate", &rates, "--patience", "60"]);
        load.args(["--seconds", &SECONDS.to_string(), "--warm-up", "2"]);
        load.args(["--subscribers", &subscribers.to_string()]);
        load.arg("--keys").arg(self.folder.path().join("demo.keys"));
        load.arg("--journal").arg(self.folder.path()).stderr(Stdio::inherit());
        let loaded = load.output()?;
        if !loaded.status.success() {
            return Err(format!("{load:?}: {}", loaded.status).into());
        }
        Ok(serde_json::from_slice(&loaded.stdout)?)
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
