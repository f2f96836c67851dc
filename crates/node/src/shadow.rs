//! The thread that writes snapshots: of a second state, which follows the durable log.
//!
//! The running engine never waits for it. And since it replays what the engine has written, it
//! compares every checkpoint with a state of its own: an engine that has gone another way than its
//! log is found out while it runs. Whoever wants to look at a state for long looks at this one.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use engine::State;

use crate::NodeError;
use crate::log::{LogReader, Point};
use crate::node::{OnFatal, Released, Status, lock};
use crate::priority::{Breaks, run_when_idle};
use crate::replay::{Replayed, replay};

/// What may wait for the shadow.
pub(crate) const ASKS_MAX: usize = 4;
/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// Something made from what is released, which is kept with every snapshot of the state: whoever
/// begins with the snapshot begins with it as well.
pub trait Companion: Send + 'static {
    /// Begins as of a snapshot, or before the first command. Gives false if nothing was kept with that
    /// snapshot that can be used: an earlier one is tried in its place, and none at last.
    fn begin(&mut self, snapshot: Option<Point>) -> bool;

    /// Takes what comes after that, each command in its turn.
    fn take(&mut self, released: Released<'_>);

    /// Keeps what it is as of the last command taken; a snapshot of the same is written next.
    ///
    /// # Errors
    /// Why it can't. There will be no snapshot then.
    fn keep(&mut self, point: Point) -> io::Result<()>;
}

/// Asks for something as of a durable record.
pub(crate) struct Ask {
    pub until: u64,
    pub what: Wanted,
}

/// Is given the second state, or why there is none.
pub(crate) type Study = Box<dyn FnOnce(Result<&State, String>) + Send>;

/// What is asked for.
pub(crate) enum Wanted {
    /// A snapshot.
    Snapshot(Option<SyncSender<Result<u64, String>>>),
    /// A look.
    Study(Study),
}

impl Wanted {
    /// Says that there will be none.
    pub fn refuse(self, why: &str) {
        match self {
            Self::Snapshot(None) => {}
            // Who asked may have gone.
            Self::Snapshot(Some(reply)) => drop(reply.send(Err(why.to_owned()))),
            Self::Study(study) => study(Err(why.to_owned())),
        }
    }
}

/// A second state, once somebody has asked for it.
pub(crate) struct Shadow<R> {
    reader: R,
    companion: Option<Box<dyn Companion>>,
    status: Arc<Mutex<Status>>,
    replayed: Option<Replayed>,
}

impl<R: LogReader> Shadow<R> {
    pub fn new(
        reader: R,
        companion: Option<Box<dyn Companion>>,
        status: Arc<Mutex<Status>>,
    ) -> Self {
        Self { reader, companion, status, replayed: None }
    }

    /// Does what is asked, until nobody can ask.
    pub fn follow(mut self, asks: &Receiver<Ask>, on_fatal: &OnFatal) {
        run_when_idle();
        while let Ok(Ask { until, what }) = asks.recv() {
            let followed = self.catch_up(until);
            let done = match what {
                Wanted::Snapshot(reply) => {
                    let kept = followed.and_then(|()| self.keep());
                    self.tell(&kept);
                    if let Some(reply) = reply {
                        let kept = kept.as_ref().map_err(ToString::to_string).copied();
                        // Who asked may have gone.
                        let _ = reply.send(kept);
                    }
                    kept.map(drop)
                }
                Wanted::Study(study) => match followed.and_then(|()| self.state()) {
                    Ok(state) => {
                        study(Ok(state));
                        Ok(())
                    }
                    Err(error) => {
                        study(Err(error.to_string()));
                        Err(error)
                    }
                },
            };
            if let Err(error) = done {
                // It may have stopped half way; the next one begins with what is on disk.
                self.replayed = None;
                if let NodeError::Checkpoint { .. } = error {
                    on_fatal(&error);
                }
            }
        }
    }

    fn catch_up(&mut self, until: u64) -> Result<(), NodeError> {
        let mut replayed = match self.replayed.take() {
            Some(replayed) => replayed,
            None => match &mut self.companion {
                Some(companion) => begin(&self.reader, until, companion.as_mut())?,
                None => replay(&self.reader, until, true, &mut |_, _| {})?,
            },
        };
        let (companion, mut breaks) = (&mut self.companion, Breaks::default());
        replayed.go_on(&self.reader, until, &mut |command, events| {
            breaks.take();
            if let Some(companion) = companion {
                companion.take(Released { command, events });
            }
        })?;
        self.replayed = Some(replayed);
        Ok(())
    }

    fn state(&mut self) -> Result<&mut State, NodeError> {
        let state = self.replayed.as_mut().and_then(|replayed| replayed.state.as_mut());
        state.ok_or(NodeError::NotFounded)
    }

    fn keep(&mut self) -> Result<u64, NodeError> {
        let replayed = self.replayed.as_mut();
        let here = replayed.and_then(|replayed| replayed.state.as_mut().zip(replayed.point));
        let (state, point) = here.ok_or(NodeError::NotFounded)?;
        if let Some(companion) = &mut self.companion {
            companion.keep(point).map_err(NodeError::SnapshotWrite)?;
        }
        write(&self.reader, state, point)
    }

    fn tell(&self, kept: &Result<u64, NodeError>) {
        let mut status = lock(&self.status);
        match kept {
            Ok(sequence) => (status.snapshot, status.snapshot_error) = (*sequence, None),
            Err(error) => status.snapshot_error = Some(error.to_string()),
        }
    }
}

/// Begins with the newest snapshot that a companion was kept with too.
pub(crate) fn begin(
    reader: &impl LogReader,
    until: u64,
    companion: &mut dyn Companion,
) -> Result<Replayed, NodeError> {
    let (mut newest, mut damaged) = (until, Vec::new());
    let mut replayed = loop {
        let (snapshot, passed_over) = reader.newest_snapshot(newest)?;
        damaged.extend(passed_over);
        let Some(snapshot) = snapshot else {
            companion.begin(None);
            break Replayed::empty();
        };
        if companion.begin(Some(snapshot.point)) {
            break Replayed::begin(snapshot)?;
        }
        newest = snapshot.point.sequence.saturating_sub(1);
    };
    replayed.report.damaged = damaged;
    Ok(replayed)
}

/// Writes a snapshot of a state as of a point; gives its sequence number.
pub(crate) fn write(
    reader: &impl LogReader,
    state: &mut State,
    point: Point,
) -> Result<u64, NodeError> {
    let hash = state.record_hash();
    reader.keep_snapshot(point, hash, &mut |sink| {
        let mut sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
        state.write_snapshot(&mut sink)?;
        sink.flush()
    })?;
    Ok(point.sequence)
}
