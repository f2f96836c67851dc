//! The rules of liquidation, who may bid, and what an account in a case may not do.

use ledger::AccountId;
use risk::waterfall::fund::{GroupLayer, PeakWatch};

use super::Events;
use crate::command::Action;
use crate::event::{BidEnd, Event};
use crate::liquidation::LiquidationRules;
use crate::record_tree::Kind;
use crate::{Rejection, State};

impl State {
    pub(crate) fn set_liquidation(
        &mut self,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_liquidation(rules)?;
        let known = &mut self.liquidation;
        let same_cash = known.rules.as_ref().is_none_or(|before| before.cash == rules.cash);
        if !same_cash && !known.cases.is_empty() {
            let problem = "the cash asset stays while cases are open".into();
            return Err(Rejection::LiquidationRules(problem));
        }
        let early = rules.early();
        let watch_changes =
            known.rules.as_ref().is_none_or(|before| before.early() != early) || !same_cash;
        if watch_changes {
            let watch = PeakWatch::new(early);
            known.watch = Some(watch.map_err(|e| Rejection::LiquidationRules(e.to_string()))?);
        }
        let before = std::mem::take(&mut known.fund.groups);
        for group in &rules.groups {
            let old = before.get(&group.underlying).copied().filter(|_| same_cash);
            let layer = GroupLayer {
                balance_max: group.balance_max.units().unsigned_abs(),
                shared_max: group.shared_max.units().unsigned_abs(),
                ..old.unwrap_or_default()
            };
            known.fund.groups.insert(group.underlying, layer);
        }
        known.rules = Some(rules.clone());
        self.touch(Kind::Liquidation, 0);
        events.push(Event::LiquidationSet);
        Ok(())
    }

    /// Whether rules make sense here, whatever cases are open.
    pub(crate) fn check_liquidation(&self, rules: &LiquidationRules) -> Result<(), Rejection> {
        rules.check()?;
        self.asset_place(rules.cash)?;
        rules.vault.map_or(Ok(()), |vault| self.check_account(vault))
    }

    pub(crate) fn register_liquidator(
        &mut self,
        account: AccountId,
        registered: bool,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(account)?;
        self.account_mut(account).liquidator = registered;
        self.touch_account(account);
        events.push(Event::LiquidatorSet { account, registered });
        if !registered {
            self.end_bids_of(account, BidEnd::Cancelled, events);
        }
        Ok(())
    }

    /// Refuses what an account may not do while it is in a case: anything but to bring money in and
    /// to look.
    pub(crate) fn check_free(&self, action: &Action) -> Result<(), Rejection> {
        let account = match action {
            Action::PlaceOrder(place) => place.account,
            Action::PlaceGroup(group) => group.account,
            Action::AmendOrder(amend) => amend.account,
            Action::MassQuote(quote) => quote.account,
            Action::RequestWithdrawal(request) => request.account,
            Action::Transfer(transfer) => transfer.from,
            Action::ChangeMarginModel(change) if !change.dry_run => change.account,
            Action::PlaceBid(bid) => bid.account,
            _ => return Ok(()),
        };
        let case = self.accounts.get(account.number() as usize).and_then(|state| state.case);
        case.map_or(Ok(()), |case| Err(Rejection::InLiquidation(case)))
    }
}
