//! Accounts compared with their margin: margin calls, and the orders that go with them.

use book::OrderId;
use instruments::Amount;
use ledger::AccountId;
use risk::{Account, OpenOrder};

use super::Events;
use crate::event::{CancelReason, Event};
use crate::{Rejection, State};

impl State {
    pub(crate) fn review_range(
        &mut self,
        from: AccountId,
        count: u32,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(from)?;
        let end = self.accounts().min(from.number().saturating_add(count));
        for number in from.number()..end {
            self.review(AccountId::new(number), events);
        }
        Ok(())
    }

    /// Reviews the next accounts in turn.
    pub(crate) fn review_in_turn(&mut self, events: &mut Events) {
        let all = self.accounts();
        if all == 0 {
            return;
        }
        for _ in 0..self.rules.reviews_per_price.min(all) {
            let account = AccountId::new(self.review_next % all);
            self.review_next = (account.number() + 1) % all;
            self.review(account, events);
        }
    }

    /// Compares an account's equity with its initial margin.
    pub(crate) fn review(&mut self, account: AccountId, events: &mut Events) {
        let state = self.account_ref(account);
        let idle = state.slots.is_empty()
            && state.view.balances.values().all(|balance| *balance >= Amount::ZERO);
        if (idle && !state.restricted) || self.is_surely_above_initial(account) {
            return;
        }
        let (view, model) = (self.view(account), state.model);
        // What can't be margined now, for want of a price or an epoch, is looked at again later.
        let Ok(margin) = self.margin_of(&view, model) else { return };
        let (equity, initial) = (margin.equity.total, margin.initial);
        let restricted = self.account_ref(account).restricted;
        if equity >= initial {
            if restricted {
                self.account_mut(account).restricted = false;
                self.touch_account(account);
                events.push(Event::MarginRestored { account, equity, initial });
            }
        } else if !restricted {
            self.account_mut(account).restricted = true;
            self.touch_account(account);
            let maintenance = margin.maintenance;
            let cure = Amount::from_units(initial.units() - equity.units());
            events.push(Event::MarginCall { account, equity, initial, maintenance, cure });
            self.cancel_what_harms(account, view, events);
        }
    }

    /// Cancels the resting orders of an account below initial margin whose fill could make it
    /// worse, alone or after those that stay.
    fn cancel_what_harms(&mut self, account: AccountId, mut view: Account, events: &mut Events) {
        let model = self.account_ref(account).model;
        let resting = self.account_ref(account).resting.clone();
        let orders: Vec<(OrderId, OpenOrder)> =
            resting.into_iter().zip(std::mem::take(&mut view.orders)).collect();
        let mut filled = view.clone();
        for (id, order) in orders {
            if self.orders.get(id).is_none() {
                continue;
            }
            let heals = |account: &Account| {
                let epoch = self.risk.epoch.as_ref()?;
                let margin = |account: &Account| epoch.margin(&self.market, account, model);
                risk::heals(margin, account, &order).ok()
            };
            let stays = heals(&view) == Some(true) && heals(&filled) == Some(true);
            if stays && filled_with(&mut filled, &order).is_some() {
                continue;
            }
            self.withdraw(id, CancelReason::Restricted, events);
        }
    }
}

/// Fills all of an order at its limit, with its fee.
fn filled_with(account: &mut Account, order: &OpenOrder) -> Option<()> {
    let mut after = account.clone();
    after.trade(order.instrument, order.quantity, order.limit).ok()?;
    let balance = after.balances.entry(order.instrument.settlement_asset()).or_default();
    *balance = balance.checked_sub(order.fee)?;
    *account = after;
    Some(())
}
