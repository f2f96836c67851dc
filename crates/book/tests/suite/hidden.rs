//! Orders that show only part of their size.

use plimsoll_book::{OrderKind, Side, Ticks};

use crate::world::{Terms, World, buy, sell};

#[test]
fn a_shown_part_goes_to_the_back_when_it_is_refilled() {
    let mut world = World::new();
    assert_eq!(world.submit(sell(1, 10, 100).show(4)), "rest 1 4/10@100");
    world.submit(sell(2, 3, 100));
    assert_eq!(world.submit(buy(8, 4, 100)), "fill 1<8 4@100 (6,0); rest 1 4/6@100");
    assert_eq!(world.queue(Side::Sell), [2, 1]);
    assert_eq!(
        world.submit(buy(9, 9, 100)),
        "fill 2<9 3@100 (0,6); fill 1<9 4@100 (2,2); rest 1 2@100; fill 1<9 2@100 (0,0)"
    );
    assert!(world.book.is_empty());
}

#[test]
fn what_is_hidden_trades_after_all_that_is_shown_at_its_price() {
    let mut world = World::with(&[sell(1, 10, 100).show(2), sell(2, 5, 100), sell(3, 5, 101)]);
    assert_eq!(
        world.submit(buy(9, 16, 101)),
        "fill 1<9 2@100 (8,14); rest 1 2/8@100; fill 2<9 5@100 (0,9); \
         fill 1<9 2@100 (6,7); rest 1 2/6@100; fill 1<9 2@100 (4,5); rest 1 2/4@100; \
         fill 1<9 2@100 (2,3); rest 1 2@100; fill 1<9 2@100 (0,1); fill 3<9 1@101 (4,0)"
    );
}

#[test]
fn depth_tells_shown_from_hidden() {
    let world = World::with(&[sell(1, 10, 100).show(4), sell(2, 3, 100)]);
    let level = world.book.depth(Side::Sell).next().unwrap();
    assert_eq!((level.displayed.0, level.hidden.0, level.orders), (7, 6, 2));
}

#[test]
fn hidden_lots_count_for_fill_or_kill() {
    let mut world = World::with(&[sell(1, 10, 100).show(4)]);
    let order = buy(9, 10, 0).kind(OrderKind::FillOrKill { price: Ticks(100) });
    assert!(world.submit(order).ends_with("(0,0)"));
}

#[test]
fn a_smaller_amend_takes_hidden_lots_first_and_keeps_the_place() {
    let mut world = World::with(&[sell(1, 10, 100).show(4), sell(2, 3, 100)]);
    assert_eq!(world.amend(1, 100, 5), "amend 1 5@100 kept");
    let order = world.book.orders(Side::Sell).next().unwrap();
    assert_eq!((order.displayed.0, order.hidden.0), (4, 1));
    assert_eq!(world.reduce(1, 3), "reduce 1 3 (2)");
    assert_eq!(world.queue(Side::Sell), [1, 2]);
}

#[test]
fn too_many_parts_are_refused() {
    let mut world = World::new();
    let refused = "refused: too little is shown: 11 lots or more must be";
    assert_eq!(world.submit(sell(1, 1_001, 100).show(10)), refused);
    assert_eq!(world.submit(sell(1, 1_000, 100).show(10)), "rest 1 10/1000@100");
    assert_eq!(world.amend(1, 101, 1_001), refused);
    let order = sell(2, 5, 0).kind(OrderKind::Market { protection: Ticks(1) }).show(1);
    assert!(
        world.submit(order).starts_with("refused: a displayed size is for orders that may rest")
    );
}
