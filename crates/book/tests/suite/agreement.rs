//! The book agrees with the naive one on every event, order and question.

use plimsoll_book::{
    AccountId, Book, Event, Lots, OrderId, OrderKind, RestingOrder, SelfTrade, Side, Ticks,
};
use proptest::prelude::*;

use crate::commands::{Command, LIMITS, any_commands, apply, cases};
use crate::naive::NaiveBook;

/// Both books side by side.
struct Pair {
    book: Book,
    reference: NaiveBook,
    events: Vec<Event>,
    expected: Vec<Event>,
}

impl Pair {
    fn new() -> Self {
        let book = Book::new(LIMITS).unwrap();
        Self { book, reference: NaiveBook::new(LIMITS), events: Vec::new(), expected: Vec::new() }
    }

    fn step(&mut self, command: &Command) {
        self.check_fillable(command);
        self.events.clear();
        self.expected.clear();
        let before = (self.state(), self.book.totals());
        apply(&mut self.book, command, &mut self.events);
        self.reference.apply(command, &mut self.expected);
        assert_eq!(self.events, self.expected, "{command:?}");
        assert_eq!(self.book.check(), Ok(()), "{command:?}");
        if let [Event::Refused { .. }] = self.events[..] {
            assert_eq!((self.state(), self.book.totals()), before, "a refusal changes nothing");
        }
        for side in Side::BOTH {
            let orders: Vec<RestingOrder> = self.book.orders(side).collect();
            assert_eq!(orders, self.reference.sorted(side), "{command:?}");
            self.check_depth(side, &orders);
        }
    }

    fn state(&self) -> [Vec<RestingOrder>; 2] {
        Side::BOTH.map(|side| self.book.orders(side).collect())
    }

    fn check_depth(&self, side: Side, orders: &[RestingOrder]) {
        let depth: Vec<_> = self.book.depth(side).collect();
        assert_eq!(depth.len(), self.book.levels(side));
        assert_eq!(depth.first().map(|level| level.price), self.book.best(side));
        for level in &depth {
            let here: Vec<_> = orders.iter().filter(|o| o.price == level.price).collect();
            assert_eq!(here.len(), level.orders as usize);
            assert_eq!(here.iter().map(|o| o.displayed.0).sum::<i64>(), level.displayed.0);
            assert_eq!(here.iter().map(|o| o.hidden.0).sum::<i64>(), level.hidden.0);
        }
        for order in orders {
            assert_eq!(self.book.order(order.id), Some(*order));
        }
    }

    /// What is fillable is what an immediate-or-cancel order then fills.
    fn check_fillable(&self, command: &Command) {
        let Command::Submit(order) = command else { return };
        let limit = order.kind.limit();
        let terms = (order.side, limit, order.lots, order.account, order.self_trade);
        let found = self.book.fillable(terms.0, terms.1, terms.2, terms.3, terms.4);
        let expected = self.reference.fillable(terms.0, terms.1, terms.2, terms.3, terms.4);
        assert_eq!(found.lots.0, expected, "{command:?}");
        let decrements = order.self_trade == SelfTrade::Decrement;
        let accepted = (1..=LIMITS.lots_max.0).contains(&order.lots.0);
        if decrements || self.reference.in_call || !accepted {
            return;
        }
        let (mut copy, mut events) = (self.book.clone(), Vec::new());
        let mut order = *order;
        (order.id, order.display) = (OrderId(1_000), None);
        order.kind = OrderKind::ImmediateOrCancel { price: limit };
        copy.submit(&order, &mut events);
        let (mut value, mut worst) = (0, None);
        for event in &events {
            if let Event::Fill { price, lots, .. } = event {
                value += i128::from(price.0) * i128::from(lots.0);
                worst = Some(*price);
            }
        }
        assert_eq!((found.value, found.worst), (value, worst), "{order:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), ..ProptestConfig::default() })]

    #[test]
    fn the_book_is_the_naive_book(commands in any_commands(120)) {
        let mut pair = Pair::new();
        commands.iter().for_each(|command| pair.step(command));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(20), ..ProptestConfig::default() })]

    #[test]
    fn long_sequences_agree_too(commands in any_commands(2_000)) {
        let mut pair = Pair::new();
        commands.iter().for_each(|command| pair.step(command));
    }

    #[test]
    fn the_same_commands_give_the_same_events(commands in any_commands(500)) {
        let run = || {
            let (mut book, mut events) = (Book::new(LIMITS).unwrap(), Vec::new());
            commands.iter().for_each(|command| apply(&mut book, command, &mut events));
            let orders = Side::BOTH.map(|side| book.orders(side).collect::<Vec<_>>());
            (events, orders, book.totals())
        };
        prop_assert_eq!(run(), run());
    }

    /// From events alone: what was submitted is filled, cancelled or open, for each order.
    #[test]
    fn every_lot_is_accounted_for(commands in any_commands(500)) {
        let (mut book, mut events) = (Book::new(LIMITS).unwrap(), Vec::new());
        let (mut filled, mut volume) = (0_i128, 0_i128);
        for command in &commands {
            events.clear();
            apply(&mut book, command, &mut events);
            for event in &events {
                if let Event::Fill { lots, maker_open, taker_open, .. } = event {
                    assert!(*lots > Lots(0) && *maker_open >= Lots(0) && *taker_open >= Lots(0));
                    filled += 2 * i128::from(lots.0);
                    volume += i128::from(lots.0);
                }
            }
        }
        let open: i128 = Side::BOTH.iter().flat_map(|side| book.orders(*side))
            .map(|order| i128::from(order.open().0)).sum();
        let totals = book.totals();
        prop_assert_eq!((totals.filled, totals.open, book.volume()), (filled, open, volume));
        prop_assert_eq!(totals.submitted, totals.filled + totals.cancelled + totals.open);
    }
}

/// The window of the array is far from the prices, comes back, and nothing shows.
#[test]
fn far_prices_change_nothing_but_speed() {
    let mut pair = Pair::new();
    let limit = |id: u64, side, price| {
        let kind = OrderKind::Limit { price: Ticks(price) };
        let (id, account) = (OrderId(id), AccountId((id % 3) as u32));
        let order = plimsoll_book::NewOrder {
            id,
            account,
            side,
            lots: Lots(5),
            kind,
            display: None,
            self_trade: SelfTrade::Allow,
        };
        Command::Submit(order)
    };
    for id in 1..8 {
        pair.step(&limit(id, Side::Buy, -400 + 10 * id as i64));
        pair.step(&limit(100 + id, Side::Sell, 1_000 - 10 * id as i64));
    }
    for turn in 0..200 {
        let price = 5 * (turn % 41);
        pair.step(&Command::Amend(OrderId(7), Ticks(price), Lots(5)));
        pair.step(&Command::Amend(OrderId(107), Ticks(price + 300), Lots(5)));
    }
}
