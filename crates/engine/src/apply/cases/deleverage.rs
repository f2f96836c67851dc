//! Deleveraging: what nobody took over is closed at mark against the other side. What the account lacks
//! is paid by the fund, by those who gained, by a capped cut of profits, or stays outstanding.

use instruments::{Amount, Rounding, mul_div};
use ledger::{AccountId, PostingKind, VenueAccount};
use risk::waterfall::adl::{Need, split_residual};
use risk::waterfall::auction::{Bundle, least_slice, slice_lots};
use risk::waterfall::{Share, Solvency, WaterfallError};

use super::auction::beyond_target;
use super::candidates::Leg;
use super::sale::{Seller, falls_by};
use super::{Events, Next};
use crate::State;
use crate::event::CaseStep;
use crate::liquidation::{CaseId, LiquidationRules, Outcome};

/// After so many tries those on the other side give up lots even if that leaves them below their
/// maintenance requirement, and those that are in a case themselves give up theirs. Positions sum to zero,
/// so that everything can be closed then: no case stays for ever. It costs nobody more than the position,
/// for what is still there by then closes at mark.
const TRIES_MAX: u32 = 10;

impl State {
    /// One round of deleveraging. Below zero the account is emptied and what it lacks is paid; above, as
    /// much of it is closed as brings it to its target, or all. Where that would make things worse, as
    /// where positions hedge a debt in coins, they stay, and the account is offered again.
    pub(super) fn step_in_deleveraging(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> Next {
        self.count_step(id);
        let account = self.case(id).account;
        let unmet = if stands.value < 0 || self.case(id).is_paid_for() {
            self.close_insolvent(id, rules, events)
        } else {
            let seller = self.seller(id, stands);
            match self.units_to_close(&seller, rules) {
                Some(units) => self.close_units(id, &seller, units, rules, events),
                None => return self.close(id, Outcome::Unsold, stands, events),
            }
        };
        if self.account_ref(account).slots.is_empty() {
            return self.end_deleveraging(id, events);
        }
        if unmet == 0 {
            return Next::Step;
        }
        self.case_mut(id).tries += 1;
        Next::Wait(self.after_clearing())
    }

    /// Pays what the account lacks and closes all its positions; gives the lots that nobody could give up.
    fn close_insolvent(
        &mut self,
        id: CaseId,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> u64 {
        let (now, account) = (self.time, self.case(id).account);
        let lacking = self.lacks(account);
        let case = self.case_mut(id);
        case.insolvent_since.get_or_insert(now);
        case.paid_for += lacking;
        if !self.is_early() {
            self.draw_what_lacks(id, events);
        }
        let lacks = self.lacks(account);
        if lacks > 0 {
            for leg in self.legs_that_lack(id, lacks) {
                self.close_leg(id, &leg, rules, events);
            }
            self.draw_what_lacks(id, events);
            self.cut_profits(id, rules, events);
            self.leave_outstanding(id, events);
        }
        let rest = self.legs_at_mark(id, |lots| lots);
        let unmet = rest.iter().map(|leg| self.close_leg(id, leg, rules, events)).sum();
        self.cover_roundings(id, events);
        unmet
    }

    /// Closes a vertical slice; gives the lots of it that nobody could give up.
    fn close_units(
        &mut self,
        id: CaseId,
        seller: &Seller,
        units: u64,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> u64 {
        let slice = self.legs_at_mark(id, |lots| slice_lots(lots, units, seller.whole));
        slice.iter().map(|leg| self.close_leg(id, leg, rules, events)).sum()
    }

    /// The least units that bring an account to its target if they close at mark; all if none does, and
    /// none at all if equity over requirement would fall.
    fn units_to_close(&self, seller: &Seller, rules: &LiquidationRules) -> Option<u64> {
        let Seller { stands, whole, .. } = seller;
        if seller.view.positions.is_empty() {
            return Some(0);
        }
        let buffer = Share::from_ppb(rules.buffer_ppb);
        let margin_after = |units: u64| {
            let after = match units {
                0 => Some(*stands),
                _ => self.with_units_closed(seller, units),
            };
            Ok::<i128, WaterfallError>(after.map_or(-1, |after| beyond_target(&after, buffer)))
        };
        // What E carries if the requirement shrinks with the slice; that is where to begin.
        let target = i128::from(rules.target_ppb());
        let target = mul_div(stands.maintenance, target, 1_000_000_000, Rounding::Ceil);
        let carried = target.filter(|target| *target > 0).and_then(|target| {
            mul_div(stands.equity.max(0), (*whole).into(), target, Rounding::Floor)
        });
        let carried = carried.and_then(|units| u64::try_from(units).ok()).unwrap_or_default();
        let seed = whole.saturating_sub(carried).max(1);
        let slice = least_slice(*whole, seed, margin_after);
        if let Some(slice) = slice.ok().filter(|slice| slice.restores) {
            return Some(slice.units);
        }
        let after = self.with_units_closed(seller, *whole)?;
        falls_by(stands, &after).is_some_and(|by| by <= 0).then_some(*whole)
    }

    fn with_units_closed(&self, seller: &Seller, units: u64) -> Option<Solvency> {
        let mut after = seller.view.clone();
        for (instrument, position) in &seller.view.positions {
            let lots = slice_lots(position.quantity.lots(), units, seller.whole);
            let mark = self.market.mark(instrument).ok()?;
            after.trade(*instrument, instruments::Quantity::from_lots(-lots), mark).ok()?;
        }
        self.solvency_of(&after, seller.model)
    }

    /// A case whose account has no positions left ends. If others have paid for it, all that it still has
    /// is the fund's.
    fn end_deleveraging(&mut self, id: CaseId, events: &mut Events) -> Next {
        let account = self.case(id).account;
        self.cover_roundings(id, events);
        let outcome = match self.case(id).is_paid_for() {
            true => {
                let worth = self.solvency(account).map_or(0, |stands| stands.value);
                self.settle_estate(id, events);
                self.give_back(id, worth - self.case(id).paid_for, events);
                Some(Outcome::Resolved)
            }
            false => None,
        };
        let Some(stands) = self.solvency(account) else { return Next::Wait(self.after_clearing()) };
        assert!(!self.case(id).is_paid_for() || stands.value >= 0, "an estate leaves no debt");
        let sold_out = if stands.health() >= 0 { Outcome::Restored } else { Outcome::Unsold };
        self.close(id, outcome.unwrap_or(sold_out), &stands, events)
    }

    /// What an account was worth beyond what others had paid for it, as by a top-up, is its owner's.
    fn give_back(&mut self, id: CaseId, dollars: i128, events: &mut Events) {
        let cash = self.liquidation_rules().cash;
        let amount = Bundle::cash_for(&self.market, cash, -dollars).map(|cash| -cash);
        let account = self.case(id).account;
        self.draw_from_fund(id, account, amount.unwrap_or_default(), events);
    }

    /// All positions of a case's account, as many lots of each as are meant, with nothing lacking.
    fn legs_at_mark(&self, id: CaseId, meant: impl Fn(i64) -> i64) -> Vec<Leg> {
        let regardless = self.case(id).tries >= TRIES_MAX;
        let slots = self.account_ref(self.case(id).account).slots.iter();
        let legs = slots.map(|slot| {
            let lots = meant(slot.lots);
            let need = Need { lots: lots.unsigned_abs(), deficit: 0 };
            Leg { instrument: slot.instrument, lots, need, regardless }
        });
        legs.filter(|leg| leg.lots != 0).collect()
    }

    /// The same with what the account lacks, split over them by the margin that each would need alone, or
    /// by value at mark where none needs any.
    fn legs_that_lack(&self, id: CaseId, dollars: i128) -> Vec<Leg> {
        let account = self.case(id).account;
        let mut legs = self.legs_at_mark(id, |lots| lots);
        let view = self.held_by(account);
        let model = self.account_ref(account).model;
        let alone = |leg: &Leg| {
            let instrument = self.listings[leg.instrument.place()].instrument;
            let needed = self.maintenance_of_one(&view, model, instrument);
            (leg.instrument, needed.unsigned_abs())
        };
        let mut weights: Vec<_> = legs.iter().map(alone).collect();
        if weights.iter().all(|(_, weight)| *weight == 0) {
            let notional = |leg: &Leg| {
                let mark = self.listings[leg.instrument.place()].mark.unwrap_or_default();
                let mark = u128::from(mark.units().unsigned_abs());
                (leg.instrument, u128::from(leg.need.lots) * mark.max(1))
            };
            weights = legs.iter().map(notional).collect();
        }
        // Beyond all real amounts nothing is split, and the layers below pay.
        let parts = split_residual(dollars.unsigned_abs(), &weights).unwrap_or_default();
        for (leg, part) in legs.iter_mut().zip(parts) {
            let listing = &self.listings[leg.instrument.place()];
            let asset = self.assets[listing.settlement].asset;
            let part = i128::try_from(part).ok();
            let part = part.and_then(|part| Bundle::cash_for(&self.market, asset, part).ok());
            leg.need.deficit = part.map_or(0, |part| part.units().unsigned_abs());
        }
        legs
    }

    /// What an account lacks, in US dollars.
    pub(super) fn lacks(&self, account: AccountId) -> i128 {
        self.solvency(account).map_or(0, |stands| (-stands.value).max(0))
    }

    /// The same in cash, rounded up.
    pub(super) fn cash_lacking(&self, account: AccountId) -> Amount {
        let cash = self.liquidation_rules().cash;
        Bundle::cash_for(&self.market, cash, self.lacks(account)).unwrap_or_default()
    }

    /// The fund pays what the account lacks, as far as its layers go.
    fn draw_what_lacks(&mut self, id: CaseId, events: &mut Events) {
        let account = self.case(id).account;
        let amount = self.cash_lacking(account);
        self.draw_from_fund(id, account, amount, events);
    }

    /// What is still lacking is paid all the same, and stands as a loss that nobody has covered yet.
    fn leave_outstanding(&mut self, id: CaseId, events: &mut Events) {
        let account = self.case(id).account;
        let amount = self.cash_lacking(account);
        if amount == Amount::ZERO {
            return;
        }
        self.tell(
            id,
            CaseStep::Outstanding { asset: self.liquidation_rules().cash, amount },
            events,
        );
        let place = self.cash_place();
        self.pay(account, VenueAccount::Deficit, place, PostingKind::Deficit, -amount, events);
        assert!(self.lacks(account) == 0, "whatever an account lacks is paid");
    }

    /// Trades at mark round against the account, by a unit each; that too is paid.
    fn cover_roundings(&mut self, id: CaseId, events: &mut Events) {
        let lacking = self.lacks(self.case(id).account);
        if lacking > 0 {
            self.case_mut(id).paid_for += lacking;
            self.draw_what_lacks(id, events);
            self.leave_outstanding(id, events);
        }
    }
}
