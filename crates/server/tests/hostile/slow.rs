//! Clients that hold connections, and ask nothing or never to the end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::socket::{Socket, tcp};
use super::venue::Venue;

/// How long the venue waits for a request.
const PATIENCE: Duration = Duration::from_millis(300);

fn venue() -> Venue {
    Venue::start_with(|options| {
        options.demo = None;
        options.limits.patience = PATIENCE;
    })
}

/// What comes until the venue hangs up, which it does no sooner than its patience is over.
fn rest_of(mut stream: TcpStream) -> String {
    let (begun, mut all) = (Instant::now(), Vec::new());
    stream.read_to_end(&mut all).unwrap();
    assert!(begun.elapsed() >= PATIENCE / 2);
    String::from_utf8(all).unwrap()
}

#[test]
fn who_sends_no_whole_request_is_not_waited_for() {
    let venue = venue();
    for part in ["", "GET /api/v2/public/te", "GET /api/v2/public/test HTTP/1.1\r\nHost: venue\r\n"]
    {
        let mut stream = tcp(&venue);
        stream.write_all(part.as_bytes()).unwrap();
        assert_eq!(rest_of(stream), "", "{part}");
    }
    let mut stream = tcp(&venue);
    let head = "POST /api/v2 HTTP/1.1\r\nHost: venue\r\nContent-Length: 50\r\n\r\n";
    stream.write_all(format!("{head}{{\"id\": 1,").as_bytes()).unwrap();
    let answer = rest_of(stream);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("a request is sent within 0.3 s"), "{answer}");
}

#[test]
fn a_connection_is_kept_for_the_next_request_and_not_for_ever() {
    let venue = venue();
    let mut stream = tcp(&venue);
    for _ in 0..2 {
        stream.write_all(b"GET /api/v2/public/test HTTP/1.1\r\nHost: venue\r\n\r\n").unwrap();
        assert!(answer(&mut stream).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(rest_of(stream), "");
}

/// One answer, with its body.
fn answer(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        reader.read_line(&mut head).unwrap();
        if let Some(("content-length", value)) = head[start..].trim_end().split_once(": ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

#[test]
fn who_listens_over_websocket_may_say_nothing() {
    let venue = venue();
    let mut socket = Socket::connect(&venue);
    std::thread::sleep(PATIENCE * 3);
    assert!(socket.ask("public/test", &json!({})).is_some());
}
