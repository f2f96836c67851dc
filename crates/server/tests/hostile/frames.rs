//! Frames and bodies that are none, too many, or never read.

use std::cell::RefCell;
use std::io::Write;
use std::time::Duration;

use engine::{Action, Event};
use journal::Disk;
use node::JournalReader;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::socket::{BINARY, CLOSE, PING, Socket, TEXT, frame, tcp};
use super::venue::Venue;

/// What is sent in one frame.
#[derive(Clone, Debug)]
struct Sent {
    kind: u8,
    payload: Vec<u8>,
}

/// Requests that are right, if there were such an account.
const VALID: &[&str] = &[
    r#"{"jsonrpc":"2.0","id":1,"method":"private/buy","params":{"instrument_name":"BTC-PERPETUAL","amount":10,"price":50000,"type":"limit","otoco_config":[{"direction":"sell","amount":10,"type":"market"}],"linked_order_type":"one_triggers_other"}}"#,
    r#"{"id":2,"method":"private/cancel_all","params":{}}"#,
    r#"{"id":"x","method":"private/cancel_all","params":{"detailed":"true"}}"#,
    r#"{"id":3,"method":"private/cancel","params":{"order_id":"BTC-1"}}"#,
    r#"{"id":4,"method":"private/mass_quote","params":{"quotes":[{"instrument_name":"BTC-PERPETUAL","bid":{"price":1,"amount":1}}]}}"#,
    r#"{"id":5,"method":"private/withdraw","params":{"currency":"BTC","address":"a","amount":1e0}}"#,
    r#"{"id":6,"method":"private/enable_cancel_on_disconnect","params":{"scope":"account"}}"#,
    r#"{"id":7,"method":"private/simulate_portfolio","params":{"simulated_positions":{"BTC-PERPETUAL":-1000}}}"#,
    r#"{"id":8,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.raw","user.orders.any.any.raw"]}}"#,
    r#"{"id":9,"method":"public/exchange_token","params":{"refresh_token":"a","subject_id":1}}"#,
    r#"{"id":10,"method":"public/get_instruments","params":{"currency":"BTC","kind":"option"}}"#,
    r#"{"id":11,"method":"public/x_report_price","params":{"source":0,"asset":"BTC","price":"1","timestamp":1,"signature":"00"}}"#,
];

const ODD: &[&str] = &[
    "1e999999999",
    "-1e-999999999",
    "1e308",
    "\"NaN\"",
    "NaN",
    "Infinity",
    "\"-Infinity\"",
    "-0",
    "00",
    "null",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "9223372036854775808",
    "{}",
    "[]",
    "[[]]",
    "1.",
    "\"",
];

fn odd() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(ODD).prop_map(str::to_owned),
        1 => (1..400_usize).prop_map(|digits| "9".repeat(digits)),
        1 => (1..400_usize).prop_map(|digits| format!("0.{}1", "0".repeat(digits))),
        1 => (1..15_000_usize).prop_map(|depth| "[".repeat(depth)),
        1 => (1..3_000_usize).prop_map(|depth| "{\"a\":".repeat(depth)),
        1 => (1..200_usize).prop_map(|depth| "[".repeat(depth) + &"]".repeat(depth)),
    ]
}

/// JSON that is whole, and means nothing.
fn random_json() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "jsonrpc",
        "id",
        "method",
        "params",
        "amount",
        "price",
        "channels",
        "instrument_name",
        "a",
    ]);
    let leaf = prop_oneof![odd(), "\\PC{0,10}".prop_map(|text| json!(text).to_string())];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        let pair = (name.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(pair, 0..6).prop_map(|all| {
                let all: Vec<_> =
                    all.iter().map(|(name, one)| format!("\"{name}\":{one}")).collect();
                format!("{{{}}}", all.join(","))
            }),
        ]
    })
}

/// A valid request with a few bytes changed, or a value exchanged.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let valid = prop::sample::select(VALID);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..4);
    (valid, changes, prop::option::of((any::<prop::sample::Index>(), odd()))).prop_map(
        |(valid, changes, exchanged)| {
            let mut bytes = valid.as_bytes().to_vec();
            if let Some((place, odd)) = exchanged {
                let colons: Vec<usize> =
                    (0..bytes.len()).filter(|place| bytes[*place] == b':').collect();
                let from = colons[place.index(colons.len())] + 1;
                let is_end = |byte: &u8| matches!(byte, b',' | b'}');
                let length = bytes[from..].iter().position(is_end).unwrap_or(0);
                bytes.splice(from..from + length, odd.bytes());
            }
            for (place, byte, what) in changes {
                let place = place.index(bytes.len().max(1));
                match what {
                    0 if place < bytes.len() => bytes[place] = byte,
                    1 => bytes.truncate(place),
                    2 => bytes.insert(place.min(bytes.len()), byte),
                    _ if place < bytes.len() => drop(bytes.remove(place)),
                    _ => {}
                }
            }
            bytes
        },
    )
}

