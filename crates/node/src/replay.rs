//! From log to state: the newest good snapshot and what came after it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::record_tree::Hash;
use engine::{Command, Event, Limits, State, apply};

use crate::NodeError;
use crate::log::{LogReader, Point, Snapshot};
use crate::read_ahead::read_ahead;
use crate::record::Beside;

/// A state that was made from a log.
pub struct Replayed {
    /// The state; `None` if the log is empty.
    pub state: Option<State>,
    /// Where in the log it is; `None` before the first record, and within a batch.
    pub point: Option<Point>,
    /// What was done for it.
    pub report: Report,
}

/// What a replay has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The snapshot that it began with; `None` if it began with nothing.
    pub snapshot: Option<u64>,
    /// What is wrong with newer snapshots, which were passed over.
    pub damaged: Vec<String>,
    /// Commands applied.
    pub commands: u64,
    /// Checkpoints that were compared, and agreed.
    pub checkpoints: u64,
    /// The last of these commands that stands behind a checkpoint.
    pub checked: u64,
}

/// Makes the state as of record `until`: from the newest snapshot not after it, if there is one and
/// `snapshots` may be used, and the records that follow.
///
/// Each command and its events are shown to `seen`.
///
/// # Errors
/// What is wrong with the log or a snapshot; [`NodeError::Checkpoint`] where the state is not the
/// one that the engine had which wrote the log.
pub fn replay(
    reader: &impl LogReader,
    until: u64,
    snapshots: bool,
    seen: &mut dyn FnMut(&Command, &[Event]),
) -> Result<Replayed, NodeError> {
    let mut replayed = Replayed::empty();
    if snapshots {
        let (snapshot, damaged) = reader.newest_snapshot(until)?;
        if let Some(snapshot) = snapshot {
            replayed = Replayed::begin(snapshot)?;
        }
        replayed.report.damaged = damaged;
    }
    replayed.go_on(reader, until, seen)?;
    Ok(replayed)
}

impl Replayed {
    /// Nothing yet.
    pub(crate) fn empty() -> Self {
        Self { state: None, point: None, report: Report::default() }
    }

    /// Begins with a snapshot, whose state must have the record hash that it was made with.
    pub(crate) fn begin(mut snapshot: Snapshot) -> Result<Self, NodeError> {
        let sequence = snapshot.point.sequence;
        let state = State::read_snapshot(&mut snapshot.bytes);
        let mut state = state.map_err(|error| NodeError::Snapshot { sequence, error })?;
        if state.record_hash() != snapshot.state || state.sequence() != sequence {
            return Err(NodeError::SnapshotHash(sequence));
        }
        let report = Report { snapshot: Some(sequence), ..Report::default() };
        Ok(Self { state: Some(state), point: Some(snapshot.point), report })
    }

    /// Applies what follows in the log, up to record `until`.
    ///
    /// # Errors
    /// As [`replay`].
    pub fn go_on(
        &mut self,
        reader: &impl LogReader,
        until: u64,
        seen: &mut dyn FnMut(&Command, &[Event]),
    ) -> Result<(), NodeError> {
        let after = self.sequence();
        let (state, report) = (&mut self.state, &mut self.report);
        let mut events = Vec::new();
        let reached = read_ahead(reader, after, until, |steps, epochs| {
            if let Some(state) = state {
                epochs.begin(state);
            }
            for (place, (beside, command)) in steps.iter().enumerate() {
                if let Some(state) = state {
                    state.look_ahead(|next| Some(&steps.get(place + 1 + next)?.1));
                    epochs.offer(state, command);
                }
                events.clear();
                step(state, report, beside, command, &mut events)?;
                seen(command, &events);
            }
            Ok(())
        })?;
        let sequence = self.sequence();
        self.point = reached.or(self.point).filter(|point| point.sequence == sequence);
        Ok(())
    }

    /// The last record taken in; 0 if none was.
    fn sequence(&self) -> u64 {
        self.state.as_ref().map_or(0, State::sequence)
    }
}

/// Applies one record.
fn step(
    state: &mut Option<State>,
    report: &mut Report,
    beside: &Beside,
    command: &Command,
    events: &mut Vec<Event>,
) -> Result<(), NodeError> {
    let sequence = command.sequence;
    let state = match (state, beside.founded) {
        (Some(state), None) => state,
        (empty @ None, Some(limits)) => empty.insert(new_state(limits)?),
        _ => return Err(NodeError::NotFounded),
    };
    if let Some(recorded) = beside.checkpoint {
        let computed = state.record_hash();
        if computed != recorded {
            let [computed, recorded] = [computed, recorded].map(|hash| hexadecimal(&hash));
            return Err(NodeError::Checkpoint { sequence, computed, recorded });
        }
        report.checkpoints += 1;
        report.checked = sequence - 1;
    }
    apply_caught(state, command, events)?;
    report.commands += 1;
    Ok(())
}

/// A venue that is founded now.
pub(crate) fn new_state(limits: Limits) -> Result<State, NodeError> {
    State::new(limits).map_err(NodeError::Limits)
}

/// Applies a command; an invariant that the engine finds broken is an error.
pub(crate) fn apply_caught(
    state: &mut State,
    command: &Command,
    events: &mut Vec<Event>,
) -> Result<(), NodeError> {
    let applied = catch_unwind(AssertUnwindSafe(|| apply(state, command, events)));
    applied.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        NodeError::Panicked { sequence: command.sequence, message: text.unwrap_or_default() }
    })
}

/// A hash in hexadecimal.
pub(crate) fn hexadecimal(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
