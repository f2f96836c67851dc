//! Which places of a ring are taken, and which is the next.

/// A set of places below a power of two of at least 64, with a second layer that says which words
/// of the first hold anything.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    summary: Vec<u64>,
}

impl Bitmap {
    pub(crate) fn new(places: usize) -> Self {
        assert!(places >= 64 && places.is_power_of_two());
        let words = places / 64;
        Self { words: vec![0; words], summary: vec![0; words.div_ceil(64)] }
    }

    #[inline]
    pub(crate) fn set(&mut self, place: usize) {
        self.words[place / 64] |= 1 << (place % 64);
        self.summary[place / 4096] |= 1 << (place / 64 % 64);
    }

    #[inline]
    pub(crate) fn clear(&mut self, place: usize) {
        let word = &mut self.words[place / 64];
        *word &= !(1 << (place % 64));
        if *word == 0 {
            self.summary[place / 4096] &= !(1 << (place / 64 % 64));
        }
    }

    /// The first taken place at `from` or after it, going round the ring once.
    #[inline]
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        self.at_or_after(from).or_else(|| if from == 0 { None } else { self.at_or_after(0) })
    }

    fn at_or_after(&self, from: usize) -> Option<usize> {
        let word = from / 64;
        let here = self.words[word] & (!0 << (from % 64));
        if here != 0 {
            return Some(word * 64 + here.trailing_zeros() as usize);
        }
        let next = word + 1;
        if next == self.words.len() {
            return None;
        }
        let mut block = next / 64;
        let mut bits = self.summary[block] & (!0 << (next % 64));
        while bits == 0 {
            block += 1;
            bits = *self.summary.get(block)?;
        }
        let word = block * 64 + bits.trailing_zeros() as usize;
        Some(word * 64 + self.words[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use numerics::SplitMix;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_a_tree() {
        for places in [64, 128, 4096, 8192, 65_536] {
            let draws = SplitMix { seed: places as u64 };
            let (mut bitmap, mut tree) = (Bitmap::new(places), BTreeSet::new());
            for turn in 0..2_000 {
                let place = draws.u64(2 * turn) as usize % places;
                if tree.remove(&place) {
                    bitmap.clear(place);
                } else if tree.len() < 20 {
                    bitmap.set(place);
                    tree.insert(place);
                } else if let Some(first) = tree.pop_first() {
                    bitmap.clear(first);
                }
                let from = draws.u64(2 * turn + 1) as usize % places;
                let expected = tree.range(from..).next().or_else(|| tree.first());
                assert_eq!(bitmap.next(from), expected.copied());
            }
        }
    }
}
