//! The load from its first connection to its last.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::LoadArguments;
use super::client::{Client, SharedTally, Turn, locked};
use super::desk::Desk;
use super::keys;
use super::market::{Market, market};
use super::pace::Pace;
use super::subscriber::{Heard, listen};
use super::tally::{Acknowledged, Tally};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::wire::{CLIENTS, Login, Target};

/// Where a key is looked for that no argument names.
const VARIABLE: &str = "PLIMSOLL_KEY";
/// How often to look whether something is done.
const LOOK: Duration = Duration::from_millis(20);
/// Before the first request of a rate is due.
const LEAD: Duration = Duration::from_millis(50);
/// How long orders may take to be taken back in the end.
const LEAVE: Duration = Duration::from_secs(5);

/// What was measured.
pub struct Loaded {
    /// Connections that traded.
    pub clients: usize,
    /// What was traded.
    pub instruments: Vec<String>,
    /// What came of each rate.
    pub rates: Vec<Measured>,
    /// What was acknowledged.
    pub acknowledged: Acknowledged,
    /// Why connections were lost that traded, one each.
    pub lost: Vec<String>,
    /// Connections that listened, and were lost.
    pub deaf: u64,
}

/// What came of a rate.
pub struct Measured {
    /// Requests a second.
    pub rate: u32,
    /// What came of them.
    pub tally: Tally,
    /// How long they were measured.
    pub window: Duration,
    /// Requests that were due, and have no answer.
    pub unanswered: u64,
    /// What the others heard meanwhile.
    pub notifications: u64,
    /// Changes that they missed.
    pub gaps: u64,
}

/// Connects, measures each rate, and leaves.
pub async fn load(arguments: &LoadArguments) -> Result<Loaded, Failure> {
    crate::open_files::allow_many();
    let target = Target::new(&arguments.url, arguments.ca.as_deref(), &CLIENTS)?;
    let logins = logins(arguments, &target).await?;
    let market = market(&target, &arguments.instruments).await?;
    let heard = listen(&target, &market, &arguments.channels, arguments.subscribers).await?;
    let tally = Arc::new(Mutex::new(Tally::new(0, Instant::now())));
    let clients = connect(arguments, &target, &logins, &market, &tally).await?;
    let mut rates = Vec::new();
    for (phase, rate) in arguments.rate.iter().enumerate() {
        rates.push(measure(arguments, phase, *rate, &clients, &tally, &heard).await?);
        if clients.iter().all(Client::is_lost) {
            break;
        }
    }
    heard.end();
    // What is still to be asked is not.
    *locked(&tally) = Tally::new(arguments.rate.len(), Instant::now());
    let (acknowledged, lost) = leave(clients).await;
    Ok(Loaded {
        clients: count(arguments, &logins),
        instruments: market.iter().map(|instrument| instrument.name.clone()).collect(),
        rates,
        acknowledged,
        lost,
        deaf: heard.lost.load(Ordering::Relaxed),
    })
}

async fn logins(arguments: &LoadArguments, target: &Target) -> Result<Vec<Login>, Failure> {
    if let Some(file) = &arguments.keys {
        return keys::read(file);
    }
    let key = arguments.key.clone().or_else(|| std::env::var(VARIABLE).ok());
    let key = key.ok_or_else(|| {
        Failure::Usage(format!(
            "nobody to log in as: name a file with --keys, or give a key with --key or {VARIABLE}"
        ))
    })?;
    keys::of_key(&key, target).await
}

fn count(arguments: &LoadArguments, logins: &[Login]) -> usize {
    arguments.clients.map_or(logins.len(), |clients| clients as usize)
}

async fn connect(
    arguments: &LoadArguments,
    target: &Target,
    logins: &[Login],
    market: &Market,
    tally: &SharedTally,
) -> Result<Vec<Client>, Failure> {
    let mut clients = Vec::new();
    for (number, login) in logins.iter().cycle().take(count(arguments, logins)).enumerate() {
        let socket = login.connect(target).await?.into_socket();
        let desk = Desk::new(arguments.seed, number as u64, arguments.mix, Arc::clone(market));
        clients.push(Client::start(socket, desk, tally));
    }
    Ok(clients)
}

/// Sends requests at a rate, and waits for their answers.
async fn measure(
    arguments: &LoadArguments,
    phase: usize,
    rate: u32,
    clients: &[Client],
    tally: &SharedTally,
    heard: &Heard,
) -> Result<Measured, Failure> {
    let window = Duration::from_secs(u64::from(arguments.seconds));
    let warm_up = Duration::from_secs(u64::from(arguments.warm_up));
    let start = Instant::now() + LEAD;
    *locked(tally) = Tally::new(phase, start + warm_up);
    let heard_before = [&heard.notifications, &heard.gaps].map(|all| all.load(Ordering::Relaxed));
    let pace = Pace::new(start, rate, warm_up + window);
    let (told, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let turns: Vec<_> = clients.iter().map(|client| client.turns.clone()).collect();
    let (telling, stopped) = (Arc::clone(&told), Arc::clone(&stop));
    let keep = move || {
        pace.keep(phase, &turns, |now| {
            telling.store(now, Ordering::Relaxed);
            !stopped.load(Ordering::Relaxed)
        });
    };
    let pacing = std::thread::Builder::new().name("pace".into()).spawn(keep);
    let pacing = pacing.map_err(|error| Failure::Usage(format!("no thread: {error}")))?;
    let mut progress = Progress::of(format!("{rate} requests/s"), pace.count);
    while !pacing.is_finished() {
        sleep(LOOK).await;
        progress.reach(told.load(Ordering::Relaxed));
        stop.store(clients.iter().all(Client::is_lost), Ordering::Relaxed);
    }
    let due = u64::from(rate) * u64::from(arguments.seconds);
    let answered = || {
        let tally = locked(tally);
        tally.acknowledgements() + tally.refusals()
    };
    let until = Instant::now() + Duration::from_secs(u64::from(arguments.patience));
    let waits = || Instant::now() < until && !clients.iter().all(Client::is_lost);
    while answered() < due && waits() {
        sleep(LOOK).await;
    }
    let unanswered = due.saturating_sub(answered());
    let [notifications, gaps] =
        [&heard.notifications, &heard.gaps].map(|all| all.load(Ordering::Relaxed));
    Ok(Measured {
        rate,
        tally: locked(tally).clone(),
        window,
        unanswered,
        notifications: notifications - heard_before[0],
        gaps: gaps - heard_before[1],
    })
}

/// Takes all orders back and closes; gives what was acknowledged, and why connections were lost.
async fn leave(clients: Vec<Client>) -> (Acknowledged, Vec<String>) {
    for client in &clients {
        // Who is lost has nothing to take back.
        let _ = client.turns.send(Turn::Leave);
    }
    sleep(LOOK).await;
    let until = Instant::now() + LEAVE;
    let waits = |client: &Client| !client.is_lost() && client.desk().unanswered() > 0;
    while Instant::now() < until && clients.iter().any(waits) {
        sleep(LOOK).await;
    }
    let (mut all, mut lost) = (Acknowledged::default(), Vec::new());
    for client in clients {
        let own = std::mem::take(&mut client.desk().acknowledged);
        all.placed.extend(own.placed);
        all.amended.extend(own.amended);
        all.cancelled.extend(own.cancelled);
        all.trades.extend(own.trades);
        lost.extend(client.close().await);
    }
    (all, lost)
}
