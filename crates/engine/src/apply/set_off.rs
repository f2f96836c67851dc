//! What trades and prices set off, and its being placed.

use book::{OrderId, PriceSource};
use ledger::AccountId;

use super::enter::Entering;
use super::{Events, refuse};
use crate::event::{CancelReason, Event};
use crate::orders::Stage;
use crate::record_tree::Kind;
use crate::{InstrumentId, Rejection, State};

impl State {
    /// What the trades of one command of a book set off: links and protection of each order that
    /// traded, reduce-only orders of each account, that of the command last, and triggers on the last
    /// price.
    pub(crate) fn set_off_by_trades(
        &mut self,
        account: Option<AccountId>,
        id: InstrumentId,
        events: &mut Events,
    ) {
        let mut filled = std::mem::take(&mut self.work.filled);
        for order in &filled {
            if let Some(partner) = order.partner.filter(|id| self.orders.get(*id).is_some()) {
                self.withdraw(partner, CancelReason::OneCancelsOther, events);
            }
            self.work.queue.extend(order.then.orders.into_iter().flatten());
            if order.protected {
                self.count_protected(order.account, id, order.lots, events);
            }
        }
        for order in &filled {
            self.trim_reduce_only(order.account, id, events);
        }
        if let Some(account) = account {
            self.trim_reduce_only(account, id, events);
        }
        if !filled.is_empty()
            && let Some(last) = self.listings[id.place()].last
        {
            self.fire(id, PriceSource::Last, last);
        }
        filled.clear();
        self.work.filled = filled;
    }

    /// Places what was set off, first come first served.
    pub(crate) fn place_what_was_set_off(&mut self, events: &mut Events) {
        let mut placed = 0;
        while let Some(id) = self.work.queue.pop_front() {
            let Some(order) = self.orders.get(id) else { continue };
            if order.stage == Stage::Resting {
                continue;
            }
            placed += 1;
            let result = if placed > self.rules.activations_max {
                Err(Rejection::TooManyActivations(self.rules.activations_max))
            } else {
                self.activate(id, events)
            };
            if let Err(reason) = result {
                self.refuse_waiting(id, reason, events);
            }
        }
    }

    /// Lets an order go on that has waited: a parked one to its trigger, others into the book.
    fn activate(&mut self, id: OrderId, events: &mut Events) -> Result<(), Rejection> {
        let order = self.orders.get(id).expect("looked up by the caller");
        let (account, terms, stage) = (order.account, order.terms.clone(), order.stage);
        let (partner, then) = (order.partner, order.then);
        events.push(Event::Triggered { order: id });
        match (&terms.trigger, stage) {
            (Some(trigger), Stage::Parked) => {
                let trigger = self.trigger(id, account, &terms, trigger)?;
                let listing = &mut self.listings[terms.instrument.place()];
                listing.triggers.insert(trigger).map_err(Rejection::Book)?;
                self.touch_listing(terms.instrument);
                let (order, slot) = self.orders.get_mut(id).expect("it was there just now");
                order.stage = Stage::Waiting;
                self.touch(Kind::Order, slot);
                Ok(())
            }
            _ => {
                let entering = Entering { account, terms: &terms, waited: Some(id), partner, then };
                self.enter(entering, events).map(|_| ())
            }
        }
    }

    fn refuse_waiting(&mut self, id: OrderId, reason: Rejection, events: &mut Events) {
        let order = self.orders.get(id).expect("a refused order waits still");
        let account = Some(order.account);
        refuse(account, Some(id), reason, events);
        self.withdraw(id, CancelReason::Refused, events);
    }
}
