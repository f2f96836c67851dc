//! The tree against the records alone, and against hashes by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The records of a state, the naive way.
type Records = BTreeMap<(u8, u32), Vec<u8>>;

fn read(records: &Records) -> impl FnMut(Kind, u32, &mut Vec<u8>) -> bool {
    |kind, slot, bytes| match records.get(&(kind as u8, slot)) {
        Some(record) => {
            bytes.extend(record);
            true
        }
        None => false,
    }
}

fn from_scratch(records: &Records) -> Hash {
    let slots = |kind: Kind| {
        let of_kind = records.keys().filter(|key| key.0 == kind as u8);
        of_kind.map(|key| key.1 + 1).max().unwrap_or(0)
    };
    root_from_scratch(slots, read(records))
}

fn records(list: &[(Kind, u32, &str)]) -> Records {
    list.iter().map(|&(kind, slot, text)| ((kind as u8, slot), text.as_bytes().to_vec())).collect()
}

fn hash(parts: &[&[u8]]) -> Hash {
    blake3::hash(&parts.concat()).into()
}

#[test]
fn by_hand() {
    let list =
        records(&[(Kind::Account, 0, "anna"), (Kind::Account, 2, "ben"), (Kind::Order, 1, "")]);
    let anna = hash(&[&[0, 2, 0, 0, 0, 0], b"anna"]);
    let ben = hash(&[&[0, 2, 2, 0, 0, 0], b"ben"]);
    let order = hash(&[&[0, 4, 1, 0, 0, 0]]);
    let nothing = [0; 36];
    let accounts = hash(&[&[1], &hash(&[&[1], &anna, &EMPTY]), &hash(&[&[1], &ben, &EMPTY])]);
    let orders = hash(&[&[1], &EMPTY, &order]);
    let expected = hash(&[
        &[2],
        &nothing,
        &nothing,
        &[3, 0, 0, 0],
        &accounts,
        &nothing,
        &[2, 0, 0, 0],
        &orders,
        &nothing,
    ]);
    assert_eq!(from_scratch(&list), expected);

    let mut tree = RecordTree::new();
    tree.mark_dirty(Kind::Account, 2);
    tree.mark_dirty(Kind::Account, 0);
    tree.mark_dirty(Kind::Order, 1);
    assert_eq!(tree.root(read(&list)), expected);
}

#[test]
fn no_records_have_a_root_too() {
    let nothing = hash(&[&[2], &[0; 6 * 36]]);
    assert_eq!(from_scratch(&Records::new()), nothing);
    let mut tree = RecordTree::new();
    assert_eq!(tree.root(|_, _, _| unreachable!("nothing is dirty")), nothing);
    tree.reserve(Kind::Order, 1_000);
    tree.mark_dirty(Kind::Order, 999);
    assert_eq!(tree.root(|_, _, _| false), nothing);
}

#[test]
fn only_dirty_records_are_read_and_each_once() {
    let mut tree = RecordTree::new();
    let mut asked = Vec::new();
    for slot in [9, 3, 9, 5, 3] {
        tree.mark_dirty(Kind::Account, slot);
    }
    tree.mark_dirty(Kind::Asset, 0);
    tree.root(|kind, slot, _| {
        asked.push((kind, slot));
        true
    });
    let account = |slot| (Kind::Account, slot);
    assert_eq!(asked, [(Kind::Asset, 0), account(3), account(5), account(9)]);
    tree.root(|_, _, _| unreachable!("nothing is dirty any more"));
}

#[test]
fn where_a_record_stands_counts() {
    let roots = [
        records(&[(Kind::Account, 0, "a"), (Kind::Account, 1, "b")]),
        records(&[(Kind::Account, 0, "b"), (Kind::Account, 1, "a")]),
        records(&[(Kind::Account, 0, "ab")]),
        records(&[(Kind::Account, 0, "a"), (Kind::Account, 2, "b")]),
        records(&[(Kind::Order, 0, "a"), (Kind::Order, 1, "b")]),
        records(&[(Kind::Account, 0, "a"), (Kind::Order, 1, "b")]),
        records(&[(Kind::Account, 0, "a"), (Kind::Account, 1, "b"), (Kind::Account, 2, "")]),
    ]
    .map(|list| from_scratch(&list));
    for (place, root) in roots.iter().enumerate() {
        assert!(!roots[place + 1..].contains(root), "{place}");
    }
}

