//! The root from the records alone, for whoever keeps no tree.

use super::{EMPTY, Hash, Kind, leaf, node, total};

/// The root of a state, from its records alone.
///
/// `slots` says how many slots of a kind to look at, at least up to its last record; `read` is asked
/// for each, as by [`RecordTree::root`](super::RecordTree::root).
///
/// # Panics
/// If `read` takes away what the buffer held.
#[must_use]
pub fn root_from_scratch(
    slots: impl Fn(Kind) -> u32,
    mut read: impl FnMut(Kind, u32, &mut Vec<u8>) -> bool,
) -> Hash {
    let mut bytes = Vec::new();
    total(Kind::ALL.map(|kind| {
        let leaves = (0..slots(kind)).map(|slot| leaf(kind, slot, &mut bytes, &mut read));
        top(leaves.collect())
    }))
}

/// The number of leaves up to the last that is not empty, and the hash of the tree over them.
fn top(mut level: Vec<Hash>) -> (u32, Hash) {
    let count = level.iter().rposition(|leaf| *leaf != EMPTY).map_or(0, |last| last + 1);
    level.truncate(count);
    while level.len() > 1 {
        let halves = level.chunks(2).map(|pair| node(&pair[0], pair.get(1).unwrap_or(&EMPTY)));
        level = halves.collect();
    }
    let slots = u32::try_from(count).expect("slots are numbered by 32 bits");
    (slots, level.first().copied().unwrap_or(EMPTY))
}
