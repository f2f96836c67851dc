//! What a node has released, on its way to the demo.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::Command;

/// Commands that may wait. When so many do, all are dropped, and the demo asks the node where it is.
const WAITING_MAX: usize = 1 << 16;

/// Takes what a node releases to the [`Demo`](super::Demo). Clones are the same feed.
#[derive(Clone, Debug, Default)]
pub struct DemoFeed(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    commands: VecDeque<Command>,
    /// Whether somebody takes them, and has missed none.
    is_open: bool,
}

impl DemoFeed {
    /// A feed that nobody takes from yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows a command that was released, each in its turn. It never waits for the demo.
    pub fn push(&self, command: &Command) {
        let mut waiting = self.lock();
        if !waiting.is_open {
            return;
        }
        // Who waits has found nothing; a wake is a system call.
        let is_first = waiting.commands.is_empty();
        if waiting.commands.len() < WAITING_MAX {
            waiting.commands.push_back(command.clone());
        } else {
            waiting.close();
        }
        drop(waiting);
        if is_first {
            self.0.came.notify_one();
        }
    }

    /// From now on every command is kept.
    pub(super) fn open(&self) {
        self.lock().is_open = true;
    }

    /// From now on none is.
    pub(super) fn close(&self) {
        self.lock().close();
    }

    /// What has come, waiting so long if there is nothing; `None` if something was missed.
    pub(super) fn take(&self, wait: Duration) -> Option<VecDeque<Command>> {
        let mut waiting = self.lock();
        if waiting.is_open && waiting.commands.is_empty() && !wait.is_zero() {
            let came = self.0.came.wait_timeout(waiting, wait);
            (waiting, _) = came.unwrap_or_else(PoisonError::into_inner);
        }
        waiting.is_open.then(|| std::mem::take(&mut waiting.commands))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn close(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use engine::Action;
    use instruments::Timestamp;

    use super::*;

    #[test]
    fn too_much_is_a_gap_and_never_a_wait() {
        let feed = DemoFeed::new();
        let time = Timestamp::from_milliseconds(0);
        let push = |sequence| feed.push(&Command { sequence, time, action: Action::Tick {} });
        push(1);
        assert!(feed.take(Duration::ZERO).is_none(), "nobody asked for it");
        feed.open();
        push(2);
        assert_eq!(feed.take(Duration::ZERO).unwrap().len(), 1);
        assert!(feed.take(Duration::ZERO).unwrap().is_empty());
        for sequence in 0..=WAITING_MAX as u64 {
            push(sequence);
        }
        assert!(feed.take(Duration::ZERO).is_none());
        feed.open();
        push(3);
        assert_eq!(feed.take(Duration::ZERO).unwrap()[0].sequence, 3);
    }
}
