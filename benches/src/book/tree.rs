//! A plain book as a yardstick: a `BTreeMap` of prices for each side, orders in a slab, linked.
//!
//! It also runs the generator, which must know what rests. Names are dense, so that an order's
//! slot is found in an array.

use std::collections::BTreeMap;

use super::engines::{Engine, Tally};
use super::stream::{Command, Stream};

const NIL: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Order {
    id: u64,
    price: u64,
    lots: u64,
    buys: bool,
    next: u32,
    previous: u32,
}

#[derive(Clone, Copy)]
struct Queue {
    head: u32,
    tail: u32,
}

pub struct Tree {
    /// Asks and bids by price.
    sides: [BTreeMap<u64, Queue>; 2],
    orders: Vec<Order>,
    free: Vec<u32>,
    /// The slot of each name.
    slots: Vec<u32>,
    pub tally: Tally,
    /// Names of resting orders that were filled by the last command.
    pub filled: Vec<u64>,
}

pub fn make(stream: &Stream) -> Box<dyn Engine> {
    Box::new(Tree::new(stream.ids))
}

impl Tree {
    pub fn new(ids: u64) -> Self {
        Self {
            sides: [BTreeMap::new(), BTreeMap::new()],
            orders: Vec::new(),
            free: Vec::new(),
            slots: vec![NIL; ids as usize],
            tally: Tally::default(),
            filled: Vec::new(),
        }
    }

    pub fn levels(&self) -> usize {
        self.sides[0].len() + self.sides[1].len()
    }

    pub fn rests(&self, id: u64) -> bool {
        self.slots[id as usize] != NIL
    }

    /// The side and price of a resting order.
    pub fn terms(&self, id: u64) -> (bool, u64) {
        let order = &self.orders[self.slots[id as usize] as usize];
        (order.buys, order.price)
    }

    pub fn apply(&mut self, command: &Command) {
        self.filled.clear();
        match *command {
            Command::New { id, buys, price, lots } | Command::Amend { id, buys, price, lots } => {
                self.remove(id);
                let left = self.take(id, buys, price, lots);
                if left > 0 {
                    self.rest(Order { id, price, lots: left, buys, next: NIL, previous: NIL });
                }
            }
            Command::Immediate { id, buys, price, lots } => {
                self.take(id, buys, price, lots);
            }
            Command::Cancel { id } => self.remove(id),
        }
    }

    fn take(&mut self, taker: u64, buys: bool, limit: u64, mut lots: u64) -> u64 {
        while lots > 0 {
            let levels = &self.sides[usize::from(!buys)];
            let best = if buys { levels.first_key_value() } else { levels.last_key_value() };
            let Some((&price, &Queue { head, .. })) = best else { break };
            if (buys && price > limit) || (!buys && price < limit) {
                break;
            }
            let maker = &mut self.orders[head as usize];
            let traded = lots.min(maker.lots);
            maker.lots -= traded;
            lots -= traded;
            let (id, is_filled) = (maker.id, maker.lots == 0);
            self.tally.fill(id, taker, price, traded);
            if is_filled {
                self.filled.push(id);
                self.remove(id);
            }
        }
        lots
    }

    fn rest(&mut self, order: Order) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.orders.push(order);
            self.orders.len() as u32 - 1
        });
        self.slots[order.id as usize] = slot;
        let levels = &mut self.sides[usize::from(order.buys)];
        let queue = levels.entry(order.price).or_insert(Queue { head: NIL, tail: NIL });
        let previous = std::mem::replace(&mut queue.tail, slot);
        if previous == NIL {
            queue.head = slot;
        } else {
            self.orders[previous as usize].next = slot;
        }
        self.orders[slot as usize] = Order { previous, ..order };
    }

    fn remove(&mut self, id: u64) {
        let slot = std::mem::replace(&mut self.slots[id as usize], NIL);
        if slot == NIL {
            return;
        }
        let Order { price, buys, next, previous, .. } = self.orders[slot as usize];
        if next != NIL {
            self.orders[next as usize].previous = previous;
        }
        if previous != NIL {
            self.orders[previous as usize].next = next;
        }
        if next == NIL || previous == NIL {
            let levels = &mut self.sides[usize::from(buys)];
            if next == previous {
                levels.remove(&price);
            } else if let Some(queue) = levels.get_mut(&price) {
                if next == NIL {
                    queue.tail = previous;
                } else {
                    queue.head = next;
                }
            }
        }
        self.free.push(slot);
    }
}

impl Engine for Tree {
    fn run(&mut self, commands: &[Command]) {
        commands.iter().for_each(|command| self.apply(command));
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}
