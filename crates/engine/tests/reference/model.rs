//! A naive engine, written from `docs/concepts/engine.md`: lists and maps, every figure computed
//! anew from what is recorded, nothing kept for speed.

#[path = "../../../book/tests/suite/naive.rs"]
pub mod book;
mod cancel;
mod cash;
mod enter;
mod epochs;
mod fills;
pub mod ledger;
mod margins;
mod notice;
mod place;
mod prices;
mod quotes;
mod records;
mod set_off;
mod time;
mod venue;
mod view;

use std::collections::{BTreeMap, VecDeque};

use ::ledger::AccountId;
use engine::change::Announced;
use engine::command::{Action, Command};
use engine::event::{Event, Rejected};
use engine::rules::VenueRules;
use engine::{InstrumentId, Rejection};
use instruments::{Asset, Timestamp};

pub use self::ledger::NaiveLedger;
pub use records::{
    AccountNow, AssetNow, EpochNow, ListingNow, OrderNow, Published, Stage, Waiting,
};

/// Why nothing was done, or only part of it.
pub type Outcome = Result<(), Rejection>;

const TIME_MAX: i64 = 253_402_300_799_999;

/// The whole venue.
pub struct Model {
    pub limits: engine::Limits,
    pub sequence: u64,
    pub time: i64,
    /// When prices were last looked at.
    pub market_time: i64,
    pub rules: VenueRules,
    pub ledger: NaiveLedger,
    pub assets: Vec<AssetNow>,
    pub accounts: Vec<AccountNow>,
    pub listings: Vec<ListingNow>,
    pub orders: BTreeMap<u64, OrderNow>,
    pub last_order: u64,
    /// By account: what was asked by request id, with the sequence number of the answer.
    pub requests: BTreeMap<AccountId, BTreeMap<u64, (Action, u64)>>,
    pub forgotten: BTreeMap<AccountId, u64>,
    pub portfolio: Option<Published>,
    pub position: Option<Published>,
    pub history: Option<risk::History>,
    pub epoch: Option<EpochNow>,
    pub epochs: u64,
    pub review_next: usize,
    pub changes: BTreeMap<u64, Announced>,
    /// Orders to be placed, first come first served, and how many one command has placed.
    pub queue: VecDeque<u64>,
    /// Orders that traded in the command of a book that is being taken in.
    filled: Vec<fills::Filled>,
    /// Whether a book's answers are being taken in, and what is cancelled once they are.
    taking_in: bool,
    dependents: Vec<(u64, u64, engine::event::CancelReason)>,
    pub events: Vec<Event>,
}

impl Model {
    pub fn new(limits: engine::Limits) -> Self {
        Self {
            limits,
            sequence: 0,
            time: 0,
            market_time: 0,
            rules: VenueRules::default(),
            ledger: NaiveLedger::default(),
            assets: Vec::new(),
            accounts: Vec::new(),
            listings: Vec::new(),
            orders: BTreeMap::new(),
            last_order: 0,
            requests: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            portfolio: None,
            position: None,
            history: None,
            epoch: None,
            epochs: 0,
            review_next: 0,
            changes: BTreeMap::new(),
            queue: VecDeque::new(),
            filled: Vec::new(),
            taking_in: false,
            dependents: Vec::new(),
            events: Vec::new(),
        }
    }

    /// What the engine should answer.
    pub fn apply(&mut self, command: &Command) -> Vec<Event> {
        self.answer(command);
        std::mem::take(&mut self.events)
    }

