//! What a venue tells those who watch over it: figures in the format of Prometheus, and whether it is alive
//! and ready. `docs/metrics.md` says what each means.
//!
//! What happens often is counted where it happens, by a few relaxed additions. What has to be looked up is
//! looked up by a task of its own once a second, so that an engine that stands still is told and nobody who
//! asks waits for it.

mod engine_figures;
mod listener;
mod page;
mod parts;
mod process;
mod readiness;
mod requests;
mod sampler;
#[cfg(test)]
pub(crate) mod tests;
mod waterfall;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use node::Spread;

use crate::feed::update::Update;
use crate::feed::venue::Venue;
use crate::service::Service;
pub(crate) use listener::Listening;
pub(crate) use process::{Disk, disk_of};
pub(crate) use requests::{Ended, Requests};
use sampler::Seen;
use waterfall::Waterfall;

/// Figures of a venue.
pub(crate) struct Metrics {
    /// Calls of clients.
    pub clients: Arc<Requests>,
    /// Calls of operators.
    pub operators: Arc<Requests>,
    /// How long preparing a risk epoch took, in nanoseconds.
    pub epochs_prepared: Spread,
    waterfall: Waterfall,
    /// The last command that the journal had: nothing up to it is counted again.
    recovered: AtomicU64,
    is_stopping: AtomicBool,
    /// When the process began to serve.
    begun: Instant,
    data: PathBuf,
    disk: Disk,
    /// Clients' and operators' side, once there are any.
    services: OnceLock<(Weak<Service>, Option<Weak<Service>>)>,
    seen: Mutex<Seen>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Nothing counted yet, of a venue with a data folder.
    pub fn new(data: PathBuf, disk: Disk) -> Self {
        Self {
            clients: Arc::new(Requests::of_clients()),
            operators: Arc::new(Requests::of_operators()),
            epochs_prepared: Spread::default(),
            waterfall: Waterfall::default(),
            recovered: AtomicU64::new(u64::MAX),
            is_stopping: AtomicBool::new(false),
            begun: Instant::now(),
            data,
            disk,
            services: OnceLock::new(),
            seen: Mutex::default(),
        }
    }

    /// The journal is open; its last command is this.
    pub fn recovers(&self, last: u64) {
        self.recovered.store(last, Relaxed);
    }

    /// The venue has recovered, and is this.
    pub fn watch(&self, clients: &Arc<Service>, operators: Option<&Arc<Service>>) {
        let both = (Arc::downgrade(clients), operators.map(Arc::downgrade));
        // There is one venue.
        let _ = self.services.set(both);
    }

    /// The venue is being stopped.
    pub fn stops(&self) {
        self.is_stopping.store(true, Relaxed);
    }

    /// Counts what a command changed.
    pub fn note(&self, venue: &Venue, updates: &[Update]) {
        if venue.sequence <= self.recovered.load(Relaxed) {
            return;
        }
        for update in updates {
            if let Update::Case(case) = update {
                self.waterfall.note(venue, &case.what);
            }
        }
    }

    fn service(&self) -> Option<Arc<Service>> {
        self.services.get()?.0.upgrade()
    }

    fn admin(&self) -> Option<Arc<Service>> {
        self.services.get()?.1.as_ref()?.upgrade()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn age(&self) -> Duration {
        self.begun.elapsed()
    }
}
