//! Every method over HTTP: it answers, whatever it is asked, and lets nobody do what they may not.

#[path = "methods/venue.rs"]
mod venue;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use venue::Venue;

/// Codes that the documents of the API have. What is internal is not among them.
const CODES: &[i64] = &[
    -32700, -32602, -32601, -32600, 10000, 10001, 10002, 10004, 10005, 10007, 10009, 10010, 10011,
    10012, 10019, 10020, 10021, 10023, 10025, 10026, 10028, 10029, 10030, 10040, 10041, 10043,
    10047, 11029, 11030, 11038, 11043, 11044, 11050, 11051, 11054, 13004, 13009, 13021, 13028,
    13888,
];

/// Methods that end what the test needs.
const LEFT_OUT: &[&str] = &["private/logout"];

/// Values with which methods do something, by parameter.
fn plausible(instrument: &str, option: &str) -> BTreeMap<&'static str, Value> {
    let now = plimsoll_server::host_ms();
    BTreeMap::from([
        ("instrument_name", json!(instrument)),
        ("instrument_names", json!([instrument, option])),
        ("currency", json!("BTC")),
        ("underlying", json!("BTC")),
        ("index_name", json!("btc_usd")),
        ("kind", json!("future")),
        ("amount", json!(10)),
        ("price", json!(50_000)),
        ("type", json!("limit")),
        ("time_in_force", json!("good_til_cancelled")),
        ("start_timestamp", json!(now - 3_600_000)),
        ("end_timestamp", json!(now)),
        ("start_time", json!(now - 3_600_000)),
        ("end_time", json!(now)),
        ("resolution", json!("1")),
        ("length", json!("1h")),
        ("depth", json!(5)),
        ("count", json!(5)),
        ("order_id", json!("BTC-1")),
        ("ids", json!(["BTC-1"])),
        ("case", json!(1)),
        ("share", json!(0.5)),
        ("interval", json!(10)),
        ("frozen_time", json!(0)),
        ("quantity_limit", json!(1)),
        (
            "quotes",
            json!([{ "instrument_name": instrument, "bid": { "price": 50_000, "amount": 10 } }]),
        ),
        ("cancel_type", json!("all")),
        ("simulated_positions", json!({ instrument: -1000, option: 0.5 })),
        ("trades", json!([{ "instrument_name": option, "amount": -0.5 }])),
        ("deposits", json!({ "USDC": 100 })),
        ("margin_model", json!("cross_pm")),
        ("dry_run", json!(true)),
        ("channels", json!(["ticker.BTC-PERPETUAL.100ms"])),
        ("label", json!("mine")),
        ("address", json!("somewhere")),
        ("destination", json!(1)),
        ("grant_type", json!("client_credentials")),
        ("client_id", json!("nobody")),
        ("client_secret", json!("nothing")),
    ])
}

/// What no parameter should be.
fn odd() -> Vec<Value> {
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let numbers = ["1e308", "-1e308", "99999999999999999999999999999", "1e-300", "-1", "0"];
    let mut odd: Vec<Value> =
        numbers.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
    odd.extend([
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!({ "a": { "b": [1, 2] } }),
        json!([null, -1, "x"]),
        json!("NaN"),
        json!("-Infinity"),
        json!("170141183460469231731687303715884105727"),
        json!("92233720368.54775807"),
        json!(9_223_372_036_854_775_807_i64),
        json!(""),
        json!("\u{0}\u{7f}\u{202e}💥"),
        json!("x".repeat(5_000)),
        deep,
    ]);
    odd
}

/// Methods with the names of their parameters.
fn methods(venue: &Venue) -> Vec<(String, Vec<String>)> {
    let document = venue.get(None, "/openrpc.json").body;
    let name = |value: &Value| value["name"].as_str().expect("it has a name").to_owned();
    let params =
        |method: &Value| method["params"].as_array().expect("a list").iter().map(name).collect();
    let all = document["methods"].as_array().expect("there are methods");
    let all: Vec<_> = all.iter().map(|method| (name(method), params(method))).collect();
    assert!(all.len() > 60, "{all:?}");
    all.into_iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())).collect()
}

