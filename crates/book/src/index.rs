//! Where a number's slot is: a table with open addressing.
//!
//! Only looked up, never iterated, so that its order decides nothing. Linear probing with the rest
//! of a run shifted back on removal keeps runs short without markers of removed entries (Knuth,
//! *The Art of Computer Programming* vol. 3, 6.4, algorithm R).

/// Entries at first: a power of two.
const LEN_MIN: usize = 64;
/// 2^64 divided by the golden ratio: consecutive numbers fall far from each other (Knuth, 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Entries of 8 bytes in a cache line.
const RUN: u64 = 8;

/// From a number to a slot of at most 2^31. An entry is a hash and a slot, so the caller says
/// whether a slot is the number's.
#[derive(Clone, Debug)]
pub struct SlotIndex {
    /// High half: the hash. Low half: one more than the slot, or 0 for an empty entry.
    entries: Vec<u64>,
    used: usize,
    /// How far a hash is shifted to make a place.
    shift: u32,
}

impl Default for SlotIndex {
    fn default() -> Self {
        Self::new()
    }
}

impl SlotIndex {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: vec![0; LEN_MIN], used: 0, shift: 32 - LEN_MIN.trailing_zeros() }
    }

    /// The slot of `number` for which `is_it` holds.
    #[inline]
    pub fn find(&self, number: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(number);
        let mut place = self.home(hash);
        loop {
            let entry = self.entries[place];
            if entry == 0 {
                return None;
            }
            if entry >> 32 == hash && is_it(slot(entry)) {
                return Some(slot(entry));
            }
            place = self.after(place);
        }
    }

    /// The slot of `number`, or of another with the same hash; looks at no slot.
    #[inline]
    #[must_use]
    pub fn guess(&self, number: u64) -> Option<u32> {
        let hash = hash(number);
        let mut place = self.home(hash);
        while self.entries[place] != 0 && self.entries[place] >> 32 != hash {
            place = self.after(place);
        }
        self.entries[place].checked_sub(1).map(|entry| entry as u32)
    }

    /// Asks for the memory that finding `number` takes.
    #[inline]
    pub fn prefetch(&self, number: u64) {
        numerics::prefetch(&self.entries[self.home(hash(number))]);
    }

    /// Adds a number that is not there yet.
    pub fn insert(&mut self, number: u64, slot: u32) {
        if (self.used + 1) * 2 > self.entries.len() {
            self.grow();
        }
        self.used += 1;
        self.put(hash(number) << 32 | u64::from(slot + 1));
    }

    /// Removes a number that is there, with its slot.
    ///
    /// # Panics
    /// If it is not there.
    pub fn remove(&mut self, number: u64, slot: u32) {
        let entry = hash(number) << 32 | u64::from(slot + 1);
        let mut hole = self.home(entry >> 32);
        while self.entries[hole] != entry {
            assert!(self.entries[hole] != 0, "only what is in the index is removed");
            hole = self.after(hole);
        }
        self.used -= 1;
        let mut place = hole;
        loop {
            place = self.after(place);
            let entry = self.entries[place];
            if entry == 0 {
                break;
            }
            // An entry may move back to the hole if its home does not lie behind the hole.
            let mask = self.entries.len() - 1;
            let from_home = place.wrapping_sub(self.home(entry >> 32)) & mask;
            let from_hole = place.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.entries[hole] = entry;
                hole = place;
            }
        }
        self.entries[hole] = 0;
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((hash >> self.shift) & !(RUN - 1) | (hash % RUN)) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.entries.len() - 1)
    }

    fn put(&mut self, entry: u64) {
        let mut place = self.home(entry >> 32);
        while self.entries[place] != 0 {
            place = self.after(place);
        }
        self.entries[place] = entry;
    }

    fn grow(&mut self) {
        let larger = vec![0; self.entries.len() * 2];
        let entries = std::mem::replace(&mut self.entries, larger);
        self.shift -= 1;
        entries.into_iter().filter(|entry| *entry != 0).for_each(|entry| self.put(entry));
    }
}

/// 32 bits of a number's hash. The low three are the number's own, so that eight consecutive
/// numbers, which often come and go together, share a cache line.
#[inline]
fn hash(number: u64) -> u64 {
    ((number / RUN).wrapping_mul(GOLDEN) >> 32) & !(RUN - 1) | (number % RUN)
}

#[inline]
fn slot(entry: u64) -> u32 {
    entry as u32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use numerics::SplitMix;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_tree_through_growth_and_removal() {
        let draws = SplitMix { seed: 1 };
        let mut index = SlotIndex::new();
        let mut numbers = vec![0_u64; 4_000];
        let mut tree = BTreeMap::new();
        for turn in 0..40_000 {
            let number = draws.u64(turn) % 3_000 * 0x1_0000_0001;
            let slot = (number % 3_001) as u32;
            let found = index.find(number, |slot| numbers[slot as usize] == number);
            assert_eq!(found, tree.get(&number).copied());
            if found.is_some() {
                index.remove(number, slot);
                tree.remove(&number);
            } else {
                numbers[slot as usize] = number;
                index.insert(number, slot);
                tree.insert(number, slot);
            }
            assert_eq!(index.used, tree.len());
        }
        assert_eq!(index.entries.iter().filter(|entry| **entry != 0).count(), tree.len());
    }
}
