//! The orders that rest, as the engine's events tell.

use std::collections::BTreeMap;

use book::{OrderId, Side};
use ledger::AccountId;
use plimsoll_engine::{Event, InstrumentId};

/// An order that rests.
#[derive(Clone, Copy, Debug)]
pub struct Resting {
    /// Its number.
    pub id: OrderId,
    /// Whose it is.
    pub account: AccountId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Its price in units.
    pub price: i64,
    /// Its open lots.
    pub open: i64,
}

/// All orders that rest, to draw one from.
#[derive(Debug, Default)]
pub struct Mirror {
    orders: Vec<Resting>,
    places: BTreeMap<OrderId, usize>,
}

impl Mirror {
    /// How many rest.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// The order in a place; places change with every event.
    pub fn at(&self, place: usize) -> Resting {
        self.orders[place]
    }

    /// Takes in what happened.
    pub fn follow(&mut self, events: &[Event]) {
        let mut accepted = None;
        for event in events {
            match event {
                Event::OrderAccepted { account, .. } => accepted = Some(*account),
                Event::Rested { order, instrument, side, price, open, .. } => {
                    match self.places.get(order) {
                        Some(place) => {
                            let kept = &mut self.orders[*place];
                            (kept.price, kept.open) = (price.units(), *open);
                        }
                        None => self.add(Resting {
                            id: *order,
                            account: accepted.expect("an order is accepted before it rests"),
                            instrument: *instrument,
                            side: *side,
                            price: price.units(),
                            open: *open,
                        }),
                    }
                }
                Event::Trade(trade) => {
                    self.left(trade.maker, trade.maker_open);
                    self.left(trade.taker, trade.taker_open);
                }
                Event::Cancelled { order, .. } => self.left(*order, 0),
                Event::Reduced { order, open, .. } => self.left(*order, *open),
                Event::Amended { order, price, open, .. } => {
                    if let Some(place) = self.places.get(order) {
                        self.orders[*place].price = price.units();
                    }
                    self.left(*order, *open);
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, order: Resting) {
        self.places.insert(order.id, self.orders.len());
        self.orders.push(order);
    }

    /// So much of an order is open now, if it rests.
    fn left(&mut self, id: OrderId, open: i64) {
        let Some(&place) = self.places.get(&id) else { return };
        self.orders[place].open = open;
        if open == 0 {
            self.places.remove(&id);
            self.orders.swap_remove(place);
            if let Some(moved) = self.orders.get(place) {
                self.places.insert(moved.id, place);
            }
        }
    }
}
