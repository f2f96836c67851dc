//! The parts put together: a node on its data folder, the feed, and the listeners.

mod opening;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use node::{Node, NodeError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::accept::{self, Plain};
use crate::auth::{AuthError, Authority, OracleKeys};
use crate::backup::create_private;
use crate::channels::{Channels, spread};
use crate::control::Control;
use crate::demo::{Demo, DemoClock, DemoError, DemoOptions};
use crate::http::routes;
use crate::limits::{LimitRules, Limits};
use crate::looks::Looks;
use crate::metrics::{Listening, Metrics};
use crate::registry::{ADMIN_METHODS, METHODS};
use crate::rpc::{ADMIN_REQUEST_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::service::{Service, host_ms};
use crate::socket::Connections;
use crate::tls::{self, Encrypted, TlsError};
use crate::worker::{Trouble, Worker};
#[cfg(test)]
pub(crate) use opening::BeforeSync;
pub(crate) use opening::Tuning;
use opening::{Opened, Opening};

/// How often channels that don't tell everything at once speak.
const CHANNEL_TICK: Duration = Duration::from_millis(100);
/// How often Greeks, account summaries and the file of tokens are renewed.
const SLOW_TICK: Duration = Duration::from_secs(1);
/// How long open calls may take to end when the venue is being stopped.
const GRACE: Duration = Duration::from_secs(5);

/// How a venue is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Its data folder: journal, keys, tokens.
    pub data: PathBuf,
    /// Where clients connect to.
    pub listen: SocketAddr,
    /// Where operators connect to, with keys of their own in the folder `admin` of the data folder.
    pub admin: Option<SocketAddr>,
    /// Where figures for Prometheus, and whether the venue is ready, are told: unencrypted, to anybody.
    pub metrics: Option<SocketAddr>,
    /// Certificate chain and private key in PEM files; without them there is no TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Rates.
    pub limits: LimitRules,
    /// A market that lives in it, and the time that it lives in.
    pub demo: Option<(DemoOptions, DemoClock)>,
}

/// Why a venue can't be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The data folder can't be used.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The journal can't be gone on with.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Keys can't be read.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Nobody can connect there.
    #[error("can't listen on {address}: {source} (choose another with --listen)")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The demo does not start.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The system refuses what a server needs.
    #[error("the server can't run: {0}")]
    System(io::Error),
}

/// A venue that is being served.
pub struct Server {
    address: SocketAddr,
    listener: TcpListener,
    pub(crate) service: Arc<Service>,
    pub(crate) admin: Option<(TcpListener, Arc<Service>)>,
    stop: watch::Sender<bool>,
    tls: Option<tls::Acceptor>,
    demo: Option<Demo>,
    worker: Option<Worker>,
    node: Node,
    recovered: u64,
    metrics: Arc<Metrics>,
    watchers: Option<Listening>,
}

impl Server {
    /// Recovers the venue of a data folder, or founds one, and listens. Nobody is answered before
    /// [`Server::run`].
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn open(options: ServeOptions) -> Result<Self, ServeError> {
        let clock = options.demo.as_ref().map_or(DemoClock::real(), |(_, clock)| clock.clone());
        Self::open_at(options, clock).await
    }

    /// [`Server::open`] at another time than this machine's, or than the demo's.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub async fn open_at(options: ServeOptions, clock: DemoClock) -> Result<Self, ServeError> {
        Self::open_tuned(options, clock, Tuning::default()).await
    }

    /// [`Server::open_at`] with what is not left to operators.
    pub(crate) async fn open_tuned(
        options: ServeOptions,
        clock: DemoClock,
        tuning: Tuning,
    ) -> Result<Self, ServeError> {
        let folder =
            |source| ServeError::Folder { path: options.data.display().to_string(), source };
        create_private(&options.data).map_err(folder)?;
        let tls = options.tls.as_ref().map(|(chain, key)| tls::acceptor(chain, key)).transpose()?;
        let listener = listen(options.listen).await?;
        let address = listener.local_addr().map_err(ServeError::System)?;
        let metrics = Arc::new(Metrics::new(options.data.clone(), Arc::clone(&tuning.disk)));
        let watchers = open_watchers(options.metrics, &metrics).await?;
        let authority = Arc::new(Authority::open(&options.data, host_ms())?);
        let oracle = Arc::new(OracleKeys::open(&options.data)?);
        let control = Arc::new(Control::open(&options.data).map_err(folder)?);

        let channels = Arc::new(Channels::default());
        let opening = Opening { options: &options, clock: &clock, tuning };
        let opened = tokio::task::block_in_place(|| opening.open(&channels, &metrics))?;
        let Opened { node, venue, inlet, history, to_demo, is_idle, recovered, last } = opened;

        let (stop, stopped) = watch::channel(false);
        let service = Arc::new(Service {
            node: node.handle(),
            venue,
            inlet,
            request_bytes_max: REQUEST_BYTES_MAX,
            methods: &METHODS,
            clients: Arc::clone(&authority),
            authority,
            oracle,
            limits: Limits::new(options.limits),
            channels,
            connections: Connections::default(),
            withdrawals: AtomicU64::new(0),
            looks: Looks::default(),
            history: Arc::new(history),
            control,
            trouble: Trouble::default(),
            requests: Arc::clone(&metrics.clients),
            metrics: Arc::clone(&metrics),
            stop: stopped,
        });
        let admin = match options.admin {
            Some(address) => Some(open_admin(&service, address, &options.data).await?),
            None => None,
        };
        let demo = options.demo.zip(to_demo);
        let start = |((demo, _), feed)| Demo::start(node.handle(), feed, clock, demo);
        let demo = tokio::task::block_in_place(|| demo.map(start).transpose())?;
        // A demo's market does the same for itself.
        let worker = match demo {
            None if !is_idle => Some(start_worker(&service)?),
            _ => None,
        };
        metrics.watch(&service, admin.as_ref().map(|(_, service)| service));
        tracing::info!(recovered, last, %address, "the venue is open");
        Ok(Self {
            address,
            listener,
            service,
            admin,
            stop,
            tls,
            demo,
            worker,
            node,
            recovered,
            metrics,
            watchers,
        })
    }

    /// Where figures are told.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.watchers.as_ref().map(|watchers| watchers.address)
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators connect to.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Commands that the journal had.
    #[must_use]
    pub const fn recovered(&self) -> u64 {
        self.recovered
    }

    /// The newcomer's account of a demo.
    #[must_use]
    pub fn client_account(&self) -> Option<ledger::AccountId> {
        self.demo.as_ref().map(Demo::client_account)
    }

    /// The way to the engine.
    #[must_use]
    pub fn handle(&self) -> node::Handle {
        self.service.node.clone()
    }

    /// Keys and tokens.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.service.authority
    }

    /// Answers until `until` is over, then ends all connections and the venue.
    ///
    /// # Errors
    /// What ended it before.
    pub async fn run(self, until: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        let Self { listener, service, admin, stop, tls, demo, worker, node, metrics, .. } = self;
        let work = tokio::spawn(keep_up(Arc::clone(&service)));
        let mut serving = vec![tokio::spawn(answer(listener, Arc::clone(&service), tls.clone()))];
        if let Some((listener, service)) = admin {
            serving.push(tokio::spawn(answer(listener, service, tls)));
        }
        until.await;
        metrics.stops();
        tracing::info!("the venue is being stopped");
        // Whoever waits hears of it; nobody is left if there is no receiver.
        let _ = stop.send(true);
        for one in serving {
            // Who does not end in time ends with the process.
            let _ = timeout(GRACE, one).await;
        }
        work.abort();
        service.authority.save()?;
        let (history, venue) = (Arc::clone(&service.history), service.venue.clone());
        drop(service);
        tokio::task::block_in_place(|| {
            if let Some(worker) = worker {
                worker.stop();
            }
            demo.map_or(Ok(()), Demo::stop)?;
            node.close()?;
            Ok::<(), ServeError>(())
        })?;
        history.ends().await;
        let last = venue.read().sequence;
        tracing::info!(last, "the venue has stopped");
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| ServeError::Listen { address, source })
}

