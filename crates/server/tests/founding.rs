//! From an empty folder to trading, as docs/founding.md tells it: funding is paid, a future and an option
//! expire, and a start goes on from a snapshot as it would from the whole journal.

#![allow(clippy::unwrap_used)]

#[path = "founding/venue.rs"]
mod venue;

use serde_json::{Value, json};
use venue::{Venue, pause, wait};

/// When the test begins: the dates of the page come after it.
const START: i64 = 1_770_307_200_000;
/// When the future and the option of the page expire.
const EXPIRY: i64 = 1_770_364_800_000;
const PERPETUAL: &str = "BTC_USDC-PERPETUAL";
const FUTURE: &str = "BTC-6FEB26";
const OPTION: &str = "BTC_USDC-6FEB26-70000-C";
/// The account that quotes, and the one that trades with it.
const MAKER: usize = 1;
const TAKER: usize = 2;
const DAY: i64 = 86_400_000;
const STEP: i64 = 240_000;

type Key = (String, String);

#[test]
fn a_venue_is_founded_trades_expires_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut venue = Venue::start(folder.path(), START);
    venue.found();
    let [maker, taker] = [MAKER, TAKER].map(|account| venue.client(folder.path(), account));
    wait(&venue, "an epoch", |venue| venue.admin("admin/status", &json!({}))["epoch"] != json!(0));
    trade(&venue, &maker, &taker);
    volatilities_follow_the_book(&mut venue, &maker);
    ranks(&venue, &taker);
    let kept = venue.admin("admin/snapshot", &json!({})).as_u64().unwrap();

    let epoch = venue.admin("admin/status", &json!({}))["epoch"].as_u64().unwrap();
    let mut price = 70_000;
    while venue.now() < EXPIRY + 2 * STEP {
        price += 2;
        venue.advance(STEP, price);
    }
    wait(&venue, "another epoch", |venue| {
        venue.admin("admin/status", &json!({}))["epoch"].as_u64().unwrap() > epoch
    });
    let status = venue.admin("admin/status", &json!({}));
    assert_eq!(status["worker_trouble"], json!([]));
    expired(&venue, &taker, price);

    // From the snapshot, and from the whole journal.
    let (now, before) = (venue.now(), answers(&venue, &[&maker, &taker]));
    let last = venue.admin("admin/status", &json!({}))["sequence"].as_u64().unwrap();
    drop(venue);
    let venue = Venue::start(folder.path(), now);
    let recovered = venue.recovered;
    assert!(recovered >= last - kept && recovered <= last - kept + 5, "{recovered} {last} {kept}");
    same(&before, &answers(&venue, &[&maker, &taker]));
    drop(venue);
    std::fs::remove_dir_all(folder.path().join("feed")).unwrap();
    let venue = Venue::start(folder.path(), now);
    assert!(venue.recovered >= last, "{} {last}", venue.recovered);
    same(&before, &answers(&venue, &[&maker, &taker]));
}

fn order(instrument: &str, amount: f64, price: f64) -> Value {
    json!({ "instrument_name": instrument, "amount": amount, "price": price, "type": "limit" })
}

/// A number of a ticker. Some are there once the venue has looked at volatilities.
fn mark(venue: &Venue, instrument: &str, field: &str) -> f64 {
    let params = json!({ "instrument_name": instrument });
    wait(venue, field, |venue| venue.public("public/ticker", &params)[field].is_number());
    venue.public("public/ticker", &params)[field].as_f64().unwrap()
}

/// One client over HTTP, the other over WebSocket.
fn trade(venue: &Venue, maker: &Key, taker: &Key) {
    let mut socket = venue.connect(taker);
    let premium = (mark(venue, OPTION, "mark_price") / 5.0).round() * 5.0;
    for (instrument, amount, price) in
        [(PERPETUAL, 0.5, 70_300.0), (FUTURE, 10_000.0, 70_100.0), (OPTION, 1.0, premium)]
    {
        venue.ok(maker, "private/sell", &order(instrument, amount, price));
        let bought = socket.ok("private/buy", &order(instrument, amount, price));
        assert_eq!(bought["order"]["order_state"], "filled", "{bought}");
    }
    let positions = socket.ok("private/get_positions", &json!({}));
    assert_eq!(positions.as_array().unwrap().len(), 3, "{positions}");
    // These stay, and hold the mark above the index.
    venue.ok(maker, "private/buy", &order(PERPETUAL, 1.0, 70_290.0));
    venue.ok(maker, "private/sell", &order(PERPETUAL, 1.0, 70_310.0));
}

/// Quotes above the mark move it, once nobody has given a surface for a while.
fn volatilities_follow_the_book(venue: &mut Venue, maker: &Key) {
    let before = mark(venue, OPTION, "mark_iv");
    let price = mark(venue, OPTION, "mark_price");
    let at = |factor: f64| (price * factor / 5.0).round() * 5.0;
    venue.ok(maker, "private/buy", &order(OPTION, 0.5, at(1.15)));
    venue.ok(maker, "private/sell", &order(OPTION, 0.5, at(1.18)));
    for _ in 0..120 {
        venue.advance(20_000, 70_000);
        pause();
        if mark(venue, OPTION, "mark_iv") > before + 1.0 {
            venue.ok(
                maker,
                "private/cancel_all_by_instrument",
                &json!({ "instrument_name": OPTION }),
            );
            return;
        }
    }
    panic!("the volatility stays at {before}");
}

