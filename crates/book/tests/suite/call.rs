//! Call periods, by hand.

use plimsoll_book::{
    AccountId, Crossing, Equilibrium, Lots, NewOrder, OrderKind, Phase, SelfTrade, Side, Ticks,
};

use crate::world::{Terms, World, buy, sell};

fn called(orders: &[NewOrder]) -> World {
    let mut world = World::new();
    world.begin_call();
    for order in orders {
        assert!(world.submit(*order).starts_with("rest "));
    }
    world
}

#[test]
fn orders_collect_and_all_trade_at_one_price() {
    let mut world = called(&[buy(1, 10, 105), sell(2, 4, 100), sell(3, 9, 103), buy(4, 5, 101)]);
    assert_eq!(world.book.phase(), Phase::Call);
    // At 103 to 105: 10 are bid, 13 offered. At 101 and 102: 4 trade.
    assert_eq!(
        world.uncross(102),
        "uncross 10@103 (-3); fill 1<2 4@103 (6,0); fill 1<3 6@103 (0,3)"
    );
    assert_eq!(world.book.phase(), Phase::Continuous);
    assert_eq!(world.queue(Side::Sell), [3]);
    assert_eq!(world.submit(buy(9, 3, 103)), "fill 3<9 3@103 (0,0)");
}

#[test]
fn ties_go_to_the_least_imbalance_then_to_the_reference_then_down() {
    // 10 trade from 100 to 104; at 102 and above the extra bid of 2 at 101 is out.
    let orders = [buy(1, 10, 104), buy(2, 2, 101), sell(3, 10, 100)];
    let found = |reference| called(&orders).book.equilibrium(Ticks(reference));
    let at = |price, imbalance| {
        Some(Equilibrium { price: Ticks(price), lots: Lots(10), imbalance: Lots(imbalance) })
    };
    assert_eq!(found(103), at(103, 0));
    assert_eq!(found(90), at(102, 0));
    assert_eq!(found(i64::MIN), at(102, 0));
    assert_eq!(found(i64::MAX), at(104, 0));
    // As much is left over at 101 and at 103: the nearer one, and between both the lower one.
    let orders = [buy(1, 10, 103), sell(2, 10, 101), sell(3, 5, 103), buy(4, 5, 101)];
    let found = |reference| called(&orders).book.equilibrium(Ticks(reference));
    assert_eq!(found(102), at(102, 0));
}

#[test]
fn allocation_is_by_price_then_time_and_hidden_parts_come_last() {
    let orders = [buy(1, 6, 101).show(2), buy(2, 4, 101), buy(3, 1, 102), sell(4, 9, 100)];
    assert_eq!(
        called(&orders).uncross(101),
        "uncross 9@101 (2); fill 3<4 1@101 (0,8); fill 1<4 2@101 (4,6); rest 1 2/4@101; \
         fill 2<4 4@101 (0,2); fill 1<4 2@101 (2,0); rest 1 2@101"
    );
}

#[test]
fn nothing_to_trade() {
    assert_eq!(called(&[]).uncross(100), "uncross nothing");
    assert_eq!(called(&[buy(1, 1, 100)]).uncross(100), "uncross nothing");
    assert_eq!(called(&[buy(1, 1, 100), sell(2, 1, 101)]).uncross(100), "uncross nothing");
}

#[test]
fn a_call_takes_limit_orders_only() {
    let price = Ticks(100);
    for kind in [
        OrderKind::ImmediateOrCancel { price },
        OrderKind::FillOrKill { price },
        OrderKind::Market { protection: price },
        OrderKind::MarketLimit { protection: price },
        OrderKind::PostOnly { price, crossing: Crossing::Reject },
    ] {
        let text = called(&[]).submit(buy(1, 1, 0).kind(kind));
        assert!(text.starts_with("refused: a call period is on"));
    }
}

#[test]
fn amends_and_cancels_go_on_in_a_call_and_nothing_is_fillable() {
    let mut world = called(&[buy(1, 5, 100), sell(2, 5, 105)]);
    assert_eq!(world.amend(1, 106, 5), "amend 1 5@106 lost; rest 1 5@106");
    let (account, self_trade) = (AccountId(9), SelfTrade::Allow);
    let fillable = world.book.fillable(Side::Buy, Ticks(110), Lots(1), account, self_trade);
    assert_eq!(fillable.lots, Lots(0));
    assert_eq!(world.cancel(2), "cancel 2 5 requested");
}

#[test]
fn orders_of_one_account_trade_in_an_uncross() {
    let mut world = called(&[buy(1, 5, 100), sell(2, 5, 100).of(1)]);
    assert_eq!(world.uncross(100), "uncross 5@100 (0); fill 1<2 5@100 (0,0)");
}

#[test]
fn phases_begin_and_end_once() {
    let mut world = World::new();
    assert_eq!(world.uncross(100), "refused: no call period is on: begin one first");
    world.begin_call();
    let events = world.run(plimsoll_book::Book::begin_call);
    assert!(crate::world::text(&events).starts_with("refused: a call period is on"));
}
