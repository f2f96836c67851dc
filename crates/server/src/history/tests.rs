//! A venue with next to no memory and a history that lags, beside what its journal says.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use instruments::Timestamp;
use journal::Disk;
use ledger::AccountId;
use node::{JournalReader, replay};
use serde_json::{Value, json};

use super::{check, place, rebuild};
use crate::auth::Login;
use crate::call::Call;
use crate::demo::{DemoClock, DemoOptions};
use crate::feed::bounds::Bounds;
use crate::feed::venue::Venue;
use crate::history::journal_of;
use crate::host_ms;
use crate::limits::LimitRules;
use crate::serve::{ServeOptions, Server, Tuning};

/// Next to nothing is in memory.
const TINY: Bounds = Bounds {
    account: 3,
    trades: 2,
    minutes: 2,
    funding: 2,
    transfers: 1,
    settlements: 1,
    cases: 2,
};
/// All is.
const ALL: Bounds = Bounds {
    account: usize::MAX,
    trades: usize::MAX,
    minutes: usize::MAX,
    funding: usize::MAX,
    transfers: usize::MAX,
    settlements: usize::MAX,
    cases: usize::MAX,
};

fn options(data: &Path) -> (ServeOptions, DemoClock) {
    let mut demo = DemoOptions { per_second: 600, ..DemoOptions::default() };
    (demo.market.accounts, demo.market.instruments) = (12, 40);
    // Over the hour of expiries and settlements.
    let start: Timestamp = "2026-02-05T07:58:00Z".parse().unwrap();
    let clock = DemoClock::historic(start, 40);
    let rates = 100_000_000;
    let limits = LimitRules { pool: rates, refill: rates, ..LimitRules::default() };
    let options = ServeOptions {
        data: data.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: None,
        metrics: None,
        tls: None,
        limits,
        demo: Some((demo, clock.clone())),
    };
    (options, clock)
}

/// Numbers that look random and are the same every time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Somebody who asks.
struct Client(Call);

impl Client {
    fn of(server: &Server, account: AccountId) -> Self {
        let scopes = "account:read trade:read wallet:read".parse().unwrap();
        let key = server.authority().create(account, "test", &scopes, host_ms()).unwrap();
        let (client_id, expires_ms, session) = (key.key.client_id, None, None);
        let login = Some(Login { client_id, account, scopes, expires_ms, session });
        let service = Arc::clone(&server.service);
        Self(Call { service, login, address: [127, 0, 0, 1].into(), connection: None })
    }

    /// Asks, and again while the history is behind.
    async fn ask(&self, method: &str, params: Value) -> Value {
        loop {
            match self.0.dispatch(method, params.clone()).await {
                Ok(answer) => return serde_json::from_str(answer.get()).unwrap(),
                Err(error) if error.code == 10040 => {}
                Err(error) => panic!("{method} {params}: {error} {:?}", error.data),
            }
        }
    }

