//! `plimsoll serve`: a venue that clients connect to.

mod accounts;

use std::io::{Write, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use instruments::Timestamp;
use server::auth::Scopes;
use server::demo::{DemoClock, DemoOptions, SPEED_MAX};
use server::{LimitRules, LogFormat, LogLevel, ServeError, ServeOptions, Server};
use simulator::{LiveOptions, RealData};

use super::Answer;
use crate::arguments::{Output, time};
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  plimsoll serve --data venue --demo
  plimsoll serve --data venue --demo --demo-accounts 16 --matching-rate 100000 --matching-burst 100000
  plimsoll serve --data venue --demo --prices data/prices --chains data/chains --from 2026-02-05 --speed 60
  plimsoll serve --data venue --listen 0.0.0.0:8443 --certificate chain.pem --key key.pem
  plimsoll serve --data venue --demo --metrics 127.0.0.1:9464 --log info --log-format json

The demo prints the key of a funded account and the address to use. With ccxt, from Python:

  exchange = ccxt.deribit({'apiKey': client_id, 'secret': client_secret})
  exchange.urls['api'] = {'rest': 'http://127.0.0.1:8080', 'ws': 'ws://127.0.0.1:8080/ws/api/v2'}

docs/quickstart.md goes on from there. Interrupt (Ctrl-C) or SIGTERM stops the venue; everything that was
acknowledged is there at the next start.";

/// Coins of which there are real chains: BTC and ETH.
const HISTORIC_COINS: usize = 2;
/// The scopes of a demo's newcomer.
const DEMO_SCOPES: &str = "account:read_write trade:read_write wallet:read_write mainaccount";
/// The name by which a demo's key is found again.
const DEMO_KEY: &str = "demo";
/// Where keys of more accounts are written.
const ACCOUNTS_FILE: &str = "demo.keys";

/// Serve a venue: JSON-RPC over HTTP and WebSocket, in the dialect of Deribit's API v2
///
/// One process, one data folder. What was acknowledged is durable, and the venue goes on where it was
/// when it is started again, after `kill -9` too.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArguments {
    /// The venue's data folder: journal, keys, tokens; made if it is missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where clients connect to
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where operators connect to, with keys made by `plimsoll keys create DIR/admin`
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
    /// Where figures for Prometheus (/metrics) and probes (/health/live, /health/ready) are answered, to
    /// anybody and without TLS: docs/metrics.md
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// How much is logged to standard error: off, error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser = log_level, help_heading = "Logs")]
    log: LogLevel,
    /// How: for people, or an object of JSON a line
    #[arg(long, value_name = "FORMAT", default_value = "human", help_heading = "Logs")]
    log_format: Format,
    /// Certificate chain in PEM, for TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Private key of the certificate in PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Orders, amendments and cancellations of an account in a second
    #[arg(long, value_name = "N", default_value_t = LimitRules::default().matching_rate, help_heading = "Limits")]
    matching_rate: u32,
    /// The same at once
    #[arg(long, value_name = "N", default_value_t = LimitRules::default().matching_burst, help_heading = "Limits")]
    matching_burst: u32,
    /// All other requests of an account or address in a second
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Limits")]
    request_rate: u32,
    /// The same at once
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Limits")]
    request_burst: u32,
    /// WebSocket connections of an address
    #[arg(long, value_name = "N", default_value_t = LimitRules::default().connections_per_address, help_heading = "Limits")]
    connections: usize,
    /// Let a market live in it: makers, traders, liquidators, prices
    #[arg(long, help_heading = "Demo")]
    demo: bool,
    /// Everything that is drawn in the demo follows from it
    #[arg(long, value_name = "N", default_value_t = 1, requires = "demo", help_heading = "Demo")]
    seed: u64,
    /// Accounts of those who trade in the demo
    #[arg(long, value_name = "N", default_value_t = LiveOptions::default().accounts, requires = "demo", help_heading = "Demo")]
    accounts: u32,
    /// Instruments listed at once in the demo at most
    #[arg(long, value_name = "N", default_value_t = LiveOptions::default().instruments, requires = "demo", help_heading = "Demo")]
    instruments: usize,
    /// Messages that they send in a second
    #[arg(long, value_name = "N", default_value_t = DemoOptions::default().per_second, requires = "demo", help_heading = "Demo")]
    messages: u32,
    /// Accounts with money and keys, for whoever needs more than one
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000), requires = "demo", help_heading = "Demo")]
    demo_accounts: u32,
    /// The file for their keys, a line of JSON each; demo.keys in the data folder unless given
    #[arg(long, value_name = "FILE", requires = "demo_accounts", help_heading = "Demo")]
    keys_file: Option<PathBuf>,
    /// Drive the demo from real prices: a folder with hourly and daily ones
    #[arg(long, value_name = "DIR", requires_all = ["demo", "chains", "from"], help_heading = "Demo")]
    prices: Option<PathBuf>,
    /// Real option chains: a folder with snapshots
    #[arg(long, value_name = "DIR", requires = "prices", help_heading = "Demo")]
    chains: Option<PathBuf>,
    /// When history begins, as 2026-02-05 or 2026-02-05T12:00:00Z
    #[arg(long, value_name = "DATE", value_parser = time, requires = "prices", help_heading = "Demo")]
    from: Option<Timestamp>,
    /// How many times as fast as it was
    #[arg(long, value_name = "X", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(SPEED_MAX)), requires = "from", help_heading = "Demo")]
    speed: u32,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line for people
    Human,
    /// A line with an object of JSON
    Json,
}

