//! A venue that begins with an empty folder and a clock that is set by hand, with its operator, its price
//! sources and its clients.

#![allow(dead_code, reason = "each test that shares it takes a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use instruments::Timestamp;
use ledger::AccountId;
use node::ManualClock;
use plimsoll_server::auth::Authority;
use plimsoll_server::demo::DemoClock;
use plimsoll_server::{LimitRules, ServeOptions, Server, host_ms};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::sync::oneshot;

const SCOPES: &str = "account:read_write trade:read_write wallet:read_write mainaccount";
/// Price sources.
const SOURCES: u8 = 3;
const DAY: i64 = 86_400_000;

/// A venue that is served until it is dropped.
pub struct Venue {
    address: SocketAddr,
    admin: SocketAddr,
    metrics: SocketAddr,
    operator: (String, String),
    clock: ManualClock,
    now: i64,
    stable_at: i64,
    /// Commands that its start replayed.
    pub recovered: u64,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Lets the venue's own threads do something.
pub fn pause() {
    std::thread::sleep(Duration::from_millis(250));
}

impl Venue {
    /// Serves the venue of a folder at a time.
    pub fn start(folder: &Path, now: i64) -> Self {
        let operators = folder.join("admin");
        std::fs::create_dir_all(&operators).expect("a folder");
        let operator = key(&operators, 0);
        let clock = ManualClock::at(Timestamp::from_milliseconds(now));
        let (options, venue_clock) = (options(folder), DemoClock::manual(clock.clone()));
        let (ready, started) = channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let opening = tokio::spawn(Server::open_at(options, venue_clock));
                let server = opening.await.expect("it does not panic").expect("it opens");
                let admin = server.admin_address().expect("operators are listened to");
                let metrics = server.metrics_address().expect("figures are told");
                let places = (server.address(), admin, metrics);
                ready.send((places, server.recovered())).expect("who waits");
                server.run(async { drop(stopped.await) }).await.expect("it is served");
            });
        });
        let ((address, admin, metrics), recovered) = started.recv().expect("the venue starts");
        let (stop, thread, stable_at) = (Some(stop), Some(thread), 0);
        Self { address, admin, metrics, operator, clock, now, stable_at, recovered, stop, thread }
    }

    /// What an operator's call gives.
    pub fn admin(&self, method: &str, params: &Value) -> Value {
        self.call(self.admin, Some(&self.operator), method, params)
    }

    /// What an operator's command gives.
    pub fn submit(&self, command: Value) -> Value {
        self.admin("admin/submit", &json!({ "command": command }))
    }

    /// What a call of a client's gives.
    pub fn ok(&self, key: &(String, String), method: &str, params: &Value) -> Value {
        self.call(self.address, Some(key), method, params)
    }

    /// What a call of anybody's gives.
    pub fn public(&self, method: &str, params: &Value) -> Value {
        self.call(self.address, None, method, params)
    }

    /// A figure of the venue's, one without labels; some are there once the venue has looked.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let mut stream = TcpStream::connect(self.metrics).expect("figures are told");
        let request = "GET /metrics HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it is heard");
        let mut page = String::new();
        stream.read_to_string(&mut page).expect("it is answered");
        let mut lines = page.lines().filter_map(|line| line.split_once(' '));
        let (_, figure) = lines.find(|(of, _)| *of == name)?;
        Some(figure.parse().expect("it is a number"))
    }

    fn call(
        &self,
        address: SocketAddr,
        key: Option<&(String, String)>,
        method: &str,
        params: &Value,
    ) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let body = body.to_string();
        let key = key.map_or_else(String::new, |(id, secret)| {
            format!("Authorization: {}\r\n", basic(id, secret))
        });
        let length = body.len();
        let request = format!(
            "POST /api/v2 HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n{key}\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address).expect("the venue listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
        stream.write_all(request.as_bytes()).expect("it is heard");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is answered");
        let (_, body) = answer.split_once("\r\n\r\n").expect("there are a head and a body");
        let body: Value = serde_json::from_str(body).expect("answers are JSON");
        assert!(body["error"].is_null(), "{method} {params:.300}: {body}");
        body["result"].clone()
    }

    /// Makes a client's key beside the venue that runs, as `plimsoll keys create` does.
    pub fn client(&self, folder: &Path, account: usize) -> (String, String) {
        key(folder, u32::try_from(account).expect("few accounts"))
    }

    /// Does what operators type on the page of founding, and brings what the page leaves to them.
    pub fn found(&mut self) {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/founding.md");
        let page = std::fs::read_to_string(page).expect("the page is there");
        let mut typed = 0;
        for line in page.lines() {
            let Some((method, params)) =
                line.strip_prefix("admin ").and_then(|l| l.split_once(' '))
            else {
                continue;
            };
            if method == "admin/set_oracle_key" {
                self.trust_sources();
                self.advance(1_000, 70_000);
            } else if let Some(params) = params.strip_prefix('\'') {
                let params = params.strip_suffix('\'').expect("it is quoted");
                self.admin(method, &serde_json::from_str(params).expect("parameters are JSON"));
            } else {
                assert!(params.contains("set_history"), "{line}");
                self.submit(closes(self.now));
            }
            typed += 1;
        }
        assert!(typed > 25, "the page has commands");
    }

    /// Gives the venue the keys of its sources.
    fn trust_sources(&self) {
        for source in 1..=SOURCES {
            let key = pair(source).public_key().as_ref().to_vec();
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            let params = json!({ "source": source, "public_key": key });
            assert_eq!(self.admin("admin/set_oracle_key", &params), "ok");
        }
    }

    /// Lets time pass, and all sources report a price then.
    pub fn advance(&mut self, milliseconds: i64, price: i64) {
        self.now += milliseconds;
        self.clock.set(Timestamp::from_milliseconds(self.now));
        for source in 1..=SOURCES {
            self.report(source, "BTC", price);
        }
        if self.now - self.stable_at >= 20 * 60_000 {
            self.stable_at = self.now;
            (1..=SOURCES).for_each(|source| self.report(source, "USDC", 1));
        }
    }

    /// The venue's time.
    pub const fn now(&self) -> i64 {
        self.now
    }

    fn report(&self, source: u8, asset: &str, price: i64) {
        let observed = self.now;
        let text = format!("plimsoll-price\n{asset}\n{source}\n{price}\n{observed}\n");
        let signature = pair(source).sign(text.as_bytes());
        let signature: String =
            signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let params = json!({
            "asset": asset, "source": source, "price": price, "observed": observed,
            "signature": signature,
        });
        self.public("public/x_report_price", &params);
    }

    /// A connection of a client's.
    pub fn connect(&self, (id, secret): &(String, String)) -> Socket {
        let mut stream = TcpStream::connect(self.address).expect("the venue listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
        let request = "GET /ws/api/v2 HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it is heard");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("it is answered");
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let mut socket = Socket(stream);
        let login = json!({
            "grant_type": "client_credentials", "client_id": id, "client_secret": secret,
        });
        socket.ok("public/auth", &login);
        socket
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the venue ended with an error");
        }
    }
}

