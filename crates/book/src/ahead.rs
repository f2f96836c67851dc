//! Memory that a command will need, asked for before it comes.

use crate::{AccountId, Book, OrderId, Side};

impl Book {
    /// Asks for where an account, and one of its orders, are looked up.
    #[inline]
    pub fn prefetch_indices(&self, account: AccountId, order: Option<OrderId>) {
        self.accounts.prefetch_index(account);
        if let Some(order) = order {
            self.orders.prefetch_index(order);
        }
    }

    /// Whose order is first at the best price of a side.
    #[inline]
    #[must_use]
    pub fn first_account(&self, side: Side) -> Option<AccountId> {
        let ladder = &self.sides[side.index()];
        let head = ladder.get(ladder.best())?.head;
        Some(self.orders.get(head).account)
    }

    /// Asks for what is kept of them, once [`Book::prefetch_indices`] has had time.
    #[inline]
    pub fn prefetch(&self, account: AccountId, order: Option<OrderId>) {
        self.accounts.prefetch_owner(account);
        if let Some(order) = order {
            self.orders.prefetch_order(order);
        }
    }
}
