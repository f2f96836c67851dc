//! The newest of a list that only grows: what is older is in the history.

use std::collections::VecDeque;
use std::ops::Deref;

use borsh::{BorshDeserialize, BorshSerialize};

/// The newest entries, oldest first. Entries are numbered from 1 on, and keep their numbers.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Recent<T> {
    list: VecDeque<T>,
    /// How many there ever were: the number of the newest.
    count: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { list: VecDeque::new(), count: 0 }
    }
}

impl<T> Deref for Recent<T> {
    type Target = VecDeque<T>;

    fn deref(&self) -> &VecDeque<T> {
        &self.list
    }
}

impl<T> Recent<T> {
    /// Adds an entry, of which `most` are kept, and gives its number.
    pub fn push(&mut self, item: T, most: usize) -> u64 {
        while self.list.len() >= most.max(1) {
            self.list.pop_front();
        }
        self.append(item)
    }

    /// Adds an entry, drops none, and gives its number.
    pub fn append(&mut self, item: T) -> u64 {
        self.list.push_back(item);
        self.count += 1;
        self.count
    }

    /// Drops the oldest if there are more than `most`.
    pub fn drop_oldest(&mut self, most: usize) -> Option<T> {
        if self.list.len() > most.max(1) { self.list.pop_front() } else { None }
    }

    /// The newest, to change it.
    pub fn back_mut(&mut self) -> Option<&mut T> {
        self.list.back_mut()
    }

    /// All, to change one.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.list.iter_mut()
    }

    /// How many there ever were: the number of the newest.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The number of the oldest that is here; 1 if all are.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.count - self.list.len() as u64 + 1
    }

    /// The entries with their numbers, oldest first.
    pub fn numbered(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let first = self.first();
        self.list.iter().enumerate().map(move |(place, item)| (first + place as u64, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_numbers() {
        let mut recent = Recent::default();
        let numbers: Vec<u64> = (10..15).map(|item| recent.push(item, 2)).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!((recent.count(), recent.first()), (5, 4));
        assert_eq!(recent.numbered().collect::<Vec<_>>(), [(4, &13), (5, &14)]);
        assert_eq!((recent.append(15), recent.first()), (6, 4));
        assert_eq!((recent.drop_oldest(2), recent.drop_oldest(2)), (Some(13), None));
    }
}
