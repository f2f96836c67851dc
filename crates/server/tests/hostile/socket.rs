//! A WebSocket client that can misbehave.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::venue::{Key, Venue};

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes both ways.
pub trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// A connection.
pub struct Socket {
    wire: Box<dyn Wire>,
    next: u64,
}

/// A frame of the server's.
#[derive(Debug, PartialEq)]
pub struct Frame {
    pub kind: u8,
    pub payload: Vec<u8>,
}

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;

/// A TCP connection with a limit to how long it waits.
pub fn tcp(venue: &Venue) -> TcpStream {
    let stream = TcpStream::connect(venue.address).expect("the venue listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.set_nodelay(true).expect("an option");
    stream
}

impl Socket {
    /// Connects to a venue.
    pub fn connect(venue: &Venue) -> Self {
        Self::over(tcp(venue))
    }

    /// Connects and logs in.
    pub fn log_in(venue: &Venue, key: &Key) -> Self {
        let mut socket = Self::connect(venue);
        socket.auth(key, "");
        socket
    }

    /// Begins a connection over anything.
    pub fn over(mut wire: impl Wire + 'static) -> Self {
        let head = "GET /ws/api/v2 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        wire.write_all(head.as_bytes()).expect("it is heard");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            wire.read_exact(&mut byte).expect("it is answered");
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        Self { wire: Box::new(wire), next: 0 }
    }

    /// Writes bytes as they are; whether they went out.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.wire.write_all(bytes).and_then(|()| self.wire.flush()).is_ok()
    }

    /// Sends a text.
    pub fn text(&mut self, text: &str) -> bool {
        self.write(&frame(TEXT, true, text.as_bytes()))
    }

    /// The next frame; none once the connection is closed.
    pub fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 2];
        self.wire.read_exact(&mut head).ok()?;
        let mut length = u64::from(head[1] & 127);
        let wide = match length {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if wide > 0 {
            let mut bytes = [0; 8];
            self.wire.read_exact(&mut bytes[8 - wide..]).ok()?;
            length = u64::from_be_bytes(bytes);
        }
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        self.wire.read_exact(&mut payload).ok()?;
        Some(Frame { kind: head[0] & 15, payload })
    }

    /// The next message; none once the connection is closed.
    pub fn message(&mut self) -> Option<Value> {
        loop {
            let frame = self.frame()?;
            match frame.kind {
                TEXT => return Some(serde_json::from_slice(&frame.payload).expect("it is JSON")),
                CLOSE => return None,
                _ => {}
            }
        }
    }

    /// The answer to a call; none if the connection is closed.
    pub fn ask(&mut self, method: &str, params: &Value) -> Option<Value> {
        self.next += 1;
        let id = format!("call-{}", self.next);
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        if !self.text(&call.to_string()) {
            return None;
        }
        loop {
            let message = self.message()?;
            if message["id"] == *id {
                return Some(message);
            }
        }
    }

    /// The answer to a call.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.ask(method, params).expect("the connection stays")
    }

    /// The result of a call.
    #[track_caller]
    pub fn ok(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer["error"].is_null(), "{method} {params}: {answer}");
        answer["result"].clone()
    }

    /// The code of the error of a call, or 0.
    #[track_caller]
    pub fn code(&mut self, method: &str, params: &Value) -> i64 {
        self.call(method, params)["error"]["code"].as_i64().unwrap_or(0)
    }

    /// Logs in; gives the reply.
    #[track_caller]
    pub fn auth(&mut self, key: &Key, scope: &str) -> Value {
        let params = json!({
            "grant_type": "client_credentials", "client_id": key.id, "client_secret": key.secret,
            "scope": scope,
        });
        self.ok("public/auth", &params)
    }
}

/// A frame as clients send it: masked.
pub fn frame(kind: u8, is_last: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![if is_last { 128 | kind } else { kind }];
    match payload.len() {
        short @ 0..126 => bytes.push(128 | short as u8),
        long @ 126..65_536 => {
            bytes.push(128 | 126);
            bytes.extend_from_slice(&(long as u16).to_be_bytes());
        }
        longer => {
            bytes.push(128 | 127);
            bytes.extend_from_slice(&(longer as u64).to_be_bytes());
        }
    }
    let mask = [7, 11, 13, 17];
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
