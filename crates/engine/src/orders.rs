//! All orders of the venue, by number.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use book::{OrderId, SlotIndex, Ticks};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Amount;
use ledger::AccountId;

use crate::command::{OrderTerms, WhenFilled};

/// An order that rests or waits.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Order {
    pub id: OrderId,
    pub account: AccountId,
    pub terms: OrderTerms,
    /// Lots still open, and lots traded.
    pub open: i64,
    pub filled: i64,
    /// Where it rests, or its worst price; 0 while it waits.
    pub limit: Ticks,
    /// What margin reserves for its fee.
    pub fee: Amount,
    pub stage: Stage,
    /// The order that this one cancels when it trades or ends.
    pub partner: Option<OrderId>,
    /// What this one places when it has traded.
    pub then: Then,
}

/// Where an order is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub(crate) enum Stage {
    /// In the book.
    Resting = 0,
    /// For a price.
    Waiting = 1,
    /// For another order to trade.
    Parked = 2,
}

/// Orders that another one places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Then {
    pub orders: [Option<OrderId>; 2],
    /// Whether all of it must trade first.
    pub when: Option<WhenFilled>,
}

/// Orders in dense slots with an index by number. A new order takes the lowest free slot, so that
/// a slot is a function of the commands.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    slots: Vec<Option<Order>>,
    free: BinaryHeap<Reverse<u32>>,
    index: SlotIndex,
    /// The number that was given last.
    pub last: u64,
    max: u32,
}

impl Orders {
    pub fn new(max: u32) -> Self {
        Self { slots: Vec::new(), free: BinaryHeap::new(), index: SlotIndex::new(), last: 0, max }
    }

    /// Orders by their slots, which ascend.
    ///
    /// # Errors
    /// If a slot is beyond the most, or does not come after the one before, or a number is there
    /// twice, or is above `last`.
    pub fn restore(max: u32, last: u64, orders: Vec<(u32, Order)>) -> Result<Self, &'static str> {
        let mut restored = Self { last, ..Self::new(max) };
        for (slot, order) in orders {
            let place = slot as usize;
            if slot >= max || place < restored.slots.len() {
                return Err("an order's slot is not in its place");
            }
            if order.id.0 > last || restored.find(order.id).is_some() {
                return Err("an order's number was given twice, or never");
            }
            let free = restored.slots.len()..place;
            restored.free.extend(free.map(|free| Reverse(free as u32)));
            restored.slots.resize(place, None);
            restored.index.insert(order.id.0, slot);
            restored.slots.push(Some(order));
        }
        Ok(restored)
    }

    /// Orders with their slots, ascending.
    pub fn with_slots(&self) -> impl Iterator<Item = (u32, &Order)> {
        (0..).zip(&self.slots).filter_map(|(slot, order)| Some((slot, order.as_ref()?)))
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub const fn max(&self) -> u32 {
        self.max
    }

    /// Keeps an order; gives its slot.
    pub fn insert(&mut self, order: Order) -> u32 {
        let id = order.id;
        let slot = match self.free.pop() {
            Some(Reverse(slot)) => {
                self.slots[slot as usize] = Some(order);
                slot
            }
            None => {
                self.slots.push(Some(order));
                u32::try_from(self.slots.len() - 1).expect("the venue's orders are fewer than 2^32")
            }
        };
        self.index.insert(id.0, slot);
        slot
    }

    /// Forgets an order; gives it with its slot.
    pub fn remove(&mut self, id: OrderId) -> Option<(Order, u32)> {
        let slot = self.find(id)?;
        self.index.remove(id.0, slot);
        self.free.push(Reverse(slot));
        self.slots[slot as usize].take().map(|order| (order, slot))
    }

    pub fn get(&self, id: OrderId) -> Option<&Order> {
        self.slots[self.find(id)? as usize].as_ref()
    }

    /// An order to be changed, with its slot.
    pub fn get_mut(&mut self, id: OrderId) -> Option<(&mut Order, u32)> {
        let slot = self.find(id)?;
        self.slots[slot as usize].as_mut().map(|order| (order, slot))
    }

    /// The order in a slot.
    pub fn in_slot(&self, slot: u32) -> Option<&Order> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// How many slots have ever been in use.
    pub fn slots(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("the venue's orders are fewer than 2^32")
    }

    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.slots.iter().flatten()
    }

    /// Asks for where an order is looked up.
    pub fn prefetch_index(&self, id: OrderId) {
        self.index.prefetch(id.0);
    }

    /// Asks for an order whose index is near.
    pub fn prefetch(&self, id: OrderId) {
        if let Some(slot) = self.index.guess(id.0) {
            numerics::prefetch(&self.slots[slot as usize]);
        }
    }

    fn find(&self, id: OrderId) -> Option<u32> {
        self.index.find(id.0, |slot| {
            self.slots[slot as usize].as_ref().is_some_and(|order| order.id == id)
        })
    }
}
