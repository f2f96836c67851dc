//! Orders that are taken back.

use book::{CancelReason as BookCancel, Lots, OrderId};
use ledger::AccountId;

use super::Events;
use crate::command::CancelOrders;
use crate::event::{CancelReason, Event};
use crate::orders::{Order, Stage};
use crate::{InstrumentId, Rejection, State};

impl State {
    pub(crate) fn cancel_order(
        &mut self,
        account: AccountId,
        id: OrderId,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(account)?;
        let own = self.orders.get(id).filter(|order| order.account == account);
        own.ok_or(Rejection::UnknownOrder(id))?;
        self.withdraw(id, CancelReason::Book(BookCancel::Requested), events);
        Ok(())
    }

    pub(crate) fn cancel_orders(
        &mut self,
        cancel: &CancelOrders,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(cancel.account)?;
        if let Some(instrument) = cancel.instrument {
            self.check_listing(instrument)?;
        }
        self.withdraw_all(cancel.account, CancelReason::CancelOrders, events, |state, order| {
            state.is_meant(cancel, order)
        });
        Ok(())
    }

    fn is_meant(&self, cancel: &CancelOrders, order: &Order) -> bool {
        let terms = &order.terms;
        let underlying = self.listings[terms.instrument.place()].instrument.underlying();
        cancel.instrument.is_none_or(|instrument| terms.instrument == instrument)
            && cancel.underlying.is_none_or(|wanted| underlying == wanted)
            && cancel.side.is_none_or(|side| terms.side == side)
            && cancel.label.as_ref().is_none_or(|label| terms.label.as_ref() == Some(label))
            && (!cancel.protected || terms.protected)
    }

    pub(crate) fn set_cancel_on_disconnect(
        &mut self,
        account: AccountId,
        enabled: bool,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(account)?;
        self.account_mut(account).cancel_on_disconnect = enabled;
        self.touch_account(account);
        events.push(Event::CancelOnDisconnect { account, enabled });
        Ok(())
    }

    pub(crate) fn disconnect(
        &mut self,
        account: AccountId,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(account)?;
        if self.account_ref(account).cancel_on_disconnect {
            self.withdraw_all(account, CancelReason::Disconnect, events, |_, _| true);
        }
        Ok(())
    }

    /// Cancels the orders whose time is over, by time and then by number.
    pub(crate) fn cancel_expired_orders(&mut self, events: &mut Events) {
        while let Some((expires, id)) = self.expiring.first().copied()
            && expires <= self.time
        {
            self.withdraw(id, CancelReason::Expired, events);
        }
    }

    /// Cancels all orders in an instrument, by number.
    pub(crate) fn withdraw_from(&mut self, instrument: InstrumentId, events: &mut Events) {
        let meant = |order: &&Order| order.terms.instrument == instrument;
        let mut ids: Vec<OrderId> =
            self.orders.iter().filter(meant).map(|order| order.id).collect();
        ids.sort_unstable();
        for id in ids {
            if self.orders.get(id).is_some() {
                self.withdraw(id, CancelReason::InstrumentExpired, events);
            }
        }
    }

    /// Cancels an account's orders that are meant, by number.
    pub(crate) fn withdraw_all(
        &mut self,
        account: AccountId,
        reason: CancelReason,
        events: &mut Events,
        meant: impl Fn(&Self, &Order) -> bool,
    ) {
        for id in self.account_ref(account).all_orders() {
            // One may have gone with another of its group.
            if self.orders.get(id).is_some_and(|order| meant(self, order)) {
                self.withdraw(id, reason, events);
            }
        }
    }

    /// Takes an order out of its book or from its trigger, and ends it.
    pub(crate) fn withdraw(&mut self, id: OrderId, reason: CancelReason, events: &mut Events) {
        let order = self.orders.get(id).expect("the caller has looked it up");
        let (lots, instrument, stage) = (order.open, order.terms.instrument, order.stage);
        let listing = &mut self.listings[instrument.place()];
        match stage {
            Stage::Resting => {
                let mut answers = Vec::new();
                std::mem::swap(&mut answers, &mut self.work.cancelled);
                listing.book.cancel(id, &mut answers);
                answers.clear();
                self.work.cancelled = answers;
            }
            Stage::Waiting => {
                // It may have fired already and be queued.
                let _ = listing.triggers.cancel(id);
            }
            Stage::Parked => {}
        }
        self.touch_listing(instrument);
        self.end(id, Lots(lots), reason, events);
    }
}