/// Tells figures from now on: that the venue recovers, too.
async fn open_watchers(
    address: Option<SocketAddr>,
    metrics: &Arc<Metrics>,
) -> Result<Option<Listening>, ServeError> {
    let Some(address) = address else { return Ok(None) };
    let listener = listen(address).await?;
    Listening::begin(listener, metrics).map(Some).map_err(ServeError::System)
}

fn start_worker(service: &Service) -> Result<Worker, ServeError> {
    let (node, venue, trouble) =
        (service.node.clone(), service.venue.clone(), service.trouble.clone());
    let (metrics, control) = (Arc::clone(&service.metrics), Arc::clone(&service.control));
    let worker = Worker::start(node, venue, trouble, metrics, control);
    worker.map_err(ServeError::System)
}

/// The same venue, for operators: with methods, keys and rates of their own.
async fn open_admin(
    service: &Service,
    address: SocketAddr,
    data: &Path,
) -> Result<(TcpListener, Arc<Service>), ServeError> {
    let folder = data.join("admin");
    let made = create_private(&folder);
    made.map_err(|source| ServeError::Folder { path: folder.display().to_string(), source })?;
    let service = Service {
        node: service.node.clone(),
        venue: service.venue.clone(),
        inlet: service.inlet.clone(),
        request_bytes_max: ADMIN_REQUEST_BYTES_MAX,
        methods: &ADMIN_METHODS,
        authority: Arc::new(Authority::open(&folder, host_ms())?),
        clients: Arc::clone(&service.clients),
        oracle: Arc::clone(&service.oracle),
        limits: Limits::new(service.limits.rules),
        channels: Arc::default(),
        connections: Connections::default(),
        withdrawals: AtomicU64::new(0),
        looks: Looks::default(),
        history: Arc::clone(&service.history),
        control: Arc::clone(&service.control),
        trouble: service.trouble.clone(),
        metrics: Arc::clone(&service.metrics),
        requests: Arc::clone(&service.metrics.operators),
        stop: service.stop.clone(),
    };
    Ok((listen(address).await?, Arc::new(service)))
}

/// Answers who connects until the venue is being stopped.
async fn answer(listener: TcpListener, service: Arc<Service>, tls: Option<tls::Acceptor>) {
    let (patience, stop) = (service.limits.rules.patience, service.stop.clone());
    let app = routes(service);
    match tls {
        None => accept::answer(Plain(listener), app, patience, stop).await,
        Some(tls) => accept::answer(Encrypted::new(listener, tls), app, patience, stop).await,
    }
}

/// What is done again and again beside requests.
async fn keep_up(service: Arc<Service>) {
    let slow = Arc::clone(&service);
    tokio::spawn(async move {
        let mut ticks = interval(SLOW_TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*slow.stop.borrow() {
            ticks.tick().await;
            if slow.refresh_market().await.is_err() {
                return;
            }
            slow.tell_portfolios().await;
            let saving = Arc::clone(&slow);
            // What could not be written is tried again, and told when the venue stops.
            let _ = tokio::task::spawn_blocking(move || saving.authority.save()).await;
        }
    });
    let mut ticks = interval(CHANNEL_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*service.stop.borrow() {
        ticks.tick().await;
        let due = service.channels.tick(&service.venue.read());
        spread(due).await;
    }
}
