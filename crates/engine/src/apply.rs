//! The one way in which a state changes.

mod amend;
mod cancel;
mod cases;
mod cash;
pub(crate) mod enter;
mod expiry;
mod fill;
mod groups;
mod live;
mod markets;
mod matching;
mod notice;
mod open_epoch;
mod place;
mod protection;
mod quotes;
mod reduce_only;
mod review;
mod set_off;
mod venue;

use crate::command::{Action, Command};
use crate::event::{Event, Rejected};
use crate::requests::{Known, digest};
use crate::{Rejection, State};
use instruments::Timestamp;
use ledger::{AccountId, TransferEnd};
pub use protection::ProtectionView;
pub(crate) use venue::check_bounded;

/// Events of one command, appended to.
pub(crate) type Events = Vec<Event>;

/// Applies one command: changes the state and appends what happened to `events`.
///
/// A pure function: the same state and command give the same state and events on any machine. A
/// refused command appends [`Event::Rejected`] and changes no record.
pub fn apply(state: &mut State, command: &Command, events: &mut Vec<Event>) {
    if let Err(reason) = state.stamp(command) {
        return reject(account_of(&command.action), reason, events);
    }
    let request = command.action.request();
    let Some((account, request)) = request else {
        return state.act(&command.action, events);
    };
    if let Err(reason) = state.check_account(account) {
        return reject(Some(account), reason, events);
    }
    let digest = digest(&command.action);
    match state.requests.look_up(account, request, digest) {
        Known::New => {
            state.act(&command.action, events);
            let (sequence, most) = (state.sequence, state.rules.requests_max);
            state.requests.remember(account, request, digest, sequence, most);
        }
        Known::Answered(sequence) => {
            events.push(Event::Repeated { account, request, sequence });
        }
        Known::Reused => reject(Some(account), Rejection::RequestReused(request), events),
        Known::Forgotten(above) => {
            reject(Some(account), Rejection::RequestForgotten { request, above }, events);
        }
    }
}

/// The last millisecond of the year 9999.
const TIME_MAX: i64 = 253_402_300_799_999;

impl State {
    /// Counts the command and takes its time.
    fn stamp(&mut self, command: &Command) -> Result<(), Rejection> {
        let expected = self.sequence + 1;
        if command.sequence != expected {
            return Err(Rejection::Sequence { expected, found: command.sequence });
        }
        self.sequence = expected;
        let (last, found) = (self.time, command.time);
        if !(0..=TIME_MAX).contains(&found.milliseconds()) {
            return Err(Rejection::TimeOutOfRange);
        }
        if found < last {
            return Err(Rejection::TimeBackwards { last, found });
        }
        self.time = found;
        Ok(())
    }

    /// Does what is asked, then whatever that sets off.
    fn act(&mut self, action: &Action, events: &mut Events) {
        let result = self.check_free(action).and_then(|()| self.dispatch(action, events));
        self.place_what_was_set_off(events);
        match result {
            Err(reason) => reject(account_of(action), reason, events),
            Ok(()) if matches!(action, Action::Tick {} | Action::ReportPrice(_)) => {
                self.review_in_turn(events);
                self.liquidate(events);
            }
            Ok(()) => {}
        }
        self.assert_invariants();
    }