fn sent() -> impl Strategy<Value = Sent> {
    let text = |payload: Vec<u8>| Sent { kind: TEXT, payload };
    prop_oneof![
        4 => mutated().prop_map(text),
        2 => random_json().prop_map(move |json| text(json.into_bytes())),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(text),
        1 => (0..16_u8, prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(kind, payload)| Sent { kind, payload }),
        1 => mutated().prop_map(|payload| Sent { kind: BINARY, payload }),
        1 => (30_000..70_000_usize).prop_map(move |length| text(vec![b' '; length])),
    ]
}

#[test]
fn no_frame_stops_the_venue_or_changes_it() {
    let venue = Venue::start_with(|options| options.demo = None);
    let open = || {
        let mut socket = Socket::connect(&venue);
        socket.auth(&venue.keys[0], "");
        socket
    };
    let socket = RefCell::new(open());
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(sent(), 1..6), |all| {
        let mut socket = socket.borrow_mut();
        for one in &all {
            socket.write(&frame(one.kind, true, &one.payload));
        }
        // The connection may be closed for it; nobody else's is, and the next one is as good.
        if socket.ask("public/test", &json!({})).is_none() {
            *socket = open();
        }
        let alive = socket.ask("public/get_time", &json!({})).is_some();
        prop_assert!(alive, "the venue goes on");
        for one in all.iter().filter(|one| one.payload.len() < 32_000) {
            let body = String::from_utf8_lossy(&one.payload);
            let answer = venue.post(Some(&venue.client), &body);
            prop_assert!(answer.status == 200 || answer.status == 400, "{}", answer.body);
            prop_assert!(![-32603, 11094].contains(&answer.code()), "{}", answer.body);
        }
        Ok(())
    });
    outcome.unwrap();
    assert_untouched(venue);
}

/// Nothing but time has passed in the venue's journal: what clients sent was refused.
fn assert_untouched(venue: Venue) {
    let folder = venue.stop();
    let reader = JournalReader::new(Disk::existing(folder.path().join("journal")));
    let (mut ticks, mut refused) = (0, 0);
    node::replay(&reader, u64::MAX, false, &mut |command, events| match command.action {
        Action::Tick {} => ticks += 1,
        _ => {
            let is_refusal = |event: &Event| matches!(event, Event::Rejected(_));
            assert!(events.iter().all(is_refusal), "{command:?}: {events:?}");
            refused += 1;
        }
    })
    .unwrap();
    assert!(ticks > 0 && refused > 0, "{ticks} {refused}: some got as far as the engine");
}

#[test]
fn requests_in_pieces_are_put_together() {
    let venue = Venue::start_with(|options| options.demo = None);
    let mut socket = Socket::connect(&venue);
    let request = br#"{"id":"pieces","method":"public/test","params":{}}"#;
    let mut bytes = Vec::new();
    for (place, piece) in request.chunks(7).enumerate() {
        let is_last = (place + 1) * 7 >= request.len();
        bytes.extend(frame(if place == 0 { TEXT } else { 0 }, is_last, piece));
        // A client may say this in between.
        bytes.extend(frame(PING, true, b"are you there"));
    }
    for byte in bytes {
        assert!(socket.write(&[byte]));
    }
    assert_eq!(socket.message().unwrap()["id"], "pieces");
    // A message that grows without end is too long, however it comes.
    let mut socket = Socket::connect(&venue);
    socket.write(&frame(TEXT, false, &[b' '; 20_000]));
    for _ in 0..100 {
        socket.write(&frame(0, false, &[b' '; 20_000]));
    }
    assert!(socket.message().is_none(), "it is closed");
    // A piece of nothing, and a frame that is not masked.
    for wrong in [frame(0, true, b"{}"), vec![129, 2, b'{', b'}']] {
        let mut socket = Socket::connect(&venue);
        socket.write(&wrong);
        assert!(socket.message().is_none(), "it is closed");
    }
}

