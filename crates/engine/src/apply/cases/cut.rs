//! The last layer: a cut of profits that have not become cash, from nobody more than a stated share.

use instruments::{Amount, Rounding, SCALE, mul_div};
use ledger::{AccountId, PostingKind};
use risk::waterfall::{Claim, Share, water_fill};

use super::Events;
use super::fund::of_units;
use crate::State;
use crate::event::CaseStep;
use crate::liquidation::{CaseId, LiquidationRules};

/// What one account may be cut.
struct Profit {
    account: AccountId,
    /// In cash.
    profit: u128,
    /// The most that is cut of it.
    most: u128,
}

impl State {
    /// Pays what a case's account lacks out of the unsettled profits of all accounts that are in no case
    /// themselves, in proportion to them, as far as the cap goes. Nobody pays without a position, or so
    /// much that the maintenance requirement is not met.
    pub(super) fn cut_profits(
        &mut self,
        id: CaseId,
        rules: &LiquidationRules,
        events: &mut Events,
    ) {
        let account = self.case(id).account;
        let needed = self.cash_lacking(account).units().unsigned_abs();
        if needed == 0 || rules.cut_cap_ppb == 0 {
            return;
        }
        let profits = self.profits_to_cut(Share::from_ppb(rules.cut_cap_ppb));
        let claim = |of: &Profit| Claim { key: of.account, capacity: of.most, weight: of.profit };
        let claims: Vec<_> = profits.iter().map(claim).collect();
        // Beyond all real amounts nothing is cut, and all stays outstanding.
        let Ok(filled) = water_fill(needed, &claims) else { return };
        let Ok(price) = self.market.price(rules.cash) else { return };
        let (place, kind) = (self.cash_place(), PostingKind::SocialisedLoss);
        for (Profit { account: counterparty, profit, .. }, part) in profits.iter().zip(filled.parts)
        {
            if part > 0 {
                let (profit, amount) = (of_units(*profit), of_units(part));
                let counterparty = *counterparty;
                self.tell(id, CaseStep::Cut { counterparty, profit, amount }, events);
                self.pay_between(counterparty, account, place, kind, amount, events);
                let dollars = amount.worth(price, Rounding::Ceil).map_or(0, Amount::units);
                self.take_from_gains(counterparty, dollars);
            }
        }
    }

    fn profits_to_cut(&self, cap: Share) -> Vec<Profit> {
        let all = (0..self.accounts()).map(AccountId::new);
        let others = all.filter(|account| {
            let state = self.account_ref(*account);
            state.case.is_none() && !state.slots.is_empty() && self.stale_for(*account).is_none()
        });
        let profit = |account: AccountId| {
            let profit = self.profit_in_cash(account).filter(|profit| *profit > 0)?;
            let most = cap.of(profit, Rounding::Floor).ok()?;
            let most = self.bearable(account, most).unsigned_abs();
            Some(Profit { account, profit: profit.unsigned_abs(), most })
        };
        others.filter_map(profit).collect()
    }

    /// Net profit of all positions that has not become cash, in cash, rounded down. It counts from the
    /// last settlement, and is no more than what was gained since opening.
    fn profit_in_cash(&self, account: AccountId) -> Option<i128> {
        let slots = self.account_ref(account).slots.iter();
        let unsettled = slots.map(|slot| self.in_dollars(slot.instrument, self.unsettled(slot)?));
        let unsettled = unsettled.sum::<Option<i128>>()?;
        let profit = unsettled.min(self.net_gain(account)?);
        let price = self.market.price(self.liquidation_rules().cash).ok()?.units();
        mul_div(profit, SCALE.into(), price.into(), Rounding::Floor)
    }

    /// The most cash, up to `most`, that an account can pay and still meet its maintenance requirement.
    fn bearable(&self, account: AccountId, most: i128) -> i128 {
        let (view, model) = (self.held_by(account), self.account_ref(account).model);
        let cash = self.liquidation_rules().cash;
        let stands = |paid: i128| {
            let mut after = view.clone();
            let balance = after.balances.entry(cash).or_default();
            *balance = Amount::from_units(balance.units() - paid);
            self.solvency_of(&after, model).is_some_and(|after| after.health() >= 0)
        };
        if stands(most) {
            return most;
        }
        let (mut can, mut cannot) = (0, most);
        while cannot - can > 1 {
            let middle = can + (cannot - can) / 2;
            *(if stands(middle) { &mut can } else { &mut cannot }) = middle;
        }
        can
    }
}
