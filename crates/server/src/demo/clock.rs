//! The time that a demo lives in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use instruments::Timestamp;
use node::{Clock, ManualClock, SystemClock};

/// How many times as fast as real time history may go.
pub const SPEED_MAX: u32 = 100;

/// A demo's clock, for its node and for itself. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct DemoClock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Real,
    Historic {
        begun: Instant,
        /// The time when it was begun, in milliseconds.
        at: Arc<AtomicI64>,
        speed: u32,
    },
    Manual(ManualClock),
}

impl DemoClock {
    /// The time of this machine.
    #[must_use]
    pub const fn real() -> Self {
        Self(Kind::Real)
    }

    /// A time that begins now at `from`, and goes `speed` times as fast as real time, 1 to
    /// [`SPEED_MAX`]. On a venue that is there it goes on from its last command once the
    /// [`Demo`](super::Demo) is started.
    #[must_use]
    pub fn historic(from: Timestamp, speed: u32) -> Self {
        let at = Arc::new(AtomicI64::new(from.milliseconds()));
        Self(Kind::Historic { begun: Instant::now(), at, speed: speed.clamp(1, SPEED_MAX) })
    }

    /// A time that is set by hand.
    #[must_use]
    pub const fn manual(clock: ManualClock) -> Self {
        Self(Kind::Manual(clock))
    }

    /// How many times as fast as real time it goes.
    #[must_use]
    pub const fn speed(&self) -> u32 {
        match self.0 {
            Kind::Historic { speed, .. } => speed,
            Kind::Real | Kind::Manual(_) => 1,
        }
    }

    /// Sets a historic clock forward to a time, if it is behind.
    pub(super) fn go_on_from(&self, last: Timestamp) {
        if let Kind::Historic { at, .. } = &self.0 {
            let behind = last.since(self.now());
            at.fetch_add(behind.max(0), Ordering::SeqCst);
        }
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Real => SystemClock.now(),
            Kind::Historic { begun, at, speed } => {
                let elapsed = begun.elapsed().as_micros() * u128::from(*speed) / 1_000;
                let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
                Timestamp::from_milliseconds(at.load(Ordering::SeqCst).saturating_add(elapsed))
            }
            Kind::Manual(clock) => clock.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn historic_time_goes_on_from_the_last_and_never_back() {
        let from: Timestamp = "2026-02-05T15:00:00Z".parse().unwrap();
        let clock = DemoClock::historic(from, 1_000_000);
        assert_eq!(clock.speed(), SPEED_MAX);
        let other = clock.clone();
        let last: Timestamp = "2026-03-01".parse().unwrap();
        assert!((from..last).contains(&clock.now()));
        clock.go_on_from(last);
        assert!(other.now() >= last);
        clock.go_on_from(from);
        assert!(other.now() >= last);
    }
}