#[test]
fn connections_that_stand_still_hinder_nobody() {
    let venue = Venue::start_with(|options| options.demo = None);
    let heads: [&[u8]; 4] = [
        b"",
        b"POST /api/v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{\"method\":",
        b"GET /api/v2/public/test HTTP/1.1\r\nHost: loc",
        b"GET /ws/api/v2 HTTP/1.1\r\nUpgrade: websocket\r\n",
    ];
    let mut idle = Vec::new();
    for head in heads.iter().cycle().take(200) {
        let mut stream = tcp(&venue);
        stream.write_all(head).unwrap();
        idle.push(stream);
    }
    let mut sockets = Vec::new();
    for place in 0..20 {
        let mut socket = Socket::log_in(&venue, &venue.keys[0]);
        // A frame that promises more than it brings.
        socket.write(&frame(TEXT, true, &[b' '; 20_000])[..20]);
        if place % 2 == 0 {
            sockets.push(socket);
        }
    }
    for _ in 0..20 {
        let answer = venue.call(Some(&venue.client), "public/test", &json!({}));
        assert!(answer.result().is_object());
    }
    assert!(Socket::connect(&venue).ok("public/test", &json!({})).is_object());
    drop((idle, sockets));
    assert!(Socket::connect(&venue).ok("public/test", &json!({})).is_object());
}

#[test]
fn a_reader_that_stands_still_is_closed_and_others_hear_all() {
    let venue = Venue::start();
    let channels =
        json!({ "channels": ["ticker.BTC-PERPETUAL.100ms", "book.BTC-PERPETUAL.100ms"] });
    let mut other = Socket::connect(&venue);
    other.ok("public/subscribe", &channels);
    let mut slow = Socket::connect(&venue);
    slow.ok("public/subscribe", &channels);
    // Answers are as long as questions, and none is read.
    let call =
        json!({ "id": "x".repeat(30_000), "method": "public/test", "params": {} }).to_string();
    for _ in 0..1_500 {
        slow.text(&call);
    }
    let mut told = 0;
    while told < 10 {
        let message = other.message().expect("the other one stays");
        told += u32::from(message["method"] == "subscription");
    }
    assert!(other.ok("public/test", &json!({})).is_object());
    std::thread::sleep(Duration::from_secs(2));
    let mut last = None;
    while let Some(frame) = slow.frame() {
        last = Some(frame);
    }
    let last = last.expect("something was sent before");
    assert_eq!((last.kind, &last.payload[..2]), (CLOSE, &1008_u16.to_be_bytes()[..]));
    assert!(last.payload.ends_with(b"too slow: messages were not read in time"), "{last:?}");
    let next = other.message().expect("the other one stays");
    assert!(next.is_object());
}

#[test]
fn what_is_somebody_elses_is_unknown_over_a_socket_too() {
    let venue = Venue::start();
    let price = venue.near(0.93);
    let mut owner = Socket::log_in(&venue, &venue.keys[0]);
    let order = json!({ "instrument_name": "BTC-PERPETUAL", "amount": 10, "price": price, "label": "mine" });
    let order = owner.ok("private/buy", &order)["order"]["order_id"].clone();
    let mut reader = Socket::log_in(&venue, &venue.keys[1]);
    assert_eq!(reader.code("private/cancel", &json!({ "order_id": order })), 13_021);
    let mut other = Socket::log_in(&venue, &venue.keys[2]);
    for method in ["private/cancel", "private/get_order_state"] {
        let mut error = |id: &serde_json::Value| {
            other.call(method, &json!({ "order_id": id }))["error"].clone()
        };
        assert_eq!(error(&order), error(&json!("BTC-999999999")), "{method}");
    }
    let labelled = json!({ "label": "mine", "currency": "BTC" });
    assert_eq!(other.ok("private/get_order_state_by_label", &labelled), json!([]));
    assert_eq!(other.ok("private/cancel_by_label", &json!({ "label": "mine" })), 0);
    // The channels of one are not the other's, and end with the login.
    let channel = json!({ "channels": ["user.orders.any.any.raw"] });
    other.ok("private/subscribe", &channel);
    owner.ok("private/cancel", &json!({ "order_id": order }));
    other.ok("public/test", &json!({}));
    assert_eq!(other.ok("private/logout", &json!({})), "ok");
    assert_eq!(other.code("private/subscribe", &channel), 13_009);
    assert_eq!(other.ok("public/subscribe", &channel), json!([]));
}
