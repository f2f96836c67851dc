//! Order types and priority, by hand.

use plimsoll_book::{
    AccountId, Crossing, Fillable, Lots, OrderId, OrderKind, SelfTrade, Side, Ticks,
};

use crate::world::{Terms, World, buy, sell, text};

fn asks() -> World {
    World::with(&[sell(1, 5, 102), sell(2, 5, 101), sell(3, 5, 101), sell(4, 5, 103)])
}

const fn immediate(price: i64) -> OrderKind {
    OrderKind::ImmediateOrCancel { price: Ticks(price) }
}

const fn fill_or_kill(price: i64) -> OrderKind {
    OrderKind::FillOrKill { price: Ticks(price) }
}

const fn market(price: i64) -> OrderKind {
    OrderKind::Market { protection: Ticks(price) }
}

const fn market_limit(price: i64) -> OrderKind {
    OrderKind::MarketLimit { protection: Ticks(price) }
}

const fn post_only(price: i64, crossing: Crossing) -> OrderKind {
    OrderKind::PostOnly { price: Ticks(price), crossing }
}

#[test]
fn best_price_first_then_first_come() {
    let mut world = asks();
    assert_eq!(
        world.submit(buy(9, 12, 102)),
        "fill 2<9 5@101 (0,7); fill 3<9 5@101 (0,2); fill 1<9 2@102 (3,0)"
    );
    assert_eq!(world.queue(Side::Sell), [1, 4]);
}

#[test]
fn a_seller_meets_the_highest_bid_first() {
    let mut world = World::with(&[buy(1, 5, 98), buy(2, 5, 99), buy(3, 5, -7)]);
    assert_eq!(
        world.submit(sell(9, 12, -100)),
        "fill 2<9 5@99 (0,7); fill 1<9 5@98 (0,2); fill 3<9 2@-7 (3,0)"
    );
}

#[test]
fn the_rest_of_a_limit_order_rests_at_its_price() {
    let mut world = asks();
    assert_eq!(
        world.submit(buy(9, 12, 101)),
        "fill 2<9 5@101 (0,7); fill 3<9 5@101 (0,2); rest 9 2@101"
    );
    assert_eq!(world.book.best(Side::Buy), Some(Ticks(101)));
    assert_eq!(world.book.best(Side::Sell), Some(Ticks(102)));
    assert_eq!(world.book.volume(), 10);
}

#[test]
fn the_rest_of_an_immediate_order_is_cancelled() {
    let mut world = asks();
    let order = buy(9, 12, 0).kind(immediate(101));
    assert_eq!(
        world.submit(order),
        "fill 2<9 5@101 (0,7); fill 3<9 5@101 (0,2); cancel 9 2 unfilled"
    );
    assert_eq!(world.submit(buy(9, 1, 0).kind(immediate(101))), "cancel 9 1 unfilled");
}

#[test]
fn fill_or_kill_is_all_or_nothing() {
    let mut world = asks();
    assert_eq!(world.submit(buy(9, 16, 0).kind(fill_or_kill(102))), "cancel 9 16 killed");
    assert_eq!(world.book.len(), 4);
    assert_eq!(
        world.submit(buy(9, 15, 0).kind(fill_or_kill(102))),
        "fill 2<9 5@101 (0,10); fill 3<9 5@101 (0,5); fill 1<9 5@102 (0,0)"
    );
}

#[test]
fn a_market_order_stops_at_its_protection() {
    let mut world = asks();
    assert_eq!(
        world.submit(buy(9, 99, 0).kind(market(102))),
        "fill 2<9 5@101 (0,94); fill 3<9 5@101 (0,89); fill 1<9 5@102 (0,84); cancel 9 84 unfilled"
    );
    assert_eq!(world.queue(Side::Sell), [4]);
}

#[test]
fn a_market_limit_order_rests_at_its_last_fill() {
    let mut world = asks();
    assert_eq!(
        world.submit(buy(9, 11, 0).kind(market_limit(101))),
        "fill 2<9 5@101 (0,6); fill 3<9 5@101 (0,1); rest 9 1@101"
    );
    assert_eq!(
        world.submit(buy(8, 11, 0).kind(market_limit(500))),
        "fill 1<8 5@102 (0,6); fill 4<8 5@103 (0,1); rest 8 1@103"
    );
}

#[test]
fn a_market_limit_order_without_a_fill_joins_its_own_side() {
    let mut world = World::with(&[sell(1, 5, 110), buy(2, 5, 95)]);
    assert_eq!(world.submit(buy(9, 1, 0).kind(market_limit(105))), "rest 9 1@95");
    assert_eq!(world.submit(buy(8, 1, 0).kind(market_limit(90))), "rest 8 1@90");
    let mut world = World::with(&[sell(1, 5, 110)]);
    assert_eq!(world.submit(buy(9, 1, 0).kind(market_limit(105))), "cancel 9 1 no price");
}

