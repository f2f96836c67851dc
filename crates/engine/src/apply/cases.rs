//! Liquidation: cases opened, led down the waterfall, closed.
//!
//! After each price and tick, accounts below their maintenance requirement get a case, and each case
//! that is due takes its steps: the book, then auctions of the whole portfolio, the backstop vault,
//! and for what is worth less than nothing the insurance fund, deleveraging and a capped cut of
//! profits. `docs/concepts/liquidation.md` is the contract.

mod auction;
mod bids;
mod book_stage;
mod candidates;
mod cut;
mod deleverage;
mod estate;
mod fund;
mod hand_over;
mod insolvent;
mod outlook;
mod rules;
mod sale;
mod stands;

use instruments::Timestamp;
use ledger::AccountId;
use risk::waterfall::Solvency;

use super::Events;
use crate::State;
use crate::event::{BidEnd, CancelReason, CaseEvent, CaseStep, Event, StageCause};
use crate::liquidation::{Case, CaseId, LiquidationRules, Outcome, Stage};
use crate::record_tree::Kind;

/// Why a case that is spoken of is there.
const OPEN: &str = "a case that takes a step is open";
/// Steps that a case takes at one moment at most: each ends it, changes its stage or makes it wait.
const STEPS_MAX: u32 = 32;

/// What a case does next.
enum Next {
    /// Another step at once.
    Step,
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing ever.
    Ended,
}

impl State {
    /// Opens the cases that are due, and leads the open ones on.
    pub(crate) fn liquidate(&mut self, events: &mut Events) {
        if self.liquidation.rules.is_none() {
            return;
        }
        self.touch(Kind::Liquidation, 0);
        self.cover_deficits(events);
        self.watch_fund();
        for account in self.suspects() {
            self.open_if_below(account, events);
        }
        let now = self.time;
        let is_due = |case: &Case| case.next <= now || case.paused.is_some();
        let cases = self.liquidation.cases.iter();
        let due: Vec<CaseId> = cases.filter(|(_, case)| is_due(case)).map(|(id, _)| *id).collect();
        for id in due {
            self.lead_on(id, events);
        }
        self.place_what_was_set_off(events);
    }

    /// Opens a case if an account is below its maintenance requirement, at prices to be relied on.
    fn open_if_below(&mut self, account: AccountId, events: &mut Events) {
        if self.account_ref(account).case.is_some() || self.stale_for(account).is_some() {
            return;
        }
        let Some(stands) = self.look_at(account).filter(|stands| stands.health() < 0) else {
            return;
        };
        if stands.value >= 0 && self.waits_for_bidders(account) {
            return;
        }
        if self.end_bids_of(account, BidEnd::Margin, events) {
            // What they had set aside is its own again.
            return self.open_if_below(account, events);
        }
        let Some(group) = self.group_of(account) else { return };
        self.review(account, events);
        self.liquidation.last += 1;
        let id = CaseId(self.liquidation.last);
        self.liquidation.cases.insert(id, Case::new(account, group, self.time));
        let state = self.account_mut(account);
        (state.case, state.case_after) = (Some(id), None);
        self.forget_credit(account);
        self.touch_account(account);
        self.tell(id, CaseStep::Opened { stands: stands.into(), group }, events);
        self.withdraw_all(account, CancelReason::Liquidation, events, |_, _| true);
    }

    /// Whether nobody bid for what an account has, and it is not to be offered again yet.
    fn waits_for_bidders(&self, account: AccountId) -> bool {
        let state = self.account_ref(account);
        state.slots.is_empty() && state.case_after.is_some_and(|after| self.time < after)
    }

    /// Lets a case take the steps that are due.
    fn lead_on(&mut self, id: CaseId, events: &mut Events) {
        for _ in 0..STEPS_MAX {
            match self.step(id, events) {
                Next::Step => {}
                Next::Wait(until) => {
                    self.case_mut(id).next = until;
                    return;
                }
                Next::Ended => return,
            }
        }
        self.case_mut(id).next = self.after_clearing();
    }

