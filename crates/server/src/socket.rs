//! Connections over WebSocket: calls, heartbeats and subscriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use book::OrderId;
use engine::Action;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use ledger::AccountId;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::accept::RemoteAddress;
use crate::auth::Login;
use crate::call::Call;
use crate::error::RpcError;
use crate::http::REQUEST_ID;
use crate::logs::request_id;
use crate::metrics::Ended;
use crate::rpc::{self, envelope, microseconds};
use crate::service::{NotedCall, Service, host_ms};

/// Messages that may wait for a slow reader; when more do, the connection is closed.
const OUTBOX_MAX: usize = 4_096;
/// Bytes that may wait for one.
const OUTBOX_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often a connection finds out whether its login still holds.
const LOOK: Duration = Duration::from_secs(1);
/// Orders of a connection that are remembered before those that ended are forgotten.
const PLACED_MIN: usize = 1_000;
/// Cancellations of a lost connection at once.
const CANCELS_MAX: usize = 64;
/// How long one waits when the engine is busy.
const BUSY: Duration = Duration::from_millis(50);
/// How long a message may take to be written before the reader counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages that are written along with another at most.
const TOGETHER: usize = 64;
/// Bytes that are read at once: they are zeroed before each read.
const READ_BYTES: usize = 8 * 1024;
/// Calls of one connection that are worked on at once.
const CALLS_MAX: usize = 64;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Its number.
    pub id: u64,
    /// Where it comes from.
    pub address: IpAddr,
    outbox: mpsc::Sender<Utf8Bytes>,
    /// Bytes that wait to be written.
    waiting: AtomicUsize,
    /// Told when the reader is too slow.
    slow: Notify,
    state: Mutex<ConnectionState>,
    heartbeat: Notify,
    /// Whether anything was read since the last heartbeat.
    heard: AtomicBool,
    /// Whether somebody ever logged in.
    has_login: AtomicBool,
    /// Room for calls that are worked on at once.
    calls: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct ConnectionState {
    login: Option<Login>,
    heartbeat: Option<Duration>,
    /// Whether orders placed over it are cancelled when it is lost, by account.
    cancels: BTreeMap<AccountId, bool>,
    /// Orders placed over it; some may have ended.
    placed: BTreeSet<(AccountId, OrderId)>,
    /// How many there may be before those that ended are forgotten.
    placed_max: usize,
    is_over: bool,
    subscriptions: BTreeSet<String>,
}

impl Connection {
    /// Sends a message; says whether there was room.
    pub fn send(&self, message: Utf8Bytes) -> bool {
        let bytes = message.len();
        let is_room = self.waiting.load(Ordering::Relaxed) < OUTBOX_BYTES_MAX;
        let sent = is_room && {
            self.waiting.fetch_add(bytes, Ordering::Relaxed);
            self.outbox.try_send(message).is_ok()
        };
        if !sent {
            self.slow.notify_one();
        }
        sent
    }

    /// Who is logged in.
    #[must_use]
    pub fn login(&self) -> Option<Login> {
        self.state().login.clone()
    }

    /// Somebody logs in whose connections cancel their orders, or don't, unless they say otherwise;
    /// gives who was before.
    pub fn set_login(&self, login: Login, cancels: bool) -> Option<Login> {
        let mut state = self.state();
        state.cancels.entry(login.account).or_insert(cancels);
        // The answer to the login wakes the writer, which looks from then on.
        self.has_login.store(true, Ordering::Relaxed);
        state.login.replace(login)
    }

    /// Whoever is logged in logs out, and leaves what they placed.
    pub fn log_out(&self) {
        let mut state = self.state();
        if let Some(before) = state.login.take() {
            state.cancels.remove(&before.account);
            state.placed.retain(|(account, _)| *account != before.account);
        }
    }

    /// Sends a heartbeat so often from now on; none ends it.
    pub fn set_heartbeat(&self, every: Option<Duration>) {
        self.state().heartbeat = every;
        self.heartbeat.notify_one();
    }

