//! Opening a data folder: the feed, the node, the history.

use std::io;
use std::path::Path;
use std::sync::Arc;

use journal::Disk;
use node::{JournalLog, JournalOptions, Log, LogReader, Node, NodeError, OnFatal, Options};

use super::{ServeError, ServeOptions};
use crate::channels::Channels;
use crate::demo::{DemoClock, DemoFeed};
use crate::feed::bounds::Bounds;
use crate::feed::kept::Kept;
use crate::feed::update::Update;
use crate::feed::venue::Venue;
use crate::feed::{self, Inlet, Shared};
use crate::history::{self, History};
use crate::metrics::{self, Metrics};

/// How often time does its work in the venue, in milliseconds.
const TICK_MS: u32 = 100;
/// Commands from one snapshot to the next: a start replays about so many at most.
const SNAPSHOT_EVERY: u64 = 1 << 18;

/// What is done before each time the journal is written to.
pub(crate) type BeforeSync = Arc<dyn Fn() -> Result<(), NodeError> + Send + Sync>;

/// How memory and history are kept, and what tests put in the place of what the system does.
pub(crate) struct Tuning {
    /// How much is kept in memory.
    pub bounds: Bounds,
    /// What is done before the history writes.
    pub before_write: Option<Box<dyn FnMut() + Send>>,
    /// What is done before the journal is written to.
    pub before_sync: Option<BeforeSync>,
    /// What is done in place of ending the process.
    pub on_fatal: Option<OnFatal>,
    /// Whether the venue does nothing by itself but let time pass, as if its worker stood still.
    pub is_idle: bool,
    /// Says how full the disk is.
    pub disk: metrics::Disk,
}

impl Default for Tuning {
    fn default() -> Self {
        let (bounds, disk) = (Bounds::default(), metrics::disk_of());
        let (before_write, before_sync, on_fatal, is_idle) = (None, None, None, false);
        Self { bounds, before_write, before_sync, on_fatal, is_idle, disk }
    }
}

/// What a venue is opened with.
pub(super) struct Opening<'a> {
    pub options: &'a ServeOptions,
    pub clock: &'a DemoClock,
    pub tuning: Tuning,
}

/// A node that runs, and what follows it.
pub(super) struct Opened {
    pub node: Node,
    pub venue: Shared,
    pub inlet: Inlet,
    pub history: History,
    /// Where a demo hears of what is released.
    pub to_demo: Option<DemoFeed>,
    pub is_idle: bool,
    /// Commands that were replayed.
    pub recovered: u64,
    /// The last command that the journal had.
    pub last: u64,
}

impl Opening<'_> {
    /// Recovers a data folder.
    pub fn open(
        self,
        channels: &Arc<Channels>,
        metrics: &Arc<Metrics>,
    ) -> Result<Opened, ServeError> {
        let Self { options, clock, tuning } = self;
        let Tuning { bounds, before_write, before_sync, on_fatal, is_idle, .. } = tuning;
        let data = &options.data;
        let (told, noted) = (Arc::clone(channels), Arc::clone(metrics));
        let publish = move |venue: &mut Venue, updates: &[Update]| {
            noted.note(venue, updates);
            told.publish(venue, updates);
        };
        let (to_history, of_history) = history::ends();
        let feed = feed::start(publish, to_history, bounds);
        let (venue, inlet) = feed.map_err(ServeError::System)?;
        let to_demo = options.demo.is_some().then(DemoFeed::new);
        let kept = Kept::open(&data.join("feed"), venue.clone());
        let kept = kept.map_err(|source| in_folder(data, source))?;

        let journal = history::journal_of(data);
        let disk = Disk::create(&journal).map_err(|source| in_folder(&journal, source))?;
        let (log, _) = JournalLog::open(disk, JournalOptions::default())?;
        let last = log.last();
        metrics.recovers(last);
        let log = Hooked { log, before: before_sync };
        let (heard, released) = (to_demo.clone(), inlet.clone());
        let publish = move |done: node::Released<'_>| {
            if let Some(demo) = &heard {
                demo.push(done.command);
            }
            released.release(done);
        };
        let companion = Some(Box::new(kept) as Box<_>);
        let (node, report) =
            Node::open_with(log, clock.clone(), node_options(on_fatal), companion, publish)?;

        let path = history::place(data);
        let begin = history::Begin { path, journal, last, before_write };
        let history = history::begin(begin, of_history).map_err(ServeError::System)?;
        let recovered = report.commands;
        Ok(Opened { node, venue, inlet, history, to_demo, is_idle, recovered, last })
    }
}

fn in_folder(folder: &Path, source: io::Error) -> ServeError {
    ServeError::Folder { path: folder.display().to_string(), source }
}

fn node_options(on_fatal: Option<OnFatal>) -> Options {
    let by_default = Options::default();
    let abort = Arc::clone(&by_default.on_fatal);
    let told: OnFatal = Arc::new(move |error| {
        tracing::error!(%error, "the venue can't go on");
        abort(error);
    });
    Options {
        tick_ms: TICK_MS,
        snapshot_every: SNAPSHOT_EVERY,
        on_fatal: on_fatal.unwrap_or(told),
        ..by_default
    }
}

/// A log with something that is done before it is written to.
struct Hooked<L> {
    log: L,
    before: Option<BeforeSync>,
}

impl<L: Log<Reader: LogReader>> Log for Hooked<L> {
    type Reader = L::Reader;

    fn commit(
        &mut self,
        records: &mut dyn Iterator<Item = &[u8]>,
        time_ms: u64,
    ) -> Result<u64, NodeError> {
        if let Some(before) = &self.before {
            before()?;
        }
        self.log.commit(records, time_ms)
    }

    fn last(&self) -> u64 {
        self.log.last()
    }

    fn reader(&self) -> Self::Reader {
        self.log.reader()
    }
}