/// What is wrong with an answer: a client must understand it as a result, or as an error that is
/// documented.
fn problem(venue: &Venue, key: Option<&str>, method: &str, params: &Value) -> Option<String> {
    let answer = venue.call(key, method, params);
    let error = &answer.body["error"];
    let is_result = answer.status == 200 && error.is_null() && answer.body.get("result").is_some();
    let names_param = error["data"]["param"].is_string() && error["data"]["reason"].is_string();
    let is_error = answer.status == 400
        && error["message"].is_string()
        && CODES.contains(&answer.code())
        && (answer.code() != -32602 || names_param);
    let is_wrong = !is_result && !is_error;
    is_wrong.then(|| {
        format!(
            "{method} {:.300} gave {} {:.600}\n",
            params.to_string(),
            answer.status,
            answer.body.to_string()
        )
    })
}

fn instruments(venue: &Venue) -> (String, String) {
    let all = venue.ok("public/get_instruments", &json!({ "currency": "BTC" }));
    let find = |kind: &str| {
        let one = all.as_array().expect("a list").iter().find(|one| one["kind"] == kind);
        one.expect("it is listed")["instrument_name"].as_str().expect("a text").to_owned()
    };
    ("BTC-PERPETUAL".to_owned(), find("option"))
}

#[test]
fn every_method_answers_whatever_it_is_asked() {
    let venue = Venue::start();
    let (instrument, option) = instruments(&venue);
    let (plausible, odd) = (plausible(&instrument, &option), odd());
    let mut problems = Vec::new();
    for (method, names) in methods(&venue) {
        let base: Map<String, Value> = names
            .iter()
            .filter_map(|name| Some((name.clone(), plausible.get(name.as_str())?.clone())))
            .collect();
        let mut check = |params: &Value| {
            problems.extend(problem(&venue, Some(&venue.client), &method, params));
        };
        for params in [json!({}), json!(null), json!([]), json!(1), json!("x"), json!(base)] {
            check(&params);
        }
        let mut unknown = base.clone();
        unknown.insert("colour".into(), json!(1));
        check(&json!(unknown));
        for (name, value) in
            names.iter().flat_map(|name| odd.iter().map(move |value| (name, value)))
        {
            let mut params = base.clone();
            params.insert(name.clone(), value.clone());
            check(&json!(params));
        }
    }
    assert!(
        problems.is_empty(),
        "{}: {}",
        problems.len(),
        problems[..problems.len().min(20)].concat()
    );
    let alive = venue.call(None, "public/get_time", &json!({}));
    assert!(alive.result().is_i64(), "the venue goes on");
}

#[test]
fn bodies_and_paths_that_are_none_are_refused() {
    let venue = Venue::start();
    let deep = "[".repeat(20_000);
    let long =
        format!("{{\"method\":\"public/test\",\"params\":{{\"a\":\"{}\"}}}}", "x".repeat(40_000));
    let bodies = ["", "{", "null", "[]", "1", "{}", "{\"method\":1}", "\u{feff}{}", &deep, &long];
    for body in bodies {
        let answer = venue.post(None, body);
        assert_eq!(answer.status, 400, "{body:.40}");
        assert!([-32700, -32600].contains(&answer.code()), "{body:.40}: {}", answer.body);
    }
    let paths = [
        "/api/v2/public/nothing",
        "/api/v2/",
        "/",
        "/api/v2/private/../public/test",
        "/api/v2/public/ticker?instrument_name=%00%ff%zz",
        "/api/v2/public/ticker?instrument_name=BTC-PERPETUAL&instrument_name=BTC-PERPETUAL",
        "/api/v2/private/x_what_if?trades=%5B%7B%22amount%22:1%7D%5D",
    ];
    for path in paths {
        let answer = venue.get(None, path);
        assert!(answer.status == 400 && CODES.contains(&answer.code()), "{path}: {}", answer.body);
    }
}