    /// Whether an account's orders placed over it are cancelled when it is lost.
    pub fn set_cancels(&self, account: AccountId, cancels: bool) {
        self.state().cancels.insert(account, cancels);
    }

    /// Whether they are.
    #[must_use]
    pub fn cancels(&self, account: AccountId) -> bool {
        self.state().cancels.get(&account).copied().unwrap_or(false)
    }

    /// Orders were placed over it; gives those to cancel since it is lost already.
    #[must_use]
    pub fn note_placed(&self, account: AccountId, orders: &[OrderId]) -> Vec<(AccountId, OrderId)> {
        let mut state = self.state();
        let orders = orders.iter().map(|order| (account, *order));
        if state.is_over {
            let cancels = state.cancels.get(&account).copied().unwrap_or(false);
            return orders.filter(|_| cancels).collect();
        }
        state.placed.extend(orders);
        Vec::new()
    }

    /// What was placed over it, if it is so much that what has ended is to be forgotten.
    #[must_use]
    pub fn many_placed(&self) -> Option<BTreeSet<(AccountId, OrderId)>> {
        let state = self.state();
        (state.placed.len() > state.placed_max.max(PLACED_MIN)).then(|| state.placed.clone())
    }

    /// Some of what was placed over it has ended.
    pub fn forget_placed(&self, ended: &BTreeSet<(AccountId, OrderId)>) {
        let mut state = self.state();
        state.placed.retain(|order| !ended.contains(order));
        state.placed_max = 2 * state.placed.len();
    }

    /// It is lost; gives the orders to cancel.
    fn lose(&self) -> Vec<(AccountId, OrderId)> {
        let mut state = self.state();
        state.is_over = true;
        let placed = std::mem::take(&mut state.placed);
        let cancels = |account: &AccountId| state.cancels.get(account).copied().unwrap_or(false);
        placed.into_iter().filter(|(account, _)| cancels(account)).collect()
    }

    /// Whether answers are still to come.
    fn is_asking(&self) -> bool {
        self.calls.available_permits() < CALLS_MAX
    }

