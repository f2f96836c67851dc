//! What a venue does by itself beside what its clients and operators ask: it opens risk epochs, follows
//! its own books with its volatilities, and takes down each day's closes.
//!
//! Everything is computed here, off the sequenced path, and arrives as commands like any others. Time
//! itself, and with it funding, settlement and expiry, is the node's ticks.

mod closes;
pub mod surface;

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use book::Side;
use engine::command::{Action, OpenEpoch, Surface};
use engine::{Event, Rejection, State};
use instruments::{ContractKind, Price, Timestamp, Underlying};
use node::{Handle, SubmitError};

use crate::control::Control;
use crate::feed::Shared;
use crate::feed::venue::Venue;
use crate::metrics::Metrics;
use closes::LastPrices;
use surface::{Quotes, TwoSided};

/// How often it looks whether something is due.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often surfaces follow books, in milliseconds of the venue's time.
const SURFACE_EVERY_MS: i64 = 10_000;
/// How long a surface that somebody else has set is left alone, likewise.
const GIVEN_FOR_MS: i64 = 600_000;
/// Epochs that come too late for a market that moves, one after another, before the engine computes one.
const LATE_MAX: u32 = 3;
/// How long to wait after a refusal, at first and at most.
const WAIT: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// A worker at work.
pub struct Worker {
    /// Dropped to stop.
    go_on: SyncSender<()>,
    thread: JoinHandle<()>,
    trouble: Trouble,
}

/// What a worker can't do, in words. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub struct Trouble(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Trouble {
    /// All that there is.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(what, why)| format!("{what}: {why}")).collect()
    }

    /// Takes down why something can't be done, or that it can be done again.
    pub(crate) fn set(&self, what: &'static str, why: Option<String>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            Some(why) => {
                if all.get(what) != Some(&why) {
                    tracing::warn!(what, why, "the venue can't do something by itself");
                }
                all.insert(what, why);
            }
            None => drop(all.remove(what)),
        }
    }
}

impl Worker {
    /// Lets one work for a node.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        node: Handle,
        venue: Shared,
        trouble: Trouble,
        metrics: Arc<Metrics>,
        control: Arc<Control>,
    ) -> io::Result<Self> {
        let (go_on, until) = sync_channel(0);
        let work = Work {
            node,
            venue,
            trouble: trouble.clone(),
            metrics,
            control,
            wait_until: Instant::now(),
            wait: WAIT[0],
            late: 0,
            surfaces: BTreeMap::new(),
            followed: None,
            last: None,
        };
        let thread = Builder::new().name("worker".into()).spawn(move || work.run(&until))?;
        Ok(Self { go_on, thread, trouble })
    }

    /// Ends it after what it does now.
    pub fn stop(self) {
        drop(self.go_on);
        if self.thread.join().is_err() {
            self.trouble.set("worker", Some("it stopped".into()));
        }
    }
}

/// The node has ended.
struct Ended;

struct Work {
    node: Handle,
    venue: Shared,
    trouble: Trouble,
    metrics: Arc<Metrics>,
    control: Arc<Control>,
    /// No epoch is tried before.
    wait_until: Instant,
    /// How long the next wait is.
    wait: Duration,
    /// Epochs that came too late, one after another.
    late: u32,
    surfaces: BTreeMap<Underlying, Known>,
    /// When surfaces followed books last.
    followed: Option<Timestamp>,
    last: Option<LastPrices>,
}

/// A surface as it was seen last.
struct Known {
    surface: Surface,
    /// When somebody else set it.
    given: Timestamp,
}

