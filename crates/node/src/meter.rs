//! What a node counts while it runs, for those who watch over it. Counting is a few relaxed additions; no
//! result depends on it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Bounds of a [`Spread`]: powers of two, with one place more for what is beyond the last.
const PLACES: usize = 40;

/// Counts of a node since it began.
#[derive(Debug, Default)]
pub struct Meter {
    queued: AtomicI64,
    /// Commands refused since the queue was full.
    pub refused: AtomicU64,
    /// Commands that are durable and released.
    pub commands: AtomicU64,
    /// Events of them.
    pub events: AtomicU64,
    /// Bytes of records handed to the log.
    pub bytes: AtomicU64,
    /// Commands of a batch.
    pub batches: Spread,
    /// How long the engine took over a batch, in nanoseconds.
    pub applied: Spread,
    /// How long the log took to make a batch durable, in nanoseconds.
    pub synced: Spread,
    /// From when a command was handed in until it was durable, in nanoseconds.
    pub durable: Spread,
    /// Whether the node has ended.
    pub has_ended: AtomicBool,
}

impl Meter {
    /// What waits for the sequencer now.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.queued.load(Relaxed).max(0).unsigned_abs()
    }

    pub(crate) fn enter(&self) {
        self.queued.fetch_add(1, Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.queued.fetch_sub(1, Relaxed);
    }
}

/// How numbers are spread: how many there were up to each power of two.
#[derive(Debug)]
pub struct Spread {
    counts: [AtomicU64; PLACES],
    sum: AtomicU64,
    /// The greatest since it was taken last.
    greatest: AtomicU64,
}

impl Default for Spread {
    fn default() -> Self {
        let counts = [const { AtomicU64::new(0) }; PLACES];
        Self { counts, sum: AtomicU64::new(0), greatest: AtomicU64::new(0) }
    }
}

impl Spread {
    /// Counts a number.
    pub fn add(&self, number: u64) {
        // 2^(place − 1) < number ≤ 2^place
        let place = (u64::BITS - number.saturating_sub(1).leading_zeros()) as usize;
        self.counts[place.min(PLACES - 1)].fetch_add(1, Relaxed);
        self.sum.fetch_add(number, Relaxed);
        // Hardly ever greater: most of the time this only reads.
        if number > self.greatest.load(Relaxed) {
            self.greatest.fetch_max(number, Relaxed);
        }
    }

    /// Counts a time, in nanoseconds.
    pub fn add_time(&self, time: Duration) {
        self.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many numbers there were from the place's last bound to the place's: 2 to its power, and without
    /// bound at the last place.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        self.counts.iter().map(|count| count.load(Relaxed)).collect()
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }

    /// The greatest since this was asked last.
    #[must_use]
    pub fn take_greatest(&self) -> u64 {
        self.greatest.swap(0, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_at_the_power_of_two_that_bounds_them() {
        let spread = Spread::default();
        for number in [0, 1, 2, 3, 4, 5, 1 << 20, u64::MAX] {
            spread.add(number);
        }
        let counts = spread.counts();
        let found: Vec<(usize, u64)> =
            counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
        assert_eq!(found, [(0, 2), (1, 1), (2, 2), (3, 1), (20, 1), (PLACES - 1, 1)]);
        assert_eq!((spread.take_greatest(), spread.take_greatest()), (u64::MAX, 0));
    }
}
