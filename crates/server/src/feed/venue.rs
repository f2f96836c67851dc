//! What clients can ask about, made from released events alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use book::{OrderId, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use engine::change::Announced;
use engine::command::Action;
use engine::event::{CaseEvent, Rejected};
use engine::prices::IndexStatus;
use engine::rules::MarketState;
use engine::{Command, Event, InstrumentId};
use instruments::{Amount, Asset, Price, Timestamp};
use ledger::{AccountId, LedgerAccount};
use risk::Market;

use super::account::{Account, LogLine, Position, push};
use super::bounds::Bounds;
use super::history::{Settled, SettlementKind};
use super::links::Links;
use super::listing::Listing;
use super::order::{Announced as AnnouncedOrders, Order, OrderState};
use super::recent::Recent;
use super::update::{Announcement, Update};
use crate::history::record::{Notes, Record};

/// Index prices that are kept of an asset, one a minute at most.
const INDEX_HISTORY_MAX: usize = 10_080;
/// Requests of an account whose order is remembered: as many as the engine remembers at most.
const REQUESTS_MAX: usize = 1_000;

/// An index.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Index {
    /// Its price in US dollars.
    pub price: Price,
    /// Its confidence in parts per million.
    pub confidence_ppm: u32,
    /// Whether it can be relied on.
    pub status: IndexStatus,
    /// When it changed.
    pub time: Timestamp,
    /// What it was, oldest first.
    pub history: VecDeque<(Timestamp, Price)>,
    /// Counts its changes.
    pub version: u64,
}

/// The venue as released.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Venue {
    /// The last command.
    pub sequence: u64,
    /// Its time.
    pub time: Timestamp,
    /// Assets, in the order in which they were added.
    pub assets: Vec<Asset>,
    /// Indexes.
    pub indexes: BTreeMap<Asset, Index>,
    /// Instruments by number, expired ones too.
    pub listings: Vec<Listing>,
    /// Living instruments by name.
    pub names: BTreeMap<String, InstrumentId>,
    /// Accounts by number.
    pub accounts: Vec<Account>,
    /// Orders by number: those that live and those that ended lately.
    pub orders: BTreeMap<OrderId, Order>,
    /// What happened in cases.
    pub cases: Recent<(Timestamp, CaseEvent)>,
    /// Settlements and deliveries.
    pub settlements: Recent<Settled>,
    /// How many trades there were ever.
    pub trade_count: u64,
    /// Instruments that began, ended, opened or were halted, oldest first: by which command.
    pub states: VecDeque<(u64, InstrumentId, Announcement)>,
    /// The newest risk epoch.
    pub epoch: u64,
    /// Changes of parameters that are announced, by number.
    pub changes: BTreeMap<u64, Announced>,
    /// Forwards, volatilities and marks, for Greeks; looked up now and then, not from events.
    #[borsh(skip)]
    pub market: Option<Arc<Market>>,
    /// Volatility indexes in percent, one point a minute, oldest first.
    #[borsh(skip)]
    pub volatility: BTreeMap<Asset, VecDeque<(Timestamp, f64)>>,
    /// The orders that requests with a number placed.
    pub(super) requests: BTreeMap<AccountId, VecDeque<(u64, OrderId)>>,
    pub(super) announced: AnnouncedOrders,
    /// What the orders of a command have to do with each other.
    #[borsh(skip)]
    pub(super) linked: Vec<(OrderId, Links)>,
    /// The last trade of each side, for the position that follows.
    #[borsh(skip)]
    pub(super) traded: Vec<(AccountId, InstrumentId, OrderId)>,
    /// What is being settled, and at what price, for the positions that follow.
    #[borsh(skip)]
    pub(super) settling: Option<(InstrumentId, SettlementKind, Price)>,
    /// Orders that the command ended: whose, and which of theirs.
    #[borsh(skip)]
    pub(super) ending: Vec<(AccountId, u64, OrderId)>,
    /// How much is kept here.
    #[borsh(skip)]
    pub bounds: Bounds,
    /// What goes to the history.
    #[borsh(skip)]
    pub notes: Notes,
}

