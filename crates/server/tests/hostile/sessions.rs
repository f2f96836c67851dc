//! What lasts as long as a connection, a session or an account.

use std::time::Duration;

use ledger::AccountId;
use plimsoll_server::auth::KeyFile;
use plimsoll_server::host_ms;
use serde_json::{Value, json};

use super::socket::Socket;
use super::venue::Venue;

const ENABLE: &str = "private/enable_cancel_on_disconnect";
const DISABLE: &str = "private/disable_cancel_on_disconnect";
const GET: &str = "private/get_cancel_on_disconnect";

/// Places an order that rests; gives its id.
fn rest(venue: &Venue, socket: &mut Socket) -> Value {
    let price = venue.near(0.93);
    let order = json!({ "instrument_name": "BTC-PERPETUAL", "amount": 10, "price": price });
    socket.ok("private/buy", &order)["order"]["order_id"].clone()
}

fn state(venue: &Venue, order: &Value) -> Value {
    venue.ok("private/get_order_state", &json!({ "order_id": order }))["order_state"].clone()
}

/// Waits until an order is cancelled.
#[track_caller]
fn await_cancelled(venue: &Venue, order: &Value) {
    for _ in 0..600 {
        if state(venue, order) == "cancelled" {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{order} stays");
}

#[test]
fn orders_end_with_their_connection_if_it_is_asked_for() {
    let venue = Venue::start();
    let key = &venue.keys[0];
    let (mut one, mut other) = (Socket::log_in(&venue, key), Socket::log_in(&venue, key));
    assert_eq!(one.ok(GET, &json!({})), json!({ "enabled": false, "scope": "connection" }));
    one.ok(ENABLE, &json!({}));
    assert_eq!(one.ok(GET, &json!({})), json!({ "enabled": true, "scope": "connection" }));
    assert_eq!(other.ok(GET, &json!({}))["enabled"], false);
    let account = json!({ "scope": "account" });
    assert_eq!(one.ok(GET, &account), json!({ "enabled": false, "scope": "account" }));
    let (kept, ended) = (rest(&venue, &mut other), rest(&venue, &mut one));
    // An amended order is still the same one.
    let price = venue.near(0.92);
    one.ok("private/edit", &json!({ "order_id": ended, "amount": 20, "price": price }));
    drop(one);
    await_cancelled(&venue, &ended);
    assert_eq!(state(&venue, &kept), "open", "another connection placed it");
    // Who logs out leaves on purpose.
    let mut leaver = Socket::log_in(&venue, key);
    leaver.ok(ENABLE, &json!({}));
    let left = rest(&venue, &mut leaver);
    leaver.ok("private/logout", &json!({}));
    drop(leaver);
    let mut changed = Socket::log_in(&venue, key);
    changed.ok(ENABLE, &json!({}));
    changed.ok(DISABLE, &json!({}));
    let also = rest(&venue, &mut changed);
    drop(changed);
    let mut last = Socket::log_in(&venue, key);
    last.ok(ENABLE, &json!({}));
    let lost = rest(&venue, &mut last);
    drop(last);
    await_cancelled(&venue, &lost);
    assert_eq!((state(&venue, &left), state(&venue, &also)), ("open".into(), "open".into()));
    // A request is no connection.
    assert_eq!(venue.call(Some(&venue.client), ENABLE, &json!({})).code(), 10_030);
    assert_eq!(venue.call(Some(&venue.client), GET, &json!({})).code(), 10_030);
    let wrong = venue.call(Some(&venue.client), ENABLE, &json!({ "scope": "planet" }));
    assert_eq!(wrong.code(), -32_602);
}

#[test]
fn an_account_chooses_for_all_its_later_connections() {
    let venue = Venue::start();
    let account = json!({ "scope": "account" });
    let mut before = Socket::log_in(&venue, &venue.keys[0]);
    assert_eq!(venue.ok(ENABLE, &account), "ok");
    assert_eq!(venue.ok(GET, &account), json!({ "enabled": true, "scope": "account" }));
    assert_eq!(before.ok(GET, &json!({}))["enabled"], false, "it is open already");
    let mut later = Socket::log_in(&venue, &venue.keys[0]);
    assert_eq!(later.ok(GET, &json!({}))["enabled"], true);
    let order = rest(&venue, &mut later);
    drop(later);
    await_cancelled(&venue, &order);
    let mut own = Socket::log_in(&venue, &venue.keys[0]);
    own.ok(DISABLE, &json!({}));
    assert_eq!(own.ok(GET, &json!({}))["enabled"], false);
    assert_eq!(own.ok(GET, &account)["enabled"], true);
    let mut other = Socket::log_in(&venue, &venue.keys[2]);
    assert_eq!(other.ok(GET, &json!({}))["enabled"], false, "it is of another account");
    drop((before, own, other));

    let venue = Venue::start_in(venue.stop(), |_| {});
    assert_eq!(venue.ok(GET, &account), json!({ "enabled": true, "scope": "account" }));
    let mut socket = Socket::log_in(&venue, &venue.keys[0]);
    assert_eq!(socket.ok(GET, &json!({}))["enabled"], true, "it outlasts a restart");
    socket.ok(DISABLE, &account);
    assert_eq!(socket.ok(GET, &json!({}))["enabled"], false, "and the one that asks");
    assert_eq!(Socket::log_in(&venue, &venue.keys[0]).ok(GET, &json!({}))["enabled"], false);
}

/// A venue with a subaccount of the newcomer's, and its number.
fn with_subaccount() -> (Venue, i64) {
    let folder = tempfile::tempdir().unwrap();
    let admin = folder.path().join("admin");
    std::fs::create_dir(&admin).unwrap();
    let scopes = "account:read_write".parse().unwrap();
    let made = KeyFile::of(&admin).create(AccountId::new(0), "operator", &scopes, host_ms());
    let made = made.unwrap();
    let venue = Venue::start_in(folder, |options| options.admin = "127.0.0.1:0".parse().ok());
    let header = super::venue::basic(&made.key.client_id, &made.client_secret);
    let opened = json!({ "open_account": {
        "owner": venue.account.number(), "margin_model": "cross",
    } });
    let answer = venue.operate(&header, "admin/submit", &json!({ "command": opened }));
    let event = &answer.result()["events"][0]["account_opened"];
    (venue, event["account"].as_i64().expect("an account is opened"))
}

#[test]
fn a_main_account_acts_as_its_subaccount() {
    let (venue, sub) = with_subaccount();
    let own = i64::from(venue.account.number());
    let exchange = |token: &Value, subject: i64, scope: &str| {
        let params = json!({ "refresh_token": token, "subject_id": subject, "scope": scope });
        venue.call(None, "public/exchange_token", &params)
    };
    let granted = venue.ok(
        "public/auth",
        &json!({
            "grant_type": "client_credentials", "client_id": venue.keys[0].id,
            "client_secret": venue.keys[0].secret, "scope": "session:desk",
        }),
    );
    let first = &granted["refresh_token"];
    let answer = exchange(first, sub, "session:sub account:read");
    let words: Vec<_> = answer.result()["scope"].as_str().unwrap().split(' ').collect();
    assert_eq!(words, ["account:read", "session:sub", "trade:read_write", "wallet:read_write"]);
    let bearer = |token: &Value| format!("Bearer {}", token.as_str().unwrap());
    let ids = |token: &Value| {
        let all = venue.call(Some(&bearer(token)), "private/get_subaccounts", &json!({}));
        let all = all.result().as_array().unwrap().clone();
        all.iter().map(|one| one["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&answer.result()["access_token"]), [sub]);
    assert_eq!(ids(&granted["access_token"]), [own, sub], "the first session goes on");
    let back = exchange(&answer.result()["refresh_token"], own, "");
    assert_eq!(ids(&back.result()["access_token"]), [own, sub]);
    // Somebody else's account is as unknown as one that is not there.
    let (other, nobody) = (exchange(first, 0, ""), exchange(first, 4_000_000, ""));
    assert_eq!((other.code(), &other.body["error"]), (13_021, &nobody.body["error"]));
    assert_eq!(exchange(first, -1, "").code(), -32_602);
    assert_eq!(exchange(&json!("nonsense"), sub, "").code(), 13_009);

    // A connection whose tokens are exchanged is the subaccount's.
    let mut socket = Socket::connect(&venue);
    let granted = socket.auth(&venue.keys[0], "");
    let params = json!({ "refresh_token": granted["refresh_token"], "subject_id": sub });
    let exchanged = socket.ok("public/exchange_token", &params);
    assert!(exchanged["scope"].as_str().unwrap().starts_with("account:read_write connection"));
    let seen = socket.ok("private/get_subaccounts", &json!({}));
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["id"]), (1, &json!(sub)));
    let fork = json!({ "refresh_token": exchanged["refresh_token"], "session_name": "x" });
    assert_eq!(socket.code("public/fork_token", &fork), 13_021);
}

#[test]
fn a_session_is_forked() {
    let venue = Venue::start_with(|options| options.demo = None);
    let params = json!({
        "grant_type": "client_credentials", "client_id": venue.keys[0].id,
        "client_secret": venue.keys[0].secret, "scope": "session:one trade:read",
    });
    let granted = venue.call(None, "public/auth", &params).result().clone();
    let fork = |name: &str| {
        let params = json!({ "refresh_token": granted["refresh_token"], "session_name": name });
        venue.call(None, "public/fork_token", &params)
    };
    let forked = fork("two");
    let scope = forked.result()["scope"].as_str().unwrap();
    assert!(scope.contains("session:two") && scope.contains("trade:read "), "{scope}");
    assert_ne!(forked.result()["sid"], granted["sid"]);
    assert_eq!(fork("a b").code(), -32_602);
    let bearer = format!("Bearer {}", forked.result()["access_token"].as_str().unwrap());
    let answer = venue.call(Some(&bearer), "private/buy", &json!({ "instrument_name": "X" }));
    assert_eq!(answer.code(), 13_021, "it is no wider");
}

#[test]
fn who_is_let_in_no_more_hears_no_more() {
    let venue = Venue::start();
    let mut socket = Socket::log_in(&venue, &venue.keys[0]);
    let channel = json!({ "channels": ["user.orders.any.any.raw"] });
    socket.ok("private/subscribe", &channel);
    let mut other = Socket::log_in(&venue, &venue.keys[1]);
    other.ok("private/subscribe", &channel);
    let order = json!({
        "instrument_name": "BTC-PERPETUAL", "amount": 10, "price": venue.near(0.93),
    });
    venue.ok("private/buy", &order);
    let heard = |message: Option<Value>| message.unwrap()["params"]["channel"].clone();
    assert_eq!(heard(other.message()), "user.orders.any.any.raw");
    venue.revoke(&venue.keys[1]);
    std::thread::sleep(Duration::from_secs(4));
    venue.ok("private/buy", &order);
    assert_eq!(other.code("private/get_open_orders", &json!({})), 13_009);
    // What comes next is the answer: nothing was told in between.
    venue.ok("private/cancel_all", &json!({}));
    assert!(other.text(r#"{"id":"last","method":"public/test","params":{}}"#));
    assert_eq!(other.message().unwrap()["id"], "last");
}