    fn answer(&mut self, command: &Command) {
        let account = account_of(&command.action);
        let expected = self.sequence + 1;
        if command.sequence != expected {
            return self.reject(account, Rejection::Sequence { expected, found: command.sequence });
        }
        self.sequence = expected;
        let (last, found) = (Timestamp::from_milliseconds(self.time), command.time);
        if found.milliseconds() < 0 || found.milliseconds() > TIME_MAX {
            return self.reject(account, Rejection::TimeOutOfRange);
        }
        if found < last {
            return self.reject(account, Rejection::TimeBackwards { last, found });
        }
        self.time = found.milliseconds();
        let Some((account, request)) = request_of(&command.action) else {
            return self.act(&command.action);
        };
        if account.number() as usize >= self.accounts.len() {
            return self.reject(Some(account), Rejection::UnknownAccount(account));
        }
        let known = self.requests.entry(account).or_default().get(&request).cloned();
        let forgotten = self.forgotten.get(&account).copied();
        match known {
            Some((action, sequence)) if action == command.action => {
                self.events.push(Event::Repeated { account, request, sequence });
            }
            Some(_) => self.reject(Some(account), Rejection::RequestReused(request)),
            None if forgotten.is_some_and(|above| request <= above) => {
                let above = forgotten.unwrap();
                self.reject(Some(account), Rejection::RequestForgotten { request, above });
            }
            None => {
                self.act(&command.action);
                let answered = self.requests.get_mut(&account).unwrap();
                answered.insert(request, (command.action.clone(), expected));
                while answered.len() > self.rules.requests_max as usize {
                    let (lowest, _) = answered.pop_first().unwrap();
                    let above = self.forgotten.entry(account).or_default();
                    *above = lowest.max(*above);
                }
            }
        }
    }

    fn act(&mut self, action: &Action) {
        let outcome = self.dispatch(action);
        self.place_what_was_set_off();
        match outcome {
            Err(reason) => self.reject(account_of(action), reason),
            Ok(()) if matches!(action, Action::Tick {} | Action::ReportPrice(_)) => {
                self.review_in_turn();
            }
            Ok(()) => {}
        }
    }

    fn dispatch(&mut self, action: &Action) -> Outcome {
        match action {
            Action::Tick {} => self.tick(),
            Action::SetVenueRules(rules) => self.set_venue_rules(rules),
            Action::Upgrade { rules_version } => self.upgrade(*rules_version),
            Action::AddAsset(add) => self.add_asset(add),
            Action::SetSources(set) => self.set_sources(set),
            Action::OpenAccount(open) => self.open_account(open),
            Action::ListInstrument(list) => self.list_instrument(list),
            Action::SetTerms { instrument, terms } => self.set_terms(*instrument, terms),
            Action::SetMarketState(set) => self.set_market_state(set),
            Action::BeginCall { instrument } => self.begin_call(*instrument),
            Action::Uncross { instrument } => self.uncross(*instrument),
            Action::SetMethodology(set) => self.set_methodology(set),
            Action::SetHistory(history) => self.set_history(history),
            Action::ReportPrice(report) => self.report_price(report),
            Action::SetSurface(surface) => self.set_surface(surface),
            Action::OpenEpoch(open) => self.open_epoch(open),
            Action::Review { from, count } => self.review_range(*from, *count),
            Action::AnnounceDeposit(request) => self.announce_deposit(request),
            Action::CreditDeposit(reference) => self.credit_deposit(*reference),
            Action::VoidDeposit(reference) => self.void_deposit(*reference),
            Action::RequestWithdrawal(request) => self.request_withdrawal(request),
            Action::ConfirmWithdrawal(reference) => self.confirm_withdrawal(*reference),
            Action::VoidWithdrawal(reference) => self.void_withdrawal(*reference),
            Action::Transfer(transfer) => self.transfer(transfer),
            Action::MoveCapital(capital) => self.move_capital(capital),
            Action::ChangeMarginModel(change) => self.change_margin_model(change),
            Action::PlaceOrder(place) => self.place_order(place),
            Action::PlaceGroup(group) => self.place_group(group),
            Action::AmendOrder(amend) => self.amend_order(amend),
            Action::CancelOrder { account, order, .. } => self.cancel_order(*account, *order),
            Action::CancelOrders(cancel) => self.cancel_orders(cancel),
            Action::MassQuote(quote) => self.mass_quote(quote),
            Action::ProtectMarketMaker(protect) => self.protect_market_maker(protect),
            Action::ResetProtection { account, underlying } => {
                self.reset_protection(*account, *underlying)
            }
            Action::SetCancelOnDisconnect { account, enabled } => {
                self.set_cancel_on_disconnect(*account, *enabled)
            }
            Action::Disconnect { account } => self.disconnect(*account),
            Action::Announce(announce) => self.announce(announce),
            Action::WithdrawChange { change } => self.withdraw_change(*change),
            Action::SetLiquidation(_)
            | Action::RegisterLiquidator { .. }
            | Action::PlaceBid(_)
            | Action::CancelBid { .. } => {
                unreachable!("no script here has a venue that liquidates")
            }
        }
    }

