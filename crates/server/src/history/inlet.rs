//! The way from the feed to the thread that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::record::Record;

/// Records that may wait. When so many do, more are dropped, and made again from the journal later.
const WAITING_MAX: usize = 500_000;

/// What some commands in a row made.
#[derive(Debug)]
pub struct Portion {
    /// The first of the commands.
    pub from: u64,
    /// The last of them.
    pub through: u64,
    /// Their records, each with its command.
    pub records: Vec<(u64, Record)>,
    /// Whether all records are here; else none is.
    pub is_whole: bool,
}

/// Takes what happened to those who keep it. It never waits for them.
#[derive(Debug)]
pub struct Inlet {
    to: Sender<Portion>,
    waiting: Arc<AtomicUsize>,
}

/// Where what happened comes out.
#[derive(Debug)]
pub struct Outlet {
    /// It.
    pub portions: Receiver<Portion>,
    waiting: Arc<AtomicUsize>,
}

/// Both ends.
#[must_use]
pub fn ends() -> (Inlet, Outlet) {
    let (to, portions) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    (Inlet { to, waiting: Arc::clone(&waiting) }, Outlet { portions, waiting })
}

impl Inlet {
    /// Hands on a portion.
    pub fn send(&self, mut portion: Portion) {
        if self.waiting.load(Ordering::Relaxed) > WAITING_MAX {
            portion.records = Vec::new();
            portion.is_whole = false;
        }
        self.waiting.fetch_add(portion.records.len(), Ordering::Relaxed);
        // The history ends before the feed only if its thread could not go on.
        let _ = self.to.send(portion);
    }
}

impl Outlet {
    /// A portion is done with.
    pub fn done(&self, records: usize) {
        self.waiting.fetch_sub(records, Ordering::Relaxed);
    }
}