impl Default for Venue {
    fn default() -> Self {
        Self {
            sequence: 0,
            time: Timestamp::from_milliseconds(0),
            assets: Vec::new(),
            indexes: BTreeMap::new(),
            listings: Vec::new(),
            names: BTreeMap::new(),
            accounts: Vec::new(),
            orders: BTreeMap::new(),
            cases: Recent::default(),
            settlements: Recent::default(),
            trade_count: 0,
            states: VecDeque::new(),
            epoch: 0,
            changes: BTreeMap::new(),
            market: None,
            volatility: BTreeMap::new(),
            requests: BTreeMap::new(),
            announced: AnnouncedOrders::default(),
            linked: Vec::new(),
            traded: Vec::new(),
            settling: None,
            ending: Vec::new(),
            bounds: Bounds::default(),
            notes: Notes::default(),
        }
    }
}

impl Venue {
    /// An instrument by its name, expired ones only if they are the last of that name.
    #[must_use]
    pub fn listing(&self, name: &str) -> Option<&Listing> {
        self.names.get(name).map(|id| self.at(*id))
    }

    /// An instrument by its number.
    ///
    /// # Panics
    /// If nothing was listed under it.
    #[must_use]
    pub fn at(&self, id: InstrumentId) -> &Listing {
        &self.listings[id.0 as usize]
    }

