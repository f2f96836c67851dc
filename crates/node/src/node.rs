//! A node: an engine, the threads around it, and how they begin and end.

use std::ops::Deref;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use engine::{Command, Event, Limits, State};

use crate::clock::Clock;
use crate::handle::Handle;
use crate::log::Log;
use crate::meter::Meter;
use crate::replay::{Report, new_state, replay};
use crate::sequencer::{IN_FLIGHT_MAX, Sequencer};
use crate::shadow::{Companion, Shadow};
use crate::{NodeError, shadow, writer};

/// Called with what must end the process. Tests put something else in its place.
pub type OnFatal = Arc<dyn Fn(&NodeError) + Send + Sync>;

/// How a node runs.
#[derive(Clone)]
pub struct Options {
    /// How large a new venue may grow; one that is there keeps the limits it was founded with.
    pub limits: Limits,
    /// Commands and questions that may wait. When so many do, more are refused.
    pub queue_max: usize,
    /// Commands of a batch at most.
    pub batch_max: usize,
    /// How often the node lets time do its work by a `tick` of its own, in milliseconds; 0 never.
    pub tick_ms: u32,
    /// Commands from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Commands from one snapshot to the next; 0 writes them only when asked.
    pub snapshot_every: u64,
    /// Whether every order is margined by the exact computation, without the bound before it. No
    /// event depends on it: for measurements and tests.
    pub exact: bool,
    /// Called when the log fails or the state is not to be trusted any more. By default it says why
    /// and aborts the process: after a sync that failed nobody can say what is durable.
    pub on_fatal: OnFatal,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            queue_max: 1 << 14,
            batch_max: 1 << 12,
            tick_ms: 0,
            checkpoint_every: 1 << 20,
            snapshot_every: 0,
            exact: false,
            on_fatal: Arc::new(|error| {
                eprintln!("{error}");
                std::process::abort();
            }),
        }
    }
}

/// A command that is durable, and what happened.
#[derive(Clone, Copy, Debug)]
pub struct Released<'a> {
    /// The command.
    pub command: &'a Command,
    /// Its events.
    pub events: &'a [Event],
}

/// How a node is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The last command released.
    pub released: u64,
    /// The last command in the newest snapshot; 0 if there is none.
    pub snapshot: u64,
    /// Why the last snapshot failed, if it did.
    pub snapshot_error: Option<String>,
}

/// A running engine. It ends when it is closed or dropped, after what was handed in before.
pub struct Node {
    handle: Handle,
    threads: Option<Threads>,
}

struct Threads {
    sequencer: JoinHandle<Result<State, NodeError>>,
    writer: JoinHandle<()>,
    shadow: JoinHandle<()>,
}

impl Node {
    /// Brings the engine to where the log is, and lets it run from there.
    ///
    /// `publish` is shown every command from then on, in order, as soon as it is durable, on the
    /// sequencer's thread: it must not wait for anything, least of all for the node.
    ///
    /// # Errors
    /// What stands in the way: damage, a checkpoint that does not agree, limits that make no venue.
    pub fn open<L: Log, C: Clock>(
        log: L,
        clock: C,
        options: Options,
        publish: impl FnMut(Released<'_>) + Send + 'static,
    ) -> Result<(Self, Report), NodeError> {
        Self::open_with(log, clock, options, None, publish)
    }

    /// [`Node::open`] with something that is kept with every snapshot. Recovery begins with a snapshot
    /// that it was kept with, or with nothing, and `publish` is shown what is replayed after that, too.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub fn open_with<L: Log, C: Clock>(
        log: L,
        clock: C,
        options: Options,
        mut companion: Option<Box<dyn Companion>>,
        mut publish: impl FnMut(Released<'_>) + Send + 'static,
    ) -> Result<(Self, Report), NodeError> {
        let reader = log.reader();
        let replayed = match &mut companion {
            None => replay(&reader, log.last(), true, &mut |_, _| {})?,
            Some(companion) => {
                let mut replayed = shadow::begin(&reader, log.last(), companion.as_mut())?;
                let seen = &mut |command: &_, events: &_| publish(Released { command, events });
                replayed.go_on(&reader, log.last(), seen)?;
                replayed
            }
        };
        let report = replayed.report;
        let founded = replayed.state.is_none().then_some(options.limits);
        let mut state = match replayed.state {
            Some(state) => state,
            None => new_state(options.limits)?,
        };
        state.force_exact(options.exact);
        let mut status = Status {
            released: state.sequence(),
            snapshot: report.snapshot.unwrap_or(0),
            snapshot_error: None,
        };
        // What took long is not to be done again, should the node end before its next snapshot. With a
        // companion the shadow writes it, with the first command.
        let is_due = (1..=report.commands).contains(&options.snapshot_every) && companion.is_none();
        if let Some(point) = replayed.point.filter(|_| is_due) {
            match shadow::write(&reader, &mut state, point) {
                Ok(sequence) => status.snapshot = sequence,
                Err(error) => status.snapshot_error = Some(error.to_string()),
            }
        }
        let status = Arc::new(Mutex::new(status));

        let (inputs, incoming) = sync_channel(options.queue_max);
        let meter = Arc::new(Meter::default());
        let handle =
            Handle::new(inputs, options.queue_max, Arc::clone(&meter), Arc::clone(&status));
        let (batches, to_write) = sync_channel(IN_FLIGHT_MAX);
        let (done, committed) = channel();
        let (asks, asked) = sync_channel(shadow::ASKS_MAX);

        let on_fatal = Arc::clone(&options.on_fatal);
        let counts = Arc::clone(&meter);
        let writer =
            spawn("log", move || writer::write(log, &to_write, &done, &on_fatal, &counts))?;
        let (on_fatal, shared) = (Arc::clone(&options.on_fatal), Arc::clone(&status));
        let shadow = spawn("snapshots", move || {
            Shadow::new(reader, companion, shared).follow(&asked, &on_fatal);
        })?;
        let shared = Arc::clone(&status);
        let sequencer = spawn("sequencer", move || {
            let counts = Arc::clone(&meter);
            let links = crate::sequencer::Links { incoming, batches, committed, asks, meter };
            let ended =
                Sequencer::new(state, clock, options, founded, links, shared, publish).run();
            counts.has_ended.store(true, Relaxed);
            ended
        })?;
        let threads = Some(Threads { sequencer, writer, shadow });
        Ok((Self { handle, threads }, report))
    }

    /// A way to the node for another client.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the node after what was handed in before; gives the state, all of which is durable.
    ///
    /// # Errors
    /// What ended it before.
    pub fn close(mut self) -> Result<State, NodeError> {
        self.end().unwrap_or(Err(NodeError::Ended))
    }

    fn end(&mut self) -> Option<Result<State, NodeError>> {
        let threads = self.threads.take()?;
        self.handle.close();
        let ended = threads.sequencer.join().unwrap_or(Err(NodeError::Ended));
        // These two end with the sequencer; a panic of theirs was told where it happened.
        let _ = threads.writer.join();
        let _ = threads.shadow.join();
        Some(ended)
    }
}

impl Deref for Node {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, NodeError> {
    Builder::new().name(name.into()).spawn(run).map_err(NodeError::Thread)
}

/// The value behind a lock; who panicked with it left nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
