//! Eight hours of a venue's time under load, in minutes of ours: the memory of its process stays as it was.
//!
//! All of it is what `plimsoll serve` runs, with the allocator of the product, on a clock that is set by
//! hand: engine, journal, feed, history, worker, sessions, subscriptions, figures. `PLIMSOLL_TEST_SCALE`
//! multiplies the load.
//!
//! The allocator gives freed pages back to the system some time after, and only once a thread asks it for
//! more: what idle threads freed, tens of MiB that come and go, would be counted as held. So the hours pass
//! in a process of their own, whose allocator gives them back at once.

#![allow(clippy::unwrap_used)]

#[path = "flat_memory/trader.rs"]
mod trader;
#[path = "founding/venue.rs"]
mod venue;
#[path = "flat_memory/visitor.rs"]
mod visitor;

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use trader::{Done, Market, Trader};
use venue::{Socket, Venue, wait};
use visitor::{Listener, visit};

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOUR: i64 = 3_600_000;
/// When the instruments of the page of founding expire: after four of the eight hours.
const EXPIRY: i64 = 1_770_364_800_000;
const NEXT_EXPIRY: i64 = EXPIRY + 24 * HOUR;
/// Before the eight hours: until what is bounded is full.
const WARM_UP: i64 = 2 * HOUR;
const START: i64 = EXPIRY - 4 * HOUR - WARM_UP;
/// From one measurement to the next: of eight hours there are four.
const QUARTER: i64 = 2 * HOUR;
const STEP: i64 = 60_000;
/// Requests in a step, of all who trade.
const REQUESTS: usize = 48;
const TRADERS: usize = 4;
/// Requests that a trader sends before it waits for answers.
const TOGETHER: usize = 25;
/// How much more the process may hold after eight hours than before: the history's cache of 32 MiB, candles
/// of eight hours and lists that were not full.
const FILLED_MAX_KIB: u64 = 48 * 1024;
/// After the last four: what the allocator and the system make of it.
const GROWTH_MAX_KIB: u64 = 12 * 1024;
const NAME: &str = "memory_is_flat_over_eight_hours_under_load";
/// How long the allocator keeps freed pages, and the value that has it keep none.
const GIVE_BACK: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");
const PERPETUAL: &str = "BTC_USDC-PERPETUAL";
const FUTURE: &str = "BTC-7FEB26";
/// What is listed at first.
const LISTED: [&str; 4] = [PERPETUAL, "BTC-6FEB26", "BTC_USDC-6FEB26-70000-C", FUTURE];

/// What the process holds at the end of a quarter.
#[derive(Clone, Copy, Debug)]
struct Held {
    commands: u64,
    kibibytes: u64,
}

