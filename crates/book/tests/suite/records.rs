//! Records: what a book is as bytes, and a book from bytes.

use plimsoll_book::{
    Book, Crossing, Limits, Lots, OrderKind, RECORD_LEN, RestingOrder, RestoreError, Side, Ticks,
};
use proptest::prelude::*;

use crate::commands::{LIMITS, any_commands, apply, cases};
use crate::world::{Terms, World, buy, sell};

type Record = [u8; RECORD_LEN];

fn records(book: &Book) -> Vec<Record> {
    let orders = Side::BOTH.into_iter().flat_map(|side| book.orders(side));
    orders.map(|order| order.to_bytes()).collect()
}

fn restored(book: &Book) -> Result<Book, RestoreError> {
    Book::restore(*book.limits(), &book.state_bytes(), &records(book))
}

/// Byte by byte, so that the format never changes by accident.
#[test]
fn the_format_of_an_order() {
    let kind = OrderKind::PostOnly { price: Ticks(-2), crossing: Crossing::Reprice };
    let world =
        World::with(&[sell(3, 1, 700), sell(0x0102_0304_0506_0708, 10, 0).kind(kind).show(4)]);
    let record = records(&world.book)[0];
    let expected: Vec<u8> = [
        &[8, 7, 6, 5, 4, 3, 2, 1][..],
        &[8, 7, 6, 5],
        &[1, 2, 1, 0],
        &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[4, 0, 0, 0, 0, 0, 0, 0],
        &[6, 0, 0, 0, 0, 0, 0, 0],
        &[4, 0, 0, 0, 0, 0, 0, 0],
        &[3, 0, 0, 0, 0, 0, 0, 0],
        &[4, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(record.to_vec(), expected);
    let state = world.book.state_bytes();
    let mut expected = [0; RECORD_LEN];
    (expected[8], expected[16]) = (4, 11);
    assert_eq!(state, expected);
}

#[test]
fn records_that_make_no_sense_are_refused() {
    let world = World::with(&[buy(1, 5, 100), buy(2, 5, 100), sell(3, 9, 101).show(2)]);
    let (state, good) = (world.book.state_bytes(), records(&world.book));
    let restore = |state: &Record, orders: &[Record]| {
        Book::restore(*world.book.limits(), state, orders).map(|_| ())
    };
    assert_eq!(restore(&state, &good), Ok(()));
    // Every byte of the state matters; later stamps alone may have been given.
    for place in (0..8).chain(15..RECORD_LEN) {
        let mut other = state;
        other[place] ^= 0x80;
        assert!(restore(&other, &good).is_err(), "byte {place} of the state");
    }
    for (offset, value) in [(12, 2), (13, 3), (14, 5), (15, 1)] {
        let mut orders = good.clone();
        orders[0][offset] = value;
        assert_eq!(restore(&state, &orders), Err(RestoreError::Byte { offset, value }));
    }
    for (offset, value) in [(24, 0), (31, 0x80), (32, 1), (40, 1), (23, 0x80), (48, 200), (63, 1)] {
        let mut orders = good.clone();
        orders[0][offset] = value;
        assert!(restore(&state, &orders).is_err(), "offset {offset}");
    }
    let crossed = RestingOrder { price: Ticks(300), ..RestingOrder::from_bytes(&good[0]).unwrap() };
    assert!(restore(&state, &[crossed.to_bytes(), good[1], good[2]]).is_err());
    assert!(restore(&state, &good[1..]).is_err());
    assert!(restore(&state, &[good[0], good[0], good[2]]).is_err());
    let tight = Limits { lots_max: Lots(4), ..*world.book.limits() };
    assert!(Book::restore(tight, &state, &good).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(100), ..ProptestConfig::default() })]

    /// A restored book answers every later command as the one that wrote the records.
    #[test]
    fn a_restored_book_goes_on_as_before(
        first in any_commands(150),
        second in any_commands(150),
        turns in any::<u64>(),
    ) {
        let (mut book, mut events) = (Book::new(LIMITS).unwrap(), Vec::new());
        first.iter().for_each(|command| apply(&mut book, command, &mut events));
        let mut orders = records(&book);
        // The sequence of records does not matter.
        if !orders.is_empty() {
            let middle = turns as usize % orders.len();
            orders.rotate_left(middle);
        }
        let mut copy = Book::restore(LIMITS, &book.state_bytes(), &orders).unwrap();
        let mut copied = Vec::new();
        for command in &second {
            events.clear();
            copied.clear();
            apply(&mut book, command, &mut events);
            apply(&mut copy, command, &mut copied);
            prop_assert_eq!(&events, &copied);
        }
        prop_assert_eq!(records(&book), records(&copy));
        prop_assert_eq!(book.state_bytes(), copy.state_bytes());
        prop_assert!(restored(&copy).is_ok());
    }

    /// Bytes from anywhere give a book or an error.
    #[test]
    fn any_bytes_are_read_or_refused(
        state in any::<[u8; 32]>(),
        orders in prop::collection::vec(any::<[u8; 32]>(), 0..4),
    ) {
        let wide = |half: &[u8; 32]| {
            let mut record = [0; RECORD_LEN];
            record[..32].copy_from_slice(half);
            record[12..16].iter_mut().for_each(|byte| *byte %= 2);
            record
        };
        let orders: Vec<Record> = orders.iter().map(wide).collect();
        if let Ok(book) = Book::restore(LIMITS, &wide(&state), &orders) {
            prop_assert_eq!(book.check(), Ok(()));
        }
    }
}
