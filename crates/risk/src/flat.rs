//! Small maps as sorted lists.

use std::borrow::Borrow;
use std::ops::Index;

/// A map of few entries: a list of pairs, rising by key.
///
/// It is used as a `BTreeMap` and goes through its entries in the same order. Its entries lie side by
/// side, and one that is cleared keeps its memory, so that it can be filled again and again without
/// allocating. To insert takes time with its length, unless the key comes after all others.
#[derive(Debug, PartialEq, Eq)]
pub struct FlatMap<K, V>(Vec<(K, V)>);

/// The place of a key in a [`FlatMap`], whether something is there or not.
#[derive(Debug)]
pub struct FlatEntry<'a, K, V> {
    pairs: &'a mut Vec<(K, V)>,
    place: Result<usize, usize>,
    key: K,
}

impl<K, V> FlatMap<K, V> {
    /// No entries.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All entries, rising by key.
    #[must_use]
    pub fn as_slice(&self) -> &[(K, V)] {
        &self.0
    }

    /// All entries, rising by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All keys, rising.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, _)| key)
    }

    /// All values, rising by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The value in a place, to be changed. Panics if there are fewer.
    pub(crate) fn value_at(&mut self, place: usize) -> &mut V {
        &mut self.0[place].1
    }

    /// All values, to be changed, rising by key.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// All keys, rising.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.0.into_iter().map(|(key, _)| key)
    }

    /// All values, rising by key.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }

    /// Takes all entries out and keeps the memory.
    pub fn drain(&mut self) -> impl Iterator<Item = (K, V)> {
        self.0.drain(..)
    }

    /// Takes all entries out and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Makes room for so many entries in all.
    pub fn reserve(&mut self, count: usize) {
        self.0.reserve(count.saturating_sub(self.0.len()));
    }

    /// Keeps the entries for which this holds.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keeps(key, value));
    }
}

impl<K: Ord, V> FlatMap<K, V> {
    /// The place of a key among all, or the one that it would take.
    ///
    /// # Errors
    /// If there is no such key.
    pub fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        place(&self.0, key)
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        Some(&self.0[self.place(key).ok()?].1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(&mut self.0[place].1)
    }

    /// Whether there is such a key.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Puts a value at a key; gives back what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place].1, value)),
            Err(place) => {
                self.0.insert(place, (key, value));
                None
            }
        }
    }

    /// Takes a key out with its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(self.0.remove(place).1)
    }

    /// The place of a key, to look at it and fill it in one go.
    pub fn entry(&mut self, key: K) -> FlatEntry<'_, K, V> {
        let place = self.place(&key);
        FlatEntry { pairs: &mut self.0, place, key }
    }
}

impl<'a, K, V> FlatEntry<'a, K, V> {
    /// The value, which is made if there is none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let Self { pairs, place, key } = self;
        let place = place.unwrap_or_else(|place| {
            pairs.insert(place, (key, make()));
            place
        });
        &mut pairs[place].1
    }

    /// The value, or this one if there is none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value, or the default one if there is none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Keys often come in order: the end is looked at first.
fn place<K: Borrow<Q>, V, Q: Ord + ?Sized>(pairs: &[(K, V)], key: &Q) -> Result<usize, usize> {
    match pairs.last() {
        Some((last, _)) if last.borrow() >= key => {
            pairs.binary_search_by(|(known, _)| known.borrow().cmp(key))
        }
        _ => Err(pairs.len()),
    }
}

impl<K, V> Default for FlatMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone, V: Clone> Clone for FlatMap<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    fn clone_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}

impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for FlatMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key was looked up before")
    }
}

impl<K: Ord, V> Extend<(K, V)> for FlatMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for FlatMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Self::new();
        map.extend(pairs);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for FlatMap<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K, V> IntoIterator for FlatMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a FlatMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_as_a_tree_does(steps in prop::collection::vec((0_u8..4, 0_u8..16, 0_u32..9), 0..80)) {
            let (mut flat, mut tree) = (FlatMap::new(), BTreeMap::new());
            for (step, key, value) in steps {
                match step {
                    0 => prop_assert_eq!(flat.insert(key, value), tree.insert(key, value)),
                    1 => prop_assert_eq!(flat.remove(&key), tree.remove(&key)),
                    2 => {
                        *flat.entry(key).or_default() += value;
                        *tree.entry(key).or_default() += value;
                    }
                    _ => {
                        flat.retain(|known, _| *known != key);
                        tree.retain(|known, _| *known != key);
                    }
                }
                prop_assert_eq!(flat.get(&key), tree.get(&key));
                prop_assert!(flat.iter().eq(tree.iter()));
            }
        }
    }
}
