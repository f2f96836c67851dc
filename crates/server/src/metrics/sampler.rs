//! Looking things up once a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use engine::State;
use engine::health::{Health, Standing};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::Metrics;

/// How often the engine is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often all accounts are margined, at most. It takes no more than one part in [`PART`] of a core.
const STANDING_EVERY: Duration = Duration::from_secs(10);
const PART: u32 = 20;
/// How many looks the worst of the last minute is found among.
const MINUTE: usize = 60;

/// What was seen last.
#[derive(Debug, Default)]
pub struct Seen {
    /// How the engine is doing.
    pub health: Option<Health>,
    /// Since when the engine owes an answer.
    pub asked: Option<Instant>,
    /// How accounts stand.
    pub standing: Option<Standing>,
    /// The feed's last command.
    pub feed: u64,
    /// The newest snapshot, and when it was first seen.
    pub snapshot: Option<(u64, Instant)>,
    /// The slowest sync and command of each second of the last minute, in nanoseconds.
    worst: VecDeque<[u64; 2]>,
}

impl Seen {
    /// The slowest sync and command within the last minute, in nanoseconds.
    pub fn worst(&self) -> [u64; 2] {
        let greatest = |place: usize| self.worst.iter().map(|worst| worst[place]).max();
        [0, 1].map(|place| greatest(place).unwrap_or(0))
    }
}

/// Looks until the venue is gone.
pub async fn run(metrics: Arc<Metrics>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::spawn(stand(Arc::clone(&metrics)));
    loop {
        ticks.tick().await;
        metrics.count_worst();
        metrics.look();
    }
}

/// Margins all accounts again and again, on the state beside the engine.
async fn stand(metrics: Arc<Metrics>) {
    let mut wait = LOOK_EVERY;
    loop {
        tokio::time::sleep(wait).await;
        wait = LOOK_EVERY;
        if metrics.is_stopping.load(Relaxed) {
            return;
        }
        let Some(node) = metrics.service().map(|service| service.node.clone()) else { continue };
        let begun = Instant::now();
        let standing = spawn_blocking(move || node.study(State::standing)).await;
        // What is busy, or not there yet, is asked again later.
        metrics.seen().standing = standing.ok().and_then(Result::ok);
        wait = STANDING_EVERY.max(begun.elapsed() * PART);
    }
}

impl Metrics {
    /// Takes down the slowest of the last second.
    pub(super) fn count_worst(&self) {
        let Some(service) = self.service() else { return };
        let meter = service.node.meter();
        let worst = [&meter.synced, &meter.durable].map(node::Spread::take_greatest);
        let mut seen = self.seen();
        if seen.worst.len() == MINUTE {
            seen.worst.pop_front();
        }
        seen.worst.push_back(worst);
    }

    /// Asks the engine how it is doing, unless it owes an answer.
    fn look(self: &Arc<Self>) {
        let Some(service) = self.service() else { return };
        let status = service.node.status();
        {
            let mut seen = self.seen();
            if seen.snapshot.is_none_or(|(known, _)| known != status.snapshot) {
                seen.snapshot = Some((status.snapshot, Instant::now()));
            }
            if seen.asked.is_some() {
                return;
            }
            seen.asked = Some(Instant::now());
        }
        let (node, metrics) = (service.node.clone(), Arc::clone(self));
        spawn_blocking(move || {
            let health = node.read(State::health);
            let mut seen = metrics.seen();
            // A node that has ended says nothing any more: it owes the answer forever.
            if let Ok(health) = health {
                (seen.health, seen.asked) = (Some(health), None);
            }
        });
    }
}
