//! Whether the journal has what was acknowledged.

use std::path::{Path, PathBuf};

use engine::Event;
use node::replay;

use super::tally::Acknowledged;
use crate::failure::Failure;
use crate::journals::JournalFolder;
use crate::progress::Progress;

/// Things that are missing are told one by one up to so many.
const TOLD_MAX: usize = 10;
/// The journal within a venue's data folder.
const JOURNAL: &str = "journal";

/// A journal that is looked into when the load is over.
pub struct JournalCheck {
    folder: PathBuf,
    /// The last command before the load.
    before: u64,
}

/// What the journal has of the load's time.
#[derive(Debug, Default)]
pub struct Kept {
    /// Commands.
    pub commands: u64,
    placed: Vec<u64>,
    amended: Vec<u64>,
    cancelled: Vec<u64>,
    trades: Vec<(u64, u64)>,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Commands that were looked at.
    pub commands: u64,
    /// Orders that were acknowledged as placed.
    pub orders: u64,
    /// As amended.
    pub amendments: u64,
    /// As cancelled.
    pub cancellations: u64,
    /// Trades that were told.
    pub trades: u64,
    /// How many of all these the journal does not have.
    pub missing: u64,
    /// Trades that are there, or were told, more than once.
    pub doubled: u64,
    /// What is wrong, in words; not all of it if it is much.
    pub problems: Vec<String>,
}

impl JournalCheck {
    /// Takes note of where the journal is.
    pub fn begin(path: &Path) -> Result<Self, Failure> {
        let within = path.join(JOURNAL);
        let folder = if within.is_dir() { within } else { path.to_owned() };
        let before = open(&folder)?.last()?;
        Ok(Self { folder, before })
    }

    /// Reads what came since, and looks for what was acknowledged.
    pub fn finish(self, acknowledged: &Acknowledged) -> Result<Checked, Failure> {
        let journal = open(&self.folder)?;
        let last = journal.last()?;
        let mut progress = Progress::of("checking the journal", last);
        let failure = |error| journal.failure(error);
        let seen = &mut |command: &engine::Command, _: &[Event]| progress.reach(command.sequence);
        let mut replayed = replay(&journal.reader, self.before, true, seen).map_err(failure)?;
        let mut kept = Kept::default();
        let seen = &mut |command: &engine::Command, events: &[Event]| {
            kept.take(events);
            progress.reach(command.sequence);
        };
        replayed.go_on(&journal.reader, last, seen).map_err(failure)?;
        Ok(kept.compare(acknowledged))
    }
}

fn open(folder: &Path) -> Result<JournalFolder, Failure> {
    JournalFolder::of(&folder.display().to_string())
}

impl Kept {
    /// Takes note of what a command did.
    fn take(&mut self, events: &[Event]) {
        self.commands += 1;
        for event in events {
            match event {
                Event::OrderAccepted { order, .. } => self.placed.push(order.0),
                Event::Amended { order, .. } => self.amended.push(order.0),
                Event::Cancelled { order, .. } => self.cancelled.push(order.0),
                Event::Trade(trade) => {
                    self.trades.push((u64::from(trade.instrument.0) + 1, trade.trade));
                }
                _ => {}
            }
        }
    }

    /// Looks for what was acknowledged.
    pub fn compare(mut self, acknowledged: &Acknowledged) -> Checked {
        for all in [&mut self.placed, &mut self.amended, &mut self.cancelled] {
            all.sort_unstable();
        }
        self.trades.sort_unstable();
        let count = |all: &[u64]| all.len() as u64;
        let mut checked = Checked {
            commands: self.commands,
            orders: count(&acknowledged.placed),
            amendments: count(&acknowledged.amended),
            cancellations: count(&acknowledged.cancelled),
            trades: acknowledged.trades.len() as u64,
            ..Checked::default()
        };
        for (what, told, kept) in [
            ("placed", &acknowledged.placed, &self.placed),
            ("amended", &acknowledged.amended, &self.amended),
            ("cancelled", &acknowledged.cancelled, &self.cancelled),
        ] {
            for order in told.iter().filter(|order| kept.binary_search(order).is_err()) {
                checked.missing += 1;
                checked.say(|| format!("order {order} was acknowledged as {what}"));
            }
        }
        for trade in &acknowledged.trades {
            if self.trades.binary_search(trade).is_err() {
                checked.missing += 1;
                checked.say(|| format!("trade {}-{} was acknowledged", trade.0, trade.1));
            }
        }
        let mut told = acknowledged.trades.clone();
        told.sort_unstable();
        for (where_, all) in [("in the journal", &self.trades), ("in answers", &told)] {
            for pair in all.windows(2).filter(|pair| pair[0] == pair[1]) {
                checked.doubled += 1;
                checked.say(|| format!("trade {}-{} is twice {where_}", pair[0].0, pair[0].1));
            }
        }
        checked
    }
}

impl Checked {
    /// Whether all is as it must be.
    pub const fn is_sound(&self) -> bool {
        self.missing == 0 && self.doubled == 0
    }

    fn say(&mut self, words: impl FnOnce() -> String) {
        if self.problems.len() < TOLD_MAX {
            self.problems.push(words());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept {
            commands: 9,
            placed: vec![1, 2, 3],
            amended: vec![2],
            cancelled: vec![3, 1],
            trades: vec![(2, 1), (1, 1)],
        }
    }

    fn acknowledged() -> Acknowledged {
        Acknowledged {
            placed: vec![3, 1],
            amended: vec![2],
            cancelled: vec![1],
            trades: vec![(1, 1), (2, 1)],
        }
    }

    #[test]
    fn what_is_there_is_found() {
        let checked = kept().compare(&acknowledged());
        let expected = Checked {
            commands: 9,
            orders: 2,
            amendments: 1,
            cancellations: 1,
            trades: 2,
            ..Checked::default()
        };
        assert!(checked == expected && checked.is_sound(), "{checked:?}");
    }

    #[test]
    fn an_order_that_is_missing_is_found_out() {
        let mut forged = acknowledged();
        forged.placed.push(4);
        let checked = kept().compare(&forged);
        assert_eq!((checked.missing, checked.is_sound()), (1, false));
        assert_eq!(checked.problems, ["order 4 was acknowledged as placed"]);
        let mut forged = acknowledged();
        forged.amended.push(1);
        forged.cancelled.push(2);
        forged.trades.push((1, 2));
        assert_eq!(kept().compare(&forged).missing, 3);
    }

    #[test]
    fn a_trade_that_is_there_twice_is_found_out() {
        let mut kept = kept();
        kept.trades.push((1, 1));
        let checked = kept.compare(&acknowledged());
        assert_eq!((checked.doubled, checked.missing), (1, 0));
        assert_eq!(checked.problems, ["trade 1-1 is twice in the journal"]);
        let mut forged = acknowledged();
        forged.trades.push((1, 1));
        assert_eq!(self::kept().compare(&forged).problems, ["trade 1-1 is twice in answers"]);
    }

    #[test]
    fn of_many_problems_some_are_told() {
        let forged = Acknowledged { placed: (100..200).collect(), ..Acknowledged::default() };
        let checked = kept().compare(&forged);
        assert_eq!((checked.missing, checked.problems.len()), (100, TOLD_MAX));
    }
}