/// Waits until something is so.
pub fn wait(venue: &Venue, what: &str, is_so: impl Fn(&Venue) -> bool) {
    for _ in 0..240 {
        if is_so(venue) {
            return;
        }
        pause();
    }
    panic!("{what} does not come: {}", venue.admin("admin/status", &json!({})));
}

/// A WebSocket connection, as simple as one can be: short texts, each in one frame.
pub struct Socket(TcpStream);

impl Socket {
    /// What a call gives; notifications that come before it are passed over.
    pub fn ok(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer["error"].is_null(), "{method} {params}: {answer}");
        answer["result"].clone()
    }

    /// The answer to a call, whatever it is.
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.send(1, method, params);
        loop {
            let answer = self.next();
            if answer["id"] == 1 {
                return answer;
            }
        }
    }

    /// Asks, and does not wait.
    pub fn send(&mut self, id: u64, method: &str, params: &Value) {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let body = body.to_string();
        let length = u16::try_from(body.len()).expect("it is short");
        // Final, a text; masked, by four zeros.
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(body.as_bytes());
        self.0.write_all(&frame).expect("it is heard");
    }

    /// Another end of the connection, to end it by.
    pub fn stream(&self) -> TcpStream {
        self.0.try_clone().expect("the system has room")
    }

    /// The next message.
    pub fn next(&mut self) -> Value {
        self.try_next().expect("the connection stays")
    }

    /// The next message, unless the connection has ended.
    pub fn try_next(&mut self) -> Option<Value> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).ok()?;
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.bytes())),
            127 => u64::from_be_bytes(self.bytes()),
            short => u64::from(short),
        };
        let mut body = vec![0; usize::try_from(length).expect("it fits")];
        self.0.read_exact(&mut body).expect("the connection stays");
        assert_eq!(head[0], 0x81, "a text in one frame");
        Some(serde_json::from_slice(&body).expect("messages are JSON"))
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).expect("the connection stays");
        bytes
    }
}

/// Closes of 400 days before a time that swing a little.
fn closes(now: i64) -> Value {
    let first = now - now % DAY - 400 * DAY;
    let day = |day: i64| {
        let swing =
            |scale: i64, of: i64| (of * (1_000 + (day * scale) % 37 - 18) / 1_000).to_string();
        let closes = [swing(17, 70_000), swing(23, 2_100), swing(29, 14_000), swing(31, 600)];
        json!({ "date": first + day * DAY, "closes": closes })
    };
    let days: Vec<Value> = (0..400).map(day).collect();
    json!({ "set_history": { "assets": ["BTC", "ETH", "XRP", "BNB"], "days": days } })
}

fn options(folder: &Path) -> ServeOptions {
    ServeOptions {
        data: folder.to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        admin: Some(([127, 0, 0, 1], 0).into()),
        metrics: Some(([127, 0, 0, 1], 0).into()),
        tls: None,
        limits: LimitRules {
            pool: 500_000_000,
            refill: 500_000_000,
            matching_rate: 100_000,
            matching_burst: 100_000,
            simulation_rate: 100_000,
            simulation_burst: 100_000,
            ..LimitRules::default()
        },
        demo: None,
    }
}

fn key(folder: &Path, account: u32) -> (String, String) {
    let authority = Authority::open(folder, host_ms()).expect("keys can be read");
    let scopes = SCOPES.parse().expect("they are scopes");
    let new = authority.create(AccountId::new(account), "test", &scopes, host_ms());
    let new = new.expect("a key");
    (new.key.client_id, new.client_secret)
}

fn pair(source: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[source; 32]).expect("any seed is one")
}

/// The header of a key.
fn basic(id: &str, secret: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for bytes in format!("{id}:{secret}").into_bytes().chunks(3) {
        let word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - bytes.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place > bytes.len() { '=' } else { char::from(letter) });
        }
    }
    text
}