    fn step(&mut self, id: CaseId, events: &mut Events) -> Next {
        let account = self.case(id).account;
        if let Some(place) = self.stale_for(account) {
            return self.pause(id, place, events);
        }
        if self.case(id).paused.is_some() {
            let now = self.time;
            self.case_mut(id).resume(now);
            self.tell(id, CaseStep::Resumed {}, events);
        }
        self.book_accrued(account, events);
        let Some(stands) = self.solvency(account) else { return Next::Wait(self.after_clearing()) };
        if let Some(outcome) = self.healed(id, &stands) {
            return self.close(id, outcome, &stands, events);
        }
        let rules = self.liquidation_rules().clone();
        match self.case(id).stage {
            Stage::Book => self.step_in_book(id, &stands, &rules, events),
            Stage::Auction => self.step_in_auction(id, &stands, &rules, events),
            Stage::Insolvent => self.step_in_insolvency(id, &stands, &rules, events),
            Stage::Deleveraging => self.step_in_deleveraging(id, &stands, &rules, events),
        }
    }

    /// Books what has accrued, so that slices are margined as they will be when they are sold.
    fn book_accrued(&mut self, account: AccountId, events: &mut Events) {
        for instrument in self.instruments_of(account) {
            self.book_funding(account, instrument, events);
        }
        self.touch_account(account);
        for place in 0..self.assets.len() {
            self.charge_interest(account, place, events);
        }
    }

    /// How a case ends, if its account stands again: at its maintenance requirement before the first
    /// forced trade, and at its target afterwards.
    fn healed(&self, id: CaseId, stands: &Solvency) -> Option<Outcome> {
        let case = self.case(id);
        if case.is_paid_for() && !self.account_ref(case.account).slots.is_empty() {
            // Others have paid: what it has is closed, and belongs to the fund.
            return None;
        }
        if !case.traded {
            return (stands.health() >= 0).then_some(Outcome::Recovered);
        }
        let outcome = match case.insolvent_since {
            Some(_) => Outcome::Resolved,
            None => Outcome::Restored,
        };
        stands.covers(self.liquidation_rules().target_ppb()).then_some(outcome)
    }

    /// Money has come into an account: its case, if it has one, may be over.
    pub(crate) fn look_again(&mut self, account: AccountId, events: &mut Events) {
        let Some(id) = self.account_ref(account).case else { return };
        if self.stale_for(account).is_some() {
            return;
        }
        let Some(stands) = self.solvency(account) else { return };
        if let Some(outcome) = self.healed(id, &stands) {
            self.close(id, outcome, &stands, events);
        }
    }

