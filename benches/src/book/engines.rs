//! What an engine must do, and the peers.

use std::sync::{Arc, Mutex};

use super::stream::{Command, Stream};

/// What traded: equal for all engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub trades: u64,
    pub volume: u64,
    /// Σ lots · price.
    pub value: u64,
    /// FNV-1a over maker, taker, price and lots of each fill, in order.
    pub checksum: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { trades: 0, volume: 0, value: 0, checksum: 0xCBF2_9CE4_8422_2325 }
    }
}

impl Tally {
    pub fn fill(&mut self, maker: u64, taker: u64, price: u64, lots: u64) {
        self.trades += 1;
        self.volume += lots;
        self.value += lots * price;
        for number in [maker, taker, price, lots] {
            self.checksum = (self.checksum ^ number).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
}

/// An order book under test.
pub trait Engine {
    fn run(&mut self, commands: &[Command]);
    /// What traded since the engine was made.
    fn tally(&self) -> Tally;
}

struct Lobster {
    book: lobster::OrderBook,
    tally: Tally,
}

pub fn lobster(stream: &Stream) -> Box<dyn Engine> {
    let capacity = stream.orders_most.max(10_000);
    Box::new(Lobster {
        book: lobster::OrderBook::new(capacity, 10, false),
        tally: Tally::default(),
    })
}

impl Lobster {
    fn limit(&mut self, id: u64, side: lobster::Side, price: u64, lots: u64) -> bool {
        let order = lobster::OrderType::Limit { id: id.into(), side, qty: lots, price };
        match self.book.execute(order) {
            lobster::OrderEvent::Filled { fills, .. } => {
                self.count(&fills);
                true
            }
            lobster::OrderEvent::PartiallyFilled { fills, .. } => {
                self.count(&fills);
                false
            }
            _ => false,
        }
    }

    fn count(&mut self, fills: &[lobster::FillMetadata]) {
        for fill in fills {
            self.tally.fill(fill.order_2 as u64, fill.order_1 as u64, fill.price, fill.qty);
        }
    }

    fn cancel(&mut self, id: u64) {
        self.book.execute(lobster::OrderType::Cancel { id: id.into() });
    }
}

impl Engine for Lobster {
    fn run(&mut self, commands: &[Command]) {
        let side = |buys| if buys { lobster::Side::Bid } else { lobster::Side::Ask };
        for command in commands {
            match *command {
                Command::New { id, buys, price, lots } => {
                    self.limit(id, side(buys), price, lots);
                }
                Command::Immediate { id, buys, price, lots } => {
                    if !self.limit(id, side(buys), price, lots) {
                        self.cancel(id);
                    }
                }
                Command::Cancel { id } => self.cancel(id),
                Command::Amend { id, buys, price, lots } => {
                    self.cancel(id);
                    self.limit(id, side(buys), price, lots);
                }
            }
        }
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}

struct OrderbookRs {
    book: orderbook_rs::DefaultOrderBook,
    tally: Arc<Mutex<Tally>>,
}

pub fn orderbook_rs(_: &Stream) -> Box<dyn Engine> {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let shared = Arc::clone(&tally);
    let listener: orderbook_rs::TradeListener = Arc::new(move |result| {
        let mut tally = shared.lock().expect("one thread");
        let number = |id| match id {
            orderbook_rs::Id::Sequential(number) => number,
            _ => u64::MAX,
        };
        for trade in result.match_result.trades().as_vec() {
            let (maker, taker) = (number(trade.maker_order_id()), number(trade.taker_order_id()));
            let price = u64::try_from(trade.price().as_u128()).unwrap_or(u64::MAX);
            tally.fill(maker, taker, price, trade.quantity().as_u64());
        }
    });
    let book = orderbook_rs::DefaultOrderBook::with_trade_listener("BENCH", listener);
    Box::new(OrderbookRs { book, tally })
}

impl OrderbookRs {
    fn add(&self, id: u64, buys: bool, price: u64, lots: u64, rests: bool) {
        use orderbook_rs::{Id, Side, TimeInForce};
        let side = if buys { Side::Buy } else { Side::Sell };
        let time_in_force = if rests { TimeInForce::Gtc } else { TimeInForce::Ioc };
        // An immediate order that finds too little is an error here.
        let _ = self.book.add_limit_order(
            Id::Sequential(id),
            price.into(),
            lots,
            side,
            time_in_force,
            None,
        );
    }

    fn cancel(&self, id: u64) {
        let _ = self.book.cancel_order(orderbook_rs::Id::Sequential(id));
    }
}

impl Engine for OrderbookRs {
    fn run(&mut self, commands: &[Command]) {
        for command in commands {
            match *command {
                Command::New { id, buys, price, lots } => self.add(id, buys, price, lots, true),
                Command::Immediate { id, buys, price, lots } => {
                    self.add(id, buys, price, lots, false);
                }
                Command::Cancel { id } => self.cancel(id),
                Command::Amend { id, buys, price, lots } => {
                    self.cancel(id);
                    self.add(id, buys, price, lots, true);
                }
            }
        }
    }

    fn tally(&self) -> Tally {
        *self.tally.lock().expect("one thread")
    }
}
