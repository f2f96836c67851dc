//! What came of requests: counts, latencies, errors.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::mix::Kind;
use crate::wire::Refused;

/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;
/// Latencies are kept to so many digits.
const DIGITS: u8 = 3;

/// Codes of what had no room: too many requests, try again, a full queue, a venue that is closing.
pub const TURNED_AWAY: [i64; 4] = [10_028, 10_040, 10_047, 11_051];

/// What was acknowledged, for the check of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Orders that were placed.
    pub placed: Vec<u64>,
    /// Orders that were given another price.
    pub amended: Vec<u64>,
    /// Orders that were taken back.
    pub cancelled: Vec<u64>,
    /// Trades, by instrument and number.
    pub trades: Vec<(u64, u64)>,
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// What was asked.
    pub kind: Kind,
    /// When it was to be sent.
    pub due: Instant,
    /// Since when it could be: later, where a client waited for answers.
    pub ready: Instant,
    /// With which rate.
    pub phase: usize,
}

/// What came of the requests of one rate.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Which rate.
    phase: usize,
    /// Requests that were due before are not counted.
    from: Instant,
    /// Requests that were sent.
    pub sent: u64,
    /// Acknowledgements by what was asked.
    pub acknowledged: BTreeMap<Kind, u64>,
    /// Refusals by code, with the words of the first.
    pub refused: BTreeMap<i64, (String, u64)>,
    /// Microseconds from when a request was due to its acknowledgement.
    pub latency: Histogram<u64>,
    /// Microseconds from when a request could be sent to its sending.
    pub slip: Histogram<u64>,
    /// Acknowledgements that came since, of requests that were due before too.
    came: u64,
    /// When the last answer came.
    last: Option<Instant>,
    /// Trades that were told.
    pub trades: u64,
}

impl Tally {
    /// Nothing yet.
    pub fn new(phase: usize, from: Instant) -> Self {
        let histogram =
            || Histogram::new_with_max(LONGEST_US, DIGITS).expect("an hour in microseconds fits");
        Self {
            phase,
            from,
            sent: 0,
            acknowledged: BTreeMap::new(),
            refused: BTreeMap::new(),
            latency: histogram(),
            slip: histogram(),
            came: 0,
            last: None,
            trades: 0,
        }
    }

    /// Which rate is measured.
    pub const fn phase(&self) -> usize {
        self.phase
    }

    /// Takes note of what was sent.
    pub fn sent(&mut self, sent: &Sent, now: Instant) {
        if self.counts(sent) {
            self.sent += 1;
            self.slip.saturating_record(microseconds(now.saturating_duration_since(sent.ready)));
        }
    }

    /// Takes note of an acknowledgement, with so many trades.
    pub fn acknowledge(&mut self, sent: &Sent, trades: u64, now: Instant) {
        self.came += u64::from(sent.phase == self.phase && now >= self.from);
        if self.counts(sent) {
            *self.acknowledged.entry(sent.kind).or_default() += 1;
            self.trades += trades;
            self.latency.saturating_record(microseconds(now.saturating_duration_since(sent.due)));
            self.last = Some(now);
        }
    }

    /// Takes note of a refusal.
    pub fn refuse(&mut self, sent: &Sent, refused: &Refused, now: Instant) {
        if self.counts(sent) {
            let words = || (refused.words(), 0);
            self.refused.entry(refused.code).or_insert_with(words).1 += 1;
            self.last = Some(now);
        }
    }

    /// Acknowledgements of any kind.
    pub fn acknowledgements(&self) -> u64 {
        self.acknowledged.values().sum()
    }

    /// Refusals of any kind.
    pub fn refusals(&self) -> u64 {
        self.refused.values().map(|(_, count)| count).sum()
    }

    /// Refusals for want of room.
    pub fn turned_away(&self) -> u64 {
        let count = |code| self.refused.get(code).map_or(0, |(_, count)| *count);
        TURNED_AWAY.iter().map(count).sum()
    }

    /// Acknowledgements a second, from the first request that counts to the last answer.
    pub fn per_second(&self, window: Duration) -> f64 {
        self.came as f64 / self.took(window).as_secs_f64()
    }

    /// How long it took from the first request that counts to the last answer, at least `window`.
    pub fn took(&self, window: Duration) -> Duration {
        let took = self.last.map(|last| last.saturating_duration_since(self.from));
        took.unwrap_or_default().max(window)
    }

    fn counts(&self, sent: &Sent) -> bool {
        sent.phase == self.phase && sent.due >= self.from
    }
}

/// In microseconds.
pub fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_when_it_was_due() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tally = Tally::new(1, at(1_000));
        let sent =
            |due, ready, phase| Sent { kind: Kind::Take, due: at(due), ready: at(ready), phase };
        let all = [(999, 999, 1), (1_000, 1_500, 1), (2_000, 2_000, 1), (2_000, 2_000, 0)];
        for one in all.map(|(due, ready, phase)| sent(due, ready, phase)) {
            tally.sent(&one, at(2_000));
            tally.acknowledge(&one, 2, at(2_500));
        }
        assert_eq!((tally.sent, tally.acknowledgements(), tally.trades), (2, 2, 4));
        // It fell behind from when it had room.
        assert_eq!((tally.slip.max() / 1_000, tally.latency.min() / 500), (500, 999));
        assert!(tally.latency.max() / 1_000 == 1_500 || tally.latency.max() / 1_000 == 1_501);
        let window = Duration::from_secs(1);
        assert_eq!(tally.took(window), Duration::from_millis(1_500));
        // What was due before came in this time as well.
        assert_eq!(tally.per_second(window), 3.0 / 1.5);
        assert_eq!(Tally::new(0, start).took(window), window);
    }

    #[test]
    fn refusals_are_counted_by_code() {
        let start = Instant::now();
        let mut tally = Tally::new(0, start);
        let sent = Sent { kind: Kind::Cancel, due: start, ready: start, phase: 0 };
        let text = r#"{"code": 10028, "message": "too_many_requests", "data": {"reason": "wait"}}"#;
        let refused: Refused = serde_json::from_str(text).unwrap();
        tally.refuse(&sent, &refused, start);
        tally.refuse(&sent, &refused, start);
        let words = "too_many_requests (10028): wait".to_owned();
        assert_eq!(tally.refused, BTreeMap::from([(10_028, (words, 2))]));
        assert_eq!((tally.refusals(), tally.turned_away(), tally.acknowledgements()), (2, 2, 0));
    }
}