/// Everybody is told where they stand, and how old that is.
fn ranks(venue: &Venue, taker: &Key) {
    let ranks = venue.ok(taker, "private/x_adl_rank", &json!({}));
    let ranks = ranks.as_array().unwrap();
    assert_eq!(ranks.len(), 3, "{ranks:?}");
    assert!(ranks.iter().all(|rank| rank["age_ms"].as_i64().is_some_and(|age| age >= 0)));
}

fn expired(venue: &Venue, taker: &Key, price: i64) {
    let positions = venue.ok(taker, "private/get_positions", &json!({}));
    let held: Vec<&Value> =
        positions.as_array().unwrap().iter().map(|one| &one["instrument_name"]).collect();
    assert_eq!(held, [PERPETUAL], "what expired is gone");
    let all = json!({ "currency": "any", "count": 100 });
    let settled = venue.ok(taker, "private/get_settlement_history_by_currency", &all);
    let settled = settled["settlements"].as_array().unwrap();
    let of = |instrument: &str, kind: &str| -> Vec<f64> {
        let is_it = |one: &&Value| one["instrument_name"] == instrument && one["type"] == kind;
        let profits = settled.iter().filter(is_it).map(|one| one["profit_loss"].as_f64().unwrap());
        profits.collect()
    };
    assert_eq!(of(FUTURE, "delivery").len(), 1, "{settled:?}");
    let [paid] = of(OPTION, "delivery")[..] else { panic!("{settled:?}") };
    // The mean index of the last half hour.
    let worth = (price - 70_000) as f64;
    assert!(paid > worth - 40.0 && paid < worth, "{paid} {worth}");
    assert!(of(PERPETUAL, "settlement").len() >= 2, "{settled:?}");
    let log = venue.ok(taker, "private/get_transaction_log", &log());
    let lines = log["logs"].as_array().unwrap();
    let funding: f64 = lines
        .iter()
        .filter(|line| line["instrument_name"] == PERPETUAL || line["type"] == "funding")
        .filter_map(|line| line["interest_pl"].as_f64().or(line["change"].as_f64()))
        .sum();
    assert!(funding < 0.0, "who is long above the index pays: {lines:?}");
}

fn log() -> Value {
    json!({
        "currency": "USDC", "count": 250,
        "start_timestamp": START - DAY, "end_timestamp": EXPIRY + DAY,
    })
}

fn same(before: &[(&str, Value)], after: &[(&str, Value)]) {
    for ((method, before), (_, after)) in before.iter().zip(after) {
        let [was, is] = [before, after].map(Value::to_string);
        let place = was.bytes().zip(is.bytes()).take_while(|(was, is)| was == is).count();
        let from = |text: &str| -> String {
            text.chars().skip(place.saturating_sub(80)).take(200).collect()
        };
        let [was, is] = [from(&was), from(&is)];
        assert!(before == after, "{method} was\n{was}\nand is\n{is}");
    }
}

/// What clients see that is made from all that happened.
fn answers(venue: &Venue, keys: &[&Key]) -> Vec<(&'static str, Value)> {
    let any = json!({ "currency": "any" });
    let counted = json!({ "currency": "any", "count": 100 });
    let mut all = Vec::new();
    for key in keys {
        for (method, params) in [
            ("private/get_open_orders", &json!({})),
            ("private/get_user_trades_by_currency", &counted),
            ("private/get_order_history_by_currency", &counted),
            ("private/get_settlement_history_by_currency", &counted),
            ("private/get_transaction_log", &log()),
            ("private/get_subaccounts", &json!({ "with_portfolio": true })),
            ("private/get_deposits", &json!({ "currency": "USDC" })),
        ] {
            all.push((method, lasting(venue.ok(key, method, params))));
        }
    }
    let within = json!({
        "instrument_name": PERPETUAL, "resolution": "60",
        "start_timestamp": START, "end_timestamp": EXPIRY,
    });
    for (method, params) in [
        ("public/get_instruments", &any),
        ("public/get_last_trades_by_currency", &counted),
        ("public/get_order_book", &json!({ "instrument_name": PERPETUAL })),
        ("public/get_tradingview_chart_data", &within),
        ("public/x_oracle_status", &json!({})),
    ] {
        let answer = venue.public(method, params);
        all.push((method, lasting(answer)));
    }
    all
}

/// An answer without what is made from volatilities, at which the venue looks now and then.
fn lasting(mut answer: Value) -> Value {
    match &mut answer {
        Value::Array(values) => {
            values.iter_mut().for_each(|value| *value = lasting(value.take()));
        }
        Value::Object(members) => {
            members.retain(|key, _| !["iv", "mark_iv", "greeks"].contains(&key.as_str()));
            members.values_mut().for_each(|value| *value = lasting(value.take()));
        }
        _ => {}
    }
    answer
}