    /// Goes from page to page through a list, the newest first, by the number that `next` finds.
    async fn through(
        &self,
        method: &str,
        list: &str,
        params: &Value,
        next: impl Fn(&Value) -> Option<(&'static str, Value)>,
    ) -> Vec<Value> {
        let (mut params, mut all) = (params.clone(), Vec::new());
        loop {
            let page = self.ask(method, params.clone()).await;
            all.extend(page[list].as_array().unwrap().iter().cloned());
            match next(&page) {
                Some((name, value)) => params[name] = value,
                None => return all,
            }
        }
    }
}

fn continuation(page: &Value) -> Option<(&'static str, Value)> {
    let next = &page["continuation"];
    (!next.is_null()).then(|| ("continuation", next.clone()))
}

fn numbers(all: &[Value], name: &str) -> Vec<u64> {
    all.iter().map(|one| one[name].as_u64().unwrap()).collect()
}

/// From the newest down to the first, none twice and none left out.
fn is_whole(numbers: &[u64]) -> bool {
    let expected: Vec<u64> = (1..=numbers.len() as u64).rev().collect();
    numbers == expected
}

/// What a journal says, all of it in memory.
fn truth(data: &Path) -> Venue {
    let reader = JournalReader::new(Disk::existing(journal_of(data)));
    let mut venue = Venue::default();
    venue.bounds = ALL;
    let seen = &mut |command: &_, events: &[_]| venue.take_in(command, events, &mut Vec::new());
    replay(&reader, u64::MAX, false, seen).unwrap();
    venue
}

/// The account that traded most, and the instrument that did.
fn busiest(server: &Server) -> (AccountId, String) {
    let venue = server.service.venue.read();
    let account = venue.accounts.iter().max_by_key(|account| account.trades.count()).unwrap();
    let listings = venue.names.values().map(|id| venue.at(*id));
    let listing = listings.max_by_key(|listing| listing.trades.count()).unwrap();
    (account.id, listing.name.clone())
}

/// Pages are asked for while the venue trades, and each list is whole whatever the writer does.
async fn ask_while_it_trades(server: &Server, draws: &mut Draws) -> usize {
    let (account, instrument) = busiest(server);
    let client = Client::of(server, account);
    let page = 1 + draws.below(9);
    let log = json!({ "currency": "any", "start_timestamp": 0, "end_timestamp": i64::MAX,
        "count": page * 20 });
    let log = client.through("private/get_transaction_log", "logs", &log, continuation).await;
    assert!(is_whole(&numbers(&log, "id")), "{:?}", numbers(&log, "id"));

    let trades = json!({ "instrument_name": instrument, "count": page * 5 });
    let next = |page: &Value| {
        let oldest = page["trades"].as_array().unwrap().last()?["trade_seq"].as_u64()?;
        (oldest > 1).then(|| ("end_seq", json!(oldest - 1)))
    };
    let method = "public/get_last_trades_by_instrument";
    let trades = client.through(method, "trades", &trades, next).await;
    assert!(is_whole(&numbers(&trades, "trade_seq")), "{:?}", numbers(&trades, "trade_seq"));

    // The same from old to new.
    let count = 7;
    let old = json!({ "instrument_name": instrument, "start_seq": 1, "sorting": "asc",
        "count": count });
    let old = client.ask(method, old).await;
    let old = numbers(old["trades"].as_array().unwrap(), "trade_seq");
    assert_eq!(old, (1..=count.min(trades.len() as u64)).collect::<Vec<_>>());

    let settled = json!({ "currency": "any", "count": page });
    let method = "public/get_last_settlements_by_currency";
    let settled = client.through(method, "settlements", &settled, continuation).await;
    log.len() + trades.len() + settled.len()
}

/// A list of an answer beside the same of an answer with everything in memory.
async fn same(tiny: &Client, whole: &Client, method: &str, params: Value) -> usize {
    let (one, other) =
        (tiny.ask(method, params.clone()).await, whole.ask(method, params.clone()).await);
    assert_eq!(one, other, "{method} {params}");
    match &one {
        Value::Array(all) => all.len(),
        Value::Object(members) => members.values().find_map(Value::as_array).map_or(0, Vec::len),
        _ => 1,
    }
}

/// Everything that looks back, asked of both.
async fn answers_agree(tiny: &Server, whole: &Server, draws: &mut Draws) {
    let (busy, instrument) = busiest(tiny);
    let (now, accounts, funded) = {
        let venue = tiny.service.venue.read();
        let listing = venue.listings.iter().max_by_key(|listing| listing.funding.count()).unwrap();
        (venue.time.milliseconds(), venue.accounts.len() as u64, listing.name.clone())
    };
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..12 {
        let account = match round % 2 {
            0 => busy,
            _ => AccountId::new(draws.below(accounts) as u32),
        };
        let [tiny, whole] = [tiny, whole].map(|server| Client::of(server, account));
        for (method, params) in questions(draws, now, &instrument, &funded) {
            let count = same(&tiny, &whole, method, params).await;
            *found.entry(method).or_default() += count;
        }
        orders_agree(&tiny, &whole).await;
    }
    println!("{found:?}");
    // Whether there are any is a matter of luck within so short a time.
    let rare = [
        "private/get_transfers",
        "private/get_withdrawals",
        "public/get_funding_rate_history",
        "public/x_cases",
    ];
    let seldom = found.iter().filter(|(name, count)| **count == 0 && !rare.contains(name));
    assert_eq!(seldom.count(), 0, "nothing was compared of some: {found:?}");
}

/// What can be asked about the past, drawn.
fn questions(
    draws: &mut Draws,
    now: i64,
    instrument: &str,
    funded: &str,
) -> Vec<(&'static str, Value)> {
    let count = 1 + draws.below(60);
    let from = now - draws.below(400_000).cast_signed();
    let to = from + draws.below(400_000).cast_signed();
    let mut one = |of: &[&str]| of[draws.below(of.len() as u64) as usize].to_owned();
    let sorting = one(&["asc", "desc"]);
    let (currency, kind) = (one(&["BTC", "ETH", "USDC", "any"]), one(&["future", "option", "any"]));
    let query = one(&["fee", "settlement", "funding"]);
    let (start, end, offset) = (1 + draws.below(30), 20 + draws.below(60), draws.below(20));
    let unfilled = draws.below(3) == 0;

    let times = json!({ "start_timestamp": from, "end_timestamp": to });
    let seqs = json!({ "start_seq": start, "end_seq": end });
    let of = json!({ "instrument_name": instrument });
    let listed = with(&of, &json!({ "count": count, "sorting": sorting }));
    let priced = json!({ "currency": currency, "kind": kind, "count": count, "sorting": sorting });
    let ended = json!({ "count": count, "offset": offset, "include_unfilled": unfilled });
    let in_currency = json!({ "currency": currency });
    let lines = json!({ "currency": currency, "count": count, "query": query });
    let perpetual = json!({ "instrument_name": funded });
    let always = json!({ "start_timestamp": 0, "end_timestamp": now });
    let chart = |resolution: &str| with(&with(&of, &times), &json!({ "resolution": resolution }));
    vec![
        ("public/get_last_trades_by_instrument", with(&listed, &seqs)),
        ("public/get_last_trades_by_instrument_and_time", with(&listed, &times)),
        ("public/get_last_trades_by_currency", priced.clone()),
        ("public/get_last_trades_by_currency_and_time", with(&priced, &times)),
        ("private/get_user_trades_by_instrument", with(&listed, &seqs)),
        ("private/get_user_trades_by_instrument_and_time", with(&listed, &times)),
        ("private/get_user_trades_by_currency", priced.clone()),
        ("private/get_user_trades_by_currency_and_time", with(&priced, &times)),
        ("private/get_order_history_by_currency", with(&in_currency, &ended)),
        ("private/get_order_history_by_instrument", with(&of, &ended)),
        ("private/get_order_state_by_label", in_currency.clone()),
        ("private/get_transaction_log", with(&lines, &times)),
        ("private/get_settlement_history_by_currency", in_currency.clone()),
        ("public/get_last_settlements_by_currency", json!({ "currency": "any", "count": 7 })),
        ("public/get_funding_rate_value", with(&perpetual, &times)),
        ("public/get_funding_rate_history", with(&perpetual, &always)),
        ("public/get_tradingview_chart_data", chart("1")),
        ("public/get_tradingview_chart_data", chart("60")),
        ("private/get_deposits", with(&in_currency, &json!({ "count": 2 }))),
        ("private/get_withdrawals", with(&in_currency, &json!({ "count": 2, "offset": 1 }))),
        ("private/get_transfers", with(&in_currency, &json!({ "count": 3 }))),
        ("public/x_cases", json!({ "count": count })),
    ]
}

/// The members of both.
fn with(one: &Value, other: &Value) -> Value {
    let mut both = one.as_object().unwrap().clone();
    both.extend(other.as_object().unwrap().clone());
    both.into()
}

/// Orders one by one, and their trades.
async fn orders_agree(tiny: &Client, whole: &Client) {
    let params = json!({ "currency": "any", "count": 40, "include_unfilled": true });
    let orders = whole.ask("private/get_order_history_by_currency", params).await;
    for order in orders.as_array().unwrap().iter().rev().take(15) {
        let id = json!({ "order_id": order["order_id"] });
        for method in ["private/get_order_state", "private/get_user_trades_by_order"] {
            let answer = tiny.ask(method, id.clone()).await;
            assert_eq!(answer, whole.ask(method, id.clone()).await, "{method} {id}");
        }
    }
}

fn copied(data: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(journal_of(folder.path())).unwrap();
    for entry in std::fs::read_dir(journal_of(data)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, journal_of(folder.path()).join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// A venue that goes on with a journal and where nothing happens any more.
async fn still(data: &Path, bounds: Bounds) -> Server {
    let (mut options, _) = options(data);
    options.demo = None;
    let time = truth(data).time;
    let clock = DemoClock::manual(node::ManualClock::at(time));
    let tuning = Tuning { bounds, before_write: None, ..Tuning::default() };
    Server::open_tuned(options, clock, tuning).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_memory_and_history_without_gap_or_double() {
    let folder = tempfile::tempdir().unwrap();
    let (venue_options, clock) = options(folder.path());
    let mut delays = Draws(7);
    let before_write: Box<dyn FnMut() + Send> =
        Box::new(move || std::thread::sleep(Duration::from_millis(delays.below(120))));
    let tuning = Tuning { bounds: TINY, before_write: Some(before_write), ..Tuning::default() };
    let server = Server::open_tuned(venue_options, clock, tuning).await.unwrap();
    let mut draws = Draws(11);
    let mut asked = 0;
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        asked += ask_while_it_trades(&server, &mut draws).await;
    }
    assert!(asked > 1_000, "{asked}");
    let stopped = async {};
    server.run(stopped).await.unwrap();

    let checked = check(folder.path(), &mut |_| {}).unwrap();
    println!("{checked:?}");
    assert_eq!(checked.difference, None);
    let full = copied(folder.path());
    let tiny = still(folder.path(), TINY).await;
    let whole = still(full.path(), ALL).await;
    answers_agree(&tiny, &whole, &mut draws).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_damaged_or_behind_is_made_again_while_the_venue_trades() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    for damage in ["none", "missing", "damaged", "of another kind", "behind", "loss of power"] {
        let path = place(data);
        match damage {
            "missing" => super::store::remove(&path).unwrap(),
            "damaged" => {
                // All of it into the one file.
                super::store::Store::open(&path).unwrap().close().unwrap();
                let mut bytes = std::fs::read(&path).unwrap();
                let half = bytes.len() / 2;
                bytes[4096..half].fill(0x5a);
                std::fs::write(&path, bytes).unwrap();
            }
            "of another kind" => {
                super::store::remove(&path).unwrap();
                let other = rusqlite::Connection::open(&path).unwrap();
                other.execute_batch("create table notes (text)").unwrap();
            }
            "behind" => {
                super::store::remove(&path).unwrap();
                let mut store = super::store::Store::open(&path).unwrap();
                let mut catch_up = super::catch_up::CatchUp::new(&journal_of(data));
                catch_up.bring(&mut store, 150, &mut |_| {}).unwrap();
            }
            "loss of power" => {
                let other = rusqlite::Connection::open(&path).unwrap();
                other.execute_batch("update fills set fee = '7' where number = 1").unwrap();
                mark_of_another_boot(&path);
                let asked = super::query(data, "select 1").unwrap_err().to_string();
                assert!(asked.contains("the machine stopped") && asked.contains("rebuild"));
                assert_eq!(check(data, &mut |_| {}).unwrap_err().to_string(), asked);
            }
            _ => {}
        }
        let (venue_options, clock) = options(data);
        let tuning = Tuning { bounds: TINY, before_write: None, ..Tuning::default() };
        let server = Server::open_tuned(venue_options, clock, tuning).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        // It does not wait for a snapshot to go on from, and there is none beside the history.
        let history = Arc::clone(&server.service.history);
        let venue = server.service.venue.clone();
        let seen = venue.read().sequence;
        while history.through() < seen {
            history.reaches(seen).await;
        }
        server.run(async {}).await.unwrap();
        assert!(!mark(&path).exists(), "{damage}");
        let checked = check(data, &mut |_| {}).unwrap();
        assert_eq!(checked.difference, None, "{damage}");
        assert!(checked.through >= seen, "{damage}");
    }
    let kept = check(data, &mut |_| {}).unwrap();
    let other = rusqlite::Connection::open(place(data)).unwrap();
    other.execute_batch("update fills set fee = '7' where number = 1 and account = 2").unwrap();
    drop(other);
    let difference = check(data, &mut |_| {}).unwrap().difference.unwrap();
    assert_eq!(difference.table, "fills");
    assert!(difference.stored.unwrap().contains("fee=7") && difference.expected.is_some());
    let rebuilt = rebuild(data, &mut |_| {}).unwrap();
    assert_eq!((rebuilt.through >= kept.through, rebuilt.rows.len()), (true, kept.rows.len()));
    assert_eq!(check(data, &mut |_| {}).unwrap().difference, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_that_ended_has_written_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (venue_options, clock) = options(data);
    let server = Server::open_tuned(venue_options, clock, Tuning::default()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.run(async {}).await.unwrap();

    let path = place(data);
    super::store::remove(&path).unwrap();
    let mut store = super::store::Store::open(&path).unwrap();
    let mut catch_up = super::catch_up::CatchUp::new(&journal_of(data));
    catch_up.bring(&mut store, 150, &mut |_| {}).unwrap();
    drop(store);
    assert!(mark(&path).exists());
    assert_eq!(check(data, &mut |_| {}).unwrap().through, 150);
    assert_eq!(super::store::Store::open(&path).unwrap().through(), 150);

    mark_of_another_boot(&path);
    let Err(refused) = super::store::Store::open(&path) else { panic!("all of it may be gone") };
    assert!(refused.is_damage(), "{refused}");
    let anew = super::store::Store::begin_anew(&path).unwrap();
    assert_eq!(anew.through(), 0);
    anew.close().unwrap();
    assert!(!mark(&path).exists());
}

/// Where it is noted that a history is written without syncs.
fn mark(path: &Path) -> std::path::PathBuf {
    super::unsynced::beside(path, super::unsynced::ENDING)
}

/// Leaves what a machine leaves whose power is cut.
fn mark_of_another_boot(path: &Path) {
    std::fs::write(mark(path), "e6b5a0c4-0000-4000-8000-000000000000").unwrap();
}
