//! Calls and connections of a listener.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use node::Spread;

use crate::registry::{ADMIN_METHODS, METHODS, Methods, Reply};

/// The name under which calls of methods that there are not are counted.
const UNKNOWN: &str = "unknown";
/// Codes by which the venue says that it is not the client's fault: an internal error, a history that is
/// behind or a venue without an epoch, a full queue, a venue that ends.
const OWN_FAULTS: [i32; 6] = [-32603, 10040, 10047, 11051, 11094, 13028];
/// Too many requests.
const LIMITED: i32 = 10028;
/// A login that was refused.
const REFUSED_LOGIN: i32 = 13004;

/// What a listener has done.
#[derive(Debug)]
pub struct Requests {
    methods: BTreeMap<&'static str, Calls>,
    /// Calls turned away by the rates.
    pub limited: AtomicU64,
    /// Logins refused: wrong keys, secrets, signatures or tokens.
    pub logins_refused: AtomicU64,
    /// Calls that failed by the venue's own fault.
    pub faults: AtomicU64,
    ended: [AtomicU64; Ended::ALL.len()],
}

/// Calls of a method.
#[derive(Debug, Default)]
struct Calls {
    /// From when a call was read to when its answer is made, in nanoseconds.
    time: Spread,
    done: AtomicU64,
    failed: Mutex<BTreeMap<i32, u64>>,
}

/// Why a WebSocket connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client closed it, or it broke.
    ByClient,
    /// The client did not read what was sent.
    Slow,
    /// The client did not answer a heartbeat.
    Silent,
    /// What was sent could not be written.
    Unwritten,
    /// The venue is being stopped.
    Stopping,
}

impl Ended {
    const ALL: [Self; 5] =
        [Self::ByClient, Self::Slow, Self::Silent, Self::Unwritten, Self::Stopping];

    /// Its name in figures and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByClient => "client",
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Unwritten => "unwritten",
            Self::Stopping => "stopping",
        }
    }
}

impl Requests {
    /// Of clients.
    pub fn of_clients() -> Self {
        Self::of(&METHODS)
    }

    /// Of operators.
    pub fn of_operators() -> Self {
        Self::of(&ADMIN_METHODS)
    }

    fn of(methods: &Methods) -> Self {
        let names = methods.keys().copied().chain([UNKNOWN]);
        Self {
            methods: names.map(|name| (name, Calls::default())).collect(),
            limited: AtomicU64::new(0),
            logins_refused: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            ended: Default::default(),
        }
    }

    /// The name of a method if there is one of it, and a word for all others: what a client may choose goes
    /// neither into figures nor into logs.
    pub fn name(&self, method: &str) -> &'static str {
        self.methods.get_key_value(method).map_or(UNKNOWN, |(name, _)| name)
    }

    /// Whether a code says that it is the venue's own fault.
    pub fn is_fault(code: i32) -> bool {
        OWN_FAULTS.contains(&code)
    }

    /// Counts a call; gives how long it took.
    pub fn note(&self, method: &str, reply: &Reply, since: Instant) -> Duration {
        let time = since.elapsed();
        let Some(calls) = self.methods.get(self.name(method)) else { return time };
        calls.time.add_time(time);
        let Err(error) = reply else {
            calls.done.fetch_add(1, Relaxed);
            return time;
        };
        let mut failed = calls.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed.entry(error.code).or_default() += 1;
        drop(failed);
        match error.code {
            LIMITED => self.limited.fetch_add(1, Relaxed),
            REFUSED_LOGIN => self.logins_refused.fetch_add(1, Relaxed),
            code if Self::is_fault(code) => self.faults.fetch_add(1, Relaxed),
            _ => 0,
        };
        time
    }

    /// Counts a connection that has ended.
    pub fn note_end(&self, why: Ended) {
        self.ended[why as usize].fetch_add(1, Relaxed);
    }

    /// Connections that ended, by why.
    pub fn ended(&self) -> impl Iterator<Item = (Ended, u64)> + '_ {
        Ended::ALL.into_iter().map(|why| (why, self.ended[why as usize].load(Relaxed)))
    }

    /// Methods that were called, with how long that took.
    pub fn times(&self) -> impl Iterator<Item = (&'static str, &Spread)> {
        let called = self.methods.iter().filter(|(_, calls)| calls.count() > 0);
        called.map(|(name, calls)| (*name, &calls.time))
    }

    /// How many calls of a method were answered by which code; 0 is none, a result.
    pub fn counts(&self) -> Vec<(&'static str, i32, u64)> {
        let mut all = Vec::new();
        for (name, calls) in &self.methods {
            let done = calls.done.load(Relaxed);
            all.extend((done > 0).then_some((*name, 0, done)));
            let failed = calls.failed.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(failed.iter().map(|(code, count)| (*name, *code, *count)));
        }
        all
    }
}

impl Calls {
    fn count(&self) -> u64 {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        self.done.load(Relaxed) + failed.values().sum::<u64>()
    }
}
