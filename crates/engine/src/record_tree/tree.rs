//! The tree of one kind, kept up to date.

use super::{EMPTY, Hash, node};

/// All hashes of one kind: a full binary tree over a power of two of slots, most of which may be
/// empty.
///
/// Between refreshes every node is the hash of its two halves.
#[derive(Clone, Debug, Default)]
pub(super) struct KindTree {
    /// The leaves first, each level half as long as the one below it, the last a single hash. No
    /// levels before the first slot.
    levels: Vec<Vec<Hash>>,
    /// Whether a slot is among the dirty ones.
    is_dirty: Vec<bool>,
    dirty: Vec<u32>,
}

impl KindTree {
    pub(super) fn reserve(&mut self, slots: usize) {
        if slots > self.capacity() {
            self.grow(slots.next_power_of_two());
        }
        self.dirty.reserve(slots.saturating_sub(self.dirty.len()));
    }

    pub(super) fn mark_dirty(&mut self, slot: u32) {
        let place = slot as usize;
        if place >= self.capacity() {
            self.grow((place + 1).next_power_of_two());
        }
        if !std::mem::replace(&mut self.is_dirty[place], true) {
            self.dirty.push(slot);
        }
    }

    /// Takes the hashes of the dirty leaves anew, by rising slot, and of all nodes above those that
    /// changed.
    pub(super) fn refresh(&mut self, mut leaf: impl FnMut(u32) -> Hash) {
        self.dirty.sort_unstable();
        let Some((leaves, above)) = self.levels.split_first_mut() else { return };
        self.dirty.retain(|&slot| {
            self.is_dirty[slot as usize] = false;
            let fresh = leaf(slot);
            std::mem::replace(&mut leaves[slot as usize], fresh) != fresh
        });
        let mut below: &[Hash] = leaves;
        for level in above {
            // From here on these are places within the level, still rising.
            self.dirty.iter_mut().for_each(|place| *place /= 2);
            self.dirty.dedup();
            for &place in &self.dirty {
                let place = place as usize;
                level[place] = node(&below[2 * place], &below[2 * place + 1]);
            }
            below = level;
        }
        self.dirty.clear();
    }

    /// The number of slots up to the last record, and the top of the least full tree over them.
    pub(super) fn top(&self) -> (u32, Hash) {
        let Some(slots) = self.slots() else { return (0, EMPTY) };
        let height = slots.next_power_of_two().trailing_zeros();
        (slots, self.levels[height as usize][0])
    }

    /// The number of slots up to the last record: down from the top by the right half wherever it
    /// is not empty.
    fn slots(&self) -> Option<u32> {
        let (top, below) = self.levels.split_last()?;
        if top[0] == EMPTY {
            return None;
        }
        let down = |place: usize, level: &Vec<Hash>| {
            let right = 2 * place + 1;
            if level[right] == EMPTY { right - 1 } else { right }
        };
        let last = below.iter().rev().fold(0, down);
        Some(u32::try_from(last + 1).expect("slots are bounded far below 2^32"))
    }

    fn capacity(&self) -> usize {
        self.is_dirty.len()
    }

    /// Lengthens every level, and puts new ones on top in which the old top is the first place.
    fn grow(&mut self, capacity: usize) {
        self.is_dirty.resize(capacity, false);
        let mut length = capacity;
        for height in 0..=capacity.trailing_zeros() as usize {
            if height == self.levels.len() {
                let first = match self.levels.last() {
                    Some(below) => node(&below[0], &below[1]),
                    None => EMPTY,
                };
                self.levels.push(vec![first]);
            }
            self.levels[height].resize(length, EMPTY);
            length /= 2;
        }
    }
}
