//! Alarms of the venue itself, provoked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::json;

use super::rules::rule;
use super::world::World;
use crate::limits::LimitRules;
use crate::serve::Tuning;

/// What is provoked below.
pub const PROVOKED: &[&[&str]] = &[
    STALE, CASE, PAID, LEFT, SLOW, STUCK, FULL, FAILED, GONE, HISTORY, FEED, SNAPSHOT, DISK, READ,
];

const STALE: &[&str] = &[
    "PlimsollIndexNotFresh",
    "PlimsollIndexSourceSilent",
    "PlimsollEpochOld",
    "PlimsollEpochOverdue",
    "PlimsollWorkerTrouble",
];
const CASE: &[&str] = &["PlimsollAccountInCase", "PlimsollCasePaused"];
const PAID: &[&str] = &["PlimsollFundDrawn", "PlimsollFundLow"];
const LEFT: &[&str] = &["PlimsollDeleveraging"];
const SLOW: &[&str] = &["PlimsollJournalSlow", "PlimsollCommandsSlow"];
const STUCK: &[&str] = &["PlimsollEngineSilent", "PlimsollQueueFilling"];
const FULL: &[&str] = &["PlimsollQueueRefused"];
const FAILED: &[&str] = &["PlimsollEngineEnded", "PlimsollNotReady", "PlimsollServerFaults"];
const GONE: &[&str] = &["PlimsollDown"];
const HISTORY: &[&str] = &["PlimsollHistoryBehind"];
const FEED: &[&str] = &["PlimsollFeedBehind"];
const SNAPSHOT: &[&str] = &["PlimsollSnapshotFailed"];
const DISK: &[&str] = &["PlimsollDiskNearlyFull"];
const READ: &[&str] = &["PlimsollReadOnly"];

#[test]
fn prices_that_stop_are_told_and_so_is_the_epoch_that_grows_old() {
    let tuning = Tuning { is_idle: true, ..Tuning::default() };
    let world = World::tuned(tuning, LimitRules::default());
    world.trade();
    let before = world.until("a fresh index", |page| {
        page.any("plimsoll_index_fresh{asset=\"BTC\"}", |fresh| fresh == 1.0)
            && page.any("plimsoll_epoch_age_ratio", |age| age < 0.5)
    });
    world.pass(20 * 60_000);
    // As the worker would say it.
    let trouble = &world.service.as_ref().unwrap().trouble;
    trouble.set("risk epoch", Some("no index".to_owned()));
    world.alarmed(&before, STALE);
}

#[test]
fn an_account_in_a_case_is_told_and_so_is_the_case_that_waits() {
    let world = World::start();
    world.trade();
    let before =
        world.until("nobody in a case", |page| page.any("plimsoll_cases_open", |n| n == 0.0));
    world.pass(30_000);
    world.act(&json!({ "report_price": { "asset": "BTC", "source": 1, "price": "66500" } }));
    world.alarmed(&before, &CASE[..1]);
    world.pass(120_000);
    world.alarmed(&before, &CASE[1..]);
}

#[test]
fn a_fund_that_pays_is_told() {
    let world = World::start();
    let paid = |line: &serde_json::Value| line.get("place_bid").is_none_or(|bid| bid["case"] != 2);
    let small = |line: &mut serde_json::Value| {
        if line.get("move_capital").is_some() {
            line["move_capital"]["amount"] = "600".into();
        }
    };
    world.script(paid, small);
    let before =
        world.until("a fund", |page| page.any("plimsoll_insurance_fund_peak", |n| n > 0.0));
    world.act(&json!({ "place_bid": {
        "account": 3, "case": 2, "share_ppb": 1_000_000_000, "least_ppb": 50_000_000, "limit": "0"
    } }));
    for _ in 0..40 {
        world.pass(500);
        world.act(&json!({ "tick": {} }));
    }
    world.alarmed(&before, PAID);
}

#[test]
fn deleveraging_is_told() {
    let world = World::start();
    world.script(|line| line.get("move_capital").is_none(), |_| {});
    world.script_after("move_capital", |line| {
        line.get("place_bid").is_none_or(|bid| bid["case"] != 2)
    });
    let before = world.page().unwrap();
    for _ in 0..60 {
        world.pass(1_000);
        world.act(&json!({ "report_price": { "asset": "BTC", "source": 1, "price": "50000" } }));
        world.act(&json!({ "tick": {} }));
    }
    world.alarmed(&before, LEFT);
}

#[test]
fn slow_syncs_are_told() {
    let wait = Arc::new(AtomicU64::new(0));
    let slow = Arc::clone(&wait);
    let before_sync: crate::serve::BeforeSync = Arc::new(move || {
        std::thread::sleep(Duration::from_millis(slow.load(SeqCst)));
        Ok(())
    });
    let tuning = Tuning { before_sync: Some(before_sync), ..Tuning::default() };
    let world = World::tuned(tuning, LimitRules::default());
    // A machine that is busy may be as slow: the test is about what is told, from then on.
    let before = quiet();
    wait.store(400, SeqCst);
    world.act(&json!({ "tick": {} }));
    world.alarmed(&before, SLOW);
    wait.store(0, SeqCst);
}

/// A page on which nothing is wrong.
fn quiet() -> super::rules::Page {
    super::rules::Page("# EOF\n".to_owned())
}

