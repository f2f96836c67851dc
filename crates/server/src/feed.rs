//! What clients see: a thread takes in what the node released, in order, and answers those who wait.

pub mod account;
pub mod bounds;
pub mod candles;
pub mod history;
pub mod kept;
pub mod levels;
pub mod links;
pub mod listing;
mod notice;
pub mod order;
mod orders;
pub mod recent;
pub mod update;
pub mod venue;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use engine::{Command, Event};
use node::{Answer, Released};
use tokio::sync::oneshot;

use bounds::Bounds;
use update::Update;
use venue::Venue;

use crate::history::{Inlet as ToHistory, Portion};

/// Commands taken in while the lock is held once, at most: readers wait as long.
const BATCH_MAX: usize = 256;

/// Points of a volatility index that are kept, one a minute.
const VOLATILITY_POINTS_MAX: usize = 10_080;

/// The venue as released, shared with everybody who answers.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<RwLock<Venue>>);

impl Shared {
    /// To look at it; what is read together is as of one command.
    pub fn read(&self) -> RwLockReadGuard<'_, Venue> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last command, unless something is being taken in just now.
    pub fn sequence(&self) -> Option<u64> {
        self.0.try_read().ok().map(|venue| venue.sequence)
    }

    /// Gives forwards, volatilities and marks, for Greeks.
    pub fn set_market(&self, market: Arc<risk::Market>) {
        let mut venue = self.write();
        for asset in venue.assets.clone() {
            let ppb = market.volatility_ppb(instruments::Underlying::of(asset));
            let Some(percent) = ppb.map(|ppb| ppb as f64 / 1e7) else { continue };
            let points = venue.volatility.entry(asset).or_default();
            let is_new = points.back().is_none_or(|(last, _)| market.time.since(*last) >= 60_000);
            if is_new {
                account::push(points, (market.time, percent), VOLATILITY_POINTS_MAX);
            }
        }
        venue.market = Some(market);
    }

    fn write(&self) -> RwLockWriteGuard<'_, Venue> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Message {
    Released(Box<(Command, Vec<Event>)>),
    Answer(oneshot::Sender<Answer>, Answer),
}

/// The way into the feed, for the node's thread: it never waits.
#[derive(Clone, Debug)]
pub struct Inlet(Sender<Message>);

impl Inlet {
    /// Hands on what is durable.
    pub fn release(&self, released: Released<'_>) {
        let message = (released.command.clone(), released.events.to_vec());
        // The feed ends after the node, or with the process.
        let _ = self.0.send(Message::Released(Box::new(message)));
    }

    /// Has an answer given once all that was released before it can be seen.
    pub fn answer(&self, to: oneshot::Sender<Answer>, answer: Answer) {
        let _ = self.0.send(Message::Answer(to, answer));
    }
}

/// Starts the thread that takes in; it ends when all inlets are gone. `publish` is shown what each
/// command changed, while nobody can look at the venue: who subscribes under a look misses nothing and
/// gets nothing twice. What is finished goes to the `history`, and no more is kept than the bounds say.
///
/// # Errors
/// If the system gives no thread.
pub fn start(
    publish: impl FnMut(&mut Venue, &[Update]) + Send + 'static,
    history: ToHistory,
    bounds: Bounds,
) -> std::io::Result<(Shared, Inlet)> {
    let (inlet, messages) = channel();
    let venue = Shared::default();
    let shared = venue.clone();
    std::thread::Builder::new()
        .name("feed".into())
        .spawn(move || run(&messages, &shared, publish, &history, bounds))?;
    Ok((venue, Inlet(inlet)))
}

fn run(
    messages: &Receiver<Message>,
    shared: &Shared,
    mut publish: impl FnMut(&mut Venue, &[Update]),
    history: &ToHistory,
    bounds: Bounds,
) {
    let mut updates = Vec::new();
    while let Ok(first) = messages.recv() {
        let mut venue = shared.write();
        (venue.bounds, venue.notes.are_wanted) = (bounds, true);
        let (mut from, mut records) = (None, Vec::new());
        let more = messages.try_iter().take(BATCH_MAX - 1);
        let mut answers = Vec::new();
        for message in std::iter::once(first).chain(more) {
            match message {
                Message::Released(released) => {
                    let (command, events) = *released;
                    updates.clear();
                    venue.take_in(&command, &events, &mut updates);
                    publish(&mut venue, &updates);
                    from = from.or(Some(command.sequence));
                    records.extend(venue.notes.drain().map(|record| (command.sequence, record)));
                }
                Message::Answer(to, answer) => answers.push((to, answer)),
            }
        }
        let through = venue.sequence;
        drop(venue);
        if let Some(from) = from {
            history.send(Portion { from, through, records, is_whole: true });
        }
        for (to, answer) in answers {
            // Who asked may have gone.
            let _ = to.send(answer);
        }
    }
}
