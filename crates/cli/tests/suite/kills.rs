//! A venue that is killed under full load, again and again: all that was acknowledged is there, nothing
//! twice, and the history is what the journal says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use numerics::SplitMix;
use serde_json::Value;

use super::clients::{Venue, turn};
use super::{Run, command, finish};

/// Kills; `PLIMSOLL_TEST_SCALE` multiplies them.
const KILLS: u64 = 5;
const SEED: u64 = 20_260_205;
/// Commands under load before a kill: from so many to so many.
const COMMANDS: [u64; 2] = [1_000, 4_000];
/// How long the load may take to come so far.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often to look how far the load is.
const LOOK: Duration = Duration::from_millis(5);
const SERVE: [&str; 6] = [
    "--demo-accounts=8",
    "--matching-rate=1000000",
    "--matching-burst=1000000",
    "--connections=100",
    "--messages=20",
    "--metrics=127.0.0.1:0",
];
/// More orders than it takes.
const FULL: [&str; 6] = ["--rate", "50000", "--seconds", "600", "--warm-up", "0"];
/// As many as it takes: such a load ends by itself, and takes back what the one before left in the books.
const WHOLE: [&str; 6] = ["--rate", "300", "--seconds", "1", "--warm-up", "0"];

/// Nothing of these may be in a history.
const DOUBLED: [(&str, &str); 4] = [
    ("orders that traded more than was asked", "select * from orders where filled > lots"),
    (
        "orders that traded other than their trades say",
        "select o.order_id, o.filled, sum(t.lots) from orders o \
         join fills f on f.order_id = o.order_id and f.account = o.account \
         join trades t on t.id = f.trade group by 1 having sum(t.lots) <> o.filled",
    ),
    (
        "trades that have not two sides",
        "select t.id from trades t left join fills f on f.trade = t.id group by 1 \
         having count(*) <> 2 or sum(f.maker) <> 1",
    ),
    (
        "instruments whose trades are not numbered one after another",
        "select instrument from trades group by 1 having count(*) <> max(number)",
    ),
];

/// What was acknowledged and compared.
#[derive(Debug, Default)]
struct Counts {
    kills: u64,
    acknowledged: u64,
    /// Trades that answers told.
    told: u64,
    /// Trades and orders that were there in the end.
    trades: u64,
    orders: u64,
    commands: u64,
}

#[test]
fn kills_under_full_load_lose_nothing_and_double_nothing() {
    let _turn = turn();
    let draws = SplitMix { seed: SEED };
    let mut counts = Counts::default();
    let mut folder = tempfile::tempdir().unwrap();
    let kills = KILLS * scale();
    for kill in 0..kills {
        let venue = Venue::start_in(folder, &SERVE);
        counts.note(&whole(&venue));
        let wanted = COMMANDS[0] + draws.u64(kill) % (COMMANDS[1] - COMMANDS[0]);
        let before = commands(&venue);
        let mut load = Loading(loader(&venue, &FULL).spawn().unwrap());
        let begun = Instant::now();
        while commands(&venue) < before + wanted {
            assert!(begun.elapsed() < PATIENCE, "the venue stands still under load");
            assert!(load.0.try_wait().unwrap().is_none(), "the load ended before the kill");
            sleep(LOOK);
        }
        folder = venue.killed();
        let loaded = load.ends();
        assert_eq!(loaded.code, Some(1), "its connections are lost: {}", loaded.err);
        counts.kills += 1;
        counts.note(&loaded);
        check(&folder.path().join("data"), &mut counts);
    }
    let venue = Venue::start_in(folder, &SERVE);
    counts.note(&whole(&venue));
    let folder = venue.stopped();
    let through = check(&folder.path().join("data"), &mut counts);
    assert_eq!(through, counts.commands, "all of the journal is in the history");
    println!("{counts:?}");
    assert!(counts.acknowledged > 100 * kills && counts.told > kills, "{counts:?}");
}

fn scale() -> u64 {
    std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn loader(venue: &Venue, rate: &[&str]) -> Command {
    let data = venue.folder.path().join("data");
    let mut load = command();
    load.args(["load", "--json", "--url", venue.place["ws"].as_str().unwrap()]).args(rate);
    load.arg("--keys").arg(data.join("demo.keys")).arg("--journal").arg(data);
    load.stdout(Stdio::piped()).stderr(Stdio::piped());
    load
}

fn whole(venue: &Venue) -> Run {
    let loaded = finish(&mut loader(venue, &WHOLE));
    assert_eq!(loaded.code, Some(0), "{}", loaded.err);
    loaded
}

/// A load that goes on while its venue is killed; it is ended when it is dropped.
struct Loading(Child);

impl Loading {
    /// What it says in the end.
    fn ends(mut self) -> Run {
        let (mut out, mut err) = (self.0.stdout.take().unwrap(), self.0.stderr.take().unwrap());
        let (mut said, mut wrong) = (String::new(), String::new());
        out.read_to_string(&mut said).unwrap();
        err.read_to_string(&mut wrong).unwrap();
        Run { code: self.0.wait().unwrap().code(), out: said, err: wrong }
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Commands of a venue since it was started.
fn commands(venue: &Venue) -> u64 {
    let url = venue.place["metrics"].as_str().unwrap();
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let count = page.lines().find_map(|line| line.strip_prefix("plimsoll_commands_total "));
    count.unwrap().parse::<f64>().unwrap() as u64
}

impl Counts {
    /// Takes note of a load whose acknowledgements are in the journal.
    fn note(&mut self, loaded: &Run) {
        let loaded: Value = serde_json::from_str(&loaded.out).unwrap();
        let journal = &loaded["journal"];
        let count = |key: &str| journal[key].as_u64().unwrap();
        let sound = (&journal["sound"], count("missing"), count("doubled"));
        assert_eq!(sound, (&true.into(), 0, 0), "{loaded}");
        let acknowledged = ["orders", "amendments", "cancellations"].map(count);
        assert!(acknowledged[0] > 0, "nothing was acknowledged: {loaded}");
        self.acknowledged += acknowledged.iter().sum::<u64>();
        self.told += count("trades");
    }
}

/// Looks into the folder of a venue that does not run; gives the last command of its history.
fn check(data: &Path, counts: &mut Counts) -> u64 {
    let run =
        |arguments: &[&str]| finish(command().args(arguments).args(["--output", "json"])).json();
    let journal = data.join("journal");
    let [data, journal] = [data, &journal].map(|path| path.to_str().unwrap());
    let (checked, verified) = scope(|scope| {
        let verified = scope.spawn(|| run(&["verify", journal]));
        (run(&["history", "check", data]), verified.join().unwrap())
    });
    assert_eq!(verified["verification"]["sound"], true, "{verified}");
    counts.commands = verified["journal"]["last_command"].as_u64().unwrap();
    let rows = |name: &str| {
        let tables = checked["tables"].as_array().unwrap();
        let table = tables.iter().find(|table| table["table"] == name).unwrap();
        table["rows"].as_u64().unwrap()
    };
    (counts.trades, counts.orders) = (rows("trades"), rows("orders"));
    assert_eq!(rows("fills"), 2 * counts.trades, "{checked}");
    for (what, question) in DOUBLED {
        let found = run(&["history", "sql", data, question]);
        assert_eq!(found, Value::Array(Vec::new()), "{what}");
    }
    checked["history"]["agrees_through"].as_u64().unwrap()
}
