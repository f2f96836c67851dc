//! In a steady state no command allocates.

use numerics::SplitMix;
use plimsoll_book::{
    AccountId, Book, Event, Limits, Lots, NewOrder, OrderId, OrderKind, SelfTrade, Side, Ticks,
};

use crate::world::{Terms, buy};

const ORDERS: u64 = 2_000;

/// One of all kinds of commands, with prices that wander through the window.
fn command(book: &mut Book, turn: u64, events: &mut Vec<Event>) {
    let draw = |j| SplitMix { seed: 0x5EED_0070 }.u64(8 * turn + j);
    let middle = 100_000 + (turn / 100) as i64;
    let id = OrderId(draw(0) % ORDERS);
    let side = if draw(1).is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let away = (draw(2) % 200) as i64 - 5;
    let price = Ticks(if side == Side::Buy { middle - away } else { middle + away });
    let lots = Lots((draw(3) % 50) as i64 + 1);
    let kind = match draw(4) % 4 {
        0 => OrderKind::ImmediateOrCancel { price },
        1 => OrderKind::MarketLimit { protection: price },
        _ => OrderKind::Limit { price },
    };
    let display = (kind.may_rest() && draw(5).is_multiple_of(4)).then_some(Lots(3));
    let self_trade = SelfTrade::CancelMaker;
    let account = AccountId((draw(6) % 100) as u32);
    events.clear();
    match draw(7) % 10 {
        0 => book.cancel(id, events),
        1 => book.reduce(id, Lots(5), events),
        2..6 => book.amend(id, price, lots, events),
        6 if turn.is_multiple_of(100) => book.mass_cancel(account, Some(side), events),
        _ => {
            let order = NewOrder { id, side, lots, kind, display, self_trade, ..buy(0, 1, 0) };
            book.submit(&order.of(account.0), events);
        }
    }
}

#[test]
fn in_a_steady_state_nothing_is_allocated() {
    let mut book = Book::new(Limits::default()).unwrap();
    let mut events = Vec::with_capacity(10_000);
    (0..40_000).for_each(|turn| command(&mut book, turn, &mut events));
    let found = allocation_counter::measure(|| {
        (40_000..80_000).for_each(|turn| command(&mut book, turn, &mut events));
    });
    assert_eq!(found.count_total, 0);
    assert!(book.volume() > 10_000 && book.len() > 100, "{} rest", book.len());
    assert_eq!(book.check(), Ok(()));
}
