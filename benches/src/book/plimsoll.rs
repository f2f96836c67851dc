//! Our book.

use book::{
    AccountId, Book, Event, Limits, Lots, NewOrder, OrderId, OrderKind, SelfTrade, Side, Ticks,
};

use super::engines::{Engine, Tally};
use super::stream::{ACCOUNTS, Command, Stream};

struct Plimsoll {
    book: Book,
    events: Vec<Event>,
    tally: Tally,
}

pub fn make(_: &Stream) -> Box<dyn Engine> {
    let limits = Limits { orders_per_account_max: 1 << 20, ..Limits::default() };
    let book = Book::new(limits).expect("the default limits are valid");
    Box::new(Plimsoll { book, events: Vec::with_capacity(1_024), tally: Tally::default() })
}

impl Engine for Plimsoll {
    fn run(&mut self, commands: &[Command]) {
        for command in commands {
            match *command {
                Command::New { id, buys, price, lots } => {
                    let kind = OrderKind::Limit { price: Ticks(price as i64) };
                    self.book.submit(&order(id, buys, lots, kind), &mut self.events);
                }
                Command::Immediate { id, buys, price, lots } => {
                    let kind = OrderKind::ImmediateOrCancel { price: Ticks(price as i64) };
                    self.book.submit(&order(id, buys, lots, kind), &mut self.events);
                }
                Command::Cancel { id } => self.book.cancel(OrderId(id), &mut self.events),
                Command::Amend { id, price, lots, .. } => {
                    let (price, lots) = (Ticks(price as i64), Lots(lots as i64));
                    self.book.amend(OrderId(id), price, lots, &mut self.events);
                }
            }
            for event in self.events.drain(..) {
                if let Event::Fill { maker, taker, price, lots, .. } = event {
                    self.tally.fill(maker.0, taker.0, price.0 as u64, lots.0 as u64);
                }
            }
        }
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}

fn order(id: u64, buys: bool, lots: u64, kind: OrderKind) -> NewOrder {
    NewOrder {
        id: OrderId(id),
        account: AccountId((id % ACCOUNTS) as u32),
        side: if buys { Side::Buy } else { Side::Sell },
        lots: Lots(lots as i64),
        kind,
        display: None,
        self_trade: SelfTrade::Allow,
    }
}
