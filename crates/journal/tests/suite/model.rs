//! A journal beside a plain list, under random appends, syncs, crashes and reopenings.

use plimsoll_journal::Journal;
use plimsoll_journal::faulty::{Faults, Luck, Memory};
use proptest::prelude::*;

use crate::world::{Record, check, options, read, scale};

/// A record of equal bytes, or of bytes that differ.
#[derive(Clone, Debug)]
enum Shape {
    Equal { byte: u8, length: usize },
    Varied { seed: u8, length: usize },
}

impl Shape {
    fn record(&self) -> Record {
        match *self {
            Self::Equal { byte, length } => vec![byte; length],
            Self::Varied { seed, length } => {
                (0..length).map(|at| seed.wrapping_add((at * 37 % 255) as u8)).collect()
            }
        }
    }
}

/// What is done to a journal.
#[derive(Clone, Debug)]
enum Action {
    Append { records: Vec<Shape>, time_ms: u64 },
    Sync,
    Reopen,
    Kill,
    CutPower(u64),
    CrashIn(u64),
    FillDisk(u64),
    FailSync(u64),
}

fn shape() -> impl Strategy<Value = Shape> {
    let varied = (any::<u8>(), 0..80_usize);
    let equal = (prop_oneof![Just(0), any::<u8>()], 0..3000_usize);
    prop_oneof![
        2 => varied.prop_map(|(seed, length)| Shape::Varied { seed, length }),
        1 => equal.prop_map(|(byte, length)| Shape::Equal { byte, length }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let records = prop::collection::vec(shape(), 1..6);
    let append = (records, any::<u64>());
    prop_oneof![
        6 => append.prop_map(|(records, time_ms)| Action::Append { records, time_ms }),
        6 => Just(Action::Sync),
        1 => Just(Action::Reopen),
        1 => Just(Action::Kill),
        1 => any::<u64>().prop_map(Action::CutPower),
        1 => (0..6000_u64).prop_map(Action::CrashIn),
        1 => (0..20_000_u64).prop_map(Action::FillDisk),
        1 => (0..4_u64).prop_map(Action::FailSync),
    ]
}

/// A journal, and what must be in it.
struct Pair {
    memory: Memory,
    journal: Option<Journal<Memory>>,
    acknowledged: Vec<(u64, Vec<Record>)>,
    pending: Option<(u64, Vec<Record>)>,
    deaths: u64,
}

impl Pair {
    fn new() -> Self {
        let memory = Memory::new();
        Self { memory, journal: None, acknowledged: Vec::new(), pending: None, deaths: 0 }
    }

    fn apply(&mut self, action: Action) {
        if self.journal.is_none() {
            self.journal = Some(Journal::open(self.memory.clone(), options()).unwrap().0);
            self.compare_after_opening();
        }
        match action {
            Action::Append { records, time_ms } => {
                self.append(records.iter().map(Shape::record).collect(), time_ms);
            }
            Action::Sync => self.sync(),
            Action::Reopen | Action::Kill => self.replace(|memory| memory.kill()),
            Action::CutPower(seed) => self.replace(|memory| memory.cut_power(luck(seed))),
            Action::CrashIn(steps) => {
                self.inject(Faults { crash_after_steps: Some(steps), ..Faults::default() });
            }
            Action::FillDisk(more) => {
                let names = crate::world::segments(&self.memory);
                let used: usize =
                    names.iter().map(|name| self.memory.bytes(name).unwrap().len()).sum();
                let capacity_bytes = Some(used as u64 + more);
                self.inject(Faults { capacity_bytes, ..Faults::default() });
            }
            Action::FailSync(nth) => {
                self.inject(Faults { failing_sync: Some(nth), ..Faults::default() });
            }
        }
    }

    fn inject(&self, faults: Faults) {
        self.memory.inject(faults);
    }

    fn append(&mut self, records: Vec<Record>, time_ms: u64) {
        use plimsoll_journal::AppendError::{NoSegment, NotSynced};
        let journal = self.journal.as_mut().expect("opened before every action");
        match journal.append(&records, time_ms) {
            Ok(pending) => {
                assert_eq!(pending.last - pending.first + 1, records.len() as u64);
                self.pending = Some((time_ms, records));
            }
            Err(NotSynced) => assert!(self.pending.is_some()),
            Err(NoSegment(_)) if !self.memory.has_crashed() => {}
            Err(_) => {
                // A write that was cut short may have been whole all the same.
                self.pending = Some((time_ms, records));
                self.die();
            }
        }
    }

    fn sync(&mut self) {
        let journal = self.journal.as_mut().expect("opened before every action");
        match journal.sync() {
            Ok(durable) => {
                self.acknowledged.extend(self.pending.take());
                let count: usize = self.acknowledged.iter().map(|(_, records)| records.len()).sum();
                assert_eq!(durable.sequence, count as u64);
            }
            Err(_) => self.die(),
        }
    }

    /// The process ends after an error, and sometimes the power is cut with it.
    fn die(&mut self) {
        self.deaths += 1;
        let deaths = self.deaths;
        self.replace(|memory| {
            if deaths.is_multiple_of(2) { memory.kill() } else { memory.cut_power(luck(deaths)) }
        });
    }

    fn replace(&mut self, next: impl FnOnce(&Memory) -> Memory) {
        let memory = next(&self.memory);
        self.journal = None;
        self.memory = memory;
    }

    /// A batch that was pending is there wholly or not at all, and nothing else has changed.
    fn compare_after_opening(&mut self) {
        let found = read(&self.memory).unwrap();
        let pending = self.pending.take();
        if found.len() > self.acknowledged.len() {
            self.acknowledged.extend(pending);
        }
        let (left, all) = (found.len(), self.acknowledged.len());
        assert!(found == self.acknowledged, "{left} batches are left of {all}, or others");
    }
}

fn luck(seed: u64) -> Luck {
    match seed % 4 {
        0 => Luck::Nothing,
        1 => Luck::Everything,
        _ => Luck::Seed(seed),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000 * scale()))]

    #[test]
    fn everything_acknowledged_is_there_once(
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let mut pair = Pair::new();
        for action in actions {
            pair.apply(action);
        }
        pair.replace(|memory| memory.cut_power(Luck::Nothing));
        check(&pair.memory).unwrap();
        pair.apply(Action::Sync);
    }
}