    fn step_in_book(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> Next {
        let elapsed = self.time.since(self.case(id).opened);
        let cause = if stands.value < 0 {
            return self.go_to(id, Stage::Insolvent, StageCause::Insolvent, stands, events);
        } else if !stands.covers(rules.close_out_ppb.into()) {
            StageCause::CloseOut
        } else if elapsed >= rules.book_ms {
            StageCause::TimeUp
        } else if self.trade_slice(id, stands, rules, events) {
            return Next::Wait(self.later(rules.slice_ms));
        } else {
            StageCause::NoTrade
        };
        self.go_to(id, Stage::Auction, cause, stands, events)
    }

    fn step_in_auction(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> Next {
        if stands.value < 0 {
            return self.go_to(id, Stage::Insolvent, StageCause::Insolvent, stands, events);
        }
        let elapsed = self.auction_elapsed(id);
        let over = elapsed >= self.case(id).duration_ms;
        if elapsed > 0 && self.clear_auction(id, stands, events) {
            return Next::Step;
        }
        let below = !stands.covers(rules.close_out_ppb.into());
        if (below || over) && self.sell_to_vault(id, stands, events) {
            return Next::Step;
        }
        let account = self.account_ref(self.case(id).account);
        match (over, account.slots.is_empty()) {
            (false, _) => Next::Wait(self.after_clearing()),
            (true, false) => {
                self.go_to(id, Stage::Deleveraging, StageCause::Declined, stands, events)
            }
            (true, true) => self.close(id, Outcome::Unsold, stands, events),
        }
    }

    fn step_in_insolvency(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> Next {
        if stands.value >= 0 {
            return self.go_to(id, Stage::Auction, StageCause::Solvent, stands, events);
        }
        let elapsed = self.insolvent_elapsed(id);
        let account = self.account_ref(self.case(id).account);
        let cause = if account.slots.is_empty() {
            StageCause::Insolvent
        } else if self.is_early() {
            StageCause::EarlyDeleveraging
        } else if elapsed > 0 && self.clear_insolvent(id, stands, events) {
            return Next::Step;
        } else if elapsed >= rules.insolvent_ms.unsigned_abs() {
            StageCause::TimeUp
        } else if self.fund_is_empty(id) {
            StageCause::FundEmpty
        } else {
            return Next::Wait(self.after_clearing());
        };
        self.go_to(id, Stage::Deleveraging, cause, stands, events)
    }

    /// Goes on to another stage. Bids wait on between auctions, and end with the last one.
    fn go_to(
        &mut self,
        id: CaseId,
        stage: Stage,
        cause: StageCause,
        stands: &Solvency,
        events: &mut Events,
    ) -> Next {
        if stage == Stage::Deleveraging {
            self.end_bids(id, BidEnd::AuctionOver, events);
        }
        let (now, duration_ms) = (self.time, self.auction_duration(id));
        let case = self.case_mut(id);
        case.stage = stage;
        match stage {
            Stage::Auction if case.auction_since.is_none() => {
                (case.auction_since, case.duration_ms) = (Some(now), duration_ms);
            }
            Stage::Insolvent => {
                case.insolvent_since.get_or_insert(now);
            }
            _ => {}
        }
        self.count_step(id);
        self.tell(id, CaseStep::Stage { stage, cause, stands: (*stands).into() }, events);
        Next::Step
    }

    fn pause(&mut self, id: CaseId, place: usize, events: &mut Events) -> Next {
        let now = self.time;
        let case = self.case_mut(id);
        if case.paused.is_none() {
            case.paused = Some(now);
            let asset = self.assets[place].asset;
            self.tell(id, CaseStep::Paused { asset }, events);
        }
        Next::Wait(self.after_clearing())
    }

    fn close(
        &mut self,
        id: CaseId,
        outcome: Outcome,
        stands: &Solvency,
        events: &mut Events,
    ) -> Next {
        self.end_bids(id, BidEnd::AuctionOver, events);
        self.count_step(id);
        self.tell(id, CaseStep::Closed { outcome, stands: (*stands).into() }, events);
        let case = self.liquidation.cases.remove(&id).expect(OPEN);
        let after = self.later(self.liquidation_rules().cooldown_ms);
        let state = self.account_mut(case.account);
        state.case = None;
        state.case_after = (outcome == Outcome::Unsold).then_some(after);
        self.touch_account(case.account);
        self.watches.touch(case.account);
        self.review(case.account, events);
        Next::Ended
    }

    /// Counts a step of a case.
    fn count_step(&mut self, id: CaseId) {
        self.case_mut(id).step += 1;
    }

    /// Says that something happened in a case.
    fn tell(&self, id: CaseId, what: CaseStep, events: &mut Events) {
        let Case { account, step, .. } = *self.case(id);
        events.push(Event::Case(Box::new(CaseEvent { case: id, account, step, what })));
    }

    fn case(&self, id: CaseId) -> &Case {
        self.liquidation.cases.get(&id).expect(OPEN)
    }

    fn case_mut(&mut self, id: CaseId) -> &mut Case {
        self.touch(Kind::Liquidation, 0);
        self.liquidation.cases.get_mut(&id).expect(OPEN)
    }

    fn liquidation_rules(&self) -> &LiquidationRules {
        self.liquidation.rules.as_ref().expect("a case is open only where there are rules")
    }

    fn later(&self, milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(self.time.milliseconds().saturating_add(milliseconds))
    }

    fn after_clearing(&self) -> Timestamp {
        self.later(self.liquidation_rules().clearing_ms)
    }

    fn auction_elapsed(&self, id: CaseId) -> u64 {
        let since = self.case(id).auction_since.unwrap_or(self.time);
        u64::try_from(self.time.since(since)).unwrap_or_default()
    }

    fn insolvent_elapsed(&self, id: CaseId) -> u64 {
        let since = self.case(id).insolvent_since.unwrap_or(self.time);
        u64::try_from(self.time.since(since)).unwrap_or_default()
    }
}
