//! Orders in slots, found by name, and linked into the queues of levels.

use crate::index::SlotIndex;
use crate::ladder::Ladder;
use crate::links::{Link, NIL, NO_LINK, append, take_out};
use crate::order::{Crossing, SelfTrade};
use crate::{AccountId, Lots, OrderId, RestingOrder, Side};

/// What matching touches of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) key: i64,
    pub(crate) displayed: i64,
    /// When it last went to the back of a queue.
    pub(crate) queued: u64,
    pub(crate) account: AccountId,
    pub(crate) side: Side,
    pub(crate) self_trade: SelfTrade,
    pub(crate) post_only: Option<Crossing>,
    /// Whether it has a displayed size, so that [`Beside`] says what is hidden.
    pub(crate) is_partly_hidden: bool,
}

const _: () = assert!(size_of::<Order>() == 40, "what matching touches is small");

/// What is rarely touched of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    pub(crate) hidden: i64,
    /// The most that is shown at once, or 0 for all.
    pub(crate) display: i64,
    pub(crate) accepted: u64,
}

/// All orders of a book.
#[derive(Clone, Debug)]
pub(crate) struct Slab {
    orders: Vec<Order>,
    /// Neighbours in the queue of a price. Apart from the orders, so that taking one out touches
    /// little: the links of 50,000 orders fit a core's own cache.
    links: Vec<Link>,
    beside: Vec<Beside>,
    index: SlotIndex,
    /// The first free slot; free slots are linked by `next`.
    free: u32,
    len: u32,
}

impl Slab {
    pub(crate) fn new() -> Self {
        let (orders, links, beside) = (Vec::new(), Vec::new(), Vec::new());
        Self { orders, links, beside, index: SlotIndex::new(), free: NIL, len: 0 }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) fn find(&self, id: OrderId) -> Option<u32> {
        self.index.find(id.0, |slot| self.orders[slot as usize].id == id)
    }

    pub(crate) fn prefetch_index(&self, id: OrderId) {
        self.index.prefetch(id.0);
    }

    /// Asks for the memory of an order whose index is near, and of its links.
    pub(crate) fn prefetch_order(&self, id: OrderId) {
        if let Some(slot) = self.index.guess(id.0) {
            numerics::prefetch(&self.orders[slot as usize]);
            numerics::prefetch(&self.links[slot as usize]);
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Order {
        &self.orders[slot as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Order {
        &mut self.orders[slot as usize]
    }

    pub(crate) fn beside(&self, slot: u32) -> &Beside {
        &self.beside[slot as usize]
    }

    /// An order's neighbours in its queue.
    pub(crate) fn link_of(&self, slot: u32) -> Link {
        self.links[slot as usize]
    }

    /// What is not shown of an order.
    #[inline]
    pub(crate) fn hidden(&self, slot: u32) -> i64 {
        if self.get(slot).is_partly_hidden { self.beside(slot).hidden } else { 0 }
    }

    /// All that is open of an order.
    #[inline]
    pub(crate) fn open(&self, slot: u32) -> i64 {
        self.get(slot).displayed + self.hidden(slot)
    }

    /// Splits what is open of an order into a part that is shown and one that is not.
    #[inline]
    pub(crate) fn set_open(&mut self, slot: u32, open: i64) {
        let mut displayed = open;
        if self.get(slot).is_partly_hidden {
            let beside = &mut self.beside[slot as usize];
            displayed = open.min(beside.display);
            beside.hidden = open - displayed;
        }
        self.get_mut(slot).displayed = displayed;
    }

    /// Takes lots off what is not shown.
    pub(crate) fn reduce_hidden(&mut self, slot: u32, lots: i64) {
        if lots > 0 {
            let hidden = &mut self.beside[slot as usize].hidden;
            *hidden -= lots;
            assert!(*hidden >= 0, "no more is taken off than is hidden");
        }
    }

    pub(crate) fn insert(&mut self, order: Order, beside: Beside) -> u32 {
        let slot = self.free;
        let slot = if slot == NIL {
            self.orders.push(order);
            self.links.push(NO_LINK);
            self.beside.push(beside);
            self.orders.len() as u32 - 1
        } else {
            self.free = self.links[slot as usize].next;
            *self.get_mut(slot) = order;
            self.beside[slot as usize] = beside;
            slot
        };
        self.index.insert(order.id.0, slot);
        self.len += 1;
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        self.index.remove(self.get(slot).id.0, slot);
        self.links[slot as usize].next = self.free;
        self.free = slot;
        self.len -= 1;
    }

    /// Puts an order at the back of the queue of its price.
    #[inline]
    pub(crate) fn link(&mut self, ladder: &mut Ladder, slot: u32) {
        let open = self.open(slot);
        let Order { key, displayed, .. } = *self.get(slot);
        let level = ladder.open(key);
        level.orders += 1;
        level.displayed += displayed;
        level.open += open;
        append(&mut self.links, &mut level.head, &mut level.tail, slot);
    }

    /// Takes an order out of the queue of its price, and the level away if it was the last.
    #[inline]
    pub(crate) fn unlink(&mut self, ladder: &mut Ladder, slot: u32) {
        let open = self.open(slot);
        let Order { key, displayed, .. } = *self.get(slot);
        let level = ladder.at(key);
        level.orders -= 1;
        level.displayed -= displayed;
        level.open -= open;
        take_out(&mut self.links, &mut level.head, &mut level.tail, slot);
        if level.orders == 0 {
            ladder.close(key);
        }
    }

    /// An order as it is shown to the caller.
    pub(crate) fn resting(&self, slot: u32) -> RestingOrder {
        let (order, beside) = (self.get(slot), self.beside(slot));
        RestingOrder {
            id: order.id,
            account: order.account,
            side: order.side,
            price: order.side.price(order.key),
            displayed: Lots(order.displayed),
            hidden: Lots(self.hidden(slot)),
            display: order.is_partly_hidden.then_some(Lots(beside.display)),
            post_only: order.post_only,
            self_trade: order.self_trade,
            accepted: beside.accepted,
            queued: order.queued,
        }
    }
}
