//! One side of the book by price: an array of levels around the best, a tree for the rest.
//!
//! Prices are *keys* here, [`Side::key`](crate::Side): the smaller, the better. The array is a
//! ring: key k stands at place k modulo its length, so that the window slides without moving
//! what stays inside.

use std::collections::BTreeMap;

use crate::bitmap::Bitmap;
use crate::links::NIL;

/// The best key of an empty side: worse than any price.
pub(crate) const EMPTY: i64 = i64::MAX;

/// The orders of one price: a queue, linked through the orders, and its sums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) orders: u32,
    pub(crate) displayed: i64,
    /// Displayed and hidden.
    pub(crate) open: i64,
}

const NO_LEVEL: Level = Level { head: NIL, tail: NIL, orders: 0, displayed: 0, open: 0 };

/// All levels of one side.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    /// The best key, or [`EMPTY`].
    best: i64,
    /// The first key of the window.
    base: i64,
    near: Vec<Level>,
    taken: Bitmap,
    near_levels: usize,
    far: BTreeMap<i64, Level>,
    /// Commands that met the tree since the window last slid.
    strain: usize,
}

impl Ladder {
    pub(crate) fn new(window: usize) -> Self {
        Self {
            best: EMPTY,
            base: 0,
            near: vec![NO_LEVEL; window],
            taken: Bitmap::new(window),
            near_levels: 0,
            far: BTreeMap::new(),
            strain: 0,
        }
    }

    /// The best key, or [`EMPTY`].
    #[inline]
    pub(crate) fn best(&self) -> i64 {
        self.best
    }

    /// How many prices have orders.
    pub(crate) fn levels(&self) -> usize {
        self.near_levels + self.far.len()
    }

    /// The level at a key, if it has orders.
    pub(crate) fn get(&self, key: i64) -> Option<&Level> {
        let level =
            if self.is_near(key) { Some(&self.near[self.place(key)]) } else { self.far.get(&key) };
        level.filter(|level| level.orders > 0)
    }

    /// The level at a key that has orders.
    #[inline]
    pub(crate) fn at(&mut self, key: i64) -> &mut Level {
        if self.is_near(key) {
            let place = self.place(key);
            return &mut self.near[place];
        }
        self.strain += 1;
        self.far.get_mut(&key).expect("a level with orders is in the window or in the tree")
    }

    /// The level at a key, for an order to join.
    #[inline]
    pub(crate) fn open(&mut self, key: i64) -> &mut Level {
        if self.best == EMPTY {
            self.start_at(key);
        }
        self.best = self.best.min(key);
        if !self.is_near(key) {
            self.strain += 1;
            if self.strain > self.near.len() / 4 {
                self.slide();
            }
        }
        if !self.is_near(key) {
            return self.far.entry(key).or_insert(NO_LEVEL);
        }
        let place = self.place(key);
        if self.near[place].orders == 0 {
            self.taken.set(place);
            self.near_levels += 1;
        }
        &mut self.near[place]
    }

    /// Takes away the level at a key, whose last order has left.
    #[inline]
    pub(crate) fn close(&mut self, key: i64) {
        let level = if self.is_near(key) {
            let place = self.place(key);
            self.taken.clear(place);
            self.near_levels -= 1;
            self.near[place]
        } else {
            self.far.remove(&key).expect("a level that closes was there")
        };
        let nothing = level.orders == 0 && level.displayed == 0 && level.open == 0;
        assert!(nothing, "a level without orders has no lots");
        if key == self.best {
            self.best = self.after(key);
        }
    }

    /// The next worse key with orders, or [`EMPTY`]. `key` need not have any.
    #[inline]
    pub(crate) fn after(&self, key: i64) -> i64 {
        let near = self.near_after(key);
        if self.far.is_empty() {
            return near;
        }
        let far = self.far.range(key + 1..).next().map_or(EMPTY, |(far, _)| *far);
        near.min(far)
    }

