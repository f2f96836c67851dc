//! A demo on a journal in memory and a clock that is set by hand, step by step.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use book::Side;
use engine::command::Action;
use engine::{Command, Event, InstrumentId, Limits, State};
use instruments::{Asset, ContractKind, Timestamp};
use journal::faulty::Memory;
use node::{Clock, JournalLog, JournalOptions, ManualClock, Node, Options};
use simulator::{Cadence, Invariants, LiveMarket, LiveOptions, RealData};

use super::driver::Driver;
use super::{DemoError, DemoFeed};

const LIMITS: Limits = Limits {
    accounts_max: 200,
    assets_max: 8,
    transfers_max: 2_000,
    instruments_max: 2_000,
    orders_max: 100_000,
    vectors_max: 200,
};
const STEP_MS: i64 = 750;

type Released = (Command, Vec<Event>);

/// A node on a journal, and what it releases.
struct Venue {
    node: Node,
    feed: DemoFeed,
    clock: ManualClock,
    released: Receiver<Released>,
}

impl Venue {
    fn open(memory: &Memory, now: Timestamp) -> Self {
        let (log, _) = JournalLog::open(memory.clone(), JournalOptions::default()).unwrap();
        let (clock, feed) = (ManualClock::at(now), DemoFeed::new());
        let (release, released) = channel();
        let to_demo = feed.clone();
        let options = Options { limits: LIMITS, ..Options::default() };
        let (node, _) = Node::open(log, clock.clone(), options, move |released| {
            to_demo.push(released.command);
            let _ = release.send((released.command.clone(), released.events.to_vec()));
        })
        .unwrap();
        Self { node, feed, clock, released }
    }

    fn driver(&self, options: &LiveOptions) -> Result<Driver, DemoError> {
        let now = self.clock.now();
        Driver::new(self.node.handle(), self.feed.clone(), options.clone(), |_| now)
    }

    fn steps(&self, driver: &mut Driver, count: usize) {
        self.steps_of(STEP_MS, 15, driver, count);
    }

    fn steps_of(&self, step_ms: i64, clients: usize, driver: &mut Driver, count: usize) {
        for _ in 0..count {
            let now = self.clock.now().milliseconds() + step_ms;
            self.clock.set(Timestamp::from_milliseconds(now));
            driver.step(self.clock.now(), clients).unwrap();
        }
    }

    /// Ends it, and gives all that it released.
    fn end(self) -> (State, Vec<Released>) {
        let state = self.node.close().unwrap();
        (state, self.released.into_iter().collect())
    }
}

fn start() -> Timestamp {
    "2026-02-05T07:58:30Z".parse().unwrap()
}

fn options() -> LiveOptions {
    LiveOptions { accounts: 40, coins: 2, ..LiveOptions::default() }
}

/// Of the instruments that are listed now, by kind, how many have so many levels on both sides.
fn quoted(state: &State, levels: usize) -> BTreeMap<&'static str, [usize; 2]> {
    let mut found: BTreeMap<&'static str, [usize; 2]> = BTreeMap::new();
    for id in (0..state.instruments()).map(InstrumentId) {
        let instrument = state.instrument(id).unwrap();
        if state.instrument_id(&instrument) != Some(id) {
            continue;
        }
        let kind = match instrument.kind() {
            ContractKind::Perpetual | ContractKind::Spot => "perpetual",
            ContractKind::Future { .. } => "future",
            ContractKind::Option { .. } => "option",
        };
        let book = state.book(id).unwrap();
        let is_quoted = Side::BOTH.iter().all(|side| book.depth(*side).count() >= levels);
        let [quoted, all] = found.entry(kind).or_default();
        (*quoted, *all) = (*quoted + usize::from(is_quoted), *all + 1);
    }
    found
}

fn count(released: &[Released], is: impl Fn(&Event) -> bool) -> usize {
    released.iter().flat_map(|(_, events)| events).filter(|event| is(event)).count()
}

/// Nothing of the operators is refused; of clients' orders some, and for want of margin or because of what
/// happened after they were made. Some ask for money that they may not have.
fn known_refusals(released: &[Released]) {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for (command, events) in released {
        for event in events {
            let Event::Rejected(rejected) = event else { continue };
            // What a price sets off is an order of a client.
            if rejected.order.is_some() && matches!(command.action, Action::ReportPrice(_)) {
                continue;
            }
            let moves_money = matches!(
                command.action,
                Action::RequestWithdrawal(_) | Action::Transfer(_) | Action::ChangeMarginModel(_)
            );
            if moves_money {
                continue;
            }
            assert!(command.action.request().is_some(), "{command:?}: {events:?}");
            let reason = format!("{:?}", rejected.reason);
            let word = reason.split([' ', '(']).next().unwrap_or_default();
            let known =
                ["Band", "Book", "Margin", "NotAmendable", "NothingToReduce", "UnknownOrder"];
            assert!(known.contains(&word), "{command:?}: {reason}");
            *found.entry(word.to_owned()).or_default() += 1;
        }
    }
    println!("{found:?} of {}", released.len());
    assert!(found.values().sum::<usize>() * 4 < released.len(), "{found:?}");
}

