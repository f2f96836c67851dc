//! Connections over WebSocket: calls, heartbeats and subscriptions.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use engine::Action;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

use crate::auth::Login;
use crate::call::Call;
use crate::error::RpcError;
use crate::rpc::{self, envelope, microseconds};
use crate::service::Service;
use crate::tls::RemoteAddress;

/// Messages that may wait for a slow reader; when more do, the connection is closed.
const OUTBOX_MAX: usize = 4_096;
/// How long a message may take to be written before the reader counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls of one connection that are worked on at once.
const CALLS_MAX: usize = 64;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Its number.
    pub id: u64,
    /// Where it comes from.
    pub address: IpAddr,
    outbox: mpsc::Sender<Arc<str>>,
    /// Told when the reader is too slow.
    slow: Notify,
    state: Mutex<ConnectionState>,
    heartbeat: Notify,
    /// Whether anything was read since the last heartbeat.
    heard: AtomicBool,
}

#[derive(Debug, Default)]
struct ConnectionState {
    login: Option<Login>,
    heartbeat: Option<Duration>,
    /// Whether the account's orders are cancelled when it closes.
    cancels: bool,
    subscriptions: BTreeSet<String>,
}

impl Connection {
    /// Sends a message; says whether there was room.
    pub fn send(&self, message: Arc<str>) -> bool {
        let sent = self.outbox.try_send(message).is_ok();
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

    /// Somebody logs in; gives who was before.
    pub fn set_login(&self, login: Option<Login>) -> Option<Login> {
        std::mem::replace(&mut self.state().login, login)
    }

    /// Sends a heartbeat so often from now on; none ends it.
    pub fn set_heartbeat(&self, every: Option<Duration>) {
        self.state().heartbeat = every;
        self.heartbeat.notify_one();
    }

    /// Whether the account's orders are cancelled when it closes.
    pub fn set_cancels(&self, cancels: bool) {
        self.state().cancels = cancels;
    }

    /// Whether they are.
    #[must_use]
    pub fn cancels(&self) -> bool {
        self.state().cancels
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
    upgrade: WebSocketUpgrade,
) -> Response {
    let address = address.ip();
    if let Err(error) =
        service.connections.enter(address, service.limits.rules.connections_per_address)
    {
        let body = envelope(None, &Err(error), microseconds());
        return (axum::http::StatusCode::BAD_REQUEST, body).into_response();
    }
    let most = service.request_bytes_max;
    let upgrade = upgrade.max_message_size(most).max_frame_size(most);
    let failed = Arc::clone(&service);
    upgrade
        .on_failed_upgrade(move |_| failed.connections.leave(address))
        .on_upgrade(move |socket| serve(service, address, socket))
}

async fn serve(service: Arc<Service>, address: IpAddr, socket: WebSocket) {
    let (outbox, inbox) = mpsc::channel(OUTBOX_MAX);
    let connection = Arc::new(Connection {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        address,
        outbox,
        slow: Notify::new(),
        state: Mutex::default(),
        heartbeat: Notify::new(),
        heard: AtomicBool::new(true),
    });
    let (sink, stream) = socket.split();
    let writer = write(Arc::clone(&connection), sink, inbox);
    let reader = read(Arc::clone(&service), Arc::clone(&connection), stream);
    tokio::select! {
        () = writer => {}
        () = reader => {}
        () = service.closing() => {}
    }
    service.connections.leave(address);
    end(&service, &connection).await;
}

/// What a connection leaves behind.
async fn end(service: &Arc<Service>, connection: &Connection) {
    service.channels.leave(connection.id);
    let Some(login) = connection.set_login(None) else { return };
    service.authority.disconnect(&login);
    if connection.cancels() {
        // The engine cancels them if the account asked for it; a venue that is going down does not.
        let _ = service.submit(Action::Disconnect { account: login.account }).await;
    }
}

async fn read(
    service: Arc<Service>,
    connection: Arc<Connection>,
    mut stream: futures_util::stream::SplitStream<WebSocket>,
) {
    let room = Arc::new(tokio::sync::Semaphore::new(CALLS_MAX));
    while let Some(Ok(message)) = stream.next().await {
        connection.heard.store(true, Ordering::Relaxed);
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(bytes) => match Utf8Bytes::try_from(bytes) {
                Ok(text) => text,
                Err(_) => return,
            },
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        let us_in = microseconds();
        let asked = match rpc::parse(text.as_bytes()) {
            Ok(asked) => asked,
            Err(error) => {
                connection.send(envelope(None, &Err(error), us_in).into());
                continue;
            }
        };
        // Calls are begun in the order in which they came; orders reach the engine in it.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let call = Call {
            service: Arc::clone(&service),
            login: connection.login(),
            address: connection.address,
            connection: Some(Arc::clone(&connection)),
        };
        let id = asked.id.clone();
        let work = async move {
            let reply = call.dispatch(&asked.method, asked.params).await;
            if let Some(connection) = &call.connection {
                connection.send(envelope(id.as_ref(), &reply, us_in).into());
            }
            drop(permit);
        };
        run(work).await;
    }
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
    connection: Arc<Connection>,
    mut sink: SplitSink<WebSocket, Message>,
    mut inbox: mpsc::Receiver<Arc<str>>,
) {
    let mut beat: Option<Instant> = None;
    loop {
        let due = async {
            match beat {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            message = inbox.recv() => match message {
                Some(message) => Message::Text((&*message).into()),
                None => return,
            },
            () = connection.slow.notified() => {
                return close(sink, "too slow: messages were not read in time").await;
            }
            () = connection.heartbeat.notified() => {
                connection.heard.store(true, Ordering::Relaxed);
                beat = connection.state().heartbeat.map(|every| Instant::now() + every);
                continue;
            }
            () = due => {
                if !connection.heard.swap(false, Ordering::Relaxed) {
                    return close(sink, "silent: a heartbeat was not answered").await;
                }
                beat = connection.state().heartbeat.map(|every| Instant::now() + every);
                Message::Text(HEARTBEAT.into())
            }
        };
        match timeout(WRITE_TIMEOUT, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
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
pub struct Connections(Mutex<std::collections::BTreeMap<IpAddr, usize>>);

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