#[test]
#[should_panic(expected = "a reader appends")]
fn a_reader_that_clears_the_buffer_is_caught() {
    let mut tree = RecordTree::new();
    tree.mark_dirty(Kind::Venue, 0);
    tree.root(|_, _, bytes| {
        bytes.clear();
        true
    });
}

#[test]
#[should_panic(expected = "slot 67108864")]
fn a_slot_out_of_bounds_is_caught() {
    RecordTree::new().mark_dirty(Kind::Venue, SLOTS_MAX);
}

#[derive(Clone, Debug)]
enum Change {
    Put(Kind, u32, Vec<u8>),
    Remove(Kind, u32),
    /// Marked, but as it was.
    Touch(Kind, u32),
    Reserve(Kind, u32),
    Root,
}

fn change() -> impl Strategy<Value = Change> {
    let kind = || prop::sample::select(Kind::ALL.to_vec());
    let slot = || prop_oneof![3 => 0_u32..6, 2 => 0_u32..40, 1 => 0_u32..3_000];
    let bytes = prop::collection::vec(any::<u8>(), 0..100);
    prop_oneof![
        4 => (kind(), slot(), bytes).prop_map(|(kind, slot, bytes)| Change::Put(kind, slot, bytes)),
        3 => (kind(), slot()).prop_map(|(kind, slot)| Change::Remove(kind, slot)),
        1 => (kind(), slot()).prop_map(|(kind, slot)| Change::Touch(kind, slot)),
        1 => (kind(), slot()).prop_map(|(kind, slot)| Change::Reserve(kind, slot)),
        2 => Just(Change::Root),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_root_is_that_of_the_records(changes in prop::collection::vec(change(), 1..120)) {
        let mut tree = RecordTree::new();
        let mut list = Records::new();
        // Every state seen so far by its root: different states have different roots.
        let mut seen: BTreeMap<Hash, Records> = BTreeMap::new();
        for change in changes.into_iter().chain([Change::Root]) {
            match change {
                Change::Put(kind, slot, bytes) => {
                    list.insert((kind as u8, slot), bytes);
                    tree.mark_dirty(kind, slot);
                }
                Change::Remove(kind, slot) => {
                    list.remove(&(kind as u8, slot));
                    tree.mark_dirty(kind, slot);
                }
                Change::Touch(kind, slot) => tree.mark_dirty(kind, slot),
                Change::Reserve(kind, slots) => tree.reserve(kind, slots),
                Change::Root => {
                    let root = tree.root(read(&list));
                    prop_assert_eq!(root, from_scratch(&list));
                    let before = seen.entry(root).or_insert_with(|| list.clone());
                    prop_assert_eq!(&*before, &list);
                }
            }
        }
    }

    #[test]
    fn removing_what_was_added_restores_the_root(
        slots in prop::collection::btree_set(0_u32..500, 0..40), added in 0_u32..2_000,
    ) {
        prop_assume!(!slots.contains(&added));
        let mut list: Records = slots.iter().map(|&slot| ((Kind::Order as u8, slot), vec![1])).collect();
        let mut tree = RecordTree::new();
        slots.iter().for_each(|&slot| tree.mark_dirty(Kind::Order, slot));
        let before = tree.root(read(&list));

        list.insert((Kind::Order as u8, added), vec![2]);
        tree.mark_dirty(Kind::Order, added);
        prop_assert_ne!(tree.root(read(&list)), before);

        list.remove(&(Kind::Order as u8, added));
        tree.mark_dirty(Kind::Order, added);
        prop_assert_eq!(tree.root(read(&list)), before);
    }
}