    /// Changes the set of its subscriptions.
    pub fn subscriptions<T>(&self, change: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
        change(&mut self.state().subscriptions)
    }

    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Makes a connection of a request.
pub async fn upgrade(
    State(service): State<Arc<Service>>,
    ConnectInfo(RemoteAddress(address)): ConnectInfo<RemoteAddress>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let address = address.ip();
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let name = request_id(id);
    if let Err(error) =
        service.connections.enter(address, service.limits.rules.connections_per_address)
    {
        let body = envelope(None, &Err(error), microseconds());
        return (axum::http::StatusCode::BAD_REQUEST, body).into_response();
    }
    let most = service.request_bytes_max;
    let upgrade = upgrade.max_message_size(most).max_frame_size(most).read_buffer_size(READ_BYTES);
    let failed = Arc::clone(&service);
    let told = [(REQUEST_ID, name.clone())];
    let upgraded = upgrade
        .on_failed_upgrade(move |_| failed.connections.leave(address))
        .on_upgrade(move |socket| serve(service, address, socket, name));
    (told, upgraded).into_response()
}

async fn serve(service: Arc<Service>, address: IpAddr, socket: WebSocket, name: String) {
    let (outbox, inbox) = mpsc::channel(OUTBOX_MAX);
    let connection = Arc::new(Connection {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        address,
        outbox,
        waiting: AtomicUsize::new(0),
        slow: Notify::new(),
        state: Mutex::default(),
        heartbeat: Notify::new(),
        heard: AtomicBool::new(true),
        has_login: AtomicBool::new(false),
        calls: Arc::new(Semaphore::new(CALLS_MAX)),
    });
    let (sink, stream) = socket.split();
    tracing::info!(connection = name, %address, "a connection begins");
    // On its own, what is written need not look whether something came.
    let mut writer = JoinSet::new();
    writer.spawn(write(Arc::clone(&service), Arc::clone(&connection), sink, inbox));
    let reader = read(Arc::clone(&service), Arc::clone(&connection), stream, &name);
    let why = tokio::select! {
        // A writer that panicked writes no more.
        why = writer.join_next() => why.and_then(Result::ok).unwrap_or(Ended::Unwritten),
        why = reader => why,
        () = service.closing() => Ended::Stopping,
    };
    writer.abort_all();
    service.connections.leave(address);
    service.requests.note_end(why);
    let key = connection.login().map(|login| login.client_id);
    tracing::info!(connection = name, %address, key, reason = why.name(), "a connection ends");
    end(&service, &connection).await;
}

/// What a connection leaves behind.
async fn end(service: &Arc<Service>, connection: &Connection) {
    service.channels.leave(connection.id);
    if let Some(login) = connection.login() {
        service.authority.disconnect(&login);
    }
    let lost = connection.lose();
    // A venue that is going down cancels nothing: the client could not help it.
    if !*service.stop.borrow() {
        cancel(Arc::clone(service), lost).await;
    }
}

/// Cancels orders of a connection that is lost.
pub async fn cancel(service: Arc<Service>, orders: Vec<(AccountId, OrderId)>) {
    let mut work = JoinSet::new();
    for (account, order) in orders {
        if work.len() == CANCELS_MAX {
            work.join_next().await;
        }
        let service = Arc::clone(&service);
        work.spawn(async move {
            // Most have ended: nobody else need wait for the engine to say so.
            let is_live = || {
                let venue = service.venue.read();
                venue.orders.get(&order).is_some_and(|order| order.is_live())
            };
            let cancel = Action::CancelOrder { account, order, request: None };
            while is_live() {
                match service.submit(cancel.clone()).await {
                    Err(error) if error == RpcError::busy() => tokio::time::sleep(BUSY).await,
                    // It has ended by itself, or the venue is being stopped.
                    _ => return,
                }
            }
        });
    }
    work.join_all().await;
}

async fn read(
    service: Arc<Service>,
    connection: Arc<Connection>,
    mut stream: futures_util::stream::SplitStream<WebSocket>,
    name: &str,
) -> Ended {
    let mut count = 0_u64;
    while let Some(Ok(message)) = stream.next().await {
        connection.heard.store(true, Ordering::Relaxed);
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(bytes) => match Utf8Bytes::try_from(bytes) {
                Ok(text) => text,
                Err(_) => return Ended::ByClient,
            },
            Message::Close(_) => return Ended::ByClient,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        let (us_in, since) = (microseconds(), Instant::now().into_std());
        count += 1;
        let request = format!("{name}.{count}");
        let asked = match rpc::parse(text.as_bytes()) {
            Ok(asked) => asked,
            Err(error) => {
                let reply = Err(error);
                let login = connection.login();
                let (method, login) = ("", login.as_ref());
                let noted = NotedCall { request: &request, method, login, reply: &reply, since };
                service.note_call(&noted);
                connection.send(envelope(None, &reply, us_in).into());
                continue;
            }
        };
        // Calls are begun in the order in which they came; orders reach the engine in it.
        let Ok(permit) = Arc::clone(&connection.calls).acquire_owned().await else { break };
        let call = Call {
            service: Arc::clone(&service),
            login: connection.login(),
            address: connection.address,
            connection: Some(Arc::clone(&connection)),
        };
        let id = asked.id.clone();
        let work = async move {
            let method = asked.name().to_owned();
            let reply = call.dispatch(&method, asked.params).await;
            let (method, login) = (method.as_str(), call.login.as_ref());
            let noted = NotedCall { request: &request, method, login, reply: &reply, since };
            call.service.note_call(&noted);
            if let Some(connection) = &call.connection {
                connection.send(envelope(id.as_ref(), &reply, us_in).into());
            }
            drop(permit);
        };
        run(work).await;
    }
    Ended::ByClient
}

/// Lets a call go as far as it can at once, and finishes it beside the reader.
async fn run(work: impl Future<Output = ()> + Send + 'static) {
    let mut work = Box::pin(work);
    let done = std::future::poll_fn(|context| {
        std::task::Poll::Ready(work.as_mut().poll(context).is_ready())
    });
    if !done.await {
        tokio::spawn(work);
    }
}

async fn write(
    service: Arc<Service>,
    connection: Arc<Connection>,
    mut sink: SplitSink<WebSocket, Message>,
    mut inbox: mpsc::Receiver<Utf8Bytes>,
) -> Ended {
    let mut beat: Option<Instant> = None;
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = async {
            match beat {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            message = inbox.recv() => match message {
                Some(message) => taken(&connection, message),
                None => return Ended::ByClient,
            },
            _ = looks.tick(), if connection.has_login.load(Ordering::Relaxed) => {
                // Whoever is let in no more hears nothing more of the account.
                let login = connection.login();
                if login.is_some_and(|login| !service.authority.is_known(&login, host_ms())) {
                    service.channels.leave_private(&connection);
                }
                continue;
            }
            () = connection.slow.notified() => {
                close(sink, "too slow: messages were not read in time").await;
                return Ended::Slow;
            }
            () = connection.heartbeat.notified() => {
                connection.heard.store(true, Ordering::Relaxed);
                beat = connection.state().heartbeat.map(|every| Instant::now() + every);
                continue;
            }
            () = due => {
                if !connection.heard.swap(false, Ordering::Relaxed) {
                    close(sink, "silent: a heartbeat was not answered").await;
                    return Ended::Silent;
                }
                beat = connection.state().heartbeat.map(|every| Instant::now() + every);
                Message::Text(HEARTBEAT.into())
            }
        };
        let next = || inbox.try_recv().ok().map(|message| taken(&connection, message));
        match timeout(WRITE_TIMEOUT, send(&mut sink, message, connection.is_asking(), next)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ended::Unwritten,
            // It reads nothing at all.
            Err(_) => return Ended::Slow,
        }
    }
}

/// A message that waits no more.
fn taken(connection: &Connection, message: Utf8Bytes) -> Message {
    connection.waiting.fetch_sub(message.len(), Ordering::Relaxed);
    Message::Text(message)
}

/// Writes a message, and those that wait behind it along with it: a flush is a system call.
async fn send(
    sink: &mut SplitSink<WebSocket, Message>,
    first: Message,
    are_more_expected: bool,
    mut next: impl FnMut() -> Option<Message>,
) -> Result<(), axum::Error> {
    sink.feed(first).await?;
    // Replies to one batch of the engine come one after another: those that are ready go along.
    if are_more_expected {
        tokio::task::yield_now().await;
    }
    for _ in 0..TOGETHER {
        let Some(message) = next() else { break };
        sink.feed(message).await?;
    }
    sink.flush().await
}

/// Closes a connection, and says why.
async fn close(mut sink: SplitSink<WebSocket, Message>, reason: &'static str) {
    let frame = CloseFrame { code: 1008, reason: reason.into() };
    // It would not read this either if it stands still.
    let _ = timeout(Duration::from_secs(1), sink.send(Message::Close(Some(frame)))).await;
}

const HEARTBEAT: &str =
    r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#;

/// How many connections each address has.
#[derive(Debug, Default)]
pub struct Connections(Mutex<BTreeMap<IpAddr, usize>>);

impl Connections {
    /// One more.
    ///
    /// # Errors
    /// If the address has as many as it may.
    pub fn enter(&self, address: IpAddr, most: usize) -> Result<(), RpcError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(address).or_default();
        if *count >= most {
            let reason = format!("an address has at most {most} connections");
            return Err(RpcError::too_many(reason, 1_000));
        }
        *count += 1;
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// One fewer.
    pub fn leave(&self, address: IpAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                all.remove(&address);
            }
        }
    }
}
