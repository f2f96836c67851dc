//! A small world for tests by hand: orders in a few words, events as short lines.

use plimsoll_book::{
    AccountId, Book, CancelReason, Event, Limits, Lots, NewOrder, OrderId, OrderKind, SelfTrade,
    Side, Ticks,
};

/// A book that shows what happens as text.
pub struct World {
    pub book: Book,
}

/// A limit order that buys, of the account of its own number, so that none meet by accident.
pub fn buy(id: u64, lots: i64, price: i64) -> NewOrder {
    NewOrder {
        id: OrderId(id),
        account: AccountId(id as u32),
        side: Side::Buy,
        lots: Lots(lots),
        kind: OrderKind::Limit { price: Ticks(price) },
        display: None,
        self_trade: SelfTrade::CancelTaker,
    }
}

/// The same that sells.
pub fn sell(id: u64, lots: i64, price: i64) -> NewOrder {
    NewOrder { side: Side::Sell, ..buy(id, lots, price) }
}

pub trait Terms {
    fn kind(self, kind: OrderKind) -> Self;
    fn show(self, display: i64) -> Self;
    fn of(self, account: u32) -> Self;
}

impl Terms for NewOrder {
    fn kind(self, kind: OrderKind) -> Self {
        Self { kind, ..self }
    }

    fn show(self, display: i64) -> Self {
        Self { display: Some(Lots(display)), ..self }
    }

    fn of(self, account: u32) -> Self {
        Self { account: AccountId(account), ..self }
    }
}

impl World {
    pub fn new() -> Self {
        let limits = Limits { price_min: Ticks(-1_000), window: 64, ..Limits::default() };
        Self { book: Book::new(limits).unwrap() }
    }

    /// A book with these orders in it.
    pub fn with(orders: &[NewOrder]) -> Self {
        let mut world = Self::new();
        for order in orders {
            assert!(matches!(
                world.run(|book, events| book.submit(order, events))[..],
                [Event::Rested { .. }]
            ));
        }
        world
    }

    pub fn run(&mut self, command: impl FnOnce(&mut Book, &mut Vec<Event>)) -> Vec<Event> {
        let mut events = Vec::new();
        command(&mut self.book, &mut events);
        assert_eq!(self.book.check(), Ok(()));
        events
    }

    /// Submits an order; returns what happened, as text.
    pub fn submit(&mut self, order: NewOrder) -> String {
        text(&self.run(|book, events| book.submit(&order, events)))
    }

    pub fn amend(&mut self, id: u64, price: i64, lots: i64) -> String {
        text(&self.run(|book, events| book.amend(OrderId(id), Ticks(price), Lots(lots), events)))
    }

    pub fn cancel(&mut self, id: u64) -> String {
        text(&self.run(|book, events| book.cancel(OrderId(id), events)))
    }

    pub fn reduce(&mut self, id: u64, lots: i64) -> String {
        text(&self.run(|book, events| book.reduce(OrderId(id), Lots(lots), events)))
    }

    pub fn begin_call(&mut self) {
        assert_eq!(self.run(Book::begin_call), [Event::CallBegan]);
    }

    pub fn uncross(&mut self, reference: i64) -> String {
        text(&self.run(|book, events| book.uncross(Ticks(reference), events)))
    }

    /// The names of a side's orders, in the order in which they trade.
    pub fn queue(&self, side: Side) -> Vec<u64> {
        self.book.orders(side).map(|order| order.id.0).collect()
    }
}

/// Events in short: `fill 1 4@101 (6)` is 4 lots of maker 1 at 101, 6 of it left open.
pub fn text(events: &[Event]) -> String {
    events.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn line(event: &Event) -> String {
    match *event {
        Event::Refused { refusal, .. } => format!("refused: {refusal}"),
        Event::Rested { order, price, displayed, open, .. } if displayed == open => {
            format!("rest {order} {open}@{price}")
        }
        Event::Rested { order, price, displayed, open, .. } => {
            format!("rest {order} {displayed}/{open}@{price}")
        }
        Event::Fill { maker, taker, price, lots, maker_open, taker_open, .. } => {
            format!("fill {maker}<{taker} {lots}@{price} ({maker_open},{taker_open})")
        }
        Event::Cancelled { order, lots, reason, .. } => {
            let reason = match reason {
                CancelReason::Requested => "requested",
                CancelReason::MassCancel => "mass",
                CancelReason::Unfilled => "unfilled",
                CancelReason::FillOrKill => "killed",
                CancelReason::SelfTrade => "self-trade",
                CancelReason::NoPrice => "no price",
                CancelReason::Reduced => "reduced",
            };
            format!("cancel {order} {lots} {reason}")
        }
        Event::Reduced { order, lots, open, .. } => format!("reduce {order} {lots} ({open})"),
        Event::Amended { order, price, open, kept_place, .. } => {
            format!("amend {order} {open}@{price} {}", if kept_place { "kept" } else { "lost" })
        }
        Event::Repriced { order, from, to } => format!("reprice {order} {from}>{to}"),
        Event::CallBegan => "call".to_owned(),
        Event::Uncrossed { price: None, .. } => "uncross nothing".to_owned(),
        Event::Uncrossed { price: Some(price), lots, imbalance } => {
            format!("uncross {lots}@{price} ({imbalance})")
        }
    }
}
