//! A venue in this process, with things that can go wrong.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::Action;
use instruments::{Amount, Timestamp};
use ledger::AccountId;
use node::{ManualClock, SubmitError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use super::rules::{Page, rule};
use super::text;
use crate::auth::{Caller, Grant};
use crate::call::Call;
use crate::demo::DemoClock;
use crate::limits::LimitRules;
use crate::registry::Reply;
use crate::serve::{ServeError, ServeOptions, Server, Tuning};
use crate::service::{Service, host_ms};

/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(90);

/// The venue.
pub struct World {
    pub folder: TempDir,
    pub address: SocketAddr,
    pub watchers: SocketAddr,
    pub service: Option<Arc<Service>>,
    operators: Option<Arc<Service>>,
    pub clock: ManualClock,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<Result<(), ServeError>>>,
}

impl World {
    /// An empty venue.
    pub fn start() -> Self {
        Self::tuned(Tuning::default(), LimitRules::default())
    }

    /// An empty venue of which something is not as it is in production.
    pub fn tuned(tuning: Tuning, limits: LimitRules) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let options = ServeOptions {
            data: folder.path().to_owned(),
            listen: any,
            admin: Some(any),
            metrics: Some(any),
            tls: None,
            limits,
            demo: None,
        };
        let clock = ManualClock::at("2026-02-05T16:00:00Z".parse().unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let opening = Server::open_tuned(options, DemoClock::manual(clock.clone()), tuning);
        let opening = runtime.spawn(opening);
        let server = runtime.block_on(opening).unwrap().unwrap();
        let (address, watchers) = (server.address(), server.metrics_address().unwrap());
        let service = Some(Arc::clone(&server.service));
        let operators = server.admin.as_ref().map(|(_, service)| Arc::clone(service));
        let (stop, stopped) = oneshot::channel();
        let running = runtime.spawn(server.run(async { drop(stopped.await) }));
        let (runtime, stop, running) = (Some(runtime), Some(stop), Some(running));
        Self { folder, address, watchers, service, operators, clock, runtime, stop, running }
    }

    pub fn node(&self) -> &node::Handle {
        &self.service.as_ref().unwrap().node
    }

    /// What an operator's call gives, begun now.
    pub fn operate(&self, method: &'static str, params: Value) -> JoinHandle<Reply> {
        let service = Arc::clone(self.operators.as_ref().unwrap());
        let (account, scopes) = (AccountId::new(0), "account:read_write".parse().unwrap());
        let key = service.authority.create(account, "desk", &scopes, host_ms()).unwrap();
        let (client_id, client_secret) = (&key.key.client_id, &key.client_secret);
        let address = IpAddr::from([127, 0, 0, 1]);
        let caller = Caller { address: Some(address), connection: None };
        let grant = Grant::ClientCredentials { client_id, client_secret };
        let login = service.authority.grant(&grant, None, caller, host_ms()).unwrap().login;
        let call = Call { service, login: Some(login), address, connection: None };
        let runtime = self.runtime.as_ref().unwrap();
        runtime.spawn(async move { call.dispatch(method, params).await })
    }

    /// Waits for something that was begun.
    pub fn wait<T>(&self, begun: JoinHandle<T>) -> Result<T, JoinError> {
        self.runtime.as_ref().unwrap().block_on(begun)
    }

    /// Has the lines of a script executed, as long as `goes_on` says.
    pub fn script(&self, goes_on: impl Fn(&Value) -> bool, change: impl Fn(&mut Value)) {
        let text = text("docs/run/liquidation.jsonl");
        let lines = text.lines().filter(|line| line.starts_with('{'));
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        for mut line in lines.take_while(goes_on) {
            change(&mut line);
            if let Some(time) = line.get("time") {
                self.clock.set(time.as_str().unwrap().parse().unwrap());
            }
            self.act(&line);
        }
    }

    /// Has the lines of the script after a command executed, as long as `goes_on` says.
    pub fn script_after(&self, command: &str, goes_on: impl Fn(&Value) -> bool) {
        let text = text("docs/run/liquidation.jsonl");
        let lines = text.lines().filter(|line| line.starts_with('{'));
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let after = lines.skip_while(|line| line.get(command).is_none()).skip(1);
        for line in after.take_while(goes_on) {
            if let Some(time) = line.get("time") {
                self.clock.set(time.as_str().unwrap().parse().unwrap());
            }
            self.act(&line);
        }
    }

    /// Has a line of a script executed.
    pub fn act(&self, line: &Value) {
        let ticket = self.node().submit(action(line, node::Clock::now(&self.clock)));
        ticket.unwrap().wait().unwrap();
    }

    /// A market with two clients that hold something.
    pub fn trade(&self) {
        self.script(
            |line| line.get("time").is_none_or(|time| time == "2026-02-05T16:00:00Z"),
            |_| {},
        );
    }

    /// Lets time pass.
    pub fn pass(&self, milliseconds: i64) {
        let now = node::Clock::now(&self.clock).milliseconds() + milliseconds;
        self.clock.set(Timestamp::from_milliseconds(now));
    }

    /// Hands in commands that change nothing, up to so many, or until there is no room.
    pub fn flood(&self, most: usize) {
        for _ in 0..most {
            match self.node().send(Action::Tick {}) {
                Ok(()) => {}
                Err(SubmitError::Full(_)) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The figures, if they can be had.
    pub fn page(&self) -> Option<Page> {
        let (status, body) = self.get("/metrics")?;
        assert_eq!(status, 200);
        assert!(body.ends_with("# EOF\n"), "the page is whole");
        Some(Page(body))
    }

    /// What is answered to those who watch.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        ask(
            self.watchers,
            &format!("GET {path} HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n\r\n"),
        )
    }

    /// What a call of anybody's gives.
    pub fn call(&self, key: &str, method: &str) -> (u16, String) {
        let body = json!({ "id": 1, "method": method, "params": {} }).to_string();
        let length = body.len();
        let request = format!(
            "POST /api/v2 HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n{key}\
             Content-Length: {length}\r\n\r\n{body}"
        );
        ask(self.address, &request).unwrap()
    }

    /// Waits until a page is as it should be.
    pub fn until(&self, what: &str, is_so: impl Fn(&Page) -> bool) -> Page {
        let begun = Instant::now();
        loop {
            let page = self.page().unwrap();
            if is_so(&page) {
                return page;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} does not show: {}", page.0);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until alarms are told that were not before.
    #[track_caller]
    pub fn alarmed(&self, before: &Page, names: &[&str]) {
        for name in names {
            let rule = rule(name.trim_start_matches("Plimsoll"));
            assert!(!rule.fires(Some(before), Some(before)), "{name} was there before");
            self.until(name, |page| rule.fires(Some(before), Some(page)));
        }
    }

    /// Stops the venue.
    pub fn stop(&mut self) {
        drop((self.service.take(), self.operators.take()));
        drop(self.stop.take());
        if let (Some(runtime), Some(running)) = (&self.runtime, self.running.take()) {
            // It says why if its engine has ended before.
            let _ = runtime.block_on(running).unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn ask(address: SocketAddr, request: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The command on a line of the script, which names what a node is given in full.
fn action(line: &Value, now: Timestamp) -> Action {
    let members = line.as_object().unwrap().iter();
    let (name, asked) = members.into_iter().find(|(name, _)| *name != "time").unwrap();
    let mut asked = asked.clone();
    match name.as_str() {
        "set_methodology" => {
            let text = risk::Methodology::built_in_text(asked["built_in"].as_str().unwrap());
            asked = json!({ "text": text.unwrap(), "notice_ends": now.milliseconds() + 1 });
        }
        "set_history" => asked = closes(now),
        "report_price" => asked["observed"] = now.milliseconds().into(),
        "place_order" => {
            let order = asked["order"].as_object_mut().unwrap();
            let size: Amount = order.remove("size").unwrap().as_str().unwrap().parse().unwrap();
            // There is one instrument, and its lots are thousandths.
            order.insert("instrument".to_owned(), 0.into());
            let lots = i64::try_from(size.units() / 100_000).unwrap();
            order.insert("lots".to_owned(), lots.into());
        }
        _ => {}
    }
    serde_json::from_value(json!({ name: asked })).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Closes of 400 days that swing a little.
fn closes(now: Timestamp) -> Value {
    const DAY: i64 = 86_400_000;
    let first = now.milliseconds() - now.milliseconds() % DAY - 400 * DAY;
    let day = |day: i64| {
        let swing =
            |scale: i64, of: i64| (of * (1_000 + (day * scale) % 37 - 18) / 1_000).to_string();
        let closes = [swing(17, 70_000), swing(23, 2_100), swing(29, 14_000), swing(31, 600)];
        json!({ "date": first + day * DAY, "closes": closes })
    };
    let days: Vec<Value> = (0..400).map(day).collect();
    json!({ "assets": ["BTC", "ETH", "XRP", "BNB"], "days": days })
}