    fn dispatch(&mut self, action: &Action, events: &mut Events) -> Result<(), Rejection> {
        match action {
            Action::Tick {} => self.tick(events),
            Action::SetVenueRules(rules) => self.set_venue_rules(rules, events),
            Action::Upgrade { rules_version } => self.upgrade(*rules_version, events),
            Action::AddAsset(add) => self.add_asset(add, events),
            Action::SetSources(set) => self.set_sources(set, events),
            Action::OpenAccount(open) => self.open_account(open, events),
            Action::ListInstrument(list) => self.list_instrument(list, events),
            Action::SetTerms { instrument, terms } => self.set_terms(*instrument, terms, events),
            Action::SetMarketState(set) => self.set_market_state(set, events),
            Action::BeginCall { instrument } => self.begin_call(*instrument, events),
            Action::Uncross { instrument } => self.uncross(*instrument, events),
            Action::SetMethodology(set) => self.set_methodology(set, events),
            Action::SetHistory(history) => self.set_history(history, events),
            Action::ReportPrice(report) => self.report_price(report, events),
            Action::SetSurface(surface) => self.set_surface(surface, events),
            Action::OpenEpoch(open) => self.open_epoch(open, events),
            Action::Review { from, count } => self.review_range(*from, *count, events),
            Action::AnnounceDeposit(request) => self.announce_deposit(request, events),
            Action::CreditDeposit(reference) => {
                self.end_transfer(TransferEnd::CreditDeposit, *reference, events)
            }
            Action::VoidDeposit(reference) => {
                self.end_transfer(TransferEnd::VoidDeposit, *reference, events)
            }
            Action::RequestWithdrawal(request) => self.request_withdrawal(request, events),
            Action::ConfirmWithdrawal(reference) => {
                self.end_transfer(TransferEnd::ConfirmWithdrawal, *reference, events)
            }
            Action::VoidWithdrawal(reference) => {
                self.end_transfer(TransferEnd::VoidWithdrawal, *reference, events)
            }
            Action::Transfer(transfer) => self.transfer(transfer, events),
            Action::MoveCapital(capital) => self.move_capital(capital, events),
            Action::ChangeMarginModel(change) => self.change_margin_model(change, events),
            Action::PlaceOrder(place) => self.place_order(place, events),
            Action::PlaceGroup(group) => self.place_group(group, events),
            Action::AmendOrder(amend) => self.amend_order(amend, events),
            Action::CancelOrder { account, order, .. } => {
                self.cancel_order(*account, *order, events)
            }
            Action::CancelOrders(cancel) => self.cancel_orders(cancel, events),
            Action::MassQuote(quote) => self.mass_quote(quote, events),
            Action::ProtectMarketMaker(protect) => self.protect_market_maker(protect, events),
            Action::ResetProtection { account, underlying } => {
                self.reset_protection(*account, *underlying, events)
            }
            Action::SetCancelOnDisconnect { account, enabled } => {
                self.set_cancel_on_disconnect(*account, *enabled, events)
            }
            Action::Disconnect { account } => self.disconnect(*account, events),
            Action::SetLiquidation(rules) => self.set_liquidation(rules, events),
            Action::RegisterLiquidator { account, registered } => {
                self.register_liquidator(*account, *registered, events)
            }
            Action::PlaceBid(bid) => self.place_bid(bid, events),
            Action::CancelBid { account, case, .. } => self.cancel_bid(*account, *case, events),
            Action::Announce(announce) => self.announce(announce, events),
            Action::WithdrawChange { change } => self.withdraw_change(*change, events),
        }
    }

    /// What must hold between commands. Conservation is asserted where money and positions move.
    fn assert_invariants(&self) {
        let work = &self.work;
        assert!(work.queue.is_empty() && work.filled.is_empty(), "all that was set off is placed");
        assert!(work.whole_residue == 0, "conservation: a residue was not booked");
    }

    /// Whether `time` lies ahead.
    pub(crate) fn is_ahead(&self, time: Timestamp) -> bool {
        time > self.time && time.milliseconds() <= TIME_MAX
    }
}

pub(crate) fn reject(account: Option<AccountId>, reason: Rejection, events: &mut Events) {
    refuse(account, None, reason, events);
}

/// Says that a command, or an order that has a number, was refused.
pub(crate) fn refuse(
    account: Option<AccountId>,
    order: Option<book::OrderId>,
    reason: Rejection,
    events: &mut Events,
) {
    let reason = reason.shortened();
    events.push(Event::Rejected(Box::new(Rejected { account, order, reason })));
}

/// The account that a command is of.
fn account_of(action: &Action) -> Option<AccountId> {
    match action {
        Action::AnnounceDeposit(request) | Action::RequestWithdrawal(request) => {
            Some(request.account)
        }
        Action::CreditDeposit(reference)
        | Action::VoidDeposit(reference)
        | Action::ConfirmWithdrawal(reference)
        | Action::VoidWithdrawal(reference) => Some(reference.account),
        Action::Transfer(transfer) => Some(transfer.from),
        Action::ChangeMarginModel(change) => Some(change.account),
        Action::PlaceOrder(place) => Some(place.account),
        Action::PlaceGroup(group) => Some(group.account),
        Action::AmendOrder(amend) => Some(amend.account),
        Action::CancelOrder { account, .. }
        | Action::ResetProtection { account, .. }
        | Action::SetCancelOnDisconnect { account, .. }
        | Action::Disconnect { account }
        | Action::RegisterLiquidator { account, .. }
        | Action::CancelBid { account, .. } => Some(*account),
        Action::PlaceBid(bid) => Some(bid.account),
        Action::CancelOrders(cancel) => Some(cancel.account),
        Action::MassQuote(quote) => Some(quote.account),
        Action::ProtectMarketMaker(protect) => Some(protect.account),
        _ => None,
    }
}
