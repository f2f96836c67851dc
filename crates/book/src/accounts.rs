//! Which orders are whose: a list per account, in the order of acceptance.

use crate::index::SlotIndex;
use crate::links::{Link, NIL, NO_LINK, append, take_out};
use crate::{AccountId, Side};

/// The orders of one account.
#[derive(Clone, Copy, Debug)]
struct Owner {
    account: AccountId,
    head: u32,
    tail: u32,
    /// How many on each side.
    orders: [u32; 2],
}

/// The accounts that have orders in the book.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    owners: Vec<Owner>,
    index: SlotIndex,
    /// Each order's neighbours in its account's list, by the order's slot.
    links: Vec<Link>,
    /// The first free slot; free slots are linked by `head`.
    free: u32,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self { owners: Vec::new(), index: SlotIndex::new(), links: Vec::new(), free: NIL }
    }

    /// How many orders an account has on each side.
    pub(crate) fn orders(&self, account: AccountId) -> [u32; 2] {
        self.find(account).map_or([0; 2], |owner| self.owners[owner as usize].orders)
    }

    /// The slot of an account's first order.
    pub(crate) fn first(&self, account: AccountId) -> Option<u32> {
        self.find(account).map(|owner| self.owners[owner as usize].head)
    }

    /// The slot of the next order of the same account, or [`NIL`].
    pub(crate) fn after(&self, slot: u32) -> u32 {
        self.links[slot as usize].next
    }

    /// Adds an order at the end of its account's list.
    pub(crate) fn add(&mut self, account: AccountId, side: Side, slot: u32) {
        if self.links.len() <= slot as usize {
            self.links.resize(slot as usize + 1, NO_LINK);
        }
        let owner = self.find(account).unwrap_or_else(|| self.insert(account));
        let list = &mut self.owners[owner as usize];
        list.orders[side.index()] += 1;
        append(&mut self.links, &mut list.head, &mut list.tail, slot);
    }

    /// Takes an order off its account's list.
    pub(crate) fn remove(&mut self, account: AccountId, side: Side, slot: u32) {
        let owner = self.find(account).expect("who has an order has a list");
        let list = &mut self.owners[owner as usize];
        list.orders[side.index()] -= 1;
        take_out(&mut self.links, &mut list.head, &mut list.tail, slot);
        if list.orders == [0; 2] {
            list.head = self.free;
            self.free = owner;
            self.index.remove(u64::from(account.0), owner);
        }
    }

    pub(crate) fn prefetch_index(&self, account: AccountId) {
        self.index.prefetch(u64::from(account.0));
    }

    /// Asks for the memory of an account whose index is near.
    pub(crate) fn prefetch_owner(&self, account: AccountId) {
        if let Some(slot) = self.index.guess(u64::from(account.0)) {
            numerics::prefetch(&self.owners[slot as usize]);
        }
    }

    fn find(&self, account: AccountId) -> Option<u32> {
        let is_it = |slot: u32| self.owners[slot as usize].account == account;
        self.index.find(u64::from(account.0), is_it)
    }

    fn insert(&mut self, account: AccountId) -> u32 {
        let owner = Owner { account, head: NIL, tail: NIL, orders: [0; Side::BOTH.len()] };
        let slot = self.free;
        let slot = if slot == NIL {
            self.owners.push(owner);
            self.owners.len() as u32 - 1
        } else {
            self.free = self.owners[slot as usize].head;
            self.owners[slot as usize] = owner;
            slot
        };
        self.index.insert(u64::from(account.0), slot);
        slot
    }
}