fn log_level(text: &str) -> Result<LogLevel, &'static str> {
    text.parse()
}

/// Serves until it is told to stop.
pub fn run(arguments: &ServeArguments, output: Output) -> Result<Answer, Failure> {
    let format = match arguments.log_format {
        Format::Human => LogFormat::Human,
        Format::Json => LogFormat::Json,
    };
    server::begin_logs(format, arguments.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(ServeError::System)?;
    runtime.block_on(serve(arguments, output))?;
    // What hangs on a client that does not read must not keep the program.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(Vec::new().into())
}

async fn serve(arguments: &ServeArguments, output: Output) -> Result<(), Failure> {
    // From now on, so that none is missed while the venue is recovered.
    let stop = stop_signal()?;
    crate::open_files::allow_many();
    let server = tokio::spawn(Server::open(options(arguments))).await;
    let server = server.map_err(|error| Failure::Usage(error.to_string()))??;
    if arguments.demo_accounts > 0 {
        let file = arguments.keys_file.clone();
        let file = file.unwrap_or_else(|| arguments.data.join(ACCOUNTS_FILE));
        tokio::task::block_in_place(|| accounts::fund(&server, arguments.demo_accounts, &file))?;
    }
    let key = server.client_account().map(|account| demo_key(&server, account)).transpose()?;
    announce(&server, key.as_ref(), output)?;
    server.run(stop).await?;
    // Nobody may look any more.
    let _ = writeln!(stderr(), "stopped; everything acknowledged is durable");
    Ok(())
}

fn options(arguments: &ServeArguments) -> ServeOptions {
    let ServeArguments { data, listen, seed, accounts, instruments, speed, .. } = arguments;
    let real = match (&arguments.prices, &arguments.chains, arguments.from) {
        (Some(prices), Some(chains), Some(from)) => {
            Some(RealData { prices: prices.clone(), chains: Some(chains.clone()), from })
        }
        _ => None,
    };
    let clock = match &real {
        Some(real) => DemoClock::historic(real.from, *speed),
        None => DemoClock::real(),
    };
    let (seed, accounts, instruments) = (*seed, *accounts, *instruments);
    let mut market = LiveOptions { seed, accounts, instruments, real, ..LiveOptions::default() };
    if market.real.is_some() {
        market.coins = HISTORIC_COINS;
    }
    let per_second = arguments.messages;
    let demo = DemoOptions { market, per_second, ..DemoOptions::default() };
    let credits = |requests: u32| u64::from(requests) * 500;
    ServeOptions {
        data: data.clone(),
        listen: *listen,
        admin: arguments.admin_listen,
        metrics: arguments.metrics,
        tls: arguments.certificate.clone().zip(arguments.key.clone()),
        limits: LimitRules {
            matching_rate: arguments.matching_rate,
            matching_burst: arguments.matching_burst,
            connections_per_address: arguments.connections,
            pool: credits(arguments.request_burst),
            refill: credits(arguments.request_rate),
            ..LimitRules::default()
        },
        demo: arguments.demo.then_some((demo, clock)),
    }
}

/// The newcomer's key: made once, told at every start.
fn demo_key(server: &Server, account: ledger::AccountId) -> Result<(String, String), Failure> {
    let authority = server.authority();
    let is_it = |key: &&server::auth::KeyInfo| {
        key.name == DEMO_KEY && key.account == account && key.revoked_ms.is_none()
    };
    let keys = authority.keys()?;
    if let Some(key) = keys.iter().find(is_it)
        && let Some(secret) = authority.reveal(&key.client_id)?
    {
        return Ok((key.client_id.clone(), secret));
    }
    let scopes: Scopes = DEMO_SCOPES.parse().expect("the scopes are well formed");
    let new = authority.create(account, DEMO_KEY, &scopes, server::host_ms())?;
    Ok((new.key.client_id, new.client_secret))
}

/// Says where the venue is, on standard output and at once: whoever starts it waits for this.
fn announce(
    server: &Server,
    key: Option<&(String, String)>,
    output: Output,
) -> Result<(), Failure> {
    let (http, ws) = if server.is_encrypted() { ("https", "wss") } else { ("http", "ws") };
    let address = server.address();
    let (rest, ws) = (format!("{http}://{address}"), format!("{ws}://{address}/ws/api/v2"));
    let text = match output {
        Output::Json => {
            let mut line = serde_json::json!({
                "rest": rest, "ws": ws, "recovered": server.recovered(),
            });
            if let Some(address) = server.admin_address() {
                line["admin"] = format!("{http}://{address}").into();
            }
            if let Some(address) = server.metrics_address() {
                line["metrics"] = format!("http://{address}/metrics").into();
            }
            if let Some((id, secret)) = key {
                line["client_id"] = id.as_str().into();
                line["client_secret"] = secret.as_str().into();
            }
            format!("{line}\n")
        }
        _ => {
            let mut text = format!("listening: {rest}\nwebsocket: {ws}\n");
            if let Some(address) = server.admin_address() {
                text += &format!("admin: {http}://{address}\n");
            }
            if let Some(address) = server.metrics_address() {
                text += &format!("metrics: http://{address}/metrics\n");
            }
            if server.recovered() > 0 {
                text += &format!("recovered: {} commands\n", server.recovered());
            }
            if let Some((id, secret)) = key {
                text += &format!("client_id: {id}\nclient_secret: {secret}\n");
            }
            text
        }
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Write)
}

/// Waits for an interrupt or a request to end.
fn stop_signal() -> Result<impl Future<Output = ()> + Send, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(ServeError::System);
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut end = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = end.recv() => {}
        }
    })
}
