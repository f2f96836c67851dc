//! The worker that prepares risk epochs beside the engine.

use engine::command::Action;
use engine::{PreparedEpoch, State};
use instruments::Timestamp;

/// How old an epoch becomes.
const AGE_MS: i64 = 240_000;

/// Knows when an epoch is due.
#[derive(Debug)]
pub(crate) struct Worker {
    /// One epoch in so many is not prepared, so that the engine computes the arrays and compares; 0
    /// prepares all.
    unprepared_every: u64,
    opened: Option<Timestamp>,
    asked: u64,
    /// Something is listed, or the engine asked: do not wait.
    pub is_due: bool,
    /// Until when a change's notice runs: the engine opens epochs on its own market then, so that the
    /// methodology before can be compared on the same.
    pub notice_ends: Option<Timestamp>,
    /// The venue did not take the last one that was prepared: the engine opens the next by itself.
    pub refused: bool,
    /// Prices are those of before a pause: they come first.
    waits: bool,
}

impl Worker {
    /// A worker of a venue without an epoch.
    pub fn new(unprepared_every: u64) -> Self {
        Self {
            unprepared_every,
            opened: None,
            asked: 0,
            is_due: false,
            notice_ends: None,
            refused: false,
            waits: false,
        }
    }

    /// Goes on with a venue that is there.
    pub fn go_on(&mut self) {
        (self.is_due, self.waits) = (true, true);
    }

    /// Takes note of an epoch that opened.
    pub fn opened(&mut self, now: Timestamp) {
        self.opened = Some(now);
        (self.is_due, self.refused) = (false, false);
    }

    /// An epoch, if one is due: the command, and what was prepared for it.
    pub fn due(
        &mut self,
        state: &State,
        now: Timestamp,
    ) -> Option<(Action, Option<PreparedEpoch>)> {
        if std::mem::take(&mut self.waits) {
            return None;
        }
        let is_old = self.opened.is_none_or(|opened| now.since(opened) >= AGE_MS);
        if !is_old && !self.is_due {
            return None;
        }
        self.asked += 1;
        let by_itself = self.refused || self.notice_ends.is_some_and(|ends| now <= ends);
        let (mut open, work) = state.next_epoch();
        let epoch = work.filter(|_| !by_itself).and_then(|work| work.prepare());
        match &epoch {
            Some(epoch) => open.arrays_hash = Some(epoch.arrays_hash().to_owned()),
            None => open.market = None,
        }
        let is_offered =
            self.unprepared_every == 0 || !self.asked.is_multiple_of(self.unprepared_every);
        let offer = epoch.filter(|_| is_offered);
        Some((Action::OpenEpoch(Box::new(open)), offer))
    }
}