#[test]
fn nobody_does_what_they_may_not() {
    let venue = Venue::start();
    let (instrument, option) = instruments(&venue);
    let plausible = plausible(&instrument, &option);
    let (_, order) = resting(&venue, "buy", 0.93);
    let before = standing(&venue);
    for (method, names) in methods(&venue).iter().filter(|(name, _)| name.starts_with("private/")) {
        let known = names
            .iter()
            .filter_map(|name| Some((name.clone(), plausible.get(name.as_str())?.clone())));
        let mut params: Map<String, Value> = known.collect();
        if params.contains_key("order_id") {
            params.insert("order_id".into(), json!(order));
        }
        let params = json!(params);
        let nobody = venue.call(None, method, &params);
        assert_eq!(nobody.code(), 13009, "{method}: {}", nobody.body);
        let wrong = venue.call(Some("Basic eDp5"), method, &params);
        assert!([13004, 13009].contains(&wrong.code()), "{method}: {}", wrong.body);
        let reader = venue.call(Some(&venue.reader), method, &params);
        let last = method.rsplit('/').next().expect("a name");
        let reads = [
            "get_",
            "simulate",
            "x_explain",
            "x_what_if",
            "x_health_curve",
            "x_risk_",
            "x_adl_rank",
            "x_cases",
        ];
        let keeps = ["subscribe", "unsubscribe", "unsubscribe_all"];
        if reads.iter().any(|start| last.starts_with(start)) {
            assert_ne!(reader.code(), 13021, "{method}: {}", reader.body);
        } else if !keeps.contains(&last) {
            assert_eq!(reader.code(), 13021, "{method}: {}", reader.body);
        }
    }
    assert_eq!(standing(&venue), before, "nothing has happened");
}

/// What would change if somebody did something.
fn standing(venue: &Venue) -> Value {
    let summary = venue.ok("private/get_account_summary", &json!({ "currency": "USDC" }));
    json!({
        "orders": venue.ok("private/get_open_orders", &json!({})),
        "positions": venue.ok("private/get_positions", &json!({}))
            .as_array().expect("a list").iter().map(|one| one["size"].clone()).collect::<Vec<_>>(),
        "balance": summary["balance"],
        "model": summary["margin_model"],
        "protection": venue.ok("private/get_mmp_config", &json!({})),
    })
}

/// An order of the newcomer's that rests at a part of the mark: its price, and its id.
fn resting(venue: &Venue, side: &str, part: f64) -> (f64, String) {
    let price = near(venue, part);
    let params = json!({
        "instrument_name": "BTC-PERPETUAL", "amount": 10, "price": price, "post_only": true,
        "label": "resting",
    });
    let reply = venue.ok(&format!("private/{side}"), &params);
    (price, reply["order"]["order_id"].as_str().expect("a text").to_owned())
}

/// A price of the perpetual at a part of its mark.
fn near(venue: &Venue, part: f64) -> f64 {
    let ticker = venue.ok("public/ticker", &json!({ "instrument_name": "BTC-PERPETUAL" }));
    (ticker["mark_price"].as_f64().expect("a number") * part).round()
}

#[test]
fn an_order_of_another_account_is_unknown() {
    let venue = Venue::start();
    let (_, order) = resting(&venue, "buy", 0.93);
    let methods = [
        ("private/cancel", json!({ "order_id": order })),
        ("private/edit", json!({ "order_id": order, "amount": 20, "price": 50_000 })),
        ("private/get_order_state", json!({ "order_id": order })),
        ("private/get_order_margin_by_ids", json!({ "ids": [order] })),
    ];
    let error = |answer: venue::Answer| answer.body["error"].clone();
    for (method, params) in methods {
        let of_other = error(venue.call(Some(&venue.other), method, &params));
        let text = params.to_string().replace(&order, "BTC-999999999");
        let unknown = serde_json::from_str(&text).expect("JSON");
        let of_nobody = error(venue.call(Some(&venue.other), method, &unknown));
        assert_eq!(of_other, of_nobody, "{method}");
        assert_eq!(of_other["code"], 10004, "{method}: {of_other}");
    }
    let open = venue.ok("private/get_open_orders", &json!({}));
    assert_eq!(open.as_array().expect("a list").len(), 1, "it is still there");
}
