//! Amends, by hand.

use plimsoll_book::{Crossing, OrderKind, Side, Ticks};

use crate::world::{Terms, World, buy, sell};

fn bids() -> World {
    World::with(&[buy(1, 5, 100), buy(2, 5, 100), buy(3, 5, 99), sell(4, 5, 103)])
}

#[test]
fn a_smaller_size_keeps_the_place() {
    let mut world = bids();
    assert_eq!(world.amend(1, 100, 2), "amend 1 2@100 kept");
    assert_eq!(world.amend(1, 100, 2), "amend 1 2@100 kept");
    assert_eq!(world.queue(Side::Buy), [1, 2, 3]);
    assert_eq!(world.book.totals().cancelled, 3);
}

#[test]
fn a_larger_size_or_another_price_loses_it() {
    let mut world = bids();
    assert_eq!(world.amend(1, 100, 6), "amend 1 6@100 lost; rest 1 6@100");
    assert_eq!(world.queue(Side::Buy), [2, 1, 3]);
    assert_eq!(world.amend(2, 99, 1), "amend 2 1@99 lost; rest 2 1@99");
    assert_eq!(world.queue(Side::Buy), [1, 3, 2]);
    let totals = world.book.totals();
    assert_eq!((totals.submitted, totals.cancelled, totals.open), (21, 4, 17));
}

#[test]
fn an_amended_price_may_match_at_once() {
    let mut world = bids();
    assert_eq!(world.amend(1, 103, 7), "amend 1 7@103 lost; fill 4<1 5@103 (0,2); rest 1 2@103");
    assert_eq!(world.submit(sell(5, 9, 101)), "fill 1<5 2@103 (0,7); rest 5 7@101");
    assert_eq!(world.amend(2, 101, 5), "amend 2 5@101 lost; fill 5<2 5@101 (2,0)");
    assert!(world.amend(2, 101, 5).starts_with("refused: no such order"));
}

#[test]
fn an_amend_meets_its_own_account_like_a_new_order() {
    let mut world = World::with(&[sell(1, 5, 103), buy(2, 5, 100).of(1)]);
    assert_eq!(world.amend(2, 103, 5), "amend 2 5@103 lost; cancel 2 5 self-trade");
}

#[test]
fn a_post_only_order_stays_so() {
    for (crossing, expected) in [
        (
            Crossing::Reject,
            "refused: post-only, and it would trade at once: the best opposite price is 103 ticks",
        ),
        (Crossing::Reprice, "reprice 9 104>102; amend 9 5@102 lost; rest 9 5@102"),
    ] {
        let mut world = bids();
        world.submit(buy(9, 5, 0).kind(OrderKind::PostOnly { price: Ticks(90), crossing }));
        assert_eq!(world.amend(9, 104, 5), expected);
    }
}

#[test]
fn a_refused_amend_leaves_the_order_where_it_was() {
    let mut world = bids();
    for (price, lots) in [(100, 0), (100, -1), (100, i64::MAX), (i64::MAX, 5), (i64::MIN, 5)] {
        assert!(world.amend(1, price, lots).starts_with("refused: "));
    }
    assert_eq!(world.queue(Side::Buy), [1, 2, 3]);
}
