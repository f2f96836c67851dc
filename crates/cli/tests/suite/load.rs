//! `plimsoll load` against a venue with a demo.

use std::fs;

use serde_json::Value;

use super::clients::{Venue, turn};
use super::{Run, command, finish, run};

const ACCOUNTS: u64 = 3;

/// A venue with accounts and room for a load.
fn venue() -> Venue {
    let accounts = ACCOUNTS.to_string();
    let limits = ["--matching-rate=100000", "--matching-burst=100000", "--connections=40"];
    Venue::start_with(&[["--demo-accounts", &accounts].as_slice(), &limits].concat())
}

fn load(venue: &Venue, arguments: &[&str]) -> Run {
    let data = venue.folder.path().join("data");
    let url = venue.place["ws"].as_str().unwrap();
    let mut load = command();
    load.args(["load", "--url", url, "--keys"]).arg(data.join("demo.keys"));
    load.arg("--journal").arg(&data).args(arguments);
    finish(&mut load)
}

#[test]
fn a_few_hundred_orders_are_answered_and_in_the_journal() {
    let _turn = turn();
    let venue = venue();
    let rates = ["--rate", "100,200", "--seconds", "2", "--warm-up", "1"];
    let loaded = load(&venue, &[&rates[..], &["--subscribers", "4", "--json"]].concat());
    let text = loaded.text();
    let json: Value = serde_json::from_str(&text).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&json), ["errors", "journal", "load", "notifications", "rates", "requests"]);
    assert_eq!(
        (&json["load"]["clients"], &json["load"]["connections_lost"]),
        (&ACCOUNTS.into(), &0.into())
    );
    let rates = json["rates"].as_array().unwrap();
    assert_eq!(rates.len(), 2);
    let mut columns = keys(&rates[0]);
    columns.sort();
    assert_eq!(
        columns,
        [
            "acknowledged",
            "acknowledged_per_second",
            "kept_up",
            "max_ms",
            "p50_ms",
            "p90_ms",
            "p99_9_ms",
            "p99_ms",
            "rate",
            "refused",
            "slip_max_ms",
            "slip_p99_ms",
            "trades",
            "unanswered",
        ]
    );
    for (measured, rate) in rates.iter().zip([100, 200]) {
        let count = |key: &str| measured[key].as_u64().unwrap();
        assert_eq!((count("rate"), count("unanswered")), (rate, 0), "{text}");
        assert_eq!(count("acknowledged") + count("refused"), 2 * rate, "{text}");
        assert!(count("acknowledged") > rate && count("trades") > 0, "{text}");
        let at = |key: &str| measured[key].as_f64().unwrap();
        assert!(at("p50_ms") <= at("p99_ms") && at("p99_ms") <= at("max_ms"), "{text}");
    }
    let journal = &json["journal"];
    assert_eq!((&journal["sound"], &journal["missing"]), (&true.into(), &0.into()), "{text}");
    let acknowledged: u64 = rates.iter().map(|one| one["acknowledged"].as_u64().unwrap()).sum();
    let checked =
        ["orders", "amendments", "cancellations"].map(|key| journal[key].as_u64().unwrap());
    // The warm-up is checked as well.
    assert!(checked.iter().sum::<u64>() >= acknowledged && checked.iter().all(|count| *count > 0));
    for heard in json["notifications"].as_array().unwrap() {
        assert!(heard["notifications"].as_u64() > Some(0) && heard["gaps"] == 0, "{text}");
    }
}

#[test]
fn a_venue_that_has_more_to_do_than_it_can_is_asked_the_same() {
    let _turn = turn();
    let venue = venue();
    let rates = ["--rate", "10000", "--seconds", "1", "--warm-up", "0", "--patience", "300"];
    let loaded = load(&venue, &[&rates[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&loaded.text()).unwrap();
    let count = |key: &str| json["rates"][0][key].as_u64().unwrap();
    assert_eq!((count("unanswered"), count("acknowledged") + count("refused")), (0, 10_000));
    let requests = json["requests"].as_array().unwrap();
    let takes = requests.iter().find(|row| row["request"] == "take").unwrap();
    let takes = takes["acknowledged"].as_u64().unwrap();
    assert!((700..1_300).contains(&takes), "a tenth takes what rests: {json}");
}

#[test]
fn one_key_is_enough_and_limits_are_counted_as_errors() {
    let _turn = turn();
    let venue = Venue::start_with(&[]);
    let word = |key: &str| venue.place[key].as_str().unwrap();
    let key = format!("{}:{}", word("client_id"), word("client_secret"));
    let mut load = command();
    load.args(["load", "--url", word("ws"), "--rate", "100", "--seconds", "1", "--warm-up", "0"]);
    let loaded = finish(load.env("PLIMSOLL_KEY", key).arg("--json"));
    let json = loaded.json();
    let errors = json["errors"].as_array().unwrap();
    let limited = errors.iter().find(|error| error["code"] == "10028").unwrap();
    assert!(limited["count"].as_u64() > Some(50), "{json}");
    let mut load = command();
    load.args(["load", "--url", word("ws"), "--key", "nobody:nothing"]);
    let refused = finish(&mut load);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(refused.err.contains("public/auth: invalid_credentials"), "{}", refused.err);
}

#[test]
fn accounts_of_a_demo_are_kept_over_a_restart() {
    let _turn = turn();
    let first = venue();
    let file = |venue: &Venue| fs::read_to_string(venue.folder.path().join("data/demo.keys"));
    let keys = file(&first).unwrap();
    assert_eq!(keys.lines().count() as u64, ACCOUNTS);
    let again = first.again(&["--demo-accounts", "5"]);
    let more = file(&again).unwrap();
    assert!(more.starts_with(&keys) && more.lines().count() == 5, "{more}");
}

#[test]
fn what_cannot_be_loaded_is_said_with_what_to_do() {
    for (arguments, part) in [
        ("load --key a", "client id, a colon"),
        ("load --key a:b --url http://127.0.0.1", "ws://"),
        ("load --key a:b --url wss://127.0.0.1", "--ca FILE"),
        ("load --key a:b --url ws://127.0.0.1:9", "is the venue running"),
        ("load --key a:b --mix sit=1", "quote=40"),
        ("load --key a:b --rate 0", "1..=1000000"),
        ("load --keys nowhere", "nowhere"),
        ("load --key a:b --journal nowhere", "nowhere"),
        ("load", "PLIMSOLL_KEY"),
    ] {
        let run = run(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments}");
        assert!(run.err.contains(part), "{arguments}: {}", run.err);
    }
}