fn sources(released: &[Released], asset: Asset) -> BTreeSet<u16> {
    let report = |(command, _): &Released| match &command.action {
        Action::ReportPrice(report) if report.asset == asset => Some(report.source),
        _ => None,
    };
    released.iter().filter_map(report).collect()
}

fn index(state: &State) -> f64 {
    let price = state.market().price("BTC".parse().unwrap()).unwrap();
    price.units() as f64 / instruments::SCALE as f64
}

/// Every invariant of the simulator holds, after every command.
fn check(released: &[Released]) {
    let mut state = State::new(LIMITS).unwrap();
    let cadence = Cadence { margins_every: 211, all_every: 4_000, scan_every: 1_000 };
    let mut invariants = Invariants::new(cadence);
    let mut events = Vec::new();
    for (command, answered) in released {
        invariants.before(&mut state, command);
        events.clear();
        engine::apply(&mut state, command, &mut events);
        assert_eq!(&events, answered);
        invariants.after(&mut state, command, &events).unwrap();
    }
    invariants.everything(&mut state).unwrap();
    assert!(invariants.counts()["conservation"] as usize > released.len());
}

#[test]
fn a_demo_lives_and_goes_on_after_a_restart() {
    let memory = Memory::new();
    let venue = Venue::open(&memory, start());
    let mut driver = venue.driver(&options()).unwrap();
    driver.found(start()).unwrap();
    venue.steps(&mut driver, 400);
    let client = driver.client_account();
    drop(driver);
    let (state, mut released) = venue.end();

    let trades = |released: &[Released]| count(released, |e| matches!(e, Event::Trade(_)));
    assert!(trades(&released) > 100, "{}", trades(&released));
    assert!(count(&released, |event| matches!(event, Event::EpochOpened { .. })) > 1);
    assert_eq!(sources(&released, "BTC".parse().unwrap()).len(), 5);
    for (kind, [quoted, all]) in quoted(&state, 1) {
        assert!(quoted * 5 >= all * 4, "{quoted} of {all} {kind}s are quoted on both sides");
    }
    let [deep, all] = quoted(&state, 3)["perpetual"];
    assert!(deep >= 3 && all == 4, "{deep} of {all}");
    let view = state.account(client).unwrap();
    let balances: Vec<String> = view.balances.values().map(ToString::to_string).collect();
    assert_eq!(balances, ["1", "10", "100000"]);

    // A day and a half later.
    let later = Timestamp::from_milliseconds(state.time().milliseconds() + 36 * Timestamp::HOUR);
    let venue = Venue::open(&memory, later);
    let mut driver = venue.driver(&options()).unwrap();
    driver.found(later).unwrap();
    assert_eq!(driver.client_account(), client);
    venue.steps(&mut driver, 120);
    drop(driver);
    let (after, more) = venue.end();
    assert!(trades(&more) > 20, "{}", trades(&more));
    assert!((index(&after) / index(&state) - 1.0).abs() < 0.01, "prices do not jump");
    assert_eq!(count(&more, |event| matches!(event, Event::AccountOpened { .. })), 0);
    assert_eq!(count(&more, |event| matches!(event, Event::Repeated { .. })), 0);
    assert!(count(&more, |event| matches!(event, Event::EpochOpened { .. })) > 0);
    assert!(count(&more, |event| matches!(event, Event::Expired { .. })) > 10);
    assert!(count(&more, |event| matches!(event, Event::Listed { .. })) > 10);
    released.extend(more);
    known_refusals(&released);
    check(&released);
}

#[test]
fn a_founding_that_was_interrupted_is_finished() {
    let empty = State::new(LIMITS).unwrap();
    for part in [1, 3, 7] {
        let memory = Memory::new();
        let venue = Venue::open(&memory, start());
        let mut market = LiveMarket::new(&options(), &empty, start()).unwrap();
        let actions = market.founding(&empty, start());
        let count = actions.len() * part / 8;
        for action in actions.into_iter().take(count) {
            venue.node.send_when_free(action).unwrap();
        }
        let mut driver = venue.driver(&options()).unwrap();
        driver.found(start()).unwrap();
        venue.steps(&mut driver, 12);
        let (again, client) = (venue.driver(&options()), driver.client_account());
        assert_eq!(again.unwrap().client_account(), client);
        let (state, released) = venue.end();
        assert_eq!(state.accounts(), client.number() + 1);
        let deposits = state.ledger().transfers(ledger::TransferKind::Deposit).len();
        let announced = released
            .iter()
            .filter(|(command, _)| matches!(command.action, Action::AnnounceDeposit(_)));
        assert_eq!(announced.count(), deposits);
    }
}

