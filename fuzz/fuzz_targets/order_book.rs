//! An order book under any commands: 16 bytes each. It must hold its own rules after every one,
//! and its records must make the same book again.
#![no_main]

use book::{
    AccountId, Book, Crossing, Event, Limits, Lots, NewOrder, OrderId, OrderKind, SelfTrade, Side,
    Ticks,
};

const LIMITS: Limits = Limits {
    price_min: Ticks(-300),
    price_max: Ticks(300),
    lots_max: Lots(2_000),
    orders_max: 40,
    orders_per_account_max: 20,
    parts_max: 50,
    window: 64,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut book = Book::new(LIMITS).expect("the limits are valid");
    let mut events = Vec::new();
    let (commands, _) = bytes.as_chunks::<16>();
    for command in commands {
        events.clear();
        apply(&mut book, command, &mut events);
        book.check().expect("a book holds its rules");
    }
    let orders = Side::BOTH.into_iter().flat_map(|side| book.orders(side));
    let records: Vec<_> = orders.map(|order| order.to_bytes()).collect();
    let restored = Book::restore(LIMITS, &book.state_bytes(), &records);
    let restored = restored.expect("what a book writes is read");
    assert_eq!(restored.state_bytes(), book.state_bytes());
});

fn apply(book: &mut Book, bytes: &[u8; 16], events: &mut Vec<Event>) {
    let id = OrderId(u64::from(bytes[1] % 64));
    let account = AccountId(u32::from(bytes[2] % 4));
    let side = Side::BOTH[usize::from(bytes[3] % 2)];
    let price = Ticks(i64::from(i16::from_le_bytes([bytes[4], bytes[5]]) >> (bytes[6] % 16)));
    let lots = Lots(i64::from(i16::from_le_bytes([bytes[7], bytes[8]]) >> (bytes[9] % 16)));
    let display = Lots(i64::from(i16::from_le_bytes([bytes[10], bytes[11]])));
    let crossing = if bytes[12] % 2 == 0 { Crossing::Reject } else { Crossing::Reprice };
    let kind = match bytes[13] % 8 {
        0 => OrderKind::PostOnly { price, crossing },
        1 => OrderKind::ImmediateOrCancel { price },
        2 => OrderKind::FillOrKill { price },
        3 => OrderKind::Market { protection: price },
        4 => OrderKind::MarketLimit { protection: price },
        _ => OrderKind::Limit { price },
    };
    let self_trade = match bytes[14] % 5 {
        0 => SelfTrade::Allow,
        1 => SelfTrade::CancelTaker,
        2 => SelfTrade::CancelMaker,
        3 => SelfTrade::CancelBoth,
        _ => SelfTrade::Decrement,
    };
    match bytes[0] % 16 {
        0 => book.cancel(id, events),
        1 => book.mass_cancel(account, (bytes[15] % 2 == 0).then_some(side), events),
        2 => book.reduce(id, lots, events),
        3 => book.begin_call(events),
        4 => book.uncross(price, events),
        5..9 => book.amend(id, price, lots, events),
        _ => {
            let display = (bytes[15] % 4 == 0).then_some(display);
            let order = NewOrder { id, account, side, lots, kind, display, self_trade };
            book.submit(&order, events);
        }
    }
}
