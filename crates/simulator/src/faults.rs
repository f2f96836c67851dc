//! A node whose storage fails, in memory: it ends at any byte of any write, with a torn write, a
//! failing sync or a full disk, and begins again with what is left.

use engine::Limits;
use engine::record_tree::Hash;
use journal::faulty::{Faults, Luck, Memory};
use node::{JournalLog, JournalOptions, JournalReader, ManualClock, NodeError, replay};

use crate::SimulationError;
use crate::draws::Draws;
use crate::drive::{Answered, Running};
use crate::report::FaultCounts;
use crate::world::Messages;

/// Bytes of a segment: small, so that there are many.
const SEGMENT_BYTES: u64 = 1 << 15;
/// Steps from one fault to the next, and from one snapshot to the next, in the mean.
const STEPS_PER_FAULT: u64 = 8;
const STEPS_PER_SNAPSHOT: u64 = 30;
/// A crash comes within so many written bytes: those of a few batches.
const CRASH_WITHIN: u64 = 16_000;
/// Commands from one checkpoint to the next.
const CHECKPOINT_EVERY: u64 = 1_000;
/// What draws are for.
const PURPOSE: u64 = 100;

/// What is about to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Armed {
    Crash,
    FailingSync,
    FullDisk,
}

/// A node on failing storage.
pub(crate) struct Faulty {
    memory: Memory,
    running: Option<Running>,
    clock: ManualClock,
    limits: Limits,
    armed: Option<Armed>,
    draws: Draws,
    pub counts: FaultCounts,
}

impl Faulty {
    /// A new venue.
    pub fn new(seed: u64, clock: ManualClock, limits: Limits) -> Result<Self, SimulationError> {
        let memory = Memory::new();
        let running = open(&memory, &clock, limits)?;
        Ok(Self {
            memory,
            running: Some(running),
            clock,
            limits,
            armed: None,
            draws: Draws::of(seed, PURPOSE),
            counts: FaultCounts::default(),
        })
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs but while it recovers")
    }

    /// Writes a snapshot now and then, and has something go wrong soon now and then.
    pub fn before_step(&mut self) {
        if self.draws.below(STEPS_PER_SNAPSHOT) == 0 {
            // One that fails is told by the node's status, and the node goes on.
            let kept = self.running().node.snapshot();
            self.counts.snapshots += u64::from(kept.is_ok());
            if kept.is_err() && self.armed == Some(Armed::FailingSync) {
                // It was the snapshot's sync that failed.
                self.memory.inject(Faults::default());
                self.armed = None;
            }
        }
        if self.armed.is_some() || self.draws.below(STEPS_PER_FAULT) > 0 {
            return;
        }
        let (armed, faults) = match self.draws.below(10) {
            0..6 => {
                let crash_after_steps = Some(self.draws.below(CRASH_WITHIN));
                (Armed::Crash, Faults { crash_after_steps, ..Faults::default() })
            }
            6..9 => {
                let failing_sync = Some(self.draws.below(4));
                (Armed::FailingSync, Faults { failing_sync, ..Faults::default() })
            }
            // No more room than there is: the next segment has none.
            _ => (Armed::FullDisk, Faults { capacity_bytes: Some(1), ..Faults::default() }),
        };
        self.memory.inject(faults);
        self.armed = Some(armed);
    }

    /// Hands in messages; says what was released, and whether the node lives.
    pub fn deliver(&self, messages: &Messages) -> (Vec<Answered>, bool) {
        let answered = self.running().deliver_at_once(messages);
        let lives = answered.len() == messages.all.len();
        (answered, lives)
    }

    /// Begins again with what is left; gives the commands after `after` that are durable.
    pub fn recover(&mut self, after: u64) -> Result<Vec<Answered>, SimulationError> {
        let ended = self.running.take().expect("it ran until now");
        let why = ended.why();
        let closed = ended.node.close();
        let armed = self.armed.take();
        if closed.is_ok() || armed.is_none() {
            let why = why.unwrap_or_else(|| "without a word".to_owned());
            return Err(SimulationError::Differs(format!("the node ended by itself: {why}")));
        }
        match armed {
            Some(Armed::FailingSync) => self.counts.failing_syncs += 1,
            Some(Armed::FullDisk) => self.counts.full_disks += 1,
            _ => self.counts.crashes += 1,
        }
        self.restart();
        if self.draws.permille(250) {
            // The next process ends too, while it recovers.
            let crash_after_steps = Some(self.draws.below(CRASH_WITHIN / 4));
            self.memory.inject(Faults { crash_after_steps, ..Faults::default() });
            let opened = open(&self.memory, &self.clock, self.limits);
            match opened {
                Ok(running) => drop(running.node.close()),
                Err(_) => self.counts.in_recovery += 1,
            }
            self.restart();
        }
        self.memory.inject(Faults::default());
        let running = open(&self.memory, &self.clock, self.limits)?;
        let damaged = &running.report.damaged;
        if !damaged.is_empty() {
            let damaged = damaged.join("; ");
            return Err(SimulationError::Differs(format!("a crash left damage: {damaged}")));
        }
        self.running = Some(running);
        let mut found = Vec::new();
        let reader = JournalReader::new(self.memory.clone());
        replay(&reader, u64::MAX, true, &mut |command, events| {
            if command.sequence > after {
                found.push((command.clone(), events.to_vec()));
            }
        })?;
        Ok(found)
    }

    /// The folder as the next process finds it.
    fn restart(&mut self) {
        self.memory = match self.draws.below(5) {
            0..2 => self.memory.kill(),
            luck => {
                self.counts.power_cuts += 1;
                let luck = match luck {
                    2 => Luck::Nothing,
                    3 => Luck::Everything,
                    _ => Luck::Seed(self.draws.bits()),
                };
                self.memory.cut_power(luck)
            }
        };
    }

    /// The record hash of the node.
    pub fn hash(&self) -> Result<Hash, SimulationError> {
        let hash = self.running().node.record_hash();
        hash.map_err(|error| SimulationError::Differs(error.to_string()))
    }

    /// Ends the node, without any more faults; gives its record hash, and that of its journal from
    /// the first record on, through all crashes.
    pub fn close(mut self) -> Result<[Hash; 2], SimulationError> {
        self.memory.inject(Faults::default());
        let running = self.running.take().expect("it runs but while it recovers");
        let hash = running.node.close()?.record_hash();
        let reader = JournalReader::new(self.memory);
        let replayed = replay(&reader, u64::MAX, false, &mut |_, _| {})?.state;
        Ok([hash, replayed.map(|mut state| state.record_hash()).unwrap_or_default()])
    }
}

fn open(memory: &Memory, clock: &ManualClock, limits: Limits) -> Result<Running, NodeError> {
    let options = JournalOptions { segment_bytes: SEGMENT_BYTES, epoch: 1 };
    let (log, _) = JournalLog::open(memory.clone(), options)?;
    Running::open(log, clock.clone(), limits, CHECKPOINT_EVERY)
}