    /// An account by its number.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.number() as usize)
    }

    /// The index of an asset in US dollars.
    #[must_use]
    pub fn index(&self, asset: Asset) -> Option<Price> {
        if asset == Asset::USD {
            return Some(Price::from_units(instruments::SCALE));
        }
        self.indexes.get(&asset).map(|index| index.price)
    }

    /// The index of an instrument, in US dollars.
    #[must_use]
    pub fn index_of(&self, listing: &Listing) -> Option<Price> {
        self.index(listing.instrument.base())
    }

    /// The order that a request placed, if it is remembered.
    #[must_use]
    pub fn requested(&self, account: AccountId, request: u64) -> Option<OrderId> {
        let known = self.requests.get(&account)?;
        known.iter().rev().find(|(number, _)| *number == request).map(|(_, order)| *order)
    }

    /// Takes in a command that is durable, and what happened.
    pub fn take_in(&mut self, command: &Command, events: &[Event], updates: &mut Vec<Update>) {
        (self.sequence, self.time) = (command.sequence, command.time);
        self.announced.clear();
        self.note_command(&command.action);
        self.linked = Links::of(&command.action, events);
        let quotes = matches!(command.action, Action::MassQuote(_));
        for event in events {
            self.take_in_one(command, event, quotes, updates);
        }
        self.traded.clear();
        self.settling = None;
        self.settle_ended();
        self.note_request(&command.action, events);
        self.note_moved(&command.action, events);
        let sequence = self.sequence;
        for update in &*updates {
            if let Update::Book(id) = update {
                let levels = &mut self.listings[id.0 as usize].levels;
                if levels.change != sequence {
                    (levels.previous, levels.change) = (levels.change, sequence);
                }
            }
        }
    }

    fn note_request(&mut self, action: &Action, events: &[Event]) {
        let (account, request) = match action {
            Action::PlaceOrder(place) => (place.account, place.request),
            Action::PlaceGroup(place) => (place.account, place.request),
            _ => return,
        };
        let accepted = events.iter().find_map(|event| match event {
            Event::OrderAccepted { order, .. } => Some(*order),
            _ => None,
        });
        if let Some((request, order)) = request.zip(accepted) {
            let known = self.requests.entry(account).or_default();
            push(known, (request, order), REQUESTS_MAX);
        }
    }

    fn note_command(&mut self, action: &Action) {
        match action {
            Action::PlaceOrder(place) => self.announced.note(place.account, place.order.clone()),
            Action::PlaceGroup(place) => self.announced.note_group(place.account, &place.group),
            _ => {}
        }
    }

    fn take_in_one(
        &mut self,
        command: &Command,
        event: &Event,
        quotes: bool,
        updates: &mut Vec<Update>,
    ) {
        match event {
            Event::AssetAdded { asset } => self.assets.push(*asset),
            Event::Listed { id, instrument } => {
                if let Action::ListInstrument(list) = &command.action {
                    self.names.insert(instrument.to_string(), *id);
                    self.listings.push(Listing::new(*id, *instrument, list.terms, self.time));
                    let (id, instrument, time) = (*id, *instrument, self.time);
                    self.notes.push(|| Record::Listed { id, instrument, time });
                    self.note_state(id, Announcement::Created, updates);
                }
            }
            Event::AccountOpened { account, owner, margin_model } => {
                self.accounts.push(Account::new(*account, *owner, *margin_model));
            }
            Event::MarginModel { account, margin_model, changed: true, .. } => {
                if let Some(known) = self.accounts.get_mut(account.number() as usize) {
                    known.margin_model = *margin_model;
                }
            }
            Event::CancelOnDisconnect { account, enabled } => {
                if let Some(known) = self.accounts.get_mut(account.number() as usize) {
                    known.cancels_on_disconnect = *enabled;
                }
            }
            Event::MarginCall { account, .. } => self.restrict(*account, true, updates),
            Event::MarginRestored { account, .. } => self.restrict(*account, false, updates),
            Event::Case(case) => {
                let (time, event) = (self.time, case.clone());
                let number = self.cases.push((time, (**case).clone()), self.bounds.cases);
                self.notes.push(|| Record::Case { number, time, event });
                self.note_case(case);
                updates.push(Update::Case(case.clone()));
            }
            Event::EpochOpened { epoch, .. } => self.epoch = *epoch,
            Event::Rejected(rejected) => self.refused(rejected),
            Event::Transfer { id, account, step } => {
                self.transfer(command, *id, *account, *step);
                updates.push(Update::Account(*account));
            }
            Event::Balance { account, asset, kind, change, balance } => {
                self.balance(*account, *asset, *kind, *change, *balance, updates);
            }
            Event::Position { account, instrument, lots, cost, realised } => {
                self.position(*account, *instrument, *lots, *cost, *realised);
                updates.push(Update::Account(*account));
            }
            _ => self.take_in_market(command, event, updates),
        }
        self.take_in_order(event, quotes, updates);
    }

    /// Events of prices and instruments.
    fn take_in_market(&mut self, command: &Command, event: &Event, updates: &mut Vec<Update>) {
        match event {
            Event::Index { asset, price, confidence_ppm, status } => {
                self.note_index(*asset, *price, *confidence_ppm, *status);
                updates.push(Update::Index(*asset));
            }
            Event::Mark { instrument, price } => {
                let listing = self.listing_mut(*instrument);
                listing.mark = Some(*price);
                listing.version += 1;
                updates.push(Update::Ticker(*instrument));
            }
            Event::MarketStateSet { instrument, state, until } => {
                self.listing_mut(*instrument).set_state(*state, *until);
                let name = match state {
                    MarketState::Halted => Announcement::Halted,
                    MarketState::Open | MarketState::ReduceOnly => Announcement::Open,
                };
                self.note_state(*instrument, name, updates);
            }
            Event::FundingRate { instrument, rate_8h_ppb } => {
                self.note_funding(*instrument, *rate_8h_ppb);
            }
            Event::Settled { instrument, price } => {
                self.note_settlement(*instrument, SettlementKind::Settlement, *price);
                self.listing_mut(*instrument).settled = Some(*price);
            }
            Event::Expired { instrument, price } => {
                let time = self.time;
                self.note_settlement(*instrument, SettlementKind::Delivery, *price);
                let (id, price) = (*instrument, *price);
                self.notes.push(|| Record::Expired { id, time, price });
                let listing = self.listing_mut(*instrument);
                listing.expired = Some((time, price));
                listing.levels.clear();
                listing.forget();
                let name = listing.name.clone();
                self.names.remove(&name);
                self.note_state(*instrument, Announcement::Closed, updates);
            }
            _ => self.take_in_change(command, event, updates),
        }
    }

    fn note_state(&mut self, id: InstrumentId, state: Announcement, updates: &mut Vec<Update>) {
        push(&mut self.states, (self.sequence, id, state), 1_000);
        updates.push(Update::State);
    }

    pub(super) fn listing_mut(&mut self, id: InstrumentId) -> &mut Listing {
        &mut self.listings[id.0 as usize]
    }

    fn note_index(&mut self, asset: Asset, price: Price, confidence_ppm: u32, status: IndexStatus) {
        let time = self.time;
        let index = self.indexes.entry(asset).or_insert_with(|| Index {
            price,
            confidence_ppm,
            status,
            time,
            history: VecDeque::new(),
            version: 0,
        });
        (index.price, index.confidence_ppm, index.status, index.time) =
            (price, confidence_ppm, status, time);
        index.version += 1;
        let is_new = index.history.back().is_none_or(|(last, _)| time.since(*last) >= 60_000);
        if is_new {
            push(&mut index.history, (time, price), INDEX_HISTORY_MAX);
        }
    }

    fn restrict(&mut self, account: AccountId, restricted: bool, updates: &mut Vec<Update>) {
        if let Some(known) = self.accounts.get_mut(account.number() as usize) {
            known.restricted = restricted;
            known.version += 1;
            updates.push(Update::Account(account));
        }
    }

    fn note_case(&mut self, case: &CaseEvent) {
        use engine::event::CaseStep;
        if let CaseStep::Order { order, instrument, side, lots, limit, .. } = &case.what {
            let new = self.new_order(*order, case.account, *instrument, *side, *lots);
            self.orders.insert(*order, Order { price: Some(*limit), liquidation: true, ..new });
        }
    }

    fn refused(&mut self, rejected: &Rejected) {
        if let (Some(account), None) = (rejected.account, rejected.order) {
            self.announced.forget_newest(account);
        }
    }

    fn balance(
        &mut self,
        account: LedgerAccount,
        asset: Asset,
        kind: ledger::PostingKind,
        change: Amount,
        balance: Amount,
        updates: &mut Vec<Update>,
    ) {
        let (time, sequence) = (self.time, self.sequence);
        let id = match account {
            LedgerAccount::Available(id) | LedgerAccount::Held(id) => id,
            LedgerAccount::Pending(_) | LedgerAccount::Venue(_) => return,
        };
        let trade = self.traded.iter().rev().find(|(owner, ..)| *owner == id).copied();
        let trade = trade.and_then(|(_, instrument, _)| {
            let last = self.at(instrument).last()?;
            Some((instrument, last.number, last.price, last.lots))
        });
        let Some(known) = self.accounts.get_mut(id.number() as usize) else { return };
        if matches!(account, LedgerAccount::Held(_)) {
            known.held.insert(asset, balance);
            return;
        }
        known.balances.insert(asset, balance);
        let line = LogLine { sequence, number: 0, time, asset, kind, change, balance, trade };
        let line = known.note_line(line, self.bounds.account);
        self.notes.push(|| Record::Line { account: id, line });
        updates.push(Update::Account(id));
    }

    fn position(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        cost: Amount,
        realised: Amount,
    ) {
        let Some(known) = self.accounts.get_mut(account.number() as usize) else { return };
        known.version += 1;
        let before = known.positions.get(&instrument).copied().unwrap_or_default();
        let held = before.lots;
        let total = Amount::from_units(before.realised.units() + realised.units());
        match lots {
            0 => drop(known.positions.remove(&instrument)),
            _ => {
                let realised = if before.lots == 0 { Amount::ZERO } else { total };
                known.positions.insert(instrument, Position { lots, cost, realised });
            }
        }
        let order = self
            .traded
            .iter()
            .rev()
            .find(|(owner, what, _)| (*owner, *what) == (account, instrument));
        if let Some((_, _, order)) = order {
            let number = known.trades.count();
            if let Some(last) = known.trades.back_mut().filter(|last| last.order == *order) {
                last.realised = realised;
                self.notes.realised(account, number, realised);
            }
            if let Some(order) = self.orders.get_mut(order) {
                let sum = order.realised.units() + realised.units();
                order.realised = Amount::from_units(sum);
            }
        }
        self.note_settled(account, instrument, held, realised);
        let listing = self.listing_mut(instrument);
        listing.open_interest += lots.max(0) - held.max(0);
        listing.version += 1;
    }

    pub(super) fn new_order(
        &self,
        id: OrderId,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
    ) -> Order {
        Order {
            id,
            account,
            instrument,
            side,
            terms: None,
            label: None,
            lots,
            filled: 0,
            traded_value: 0,
            price: None,
            shown: 0,
            state: OrderState::Open,
            triggered: false,
            links: Links::default(),
            replaced: false,
            liquidation: false,
            reason: None,
            fees: Amount::ZERO,
            realised: Amount::ZERO,
            created: self.time,
            updated: self.time,
        }
    }
}