#[test]
fn an_engine_that_stands_still_is_told_and_so_is_its_queue() {
    let (go_on, gate) = mpsc::channel::<()>();
    let (gate, is_closed) = (Mutex::new(gate), Arc::new(AtomicBool::new(false)));
    let closed = Arc::clone(&is_closed);
    let before_sync: crate::serve::BeforeSync = Arc::new(move || {
        if closed.load(SeqCst) {
            // It goes on when the other end is dropped.
            let _ = gate.lock().unwrap().recv();
        }
        Ok(())
    });
    let tuning = Tuning { before_sync: Some(before_sync), ..Tuning::default() };
    let world = World::tuned(tuning, LimitRules::default());
    let before = world.until("a venue", |page| page.any("plimsoll_accounts", |_| true));
    assert_eq!(world.get("/health/ready").unwrap().0, 200);
    is_closed.store(true, SeqCst);
    world.flood(usize::MAX);
    world.alarmed(&before, STUCK);
    world.alarmed(&before, FULL);
    world.until("not ready", |page| page.any("plimsoll_ready", |ready| ready == 0.0));
    let (status, reasons) = world.get("/health/ready").unwrap();
    assert!(status == 503 && reasons.contains("has not answered"), "{reasons}");
    // Starting it again would not help a disk.
    assert_eq!(world.get("/health/live").unwrap().0, 200);
    is_closed.store(false, SeqCst);
    drop(go_on);
    world.until("ready again", |page| page.any("plimsoll_ready", |ready| ready == 1.0));
}

#[test]
fn a_journal_that_fails_is_told_and_a_venue_that_is_gone() {
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let before_sync: crate::serve::BeforeSync = Arc::new(move || match failing.load(SeqCst) {
        true => Err(node::NodeError::Ended),
        false => Ok(()),
    });
    let tuning = Tuning {
        before_sync: Some(before_sync),
        on_fatal: Some(Arc::new(|_| {})),
        ..Tuning::default()
    };
    let mut world = World::tuned(tuning, LimitRules::default());
    let before = world.until("a venue", |page| page.any("plimsoll_accounts", |_| true));
    fails.store(true, SeqCst);
    world.flood(1);
    world.alarmed(&before, &FAILED[..2]);
    assert_eq!(world.get("/health/live").unwrap().0, 503);
    let (status, body) = world.call("", "public/x_insurance_fund");
    assert!(status == 400 && body.contains("11051"), "{body}");
    world.alarmed(&before, &FAILED[2..]);
    world.stop();
    let down = rule(GONE[0].trim_start_matches("Plimsoll"));
    assert!(!down.fires(None, Some(&before)) && down.fires(Some(&before), world.page().as_ref()));
}

#[test]
fn a_history_that_lags_is_told() {
    let (go_on, gate) = mpsc::channel::<()>();
    let mut first = true;
    let before_write = Box::new(move || {
        // The first time there is nothing to write.
        if !std::mem::take(&mut first) {
            let _ = gate.recv();
        }
    });
    let tuning = Tuning { before_write: Some(before_write), ..Tuning::default() };
    let world = World::tuned(tuning, LimitRules::default());
    let before = world.page().unwrap();
    world.flood(12_000);
    world.alarmed(&before, HISTORY);
    drop(go_on);
    world
        .until("it catches up", |page| page.any("plimsoll_history_lag_commands", |lag| lag < 10.0));
}

#[test]
fn a_feed_that_lags_is_told() {
    let world = World::start();
    let before = world.page().unwrap();
    let service = Arc::clone(world.service.as_ref().unwrap());
    let venue = service.venue.read();
    world.flood(12_000);
    world.alarmed(&before, FEED);
    drop(venue);
    world.until("it catches up", |page| page.any("plimsoll_feed_lag_commands", |lag| lag < 10.0));
}

#[test]
fn a_snapshot_that_fails_is_told() {
    let world = World::start();
    world.act(&json!({ "tick": {} }));
    let before = world.page().unwrap();
    let feed = world.folder.path().join("feed");
    std::fs::remove_dir_all(&feed).unwrap();
    std::fs::write(&feed, "in the way").unwrap();
    world.node().snapshot().unwrap_err();
    world.alarmed(&before, SNAPSHOT);
}

#[test]
fn a_disk_that_is_full_is_told() {
    let free = Arc::new(AtomicU64::new(500));
    let left = Arc::clone(&free);
    let disk: crate::metrics::Disk = Arc::new(move |_| Some((left.load(SeqCst), 1_000)));
    let world = World::tuned(Tuning { disk, ..Tuning::default() }, LimitRules::default());
    let before = world.until("a venue", |page| page.any("plimsoll_ready", |ready| ready == 1.0));
    free.store(90, SeqCst);
    world.alarmed(&before, DISK);
    assert_eq!(world.get("/health/ready").unwrap().0, 200);
    free.store(10, SeqCst);
    let (status, reasons) = world.get("/health/ready").unwrap();
    assert!(status == 503 && reasons.contains("the disk"), "{reasons}");
}

#[test]
fn a_venue_that_only_reads_is_told() {
    let world = World::start();
    let before = world.until("a venue", |page| page.any("plimsoll_read_only", |on| on == 0.0));
    let control = &world.service.as_ref().unwrap().control;
    let read_only = crate::control::ReadOnly { since: 0, reason: "a test".to_owned() };
    control.set_read_only(Some(read_only)).unwrap();
    world.alarmed(&before, READ);
    // Whoever only reads is served.
    assert_eq!(world.get("/health/ready").unwrap().0, 200);
}
