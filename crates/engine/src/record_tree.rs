//! The tree of record hashes: one hash that stands for the whole state.
//!
//! The state's records are of several kinds, and each has a slot, a dense number within its kind.
//! Every kind is a binary tree over its slots, and the root is made of the trees' tops:
//!
//! ```text
//! root = H(02 ‖ venue ‖ asset ‖ account ‖ instrument ‖ order)
//!                          │
//!        each kind: number of slots (u32, little-endian) ‖ top (32 bytes)
//!                                                           │
//!                           ┌───────────── node ────────────┴─┐        node = H(01 ‖ left ‖ right)
//!                     ┌── node ──┐                     ┌── node ──┐
//!                   leaf       leaf                  leaf       empty  empty = 32 zero bytes
//!                  slot 0     slot 1                slot 2
//!
//! leaf = H(00 ‖ kind (u8) ‖ slot (u32, little-endian) ‖ the record's bytes)       H = BLAKE3
//! ```
//!
//! A node over two empty halves is empty itself. The number of slots of a kind is one more than the
//! last slot with a record, and its tree is the least full one that has so many: the top of no slots
//! is empty, of one slot its leaf, of 2^k slots k nodes higher. So the root depends on the records
//! that are there and on nothing else: not on the order of changes, on room that was reserved, or on
//! records that once were. The leading bytes 00, 01 and 02 keep leaf, node and root apart, and with
//! the numbers of slots no two states share a root unless BLAKE3 has a collision.
//!
//! A [`RecordTree`] keeps every hash and rehashes only what is marked dirty, with its ancestors;
//! [`root_from_scratch`] needs nothing but the records. Both give the same root. What proves that a
//! record is in the state is the row of its sibling hashes, and the other kinds' tops.

mod naive;
mod tree;

pub use naive::root_from_scratch;
use tree::KindTree;

/// A BLAKE3 hash; 32 zero bytes where there is nothing.
pub type Hash = [u8; 32];

/// Slots that one kind may have: 2^26, for which the tree takes about 4.5 GB.
pub const SLOTS_MAX: u32 = 1 << 26;

/// What stands for a subtree without records.
const EMPTY: Hash = [0; 32];

/// What a record is about. The codes are part of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// The venue itself: its rules, markets and own accounts.
    Venue = 0,
    /// One asset.
    Asset = 1,
    /// One account.
    Account = 2,
    /// One instrument.
    Instrument = 3,
    /// One open order.
    Order = 4,
    /// Rules of liquidation, cases that are open, layers of the insurance fund.
    Liquidation = 5,
}

/// The hashes of all records, kept up to date.
#[derive(Clone, Debug)]
pub struct RecordTree {
    trees: [KindTree; Kind::ALL.len()],
    /// The record that is being hashed.
    bytes: Vec<u8>,
}

impl Kind {
    /// All kinds, in the order in which the root names them.
    pub const ALL: [Self; 6] =
        [Self::Venue, Self::Asset, Self::Account, Self::Instrument, Self::Order, Self::Liquidation];
}

impl Default for RecordTree {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordTree {
    /// The tree of no records.
    #[must_use]
    pub fn new() -> Self {
        Self { trees: Kind::ALL.map(|_| KindTree::default()), bytes: Vec::new() }
    }

    /// Makes room for so many slots of a kind, so that marking them never allocates.
    ///
    /// # Panics
    /// With more than [`SLOTS_MAX`], which no limits of the engine allow.
    pub fn reserve(&mut self, kind: Kind, slots: u32) {
        assert!(slots <= SLOTS_MAX, "{kind:?}: {slots} slots are more than {SLOTS_MAX}");
        self.trees[kind as usize].reserve(slots as usize);
    }

    /// Says that a record was made, changed or removed: the next [`RecordTree::root`] reads it again.
    /// Takes constant time, and allocates only for slots beyond all that were seen or reserved.
    ///
    /// # Panics
    /// With a slot from [`SLOTS_MAX`] on, which no limits of the engine allow.
    pub fn mark_dirty(&mut self, kind: Kind, slot: u32) {
        assert!(slot < SLOTS_MAX, "{kind:?}: slot {slot} is not below {SLOTS_MAX}");
        self.trees[kind as usize].mark_dirty(slot);
    }

    /// The root of the state as it is now.
    ///
    /// `read` is asked for each dirty record once, by kind and by rising slot. It appends the record's
    /// bytes and returns true, or returns false where there is no record; it must not touch what the
    /// buffer holds already.
    ///
    /// # Panics
    /// If `read` takes away what the buffer held.
    pub fn root(&mut self, mut read: impl FnMut(Kind, u32, &mut Vec<u8>) -> bool) -> Hash {
        let Self { trees, bytes } = self;
        for (kind, tree) in Kind::ALL.into_iter().zip(trees.iter_mut()) {
            tree.refresh(|slot| leaf(kind, slot, bytes, &mut read));
        }
        total(trees.each_ref().map(KindTree::top))
    }
}

/// The hash of one record, or [`EMPTY`] if there is none.
fn leaf(
    kind: Kind,
    slot: u32,
    bytes: &mut Vec<u8>,
    read: &mut impl FnMut(Kind, u32, &mut Vec<u8>) -> bool,
) -> Hash {
    let [a, b, c, d] = slot.to_le_bytes();
    let prefix = [0, kind as u8, a, b, c, d];
    bytes.clear();
    bytes.extend(prefix);
    let found = read(kind, slot, bytes);
    assert!(bytes.starts_with(&prefix), "a reader appends and takes nothing away");
    if found { blake3::hash(bytes).into() } else { EMPTY }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    if *left == EMPTY && *right == EMPTY {
        return EMPTY;
    }
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    blake3::hash(&bytes).into()
}

/// The root, of each kind's number of slots and top.
fn total(tops: [(u32, Hash); Kind::ALL.len()]) -> Hash {
    let mut bytes = [2; 1 + Kind::ALL.len() * 36];
    for (place, (slots, top)) in bytes[1..].chunks_exact_mut(36).zip(tops) {
        place[..4].copy_from_slice(&slots.to_le_bytes());
        place[4..].copy_from_slice(&top);
    }
    blake3::hash(&bytes).into()
}

#[cfg(test)]
mod tests;
