//! A full check of a book against itself, for tests and for whoever restores one.

use std::collections::BTreeMap;

use crate::ladder::EMPTY;
use crate::links::NIL;
use crate::{AccountId, Book, Phase, Side};

impl Book {
    /// Recomputes all that the book keeps beside its orders: levels and their sums, queues in the
    /// order of stamps, accounts, totals. Takes time in proportion to the book.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(), &'static str> {
        let mut open = 0;
        let mut accounts: BTreeMap<AccountId, [u32; 2]> = BTreeMap::new();
        for side in Side::BOTH {
            open += self.check_side(side, &mut accounts)?;
        }
        self.check_accounts(&accounts)?;
        let totals = self.totals;
        ensure(open == totals.open, "the open total is the sum of the orders")?;
        let accounted = totals.filled + totals.cancelled + totals.open;
        ensure(totals.submitted == accounted, "every lot is accounted for")?;
        let [bid, ask] = [self.best(Side::Buy), self.best(Side::Sell)];
        let is_crossed = bid.zip(ask).is_some_and(|(bid, ask)| bid >= ask);
        ensure(!is_crossed || self.phase == Phase::Call, "a continuous book is never crossed")
    }

    fn check_side(
        &self,
        side: Side,
        accounts: &mut BTreeMap<AccountId, [u32; 2]>,
    ) -> Result<i128, &'static str> {
        let (mut levels, mut total) = (0, 0_i128);
        let mut last_key = i64::MIN;
        for (key, level) in self.sides[side.index()].iter() {
            ensure(key > last_key && key != EMPTY, "levels go from best to worst")?;
            last_key = key;
            levels += 1;
            let (mut orders, mut displayed, mut open) = (0, 0, 0);
            let (mut previous, mut queued) = (NIL, 0);
            for slot in self.queue_from(level.head) {
                let order = self.orders.get(slot);
                let found = self.orders.resting(slot);
                ensure(order.side == side && order.key == key, "an order is at its price")?;
                ensure(
                    self.orders.link_of(slot).previous == previous,
                    "queues are linked both ways",
                )?;
                ensure(order.queued > queued, "queues are in the order of stamps")?;
                ensure(order.displayed > 0, "an order in a queue shows something")?;
                ensure(found.hidden.0 >= 0, "no less than nothing is hidden")?;
                let shows = found.display.is_none_or(|display| found.displayed <= display);
                ensure(shows, "no more is shown than the displayed size")?;
                ensure(self.orders.find(order.id) == Some(slot), "an order is found by name")?;
                (previous, queued) = (slot, order.queued);
                orders += 1;
                displayed += order.displayed;
                open += found.open().0;
                accounts.entry(order.account).or_default()[side.index()] += 1;
            }
            ensure(level.tail == previous, "a queue ends at its tail")?;
            let sums = (level.orders, level.displayed, level.open);
            ensure(sums == (orders, displayed, open), "a level is the sum of its orders")?;
            total += i128::from(open);
        }
        ensure(levels == self.levels(side), "every level is reached from the best")?;
        Ok(total)
    }

    fn check_accounts(&self, accounts: &BTreeMap<AccountId, [u32; 2]>) -> Result<(), &'static str> {
        let mut orders = 0;
        for (account, counts) in accounts {
            ensure(self.count_of(*account) == *counts, "accounts know their orders")?;
            let (mut listed, mut accepted) = (0, 0);
            for order in self.orders_of(*account) {
                ensure(order.account == *account, "an account lists its own orders")?;
                ensure(order.accepted > accepted, "accounts list by acceptance")?;
                accepted = order.accepted;
                listed += 1;
            }
            ensure(listed == counts[0] + counts[1], "accounts list every order")?;
            orders += listed;
        }
        ensure(orders == self.len(), "the book counts its orders")
    }
}

fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}
