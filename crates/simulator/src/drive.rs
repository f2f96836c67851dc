//! The way to a node: a step's messages are handed in, and what it released is handed back.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Command, Event, Limits, PreparedEpoch};
use instruments::Timestamp;
use journal::{Disk, ReadError};
use node::{
    JournalLog, JournalOptions, JournalReader, Log, LogReader, ManualClock, Node, NodeError,
    Options, Released, Report, Snapshot, replay,
};

use crate::SimulationError;
use crate::world::{Messages, Sender};

/// Messages that may wait: more than there are in a step.
const QUEUE_MAX: usize = 1 << 16;

/// A command that the node released, with what happened.
pub(crate) type Answered = (Command, Vec<Event>);

/// A node that runs, and what it releases.
pub(crate) struct Running {
    pub node: Node,
    pub report: Report,
    released: Receiver<Answered>,
    /// What would have ended the process.
    fatal: Arc<Mutex<Option<String>>>,
}

impl Running {
    /// Starts a node on a log.
    pub fn open(
        log: impl Log,
        clock: ManualClock,
        limits: Limits,
        checkpoint_every: u64,
    ) -> Result<Self, NodeError> {
        let (release, released) = channel();
        let publish = move |Released { command, events }: Released<'_>| {
            // Who listens has gone only if the simulation has ended.
            let _ = release.send((command.clone(), events.to_vec()));
        };
        let fatal = Arc::new(Mutex::new(None));
        let told = Arc::clone(&fatal);
        let on_fatal = Arc::new(move |error: &NodeError| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.get_or_insert_with(|| error.to_string());
        });
        let queue_max = QUEUE_MAX;
        let options =
            Options { limits, queue_max, checkpoint_every, on_fatal, ..Options::default() };
        let (node, report) = Node::open(log, clock, options, publish)?;
        Ok(Self { node, report, released, fatal })
    }

    /// Hands in messages; says what was released, which is fewer if the node ended.
    pub fn deliver(&self, messages: &Messages) -> Vec<Answered> {
        self.hand_in(messages);
        self.collect(messages.all.len())
    }

    /// Hands in messages without waiting.
    fn hand_in(&self, messages: &Messages) {
        if let Some(offer) = &messages.offer {
            self.offer(offer.clone());
        }
        for (_, action) in &messages.all {
            if self.node.send_when_free(action.clone()).is_err() {
                return;
            }
        }
    }

    fn offer(&self, epoch: PreparedEpoch) {
        // A node that has ended says so when it is handed a command.
        let _ = self.node.offer_epoch(epoch);
    }

    /// The same, with the sequencer held until all messages wait, so that they are one batch and
    /// what is written does not depend on how fast threads are.
    pub fn deliver_at_once(&self, messages: &Messages) -> Vec<Answered> {
        if messages.all.is_empty() {
            return Vec::new();
        }
        if let Some(offer) = &messages.offer {
            self.offer(offer.clone());
        }
        let (enter, entered) = channel::<()>();
        let (open, opened) = channel::<()>();
        let handle = self.node.handle();
        let gate = std::thread::spawn(move || {
            // If the node has ended there is nothing to hold.
            let _ = handle.read(move |_| {
                let _ = enter.send(());
                let _ = opened.recv();
            });
        });
        let is_held = entered.recv().is_ok();
        if is_held {
            for (_, action) in &messages.all {
                if self.node.send_when_free(action.clone()).is_err() {
                    break;
                }
            }
        }
        // It opens by being dropped, too.
        let _ = open.send(());
        let _ = gate.join();
        if is_held { self.collect(messages.all.len()) } else { Vec::new() }
    }

    fn collect(&self, count: usize) -> Vec<Answered> {
        let mut answered = Vec::with_capacity(count);
        while answered.len() < count {
            match self.released.recv() {
                Ok(released) => answered.push(released),
                Err(_) => break,
            }
        }
        answered
    }

    /// Why the node ended, if it did.
    pub fn why(&self) -> Option<String> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What remains to be sent after a crash: `answered` messages were, `found` more are durable. A
/// client, who does not know that, sends all again that was not answered; operators look first.
pub(crate) fn left(messages: Messages, answered: usize, found: usize) -> Messages {
    let all = messages.all.into_iter().enumerate().skip(answered);
    let again =
        all.filter(|(place, (sender, _))| *place >= answered + found || *sender == Sender::Client);
    Messages { offer: None, all: again.map(|(_, message)| message).collect() }
}

/// A log that keeps nothing, for simulations without journal.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nowhere {
    last: u64,
}

impl Log for Nowhere {
    type Reader = Self;

    fn commit(
        &mut self,
        records: &mut dyn Iterator<Item = &[u8]>,
        _time_ms: u64,
    ) -> Result<u64, NodeError> {
        self.last += records.count() as u64;
        Ok(self.last)
    }

    fn last(&self) -> u64 {
        self.last
    }

    fn reader(&self) -> Self {
        *self
    }
}

impl LogReader for Nowhere {
    fn replay(
        &self,
        _after: u64,
        _until: u64,
        _each: &mut dyn FnMut(node::Committed<'_>) -> Result<(), NodeError>,
    ) -> Result<Option<node::Point>, NodeError> {
        Ok(None)
    }

    fn newest_snapshot(&self, _until: u64) -> Result<(Option<Snapshot>, Vec<String>), NodeError> {
        Ok((None, Vec::new()))
    }

    fn keep_snapshot(
        &self,
        _point: node::Point,
        _state: engine::record_tree::Hash,
        _write: &mut dyn FnMut(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<u64, NodeError> {
        Ok(0)
    }
}

/// Begins a journal in a folder.
pub(crate) fn begin_journal(folder: &std::path::Path) -> Result<JournalLog<Disk>, SimulationError> {
    let path = folder.display().to_string();
    let disk = Disk::create(folder)
        .map_err(|source| SimulationError::Open { path: path.clone(), source })?;
    // Only looked at: opening a journal to write cuts what was never acknowledged.
    match JournalReader::new(Disk::existing(folder)).replay(0, 1, &mut |_| Ok(())) {
        Ok(None) => {}
        Ok(Some(_)) | Err(NodeError::Read(ReadError::TooEarly { .. })) => {
            return Err(SimulationError::JournalThere(path));
        }
        Err(source) => return Err(SimulationError::Journal { path, source }),
    }
    let opened = JournalLog::open(disk, JournalOptions::default());
    Ok(opened.map_err(|source| SimulationError::Journal { path, source })?.0)
}

/// Replays a journal from its first record; gives the record hash and how many commands there are.
pub(crate) fn replay_journal(
    folder: &std::path::Path,
) -> Result<(Option<engine::record_tree::Hash>, u64), SimulationError> {
    let reader = JournalReader::new(Disk::existing(folder));
    let replayed = replay(&reader, u64::MAX, false, &mut |_, _| {})?;
    let commands = replayed.report.commands;
    Ok((replayed.state.map(|mut state| state.record_hash()), commands))
}

/// A clock at a time.
pub(crate) fn clock(start: Timestamp) -> ManualClock {
    ManualClock::at(start)
}
