//! Whether the venue is alive, and ready for clients.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Serialize;

use super::Metrics;

/// The engine owes an answer for so long at most.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Commands that the feed, and the history, may be behind.
const FEED_LAG_MAX: u64 = 50_000;
const HISTORY_LAG_MAX: u64 = 1_000_000;
/// What must be free on the disk, in parts of a thousand.
const DISK_FREE_MIN: u64 = 20;

/// What is told of it.
#[derive(Debug, Serialize)]
pub struct Readiness {
    /// Whether clients can be served.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

impl Metrics {
    /// Whether starting again would not help: it is false once the engine has ended.
    pub fn is_live(&self) -> bool {
        let service = self.service();
        service.is_none_or(|service| !service.node.meter().has_ended.load(Relaxed))
    }

    /// Whether clients can be served.
    pub fn readiness(&self) -> Readiness {
        let reasons = self.why_not();
        Readiness { ready: reasons.is_empty(), reasons }
    }

    fn why_not(&self) -> Vec<String> {
        if self.is_stopping.load(Relaxed) {
            return vec!["the venue is being stopped".into()];
        }
        let Some(service) = self.service() else {
            return vec!["the venue recovers from its journal".into()];
        };
        let mut reasons = Vec::new();
        if service.node.meter().has_ended.load(Relaxed) {
            reasons.push("the engine has ended".into());
        }
        let silence = self.silence();
        if silence > SILENCE_MAX {
            reasons.push(format!("the engine has not answered for {} s", silence.as_secs()));
        }
        let (feed, history) = self.lags();
        if feed > FEED_LAG_MAX {
            reasons.push(format!("what clients see is {feed} commands behind"));
        }
        if !service.history.is_kept() {
            reasons.push("the history has ended".into());
        } else if history > HISTORY_LAG_MAX {
            reasons.push(format!("the history is {history} commands behind"));
        }
        if let Some((free, all)) = (self.disk)(&self.data)
            && free.saturating_mul(1_000) < all.saturating_mul(DISK_FREE_MIN)
        {
            reasons.push(format!("the disk is full but for {free} bytes"));
        }
        reasons
    }

    /// How long the engine has owed an answer.
    pub(super) fn silence(&self) -> Duration {
        self.seen().asked.map_or(Duration::ZERO, |asked| asked.elapsed())
    }

    /// How many commands the feed is behind the engine, and the history behind the feed.
    pub(super) fn lags(&self) -> (u64, u64) {
        let Some(service) = self.service() else { return (0, 0) };
        let released = service.node.status().released;
        let mut seen = self.seen();
        // If it is being changed just now, what it was when it was seen last.
        seen.feed = service.venue.sequence().unwrap_or(seen.feed);
        let history = service.history.through();
        (released.saturating_sub(seen.feed), seen.feed.saturating_sub(history))
    }
}
