//! Accounts compared with their margin: margin calls, and the orders that go with them.

use instruments::Amount;
use ledger::AccountId;
use risk::{Account, Margin, OpenOrder};

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
        let count = self.rules.reviews_per_price.min(all);
        self.prefetch_credits(self.review_next % all, count);
        for _ in 0..count {
            let account = AccountId::new(self.review_next % all);
            self.review_next = (account.number() + 1) % all;
            self.review(account, events);
        }
    }

    /// Compares an account's equity with its initial margin.
    ///
    /// Where only open orders are too many, the newest are cancelled until the rest fits. Where
    /// positions alone need more than there is, the account is restricted.
    pub(crate) fn review(&mut self, account: AccountId, events: &mut Events) {
        // Most accounts are passed over without a look at them.
        if self.credit_of(account).is_some_and(|credit| credit >= 0) {
            return;
        }
        let state = self.account_ref(account);
        let idle = state.is_idle() && !self.owes(account);
        if (idle && !state.restricted)
            || self.is_surely_above_initial(account)
            || self.is_exactly_above_initial(account)
        {
            return;
        }
        let (mut view, model) = (self.view(account), self.account_ref(account).model);
        // What can't be margined now, for want of a price or an epoch, is looked at again later.
        let Ok(margin) = self.margin_of(&view, model) else { return };
        if margin.excess() >= Amount::ZERO {
            return self.lift_restriction(account, &margin, events);
        }
        let orders = std::mem::take(&mut view.orders);
        let Ok(held) = self.margin_of(&view, model) else { return };
        if held.excess() >= Amount::ZERO {
            self.cancel_newest(account, view, events);
            return self.lift_restriction(account, &held, events);
        }
        if !self.account_ref(account).restricted {
            self.account_mut(account).restricted = true;
            self.forget_credit(account);
            self.touch_account(account);
            let (equity, initial) = (held.equity.total, held.initial);
            let maintenance = held.maintenance;
            let cure = Amount::from_units(initial.units() - equity.units());
            events.push(Event::MarginCall { account, equity, initial, maintenance, cure });
            self.cancel_what_harms(account, view, orders, events);
        }
    }

    fn lift_restriction(&mut self, account: AccountId, margin: &Margin, events: &mut Events) {
        if self.account_ref(account).restricted {
            self.account_mut(account).restricted = false;
            self.touch_account(account);
            let (equity, initial) = (margin.equity.total, margin.initial);
            events.push(Event::MarginRestored { account, equity, initial });
        }
    }

    /// Cancels the newest orders until the account can carry the rest.
    fn cancel_newest(&mut self, account: AccountId, mut view: Account, events: &mut Events) {
        let model = self.account_ref(account).model;
        while let Some(newest) = self.account_ref(account).resting.last().copied() {
            view.orders = self.orders_for_margin(account, None, view.orders);
            if self.margin_of(&view, model).is_ok_and(|margin| margin.excess() >= Amount::ZERO) {
                return;
            }
            self.withdraw(newest, CancelReason::Restricted, events);
        }
    }

    /// Cancels the resting orders of an account below initial margin whose fill could make it
    /// worse, alone or after those that stay.
    fn cancel_what_harms(
        &mut self,
        account: AccountId,
        view: Account,
        orders: Vec<OpenOrder>,
        events: &mut Events,
    ) {
        let model = self.account_ref(account).model;
        let resting = self.account_ref(account).resting.clone();
        let mut filled = view.clone();
        for (id, order) in resting.into_iter().zip(orders) {
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
