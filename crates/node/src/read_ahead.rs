//! Records that are read, checked and decoded on a thread of their own, ahead of whoever applies them.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, scope};

use engine::{Action, Command};

use crate::NodeError;
use crate::epochs_ahead::{Coming, EpochsAhead, prepare};
use crate::log::{LogReader, Point};
use crate::record::{self, Beside};

/// A command, and what stands in the log with it.
pub(crate) type Step = (Beside, Command);

/// A portion is handed over when it has so many commands, or so many bytes of records.
const PORTION_STEPS: usize = 512;
const PORTION_BYTES: usize = 1 << 20;
/// Portions that may wait to be applied. They take longer than an epoch takes to be computed.
const PORTIONS_MAX: usize = 16;

/// Hands out the commands after one, up to and with another, in order and by the portion, while more
/// of them are read and the epochs that they open are computed. Returns what [`LogReader::replay`]
/// does.
///
/// # Errors
/// What `each` says, and nothing is handed out any more; else what is wrong with the log, after all
/// that stands before it was handed out.
pub(crate) fn read_ahead(
    reader: &impl LogReader,
    after: u64,
    until: u64,
    each: impl FnMut(&[Step], &mut EpochsAhead) -> Result<(), NodeError>,
) -> Result<Option<Point>, NodeError> {
    let (portions, filled) = sync_channel(PORTIONS_MAX);
    let (used, room) = channel();
    let (epochs, coming) = channel();
    let (works, wanted) = channel();
    let (done, prepared) = channel();
    scope(|scope| {
        let portions = Portions { portions, epochs, room, steps: Vec::new(), bytes: 0 };
        let ahead = EpochsAhead { coming, works, prepared, begun: VecDeque::new() };
        let thread = |name: &str| Builder::new().name(name.into());
        let read = move || portions.fill(reader, after, until);
        let reading = thread("replay").spawn_scoped(scope, read).map_err(NodeError::Thread)?;
        let preparing = thread("epochs").spawn_scoped(scope, move || prepare(&wanted, &done));
        let preparing = preparing.map_err(NodeError::Thread)?;
        // When this stops early or panics, the others find nobody to hand anything to.
        let applied = hand_out(filled, &used, ahead, each);
        // What panics there panics again where the command is applied.
        let _ = preparing.join();
        let read = reading.join().unwrap_or_else(|panic| resume_unwind(panic));
        applied.and(read)
    })
}

fn hand_out(
    filled: Receiver<Vec<Step>>,
    used: &Sender<Vec<Step>>,
    mut epochs: EpochsAhead,
    mut each: impl FnMut(&[Step], &mut EpochsAhead) -> Result<(), NodeError>,
) -> Result<(), NodeError> {
    for steps in filled {
        each(&steps, &mut epochs)?;
        // At the end of the log nobody needs the room.
        let _ = used.send(steps);
    }
    Ok(())
}

/// The reading thread's side.
struct Portions {
    portions: SyncSender<Vec<Step>>,
    epochs: Sender<Coming>,
    /// Portions that were applied: their room is used again, and their commands are dropped by the
    /// thread that made them.
    room: Receiver<Vec<Step>>,
    steps: Vec<Step>,
    /// Bytes of records in `steps`.
    bytes: usize,
}

impl Portions {
    fn fill(
        mut self,
        reader: &impl LogReader,
        after: u64,
        until: u64,
    ) -> Result<Option<Point>, NodeError> {
        let read = reader.replay(after, until, &mut |batch| {
            let records = (batch.first..).zip(batch.records);
            let mut wanted = records.filter(|(at, _)| (after + 1..=until).contains(at));
            wanted.try_for_each(|(sequence, bytes)| {
                let step = decode(sequence, bytes)?;
                if let Action::OpenEpoch(open) = &step.1.action {
                    // Whoever applies them may have stopped, which is found out below.
                    let _ = self.epochs.send((sequence, open.clone()));
                }
                self.steps.push(step);
                self.bytes += bytes.len();
                let full = self.steps.len() >= PORTION_STEPS || self.bytes >= PORTION_BYTES;
                if full { self.hand_over() } else { Ok(()) }
            })
        });
        // What stands before a record that can't be read is applied still.
        self.hand_over()?;
        read
    }

    fn hand_over(&mut self) -> Result<(), NodeError> {
        let mut room = self.room.try_recv().unwrap_or_default();
        room.clear();
        self.bytes = 0;
        let steps = std::mem::replace(&mut self.steps, room);
        // Whoever applies them has stopped then, and says why.
        self.portions.send(steps).map_err(|_| NodeError::Ended)
    }
}

/// Reads one record.
fn decode(sequence: u64, bytes: &[u8]) -> Result<Step, NodeError> {
    let record = record::read(bytes);
    let (beside, command) = record.map_err(|problem| NodeError::Record { sequence, problem })?;
    match command.sequence == sequence {
        true => Ok((beside, command)),
        false => Err(NodeError::Misnumbered { sequence, found: command.sequence }),
    }
}
