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
        for side in Side::BOTH {
            while self.trim_side(account, id, side, events) {}
        }
    }

    /// Cuts the reduce-only orders of one side. Whether to look again: an order that went has
    /// taken its partner with it, and so what others leave has changed.
    fn trim_side(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        side: Side,
        events: &mut Events,
    ) -> bool {
        let state = self.account_ref(account);
        let Some(sums) = state.open(id).filter(|sums| sums.reduce_only > 0) else { return false };
        let (held, open) = (state.lots(id), sums.sides[side as usize].lots);
        let own = |order: &&OrderId| {
            let terms = self.terms(**order);
            terms.instrument == id && terms.side == side && terms.reduce_only
        };
        let resting = self.account_ref(account).resting.iter();
        let newest_first: Vec<OrderId> = resting.rev().filter(own).copied().collect();
        let sum: i64 = newest_first.iter().map(|order| self.open_lots(*order)).sum();
        let closes = signed(side, 1) * held.signum() < 0;
        let room = if closes { (held.abs() - (open - sum)).max(0) } else { 0 };
        self.cut(&newest_first, sum - room, events)
    }

    /// Takes lots off orders, the first first. Whether one went that had a partner.
    fn cut(&mut self, orders: &[OrderId], mut excess: i64, events: &mut Events) -> bool {
        for id in orders {
            if excess <= 0 {
                return false;
            }
            let open = self.open_lots(*id);
            if open <= excess {
                let has_partner = self.orders.get(*id).is_some_and(|order| order.partner.is_some());
                self.withdraw(*id, CancelReason::ReduceOnly, events);
                if has_partner {
                    return true;
                }
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
            return false;
        }
        false
    }

    pub(crate) fn terms(&self, id: OrderId) -> &crate::command::OrderTerms {
        &self.orders.get(id).expect("an order that rests is kept").terms
    }

    fn open_lots(&self, id: OrderId) -> i64 {
        self.orders.get(id).map_or(0, |order| order.open)
    }
}