    fn reject(&mut self, account: Option<AccountId>, reason: Rejection) {
        self.events.push(Event::Rejected(Box::new(Rejected { account, order: None, reason })));
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.time)
    }

    fn is_ahead(&self, time: Timestamp) -> bool {
        time.milliseconds() > self.time && time.milliseconds() <= TIME_MAX
    }

    fn check_account(&self, account: AccountId) -> Outcome {
        let known = (account.number() as usize) < self.accounts.len();
        if known { Ok(()) } else { Err(Rejection::UnknownAccount(account)) }
    }

    fn account(&self, account: AccountId) -> &AccountNow {
        &self.accounts[account.number() as usize]
    }

    fn account_mut(&mut self, account: AccountId) -> &mut AccountNow {
        &mut self.accounts[account.number() as usize]
    }

    /// The place of an asset among those that were added.
    fn place_of(&self, asset: Asset) -> Result<usize, Rejection> {
        let place = self.assets.iter().position(|known| known.asset == asset);
        place.ok_or(Rejection::UnknownAsset(asset))
    }

    fn asset_now(&self, asset: Asset) -> &AssetNow {
        self.assets.iter().find(|known| known.asset == asset).expect("a listed asset is known")
    }

    fn listing(&self, id: InstrumentId) -> &ListingNow {
        &self.listings[id.0 as usize]
    }

    fn listing_mut(&mut self, id: InstrumentId) -> &mut ListingNow {
        &mut self.listings[id.0 as usize]
    }

    /// Whether an instrument trades still: not from its expiry on, settled or not.
    fn check_trading(&self, id: InstrumentId) -> Outcome {
        self.check_listing(id)?;
        let instrument = self.listings[id.0 as usize].instrument;
        match instrument.expiry().is_some_and(|expiry| expiry <= self.now()) {
            true => Err(Rejection::Expired(instrument)),
            false => Ok(()),
        }
    }

    fn check_listing(&self, id: InstrumentId) -> Outcome {
        match self.listings.get(id.0 as usize) {
            None => Err(Rejection::UnknownInstrument(id)),
            Some(listing) if listing.expired => Err(Rejection::Expired(listing.instrument)),
            Some(_) => Ok(()),
        }
    }
}

fn request_of(action: &Action) -> Option<(AccountId, u64)> {
    let (account, request) = match action {
        Action::PlaceOrder(place) => (place.account, place.request),
        Action::PlaceGroup(group) => (group.account, group.request),
        Action::AmendOrder(amend) => (amend.account, amend.request),
        Action::CancelOrder { account, request, .. } => (*account, *request),
        Action::CancelOrders(cancel) => (cancel.account, cancel.request),
        Action::MassQuote(quote) => (quote.account, quote.request),
        Action::Transfer(transfer) => (transfer.from, transfer.request),
        Action::ChangeMarginModel(change) => (change.account, change.request),
        _ => return None,
    };
    Some((account, request?))
}

/// Whose a command is.
fn account_of(action: &Action) -> Option<AccountId> {
    Some(match action {
        Action::PlaceOrder(place) => place.account,
        Action::PlaceGroup(group) => group.account,
        Action::AmendOrder(amend) => amend.account,
        Action::CancelOrder { account, .. }
        | Action::ResetProtection { account, .. }
        | Action::SetCancelOnDisconnect { account, .. }
        | Action::Disconnect { account } => *account,
        Action::CancelOrders(cancel) => cancel.account,
        Action::MassQuote(quote) => quote.account,
        Action::ProtectMarketMaker(protect) => protect.account,
        Action::Transfer(transfer) => transfer.from,
        Action::ChangeMarginModel(change) => change.account,
        Action::AnnounceDeposit(request) | Action::RequestWithdrawal(request) => request.account,
        Action::CreditDeposit(reference)
        | Action::VoidDeposit(reference)
        | Action::ConfirmWithdrawal(reference)
        | Action::VoidWithdrawal(reference) => reference.account,
        _ => return None,
    })
}