#[test]
fn a_venue_of_others_is_refused() {
    let memory = Memory::new();
    let venue = Venue::open(&memory, start());
    venue.driver(&options()).unwrap().found(start()).unwrap();
    for other in [
        LiveOptions { accounts: 50, ..options() },
        LiveOptions { accounts: 30, ..options() },
        LiveOptions { coins: 3, ..options() },
    ] {
        let refused = venue.driver(&other).err().unwrap().to_string();
        assert!(refused.contains("was not founded by a demo with"), "{refused}");
    }
    let usage = venue.driver(&LiveOptions { accounts: 2, ..options() }).err().unwrap();
    assert!(usage.to_string().contains("8 to 10,000 accounts"));
}

#[test]
fn what_was_missed_is_made_up_for() {
    let memory = Memory::new();
    let venue = Venue::open(&memory, start());
    let mut driver = venue.driver(&options()).unwrap();
    driver.found(start()).unwrap();
    venue.steps(&mut driver, 8);
    // As when too many commands wait.
    venue.feed.close();
    venue.steps(&mut driver, 8);
    let (_, released) = venue.end();
    assert_eq!(count(&released, |event| matches!(event, Event::Repeated { .. })), 0);
    // The node has ended.
    assert!(matches!(driver.step(start(), 1), Err(DemoError::Ended)));
}

/// The folder of real data, if it is there. Its absence is loud, and an error in CI.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    if data.join("chains").is_dir() && data.join("prices").is_dir() {
        return Some(data);
    }
    let missing = format!("{} has no prices and chains: set PLIMSOLL_DATA", data.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("SKIPPED: {missing}");
    None
}

/// Sixty times as fast as real time, from the start, and from an hour later after a restart.
#[test]
fn history_is_lived_through_and_gone_on_with() {
    let Some(data) = data() else { return };
    let from: Timestamp = "2026-02-05T14:30:00Z".parse().unwrap();
    let (prices, chains) = (data.join("prices"), Some(data.join("chains")));
    let options = LiveOptions { real: Some(RealData { prices, chains, from }), ..options() };
    let memory = Memory::new();
    let mut now = from;
    let mut last = None;
    for _ in 0..2 {
        let venue = Venue::open(&memory, now);
        let mut driver = venue.driver(&options).unwrap();
        driver.found(now).unwrap();
        venue.steps_of(15_000, 60, &mut driver, 120);
        drop(driver);
        let (state, released) = venue.end();
        now = Timestamp::from_milliseconds(state.time().milliseconds() + 15_000);
        let epochs = count(&released, |event| matches!(event, Event::EpochOpened { .. }));
        assert!(epochs > 5, "{epochs}");
        for (kind, [quoted, all]) in quoted(&state, 1) {
            assert!(quoted * 4 >= all * 3, "{quoted} of {all} {kind}s are quoted on both sides");
        }
        known_refusals(&released);
        last = Some(state);
    }
    // Within the hour of three bitcoin was between its high and its low.
    let price = index(&last.unwrap());
    assert!((66_650.0..69_700.0).contains(&price), "{price}");
}

#[test]
fn where_history_ends_a_seeded_one_begins() {
    let Some(data) = data() else { return };
    // The last hour of ether's prices is from three to four.
    let from: Timestamp = "2026-03-31T02:58:00Z".parse().unwrap();
    let real = RealData { prices: data.join("prices"), chains: None, from };
    let options = LiveOptions { real: Some(real), ..options() };
    let memory = Memory::new();
    let venue = Venue::open(&memory, from);
    let mut driver = venue.driver(&options).unwrap();
    driver.found(from).unwrap();
    venue.steps_of(30_000, 15, &mut driver, 118);
    let before = venue.node.read(index).unwrap();
    venue.steps_of(30_000, 15, &mut driver, 30);
    let after = venue.node.read(index).unwrap();
    assert!(after.to_bits() != before.to_bits() && (after / before - 1.0).abs() < 0.02);
    drop(driver);
    // And goes on from there.
    let later = venue.clock.now();
    venue.end();
    let venue = Venue::open(&memory, later);
    let mut driver = venue.driver(&options).unwrap();
    venue.steps_of(5_000, 15, &mut driver, 12);
    let again = venue.node.read(index).unwrap();
    assert!((again / after - 1.0).abs() < 0.01);
}
