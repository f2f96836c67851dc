//! Reduce-only orders never open a position: they rest only as far as the position, less all other
//! orders of their side, allows.

use book::{Lots, OrderId, Side};
use ledger::AccountId;

use super::Events;
use super::enter::signed;
use crate::event::{CancelReason, Event, ReduceCause};
use crate::{InstrumentId, State};

impl State {
    /// Cuts an account's reduce-only orders to what they may close, the newest first.
    pub(crate) fn trim_reduce_only(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        events: &mut Events,
    ) {
        let Some(slot) = self.account_ref(account).slot(id) else { return };
        if slot.reduce_only == 0 {
            return;
        }
        let (held, open) = (slot.lots, slot.sides.map(|orders| orders.lots));
        let own = |order: &&OrderId| {
            let order = self.orders.get(**order).expect("an order that rests is kept");
            order.terms.instrument == id && order.terms.reduce_only
        };
        let resting = self.account_ref(account).resting.iter();
        let newest_first: Vec<OrderId> = resting.rev().filter(own).copied().collect();
        for side in Side::BOTH {
            let of_side = |order: &&OrderId| self.terms(**order).side == side;
            let orders: Vec<OrderId> = newest_first.iter().filter(of_side).copied().collect();
            let sum: i64 = orders.iter().map(|order| self.open_lots(*order)).sum();
            let others = open[side as usize] - sum;
            let closes = signed(side, 1) * held.signum() < 0;
            let room = if closes { (held.abs() - others).max(0) } else { 0 };
            self.cut(&orders, sum - room, events);
        }
    }

    /// Takes lots off orders, the first first.
    fn cut(&mut self, orders: &[OrderId], mut excess: i64, events: &mut Events) {
        for id in orders {
            if excess <= 0 {
                return;
            }
            let open = self.open_lots(*id);
            if open <= excess {
                self.withdraw(*id, CancelReason::ReduceOnly, events);
                excess -= open;
                continue;
            }
            let instrument = self.terms(*id).instrument;
            let mut answers = Vec::new();
            self.listings[instrument.place()].book.reduce(*id, Lots(excess), &mut answers);
            self.shrink(*id, open - excess);
            self.touch_listing(instrument);
            let (lots, open, reason) = (excess, open - excess, ReduceCause::ReduceOnly);
            events.push(Event::Reduced { order: *id, instrument, lots, open, reason });
            return;
        }
    }

    pub(crate) fn terms(&self, id: OrderId) -> &crate::command::OrderTerms {
        &self.orders.get(id).expect("an order that rests is kept").terms
    }

    fn open_lots(&self, id: OrderId) -> i64 {
        self.orders.get(id).map_or(0, |order| order.open)
    }
}