#[test]
fn a_post_only_order_never_takes() {
    let mut world = asks();
    let refused =
        "refused: post-only, and it would trade at once: the best opposite price is 101 ticks";
    assert_eq!(world.submit(buy(9, 1, 0).kind(post_only(101, Crossing::Reject))), refused);
    assert_eq!(world.submit(buy(9, 1, 0).kind(post_only(100, Crossing::Reject))), "rest 9 1@100");
    assert_eq!(
        world.submit(buy(8, 1, 0).kind(post_only(103, Crossing::Reprice))),
        "reprice 8 103>100; rest 8 1@100"
    );
    assert_eq!(
        world.submit(sell(7, 1, 0).kind(post_only(99, Crossing::Reprice))),
        "reprice 7 99>101; rest 7 1@101"
    );
}

#[test]
fn a_post_only_order_without_a_price_behind_is_refused() {
    let mut world = World::with(&[sell(1, 1, -1_000)]);
    let order = buy(9, 1, 0).kind(post_only(5, Crossing::Reprice));
    assert!(world.submit(order).starts_with("refused: post-only"));
}

#[test]
fn cancels_take_what_is_open() {
    let mut world = asks();
    world.submit(buy(9, 2, 101));
    assert_eq!(world.cancel(2), "cancel 2 3 requested");
    assert!(world.cancel(2).starts_with("refused: no such order"));
    let totals = world.book.totals();
    assert_eq!((totals.submitted, totals.filled, totals.cancelled, totals.open), (22, 4, 3, 15));
}

#[test]
fn a_mass_cancel_goes_by_acceptance() {
    let orders =
        [sell(1, 5, 102).of(3), buy(2, 5, 90).of(3), sell(3, 5, 101).of(9), buy(4, 1, 91).of(3)];
    let mut world = World::with(&orders);
    world.amend(1, 103, 6);
    let listed: Vec<u64> = world.book.orders_of(AccountId(3)).map(|order| order.id.0).collect();
    assert_eq!(listed, [1, 2, 4]);
    assert_eq!(world.book.count_of(AccountId(3)), [2, 1]);
    let events = world.run(|book, events| book.mass_cancel(AccountId(3), Some(Side::Buy), events));
    assert_eq!(text(&events), "cancel 2 5 mass; cancel 4 1 mass");
    let events = world.run(|book, events| book.mass_cancel(AccountId(3), None, events));
    assert_eq!(text(&events), "cancel 1 6 mass");
    assert_eq!(world.run(|book, events| book.mass_cancel(AccountId(3), None, events)), []);
    assert_eq!(world.queue(Side::Sell), [3]);
}

#[test]
fn a_reduced_order_keeps_its_place() {
    let mut world = asks();
    assert_eq!(world.reduce(2, 4), "reduce 2 4 (1)");
    assert_eq!(world.queue(Side::Sell), [2, 3, 1, 4]);
    assert_eq!(world.reduce(2, 1), "cancel 2 1 reduced");
    assert_eq!(world.reduce(3, 1_000), "cancel 3 5 reduced");
    assert!(world.reduce(3, 1).starts_with("refused: no such order"));
}

#[test]
fn depth_and_fillable_say_what_there_is() {
    let world = asks();
    let depth: Vec<_> = world.book.depth(Side::Sell).collect();
    let shown: Vec<_> = depth.iter().map(|l| (l.price.0, l.displayed.0, l.orders)).collect();
    assert_eq!(shown, [(101, 10, 2), (102, 5, 1), (103, 5, 1)]);
    let fillable = |limit, lots| {
        world.book.fillable(Side::Buy, Ticks(limit), Lots(lots), AccountId(9), SelfTrade::Allow)
    };
    assert_eq!(fillable(100, 5), Fillable::default());
    let expected = Fillable { lots: Lots(12), value: 1_214, worst: Some(Ticks(102)) };
    assert_eq!(fillable(102, 12), expected);
    assert_eq!(fillable(200, 99).lots, Lots(20));
    assert_eq!(world.book.order(OrderId(3)).map(|order| order.open()), Some(Lots(5)));
    assert_eq!(world.book.order(OrderId(77)), None);
}

#[test]
fn a_full_book_refuses_what_may_rest_and_trades_the_rest() {
    let limits =
        plimsoll_book::Limits { orders_max: 2, orders_per_account_max: 1, ..Default::default() };
    let mut world = World { book: plimsoll_book::Book::new(limits).unwrap() };
    world.submit(sell(1, 5, 100));
    assert_eq!(
        world.submit(buy(2, 5, 90).of(1)),
        "refused: 1 orders of this account rest in the book, and no more may: cancel some"
    );
    world.submit(sell(2, 5, 101));
    assert_eq!(world.submit(buy(3, 1, 90)), "refused: 2 orders rest in the book, and no more may");
    assert_eq!(world.submit(buy(3, 1, 0).kind(immediate(100))), "fill 1<3 1@100 (4,0)");
}
