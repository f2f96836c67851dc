//! Alarms that clients provoke.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::world::World;
use crate::limits::LimitRules;
use crate::serve::Tuning;

/// What is provoked below.
pub const PROVOKED: &[&[&str]] = &[GREEDY, STRANGERS, KEYS];

const GREEDY: &[&str] = &["PlimsollRateLimited", "PlimsollSlowReaders"];
const STRANGERS: &[&str] = &["PlimsollLoginsRefused"];
const KEYS: &[&str] = &["PlimsollKeysUnreadable"];

/// Somebody whom nobody knows.
const STRANGER: &str = "Authorization: Basic bm9ib2R5OndyaXRlcw==\r\n";

#[test]
fn clients_that_ask_and_do_not_read_are_told() {
    let limits = LimitRules { pool: 500, refill: 1, ..LimitRules::default() };
    let world = World::tuned(Tuning::default(), limits);
    let before = world.page().unwrap();
    let mut socket = upgraded(&world);
    // It is heard as long as it goes out: the venue closes a connection that nobody reads.
    let asked = br#"{"id":1,"method":"public/get_time"}"#;
    let length = u8::try_from(asked.len()).unwrap();
    let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], &asked[..]].concat();
    let many = frame.repeat(1_000);
    for _ in 0..1_000 {
        if socket.write_all(&many).is_err() {
            break;
        }
    }
    world.alarmed(&before, GREEDY);
    let page = world.until("it is gone", |page| {
        page.any("plimsoll_connections{listener=\"clients\"}", |count| count == 0.0)
    });
    assert!(
        page.any("plimsoll_connections_ended_total{listener=\"clients\",reason=\"slow\"}", |n| n
            > 0.0)
    );
    assert!(page.any(
        "plimsoll_requests_total{listener=\"clients\",method=\"public/get_time\",code=\"10028\"}",
        |n| n > 1e3
    ));
}

fn upgraded(world: &World) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).unwrap();
    let head = "GET /ws/api/v2 HTTP/1.1\r\nHost: venue\r\nConnection: Upgrade\r\n\
                Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Request-Id: my-own\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 101") && answer.contains("x-request-id: my-own"),
        "{answer}"
    );
    stream
}

#[test]
fn strangers_are_told() {
    let world = World::start();
    let before = world.page().unwrap();
    for _ in 0..25 {
        assert!(world.call(STRANGER, "private/get_positions").1.contains("13004"));
    }
    world.alarmed(&before, STRANGERS);
    // What is no method goes by one name, whatever it says.
    assert!(world.call("", "public/of-my-own").1.contains("-32601"));
    let page = world.page().unwrap();
    assert!(
        page.any("plimsoll_requests_total{listener=\"clients\",method=\"unknown\"", |n| n == 1.0)
    );
    assert!(!page.0.contains("of-my-own"));
}

#[test]
fn keys_that_cannot_be_read_are_told() {
    let world = World::start();
    let before = world.page().unwrap();
    std::fs::write(world.folder.path().join("keys.json"), "[").unwrap();
    // The file is looked at once a second, when somebody comes.
    std::thread::sleep(Duration::from_millis(1_100));
    world.call(STRANGER, "private/get_positions");
    world.alarmed(&before, KEYS);
}
