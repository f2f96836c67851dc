//! The thread that makes batches durable while the engine applies them.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use crate::NodeError;
use crate::log::Log;
use crate::meter::Meter;
use crate::node::OnFatal;

/// The records of a batch, one behind another.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub bytes: Vec<u8>,
    /// Where each record ends.
    pub ends: Vec<usize>,
    pub time_ms: u64,
}

impl Records {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// What is durable now, with room to be used again.
pub(crate) struct Committed {
    pub last: u64,
    pub room: Records,
}

/// Commits batches as they come, until there are no more or one fails.
pub(crate) fn write(
    mut log: impl Log,
    batches: &Receiver<Records>,
    done: &Sender<Result<Committed, NodeError>>,
    on_fatal: &OnFatal,
    meter: &Meter,
) {
    while let Ok(records) = batches.recv() {
        let begun = Instant::now();
        let committed = log.commit(&mut records.iter(), records.time_ms);
        meter.synced.add_time(begun.elapsed());
        meter.bytes.fetch_add(records.bytes.len() as u64, Relaxed);
        let failed = committed.is_err();
        if let Err(error) = &committed {
            on_fatal(error);
        }
        let told = done.send(committed.map(|last| Committed { last, room: records }));
        if failed || told.is_err() {
            return;
        }
    }
}
