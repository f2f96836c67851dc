//! Self-trade prevention, by hand.

use plimsoll_book::{NewOrder, OrderKind, SelfTrade, Ticks};

use crate::world::{Terms, World, buy, sell};

/// Another's 5, an own 5, another's 5, all at 100; the taker is of account 2.
fn meet(self_trade: SelfTrade, lots: i64) -> (World, String) {
    let mut world = World::with(&[sell(1, 5, 100), sell(2, 5, 100), sell(3, 5, 100)]);
    let text = world.submit(NewOrder { self_trade, ..buy(9, lots, 100).of(2) });
    (world, text)
}

#[test]
fn allowed() {
    let (_, text) = meet(SelfTrade::Allow, 8);
    assert_eq!(text, "fill 1<9 5@100 (0,3); fill 2<9 3@100 (2,0)");
}

#[test]
fn cancel_taker() {
    let (world, text) = meet(SelfTrade::CancelTaker, 8);
    assert_eq!(text, "fill 1<9 5@100 (0,3); cancel 9 3 self-trade");
    assert_eq!(world.book.len(), 2);
}

#[test]
fn cancel_maker() {
    let (_, text) = meet(SelfTrade::CancelMaker, 8);
    assert_eq!(text, "fill 1<9 5@100 (0,3); cancel 2 5 self-trade; fill 3<9 3@100 (2,0)");
}

#[test]
fn cancel_both() {
    let (_, text) = meet(SelfTrade::CancelBoth, 8);
    assert_eq!(text, "fill 1<9 5@100 (0,3); cancel 2 5 self-trade; cancel 9 3 self-trade");
}

#[test]
fn decrement() {
    let (_, text) = meet(SelfTrade::Decrement, 8);
    assert_eq!(text, "fill 1<9 5@100 (0,3); reduce 2 3 (2); reduce 9 3 (0)");
    let (_, text) = meet(SelfTrade::Decrement, 12);
    assert_eq!(text, "fill 1<9 5@100 (0,7); reduce 2 5 (0); reduce 9 5 (2); fill 3<9 2@100 (3,0)");
}

#[test]
fn nothing_is_cancelled_where_the_taker_never_gets() {
    let (world, text) = meet(SelfTrade::CancelBoth, 5);
    assert_eq!(text, "fill 1<9 5@100 (0,0)");
    assert_eq!(world.book.len(), 2);
}

#[test]
fn fill_or_kill_counts_only_what_others_offer() {
    let kind = OrderKind::FillOrKill { price: Ticks(100) };
    for (self_trade, most) in [
        (SelfTrade::Allow, 15),
        (SelfTrade::CancelTaker, 5),
        (SelfTrade::CancelMaker, 10),
        (SelfTrade::CancelBoth, 5),
        (SelfTrade::Decrement, 5),
    ] {
        for lots in [most, most + 1] {
            let mut world = World::with(&[sell(1, 5, 100), sell(2, 5, 100), sell(3, 5, 100)]);
            let order = NewOrder { self_trade, ..buy(9, lots, 0).of(2).kind(kind) };
            let is_killed = world.submit(order).ends_with("killed");
            assert_eq!(is_killed, lots > most, "{self_trade:?}");
        }
    }
}