    /// The levels from the best on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &Level)> {
        let mut key = self.best;
        std::iter::from_fn(move || {
            let level = self.get(key)?;
            let found = (key, level);
            key = self.after(key);
            Some(found)
        })
    }

    fn near_after(&self, key: i64) -> i64 {
        let first = (key + 1).max(self.base);
        if self.near_levels == 0 || !self.is_near(first) {
            return EMPTY;
        }
        let start = self.place(first);
        let Some(place) = self.taken.next(start) else { return EMPTY };
        let found = first + (place.wrapping_sub(start) & (self.near.len() - 1)) as i64;
        // Round the ring, a place before the start is better than `first`, not worse.
        if self.is_near(found) { found } else { EMPTY }
    }

    #[inline]
    fn is_near(&self, key: i64) -> bool {
        (key.wrapping_sub(self.base) as u64) < self.near.len() as u64
    }

    #[inline]
    fn place(&self, key: i64) -> usize {
        key as usize & (self.near.len() - 1)
    }

    /// Puts the window of an empty side around its first key.
    fn start_at(&mut self, key: i64) {
        self.base = key - self.ahead();
        self.strain = 0;
    }

    /// How much of the window lies before the best, for better prices to come.
    fn ahead(&self) -> i64 {
        self.near.len() as i64 / 4
    }

    /// Slides the window to where the best is now, and moves levels that it leaves or meets. Since
    /// a quarter of a window of commands met the tree before, a command pays for few of them.
    #[cold]
    fn slide(&mut self) {
        self.strain = 0;
        let (base, len) = (self.best - self.ahead(), self.near.len() as i64);
        if base == self.base {
            return;
        }
        let (last, old) = (base + len, self.base);
        let leaves = |key: i64| key < base || key >= last;
        let mut key = self.near_after(old - 1);
        while key != EMPTY {
            if leaves(key) {
                let place = self.place(key);
                self.far.insert(key, std::mem::replace(&mut self.near[place], NO_LEVEL));
                self.taken.clear(place);
                self.near_levels -= 1;
            }
            key = self.near_after(key);
        }
        self.base = base;
        while let Some((&key, &level)) = self.far.range(base..last).next() {
            self.far.remove(&key);
            let place = self.place(key);
            self.near[place] = level;
            self.taken.set(place);
            self.near_levels += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use numerics::SplitMix;

    /// A ladder whose levels hold one made-up lot each, against a tree.
    #[test]
    fn agrees_with_a_tree_wherever_prices_go() {
        let draws = SplitMix { seed: 3 };
        let (mut ladder, mut tree) = (Ladder::new(64), BTreeMap::new());
        let mut middle = 0_i64;
        for turn in 0..60_000_u64 {
            let draw = |j| draws.u64(4 * turn + j);
            middle += (draw(0) % 5) as i64 - 2;
            if draw(0) % 5_000 < 3 {
                middle = -middle + 1_000;
            }
            let reach = if draw(1) % 4 == 0 { 300 } else { 40 };
            let key = middle + (draw(2) % reach) as i64;
            if tree.remove(&key).is_some() {
                let level = ladder.at(key);
                *level = NO_LEVEL;
                ladder.close(key);
            } else {
                let level = ladder.open(key);
                (level.orders, level.open) = (1, key);
                tree.insert(key, key);
            }
            if tree.len() > 90 {
                let (first, _) = tree.pop_first().unwrap();
                *ladder.at(first) = NO_LEVEL;
                ladder.close(first);
            }
            assert_eq!(ladder.best(), tree.keys().next().copied().unwrap_or(EMPTY));
            assert_eq!(ladder.levels(), tree.len());
            if turn % 64 == 0 {
                let found: Vec<i64> = ladder.iter().map(|(_, level)| level.open).collect();
                assert_eq!(found, tree.keys().copied().collect::<Vec<_>>());
            }
        }
    }
}
