//! The thread that writes snapshots: of a second state, which follows the durable log.
//!
//! The running engine never waits for it. And since it replays what the engine has written, it
//! compares every checkpoint with a state of its own: an engine that has gone another way than its
//! log is found out while it runs.

use std::io::{BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use engine::State;

use crate::NodeError;
use crate::log::{LogReader, Point};
use crate::node::{OnFatal, Status, lock};
use crate::replay::{Replayed, replay};

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// Asks for a snapshot of the state as of a durable record.
pub(crate) struct Ask {
    pub until: u64,
    pub reply: Option<SyncSender<Result<u64, String>>>,
}

/// Writes a snapshot each time it is asked.
pub(crate) fn follow(
    reader: &impl LogReader,
    asks: &Receiver<Ask>,
    status: &Arc<Mutex<Status>>,
    on_fatal: &OnFatal,
) {
    let mut shadow = None;
    while let Ok(Ask { until, reply }) = asks.recv() {
        let kept = keep(reader, &mut shadow, until);
        if let Err(error) = &kept {
            // It may have stopped half way; the next one begins with what is on disk.
            shadow = None;
            if let NodeError::Checkpoint { .. } = error {
                on_fatal(error);
            }
        }
        let kept = kept.map_err(|error| error.to_string());
        {
            let mut status = lock(status);
            match &kept {
                Ok(sequence) => (status.snapshot, status.snapshot_error) = (*sequence, None),
                Err(error) => status.snapshot_error = Some(error.clone()),
            }
        }
        if let Some(reply) = reply {
            // Who asked may have gone.
            let _ = reply.send(kept);
        }
    }
}

fn keep(
    reader: &impl LogReader,
    shadow: &mut Option<Replayed>,
    until: u64,
) -> Result<u64, NodeError> {
    let ignored = &mut |_: &_, _: &[_]| {};
    let replayed = match shadow {
        Some(replayed) => {
            replayed.go_on(reader, until, ignored)?;
            replayed
        }
        None => shadow.insert(replay(reader, until, true, ignored)?),
    };
    let (Some(state), Some(point)) = (&mut replayed.state, replayed.point) else {
        return Err(NodeError::NotFounded);
    };
    write(reader, state, point)
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