impl Work {
    fn run(mut self, until: &Receiver<()>) {
        while until.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            let done = self.close_day().and_then(|()| self.follow_books());
            if done.and_then(|()| self.open_epoch()).is_err() {
                return;
            }
        }
    }

    /// Opens an epoch if one is due.
    fn open_epoch(&mut self) -> Result<(), Ended> {
        if Instant::now() < self.wait_until {
            return Ok(());
        }
        let look = |state: &State| state.epoch_is_due().then(|| state.next_epoch());
        let Some((mut open, work)) = self.node.read(look).map_err(|_| Ended)? else {
            return Ok(());
        };
        let by_itself = self.late >= LATE_MAX;
        let begun = Instant::now();
        let prepared = work.filter(|_| !by_itself).and_then(|work| work.prepare());
        match prepared {
            Some(prepared) => {
                self.metrics.epochs_prepared.add_time(begun.elapsed());
                open.arrays_hash = Some(prepared.arrays_hash().to_owned());
                self.node.offer_epoch(prepared).map_err(|_| Ended)?;
            }
            // Without portfolios there is little to compute; and if there is no epoch, the engine says why.
            None => open = OpenEpoch { market: None, arrays_hash: None, ..open },
        }
        match self.submit(Action::OpenEpoch(Box::new(open)))? {
            Ok(()) => {
                (self.late, self.wait) = (0, WAIT[0]);
                self.trouble.set("risk epoch", None);
            }
            Err(Rejection::EpochMarket(_) | Rejection::ArraysHash { .. }) if !by_itself => {
                self.late += 1;
            }
            Err(reason) => {
                self.late = 0;
                self.wait_until = Instant::now() + self.wait;
                self.wait = (self.wait * 2).min(WAIT[1]);
                self.trouble.set("risk epoch", Some(reason.to_string()));
            }
        }
        Ok(())
    }

    /// Lets surfaces follow books, if it is time.
    fn follow_books(&mut self) -> Result<(), Ended> {
        let now = self.venue.read().time;
        if self.followed.is_some_and(|last| (0..SURFACE_EVERY_MS).contains(&now.since(last))) {
            return Ok(());
        }
        self.followed = Some(now);
        // An expiry that an operator adds meanwhile would be lost.
        let control = Arc::clone(&self.control);
        let _turn = control.turn.blocking_lock();
        let market = self.node.read(State::epoch_market).map_err(|_| Ended)?;
        let quotes = quotes_of(&self.venue.read());
        let mut refused = None;
        for surface in market.surfaces {
            let underlying = surface.underlying;
            let price = market.prices.iter().find(|(asset, ..)| *asset == underlying.asset());
            let (Some((_, index, _)), Some(quotes)) = (price, quotes.get(&underlying)) else {
                continue;
            };
            if self.is_given(&surface, market.time) {
                continue;
            }
            let Some(next) = surface::moved(&surface, quotes, *index, market.time) else {
                continue;
            };
            match self.submit(Action::SetSurface(next.clone()))? {
                Ok(()) => drop(self.surfaces.insert(underlying, Known::own(next))),
                Err(reason) => refused = Some(reason.to_string()),
            }
        }
        self.trouble.set("surface", refused);
        Ok(())
    }

    /// Whether somebody else has set a surface lately.
    fn is_given(&mut self, surface: &Surface, now: Timestamp) -> bool {
        let known = self.surfaces.get(&surface.underlying);
        let same = known.filter(|known| known.has_curves_of(surface));
        match same {
            Some(known) => now.since(known.given) < GIVEN_FOR_MS,
            None => {
                let known = Known { surface: surface.clone(), given: now };
                self.surfaces.insert(surface.underlying, known);
                true
            }
        }
    }

    /// Takes down how a day ended.
    fn close_day(&mut self) -> Result<(), Ended> {
        let seen = {
            let venue = self.venue.read();
            let prices = venue.indexes.iter().map(|(asset, index)| (*asset, index.price));
            LastPrices { time: venue.time, prices: prices.collect() }
        };
        let now = seen.time;
        let Some(last) = self.last.replace(seen).filter(|last| last.is_day_over(now)) else {
            return Ok(());
        };
        let known = self.node.read(|state| state.closes().cloned()).map_err(|_| Ended)?;
        let closed = known.and_then(|known| last.close(&known, now));
        if let Some(closes) = closed {
            let refused = self.submit(Action::SetHistory(closes))?.err();
            self.trouble.set("closes", refused.map(|reason| reason.to_string()));
        }
        Ok(())
    }

    /// Hands in a command and waits for what becomes of it. What the node has no room for is tried again
    /// when it is due again.
    fn submit(&self, action: Action) -> Result<Result<(), Rejection>, Ended> {
        let ticket = match self.node.submit(action) {
            Ok(ticket) => ticket,
            Err(SubmitError::Ended) => return Err(Ended),
            Err(_) => return Ok(Ok(())),
        };
        let answer = ticket.wait().map_err(|_| Ended)?;
        let refused = answer.events.into_iter().find_map(|event| match event {
            Event::Rejected(rejected) => Some(rejected.reason),
            _ => None,
        });
        Ok(refused.map_or(Ok(()), Err))
    }
}

impl Known {
    /// One of the worker's own, which may be moved on at once.
    const fn own(surface: Surface) -> Self {
        Self { surface, given: Timestamp::from_milliseconds(0) }
    }

    /// Whether volatilities are the same; expiries that are over don't count.
    fn has_curves_of(&self, surface: &Surface) -> bool {
        surface.expiries.iter().all(|at| {
            let known = self.surface.expiries.iter().find(|known| known.expiry == at.expiry);
            known.is_some_and(|known| known.volatility == at.volatility)
        })
    }
}

/// What the books of dated instruments say, by underlying.
fn quotes_of(venue: &Venue) -> BTreeMap<Underlying, Quotes> {
    let mut all: BTreeMap<Underlying, Quotes> = BTreeMap::new();
    for listing in venue.names.values().map(|id| venue.at(*id)) {
        let instrument = listing.instrument;
        let Some(expiry) = instrument.expiry() else { continue };
        let quotes = all.entry(instrument.underlying()).or_default();
        if let ContractKind::Option { strike, .. } = instrument.kind() {
            quotes.strikes.entry(expiry).or_default().insert(strike);
        }
        let best = |side| listing.levels.best(side).map(|(price, _)| Price::from_units(price));
        if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell))
            && bid < ask
        {
            quotes.books.push(TwoSided { instrument, bid, ask });
        }
    }
    all
}
