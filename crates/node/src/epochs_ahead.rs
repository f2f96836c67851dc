//! Epochs that are computed on a thread of their own before the commands come that open them.
//!
//! A running node is offered what workers have prepared. Replay computes it itself, but from a
//! command that stands in the log already it can begin earlier. What it computes is offered only if
//! the command would compute from the same; so nothing depends on what is ready when.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use engine::command::OpenEpoch;
use engine::{Action, Command, EpochWork, PreparedEpoch, State};

/// Epochs that are computed, or wait for it, at a time: one has megabytes.
const BEGUN_MAX: usize = 2;

/// A command that stands in the log and will open an epoch, with its number.
pub(crate) type Coming = (u64, Box<OpenEpoch>);

/// The applying thread's side.
pub(crate) struct EpochsAhead {
    /// What the reading thread has found.
    pub coming: Receiver<Coming>,
    pub works: Sender<Arc<EpochWork>>,
    pub prepared: Receiver<Option<PreparedEpoch>>,
    /// Handed to the computing thread, in this order.
    pub begun: VecDeque<(u64, Arc<EpochWork>)>,
}

impl EpochsAhead {
    /// Has epochs computed that come soon.
    pub fn begin(&mut self, state: &State) {
        while self.begun.len() < BEGUN_MAX {
            let Ok((sequence, open)) = self.coming.try_recv() else { return };
            if sequence <= state.sequence() {
                continue;
            }
            let Some(work) = state.epoch_work(&open).map(Arc::new) else { continue };
            if self.works.send(Arc::clone(&work)).is_err() {
                return;
            }
            self.begun.push_back((sequence, work));
        }
    }

    /// Offers what was computed for a command that is applied next, if anything was.
    pub fn offer(&mut self, state: &mut State, command: &Command) {
        let Action::OpenEpoch(open) = &command.action else { return };
        let is_it = |(sequence, _): &mut (u64, _)| *sequence == command.sequence;
        let Some((_, work)) = self.begun.pop_front_if(is_it) else { return };
        if let Ok(Some(prepared)) = self.prepared.recv()
            && state.is_as_it_was(&work, open)
        {
            state.offer_epoch(prepared);
        }
        self.begin(state);
    }
}

/// The computing thread: goes on until nobody wants more.
pub(crate) fn prepare(works: &Receiver<Arc<EpochWork>>, prepared: &Sender<Option<PreparedEpoch>>) {
    for work in works {
        if prepared.send(work.prepare()).is_err() {
            return;
        }
    }
}
