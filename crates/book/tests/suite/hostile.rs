//! Inputs that make no sense change nothing and get a reason.

use plimsoll_book::{
    AccountId, Book, Crossing, Event, Limits, Lots, NewOrder, OrderId, OrderKind, SelfTrade, Side,
    Ticks,
};

use crate::world::{Terms, World, buy, sell};

const NUMBERS: [i64; 9] =
    [i64::MIN, i64::MIN + 1, -1, 0, 1, 1 << 40, 1 << 60, i64::MAX - 1, i64::MAX];

fn kinds(price: i64) -> [OrderKind; 7] {
    let price = Ticks(price);
    [
        OrderKind::Limit { price },
        OrderKind::PostOnly { price, crossing: Crossing::Reject },
        OrderKind::PostOnly { price, crossing: Crossing::Reprice },
        OrderKind::ImmediateOrCancel { price },
        OrderKind::FillOrKill { price },
        OrderKind::Market { protection: price },
        OrderKind::MarketLimit { protection: price },
    ]
}

fn state(book: &Book) -> (Vec<[u8; 64]>, [u8; 64]) {
    let orders = Side::BOTH.into_iter().flat_map(|side| book.orders(side));
    (orders.map(|order| order.to_bytes()).collect(), book.state_bytes())
}

/// Runs a command; if it is refused, nothing may have changed.
fn tell(world: &mut World, command: impl FnOnce(&mut Book, &mut Vec<Event>)) -> bool {
    let before = state(&world.book);
    let events = world.run(command);
    let is_refused = matches!(events[..], [Event::Refused { .. }]);
    if is_refused {
        assert_eq!(state(&world.book), before);
    }
    is_refused
}

#[test]
fn extreme_orders_are_taken_or_refused_whole() {
    for price in NUMBERS {
        for kind in kinds(price) {
            for lots in NUMBERS {
                for display in [None, Some(0), Some(1), Some(-1), Some(i64::MIN), Some(i64::MAX)] {
                    let mut world = World::with(&[buy(1, 5, -500), sell(2, 5, 500)]);
                    for side in Side::BOTH {
                        let display = display.map(Lots);
                        let order =
                            NewOrder { side, kind, display, lots: Lots(lots), ..buy(9, 1, 0) };
                        tell(&mut world, |book, events| book.submit(&order, events));
                    }
                }
            }
        }
    }
}

#[test]
fn extreme_amends_reductions_and_questions() {
    for price in NUMBERS {
        for lots in NUMBERS {
            let mut world = World::with(&[buy(1, 5, -500), sell(2, 5, 500)]);
            for id in [0, 1, 2, 3, u64::MAX] {
                let id = OrderId(id);
                tell(&mut world, |book, events| book.amend(id, Ticks(price), Lots(lots), events));
                tell(&mut world, |book, events| book.reduce(id, Lots(lots), events));
            }
            for side in Side::BOTH {
                let account = AccountId(u32::MAX);
                let found =
                    world.book.fillable(side, Ticks(price), Lots(lots), account, SelfTrade::Allow);
                assert!(found.lots.0 >= 0 && found.lots.0 <= lots.max(0));
            }
            assert_eq!(world.book.equilibrium(Ticks(price)), None);
            tell(&mut world, |book, events| book.begin_call(events));
            tell(&mut world, |book, events| book.uncross(Ticks(price), events));
        }
    }
}

#[test]
fn names_are_unique_and_unknown_ones_refused() {
    let mut world = World::with(&[buy(1, 5, 100)]);
    let duplicate = sell(1, 5, 200);
    assert!(tell(&mut world, |book, events| book.submit(&duplicate, events)));
    for id in [0, 2, u64::MAX] {
        assert!(tell(&mut world, |book, events| book.cancel(OrderId(id), events)));
        assert!(tell(&mut world, |book, events| book.reduce(OrderId(id), Lots(1), events)));
    }
    let immediate = OrderKind::ImmediateOrCancel { price: Ticks(1) };
    let taker = sell(1, 5, 0).kind(immediate);
    assert!(tell(&mut world, |book, events| book.submit(&taker, events)));
    // A name is free again once its order has left.
    world.cancel(1);
    assert_eq!(world.submit(sell(1, 5, 200)), "rest 1 5@200");
}

#[test]
fn a_book_at_its_greatest_sizes_does_not_overflow() {
    let limits = Limits {
        price_min: Ticks(-(1 << 60)),
        price_max: Ticks(1 << 60),
        lots_max: Lots((1 << 52) - 1),
        orders_max: 1 << 10,
        orders_per_account_max: 1 << 10,
        ..Limits::default()
    };
    let mut world = World { book: Book::new(limits).unwrap() };
    let mut events = Vec::new();
    for id in 0..1 << 9 {
        let order = buy(id, limits.lots_max.0, -(1 << 60)).of(1);
        world.book.submit(&order, &mut events);
        let order = sell(512 + id, limits.lots_max.0, 1 << 60).of(2);
        world.book.submit(&order, &mut events);
    }
    let worth = world.book.fillable(
        Side::Buy,
        limits.price_max,
        Lots(i64::MAX),
        AccountId(3),
        SelfTrade::Allow,
    );
    assert_eq!(worth.value, i128::from(limits.lots_max.0) * 512 * (1 << 60));
    world.amend(0, 1 << 60, limits.lots_max.0);
    assert_eq!(world.book.check(), Ok(()));
}
