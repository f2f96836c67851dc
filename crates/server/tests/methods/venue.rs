//! A venue with a small market, served in this process, and calls of it over HTTP.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use ledger::AccountId;
use plimsoll_server::auth::KeyFile;
use plimsoll_server::demo::{DemoClock, DemoOptions};
use plimsoll_server::{LimitRules, ServeOptions, Server, host_ms};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

const ALL: &str = "account:read_write trade:read_write wallet:read_write mainaccount";
const READING: &str = "account:read trade:read wallet:read";

/// A key as a client has it.
#[derive(Clone, Debug)]
pub struct Key {
    /// The client id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

/// A venue that is served until it is dropped.
pub struct Venue {
    pub address: SocketAddr,
    /// Where operators connect to.
    pub admin: Option<SocketAddr>,
    /// The header of the newcomer's key.
    pub client: String,
    /// The same of a key that may only look.
    pub reader: String,
    /// The header of another account's key.
    pub other: String,
    /// The newcomer's key, the one that may only look, and the other account's.
    pub keys: [Key; 3],
    /// The newcomer's account, or 0 if there is no demo.
    pub account: AccountId,
    folder: Option<TempDir>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The result, if it is one.
    pub fn result(&self) -> &Value {
        assert!(self.body["error"].is_null(), "{}", self.body);
        &self.body["result"]
    }

    /// The code of the error, or 0.
    pub fn code(&self) -> i64 {
        self.body["error"]["code"].as_i64().unwrap_or(0)
    }
}

impl Venue {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// A venue with options that differ.
    pub fn start_with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), change)
    }

    /// A venue on the data of another one.
    pub fn start_in(folder: TempDir, change: impl FnOnce(&mut ServeOptions)) -> Self {
        let (ready, started) = channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut options = options(folder.path());
        change(&mut options);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let server = tokio::spawn(Server::open(options))
                    .await
                    .expect("it does not panic")
                    .expect("it opens");
                let account = server.client_account().unwrap_or(AccountId::new(0));
                let key = |account: AccountId, name: &str, scopes: &str| {
                    let scopes = scopes.parse().expect("they are scopes");
                    let new = server
                        .authority()
                        .create(account, name, &scopes, host_ms())
                        .expect("a key");
                    Key { id: new.key.client_id, secret: new.client_secret }
                };
                let keys = [
                    key(account, "all", ALL),
                    key(account, "reader", READING),
                    key(AccountId::new(0), "other", ALL),
                ];
                let places = (server.address(), server.admin_address());
                ready.send((places, keys, account)).expect("the test waits");
                server.run(async { drop(stopped.await) }).await.expect("it is served");
            });
        });
        let ((address, admin), keys, account) = started.recv().expect("the venue starts");
        let [client, reader, other] = keys.each_ref().map(|key| basic(&key.id, &key.secret));
        let (folder, stop, thread) = (Some(folder), Some(stop), Some(thread));
        Self { address, admin, client, reader, other, keys, account, folder, stop, thread }
    }

    /// Ends it; gives its data.
    pub fn stop(mut self) -> TempDir {
        self.end();
        self.folder.take().expect("it has one")
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the venue ended with an error");
        }
    }

    /// Calls a method with parameters as JSON.
    pub fn call(&self, key: Option<&str>, method: &str, params: &Value) -> Answer {
        self.post(
            key,
            &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string(),
        )
    }

    /// [`Venue::call`], again after the wait where it is too much at once.
    pub fn patient(&self, key: &str, method: &str, params: &Value) -> Answer {
        loop {
            let answer = self.call(Some(key), method, params);
            if answer.code() != 10028 {
                return answer;
            }
            let wait = answer.body["error"]["data"]["wait"].as_u64().expect("it says how long");
            std::thread::sleep(Duration::from_millis(wait));
        }
    }

    /// The result of a call of the newcomer's.
    pub fn ok(&self, method: &str, params: &Value) -> Value {
        let answer = self.patient(&self.client, method, params);
        assert!(answer.body["error"].is_null(), "{method} {params}: {}", answer.body);
        answer.body["result"].clone()
    }

    /// A price of the perpetual at a part of its mark.
    pub fn near(&self, part: f64) -> f64 {
        let ticker = self.ok("public/ticker", &json!({ "instrument_name": "BTC-PERPETUAL" }));
        (ticker["mark_price"].as_f64().expect("a number") * part).round()
    }

    /// Waits until makers quote the perpetual.
    pub fn await_quotes(&self) {
        let name = json!({ "instrument_name": "BTC-PERPETUAL" });
        let is_quoted = || {
            let ticker = self.ok("public/ticker", &name);
            let amount = |side: &str| ticker[side].as_f64().is_some_and(|amount| amount >= 10.0);
            amount("best_bid_amount") && amount("best_ask_amount")
        };
        while !is_quoted() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Revokes a key, as another process does.
    pub fn revoke(&self, key: &Key) {
        let folder = self.folder.as_ref().expect("it has one");
        KeyFile::of(folder.path()).revoke(&key.id, host_ms()).expect("it is revoked");
    }

    /// Calls a method of the listener for operators.
    pub fn operate(&self, key: &str, method: &str, params: &Value) -> Answer {
        let body = json!({ "id": 1, "method": method, "params": params }).to_string();
        send(self.admin.expect("it listens"), &posted(Some(key), &body))
    }

    /// Sends a body as it is.
    pub fn post(&self, key: Option<&str>, body: &str) -> Answer {
        send(self.address, &posted(key, body))
    }

    /// Asks for a path.
    pub fn get(&self, key: Option<&str>, path: &str) -> Answer {
        let key = key.map(|key| format!("Authorization: {key}\r\n")).unwrap_or_default();
        send(
            self.address,
            &format!("GET {path} HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n{key}\r\n"),
        )
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        self.end();
    }
}

/// A request with a body.
fn posted(key: Option<&str>, body: &str) -> String {
    let key = key.map(|key| format!("Authorization: {key}\r\n")).unwrap_or_default();
    format!(
        "POST /api/v2 HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n{key}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the venue listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
    stream.write_all(request.as_bytes()).expect("it is heard");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is answered");
    let answer = String::from_utf8(answer).expect("answers are text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("there are a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer:.500}"));
    Answer { status: status.expect("it has a status"), body }
}

fn options(folder: &std::path::Path) -> ServeOptions {
    let mut demo = DemoOptions::default();
    (demo.market.accounts, demo.market.instruments) = (20, 60);
    ServeOptions {
        data: folder.to_owned(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        admin: None,
        metrics: None,
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
        demo: Some((demo, DemoClock::real())),
    }
}

/// The header of a key.
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", base64(format!("{id}:{secret}").as_bytes()))
}

pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for bytes in bytes.chunks(3) {
        let word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - bytes.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place > bytes.len() { '=' } else { char::from(letter) });
        }
    }
    text
}
