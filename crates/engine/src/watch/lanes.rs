//! Levels in order: of each index, mark and clock those that it reaches first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use instruments::{Price, Timestamp};
use ledger::AccountId;

use crate::InstrumentId;

/// Sides of an index or mark, and the clock of an asset.
pub(super) const FALL: usize = 0;
pub(super) const RISE: usize = 1;
pub(super) const CLOCK: usize = 2;
/// Levels that a lane has before it looks for those of the past.
const FEW: usize = 1_024;

/// What levels are of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    /// The index of the asset in a place, on a side, or its clock.
    Asset(usize, usize),
    /// The mark of an instrument, on a side.
    Mark(InstrumentId, usize),
    /// The market's time.
    Time,
}

/// Every lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    assets: Vec<[Levels; 3]>,
    marks: Vec<[Levels; 2]>,
    times: Levels,
}

/// Levels of one lane, the first that is reached on top. Those of the past stay until they are
/// reached or too many.
#[derive(Clone, Debug, Default)]
struct Levels {
    heap: BinaryHeap<Reverse<Entry>>,
    room: usize,
}

/// An account's level in a lane. What falls counts from zero down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    level: i64,
    pub account: u32,
    pub stamp: u32,
}

impl Lanes {
    /// Adds a level; `is_current` tells those of the past.
    pub fn push(
        &mut self,
        lane: Lane,
        level: i64,
        account: AccountId,
        stamp: u32,
        is_current: impl Fn(&Entry) -> bool,
    ) {
        let levels = match lane {
            Lane::Asset(place, side) => {
                if place >= self.assets.len() {
                    self.assets.resize_with(place + 1, Default::default);
                }
                &mut self.assets[place][side]
            }
            Lane::Mark(id, side) => {
                if id.place() >= self.marks.len() {
                    self.marks.resize_with(id.place() + 1, Default::default);
                }
                &mut self.marks[id.place()][side]
            }
            Lane::Time => &mut self.times,
        };
        if levels.heap.len() >= levels.room.max(FEW) {
            levels.heap.retain(|Reverse(entry)| is_current(entry));
            levels.room = 2 * levels.heap.len();
        }
        levels.heap.push(Reverse(Entry { level, account: account.number(), stamp }));
    }

    /// Takes out the levels that an asset's index and clock have reached.
    pub fn reach_asset(
        &mut self,
        place: usize,
        price: Option<Price>,
        clock: i64,
        reached: &mut Vec<Entry>,
    ) {
        let Some(lanes) = self.assets.get_mut(place) else { return };
        if let Some(price) = price {
            lanes[FALL].reach(-price.units(), reached);
            lanes[RISE].reach(price.units(), reached);
        }
        lanes[CLOCK].reach(clock, reached);
    }

    /// Takes out the levels that time has reached.
    pub fn reach_time(&mut self, time: Timestamp, reached: &mut Vec<Entry>) {
        self.times.reach(time.milliseconds(), reached);
    }

    /// Takes out the levels that a mark has reached.
    pub fn reach_mark(&mut self, id: InstrumentId, mark: Price, reached: &mut Vec<Entry>) {
        let Some(lanes) = self.marks.get_mut(id.place()) else { return };
        lanes[FALL].reach(-mark.units(), reached);
        lanes[RISE].reach(mark.units(), reached);
    }
}

impl Levels {
    fn reach(&mut self, now: i64, reached: &mut Vec<Entry>) {
        while let Some(Reverse(entry)) = self.heap.peek().copied()
            && entry.level <= now
        {
            self.heap.pop();
            reached.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(lanes: &mut Lanes, price: i64, clock: i64) -> Vec<u32> {
        let mut reached = Vec::new();
        lanes.reach_asset(0, Some(Price::from_units(price)), clock, &mut reached);
        reached.iter().map(|entry| entry.account).collect()
    }

    #[test]
    fn levels_are_reached_in_order_and_once() {
        let mut lanes = Lanes::default();
        for (account, side, level) in
            [(1, FALL, -90), (2, FALL, -80), (3, RISE, 110), (4, RISE, 105), (5, CLOCK, 7)]
        {
            lanes.push(Lane::Asset(0, side), level, AccountId::new(account), 0, |_| true);
        }
        assert!(reached(&mut lanes, 100, 6).is_empty());
        assert_eq!(reached(&mut lanes, 90, 6), [1]);
        assert_eq!(reached(&mut lanes, 120, 7), [4, 3, 5]);
        assert_eq!(reached(&mut lanes, 1, 9), [2]);
        assert!(reached(&mut lanes, 1, 9).is_empty());
    }

    #[test]
    fn levels_of_the_past_make_room() {
        let mut lanes = Lanes::default();
        for stamp in 0..100_000 {
            let lane = Lane::Mark(InstrumentId(3), RISE);
            lanes.push(lane, 10, AccountId::new(0), stamp, |entry| entry.stamp == stamp);
        }
        assert!(lanes.marks[3][RISE].heap.len() <= 2 * FEW);
    }
}