#[test]
fn memory_is_flat_over_eight_hours_under_load() {
    let (name, value) = GIVE_BACK;
    if std::env::var(name).as_deref() == Ok(value) {
        return eight_hours();
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let passed = again.args(["--exact", "--nocapture", NAME]).env(name, value).output().unwrap();
    let told = [passed.stdout, passed.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    println!("{told}");
    assert!(passed.status.success() && told.contains("1 passed"), "{}", passed.status);
}

fn eight_hours() {
    let folder = tempfile::tempdir().unwrap();
    let mut venue = Venue::start(folder.path(), START);
    found(&mut venue);
    let keys: Vec<_> = (1..=TRADERS).map(|account| venue.client(folder.path(), account)).collect();
    let connect = |seed: usize| Trader::new(venue.connect(&keys[seed]), seed as u64);
    let mut traders: Vec<Trader> = (0..TRADERS).map(connect).collect();
    let listener = Listener::start(venue.connect(&keys[0]), PERPETUAL);
    let mut eyes = venue.connect(&keys[1]);
    let requests = REQUESTS * scale() / TRADERS;
    let mut names: Vec<String> = LISTED.map(str::to_owned).into();
    let mut done = Done::default();
    let mut held = Vec::new();
    for (number, place) in (1..).zip(0..(WARM_UP + 4 * QUARTER) / STEP) {
        // A slow wave, and a fast one on it.
        let wave = |length: i64| (place % length - length / 2).abs() * 400 / length;
        venue.advance(STEP, 69_800 + wave(240) + wave(7));
        if (place * STEP) % HOUR == 0 {
            names.push(list(&venue, place * STEP / HOUR));
        }
        let markets = markets(&mut eyes, &names);
        for part in (0..requests).step_by(TOGETHER) {
            let count = TOGETHER.min(requests - part);
            traders.iter_mut().for_each(|trader| trader.ask(&markets, count));
            traders.iter_mut().for_each(|trader| trader.take_in(&mut done));
        }
        let visitor = &keys[(number % TRADERS as u64) as usize];
        visit(&venue, visitor, PERPETUAL, number);
        let passed = (place + 1) * STEP - WARM_UP;
        if passed >= 0 && passed % QUARTER == 0 {
            held.push(measure(&venue));
            println!("{} h: {:?}, {done:?}", passed / HOUR, held.last().unwrap());
        }
    }
    lived(&venue, &keys);
    println!("{} notifications", listener.end());
    drop(traders);
    flat(&held);
}

fn scale() -> usize {
    std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Founds the venue, with two more accounts and what expires next; settles each hour. Its own threads keep
/// to our time, so what they bring may be older in the venue's.
fn found(venue: &mut Venue) {
    venue.found();
    let rules = json!({ "epoch_age_max_ms": 4 * HOUR, "epoch_market_age_max_ms": HOUR });
    venue.submit(json!({ "set_venue_rules": rules }));
    let fees = json!({ "maker_ppm": -50, "taker_ppm": 400 });
    let hourly = json!({ "tick": "0.5", "settlement_ms": HOUR, "fees": fees });
    venue.submit(json!({ "set_terms": { "instrument": PERPETUAL, "terms": hourly } }));
    for account in 3..=TRADERS {
        venue.submit(json!({ "open_account": { "margin_model": "cross" } }));
        for (id, asset, amount) in [(10, "USDC", "200000"), (20, "BTC", "2")] {
            let id = id + account;
            let deposit = json!({ "id": id, "account": account, "asset": asset, "amount": amount });
            venue.submit(json!({ "announce_deposit": deposit }));
            venue.submit(json!({ "credit_deposit": { "id": id, "account": account } }));
        }
    }
    let expiry = json!({ "underlying": "BTC", "expiration_timestamp": NEXT_EXPIRY });
    venue.admin("admin/add_expiry", &expiry);
    let terms = json!({ "tick": "0.5", "fees": fees });
    let future = json!({ "instrument": FUTURE, "terms": terms });
    venue.submit(json!({ "list_instrument": future }));
    wait(venue, "an epoch", |venue| venue.figure("plimsoll_epoch") > Some(0.0));
}

/// Lists an option of the next expiry; gives its name.
fn list(venue: &Venue, hour: i64) -> String {
    let name = format!("BTC_USDC-7FEB26-{}-C", 70_000 + 250 * hour);
    let fees = json!({ "maker_ppm": 300, "taker_ppm": 300 });
    let terms = json!({ "tick": "5", "band_min": "1400", "fees": fees });
    venue.submit(json!({ "list_instrument": { "instrument": name, "terms": terms } }));
    name
}

/// What can be traded now of these.
fn markets(eyes: &mut Socket, names: &[String]) -> Vec<Market> {
    let mut markets = Vec::new();
    for name in names {
        let of = json!({ "instrument_name": name });
        let [ticker, listed] = ["public/ticker", "public/get_instrument"]
            .map(|method| eyes.call(method, &of)["result"].clone());
        let number = |of: &Value| of.as_f64().filter(|number| *number > 0.0);
        // What has expired has none of them.
        if let (Some(mark), Some(amount), Some(tick)) = (
            number(&ticker["mark_price"]),
            number(&listed["min_trade_amount"]),
            number(&listed["tick_size"]),
        ) {
            markets.push(Market { name: name.clone(), amount, tick, mark });
        }
    }
    assert!(!markets.is_empty(), "nothing has a mark");
    markets
}

/// What the process holds once nothing is under way, and a snapshot is written.
fn measure(venue: &Venue) -> Held {
    let lags = ["plimsoll_feed_lag_commands", "plimsoll_history_lag_commands"];
    wait(venue, "what lags", |venue| lags.iter().all(|lag| venue.figure(lag) == Some(0.0)));
    venue.admin("admin/snapshot", &json!({}));
    // What was let go goes back to the system after a moment.
    let read = |_| {
        std::thread::sleep(Duration::from_millis(100));
        anonymous()
    };
    let kibibytes = (0..10).map(read).min().unwrap();
    Held { commands: venue.figure("plimsoll_sequence").unwrap() as u64, kibibytes }
}

/// Kibibytes that are the process's own: no pages of files.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

/// What should have happened in these hours did.
fn lived(venue: &Venue, keys: &[(String, String)]) {
    let status = venue.admin("admin/status", &json!({}));
    assert_eq!(status["worker_trouble"], json!([]), "{status}");
    assert!(status["epoch"].as_u64() > Some(8), "{status}");
    let all = json!({ "currency": "any", "count": 1_000 });
    let count = |method: &str, key| {
        let settled = venue.ok(key, method, &all)["settlements"].as_array().unwrap().clone();
        let of = |kind: &str| settled.iter().filter(|one| one["type"] == kind).count();
        (of("settlement"), of("delivery"))
    };
    let (settlements, deliveries) = count("public/get_last_settlements_by_currency", &keys[0]);
    assert!(settlements >= 8 && deliveries == 2, "{settlements}, {deliveries}");
    // Who holds what at an hour is chance; of each hour somebody does.
    let own = "private/get_settlement_history_by_currency";
    let held: usize = keys.iter().map(|key| count(own, key).0).sum();
    assert!(held >= 8, "{held}");
}

/// What is bounded fills up in the first half at most; in the second nothing grows.
fn flat(held: &[Held]) {
    let &[first, _, half, _, last] = held else { panic!("{held:?}") };
    assert!(last.commands > first.commands + 10_000, "{held:?}");
    for (before, most) in [(first, FILLED_MAX_KIB), (half, GROWTH_MAX_KIB)] {
        let grown = last.kibibytes.saturating_sub(before.kibibytes);
        assert!(grown <= most, "{grown} KiB more are held, and {most} may be: {held:?}");
    }
}
