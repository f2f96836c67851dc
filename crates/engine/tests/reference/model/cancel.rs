//! Orders that are taken back.

use book::CancelReason as BookCancel;
use engine::command::CancelOrders;
use engine::event::{CancelReason, Event};
use engine::{InstrumentId, Rejection};
use ledger::AccountId;

use super::{Model, OrderNow, Outcome};

impl Model {
    pub(super) fn cancel_order(&mut self, account: AccountId, id: book::OrderId) -> Outcome {
        self.check_account(account)?;
        if self.orders.get(&id.0).is_none_or(|order| order.account != account) {
            return Err(Rejection::UnknownOrder(id));
        }
        self.withdraw(id.0, CancelReason::Book(BookCancel::Requested));
        Ok(())
    }

    pub(super) fn cancel_orders(&mut self, cancel: &CancelOrders) -> Outcome {
        self.check_account(cancel.account)?;
        if let Some(instrument) = cancel.instrument {
            self.check_listing(instrument)?;
        }
        let meant = |order: &OrderNow| {
            let terms = &order.terms;
            let underlying = self.listing(terms.instrument).instrument.underlying();
            order.account == cancel.account
                && cancel.instrument.is_none_or(|wanted| terms.instrument == wanted)
                && cancel.underlying.is_none_or(|wanted| underlying == wanted)
                && cancel.side.is_none_or(|wanted| terms.side == wanted)
                && (cancel.label.is_none() || cancel.label == terms.label)
                && (terms.protected || !cancel.protected)
        };
        let meant: Vec<u64> = self.meant(meant);
        self.withdraw_all(&meant, CancelReason::CancelOrders);
        Ok(())
    }

    pub(super) fn set_cancel_on_disconnect(
        &mut self,
        account: AccountId,
        enabled: bool,
    ) -> Outcome {
        self.check_account(account)?;
        self.account_mut(account).cancel_on_disconnect = enabled;
        self.events.push(Event::CancelOnDisconnect { account, enabled });
        Ok(())
    }

    pub(super) fn disconnect(&mut self, account: AccountId) -> Outcome {
        self.check_account(account)?;
        if self.account(account).cancel_on_disconnect {
            let own = self.meant(|order| order.account == account);
            self.withdraw_all(&own, CancelReason::Disconnect);
        }
        Ok(())
    }

    pub(super) fn cancel_expired_orders(&mut self) {
        let now = self.now();
        let mut over: Vec<_> = self
            .orders
            .values()
            .filter_map(|order| Some((order.terms.expires?, order.id.0)))
            .filter(|(expires, _)| *expires <= now)
            .collect();
        over.sort_unstable();
        let over: Vec<u64> = over.into_iter().map(|(_, id)| id).collect();
        self.withdraw_all(&over, CancelReason::Expired);
    }

    pub(super) fn withdraw_from(&mut self, instrument: InstrumentId) {
        let there = self.meant(|order| order.terms.instrument == instrument);
        self.withdraw_all(&there, CancelReason::InstrumentExpired);
    }

    fn meant(&self, meant: impl Fn(&OrderNow) -> bool) -> Vec<u64> {
        self.orders.values().filter(|order| meant(order)).map(|order| order.id.0).collect()
    }

    /// Withdraws those that are still there: one may have gone with another of its group.
    pub(super) fn withdraw_all(&mut self, ids: &[u64], reason: CancelReason) {
        for id in ids {
            if self.orders.contains_key(id) {
                self.withdraw(*id, reason);
            }
        }
    }
}
