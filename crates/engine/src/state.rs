//! All that the engine knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use book::OrderId;
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Instrument, Price, Timestamp};
use ledger::{AccountId, AssetIndex, Ledger};
use risk::MarginModel;

use crate::account::AccountState;
use crate::asset::AssetState;
use crate::bound::Row;
use crate::change::Announced;
use crate::command::HistoryCloses;
use crate::credit::{Credit, Movement};
use crate::epoch::{EpochView, PreparedEpoch, Risk};
use crate::liquidation::Liquidation;
use crate::listing::Listing;
use crate::orders::Orders;
use crate::record_tree::{Kind, RecordTree};
use crate::requests::Requests;
use crate::rules::{InstrumentTerms, RULES_VERSION, VenueRules};
use crate::watch::Watches;
use crate::work::Work;
use crate::{InstrumentId, Rejection};

/// How large a venue may grow; memory for balances and transfers is reserved when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Limits {
    /// Accounts.
    pub accounts_max: u32,
    /// Assets.
    pub assets_max: u16,
    /// Deposits remembered, and as many withdrawals.
    pub transfers_max: u32,
    /// Instruments, expired ones included.
    pub instruments_max: u32,
    /// Orders that rest or wait.
    pub orders_max: u32,
    /// Accounts whose scenario sums are kept; each takes some tens of kilobytes.
    pub vectors_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            accounts_max: 100_000,
            assets_max: 32,
            transfers_max: 100_000,
            instruments_max: 100_000,
            orders_max: 4_000_000,
            vectors_max: 4_096,
        }
    }
}

/// The whole state of a venue.
///
/// It changes by [`crate::apply`] only.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) limits: Limits,
    pub(crate) rules_version: u32,
    pub(crate) rules: VenueRules,
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    pub(crate) ledger: Ledger,
    pub(crate) assets: Vec<AssetState>,
    pub(crate) accounts: Vec<AccountState>,
    pub(crate) listings: Vec<Listing>,
    /// What admission looks up of each instrument.
    pub(crate) rows: Vec<Row>,
    /// What is left of each account's last bound, and how far prices have gone.
    pub(crate) credits: Vec<Credit>,
    pub(crate) movement: Movement,
    /// Every instrument that is listed and has not expired.
    pub(crate) by_name: BTreeMap<Instrument, InstrumentId>,
    pub(crate) orders: Orders,
    /// Orders that are cancelled when their time is over.
    pub(crate) expiring: BTreeSet<(Timestamp, OrderId)>,
    pub(crate) requests: Requests,
    pub(crate) risk: Risk,
    /// The live market: index prices, forwards, volatilities and marks.
    pub(crate) market: risk::Market,
    /// The account that is reviewed next.
    pub(crate) review_next: u32,
    /// Accounts that were given sums to keep, with the epoch, the first first; one may be there more than
    /// once.
    pub(crate) sums: VecDeque<(AccountId, u64)>,
    pub(crate) liquidation: Liquidation,
    /// Changes of parameters that wait for their time, by number.
    pub(crate) changes: BTreeMap<u64, Announced>,
    /// Who is watched by what would make it liquidatable; derived.
    pub(crate) watches: Watches,
    pub(crate) records: RecordTree,
    pub(crate) work: Work,
}

impl Limits {
    /// Those of the ledger.
    pub(crate) const fn of_ledger(&self) -> ledger::Limits {
        let Self { accounts_max, assets_max, transfers_max, .. } = *self;
        ledger::Limits { accounts_max, assets_max, transfers_max }
    }
}

impl State {
    /// A venue without assets, accounts and instruments.
    ///
    /// # Errors
    /// If the limits ask for more than a ledger may have.
    pub fn new(limits: Limits) -> Result<Self, ledger::Refusal> {
        Ok(Self::on(Ledger::new(limits.of_ledger())?, limits))
    }

    /// The same on a ledger that has these limits.
    pub(crate) fn on(ledger: Ledger, limits: Limits) -> Self {
        let epoch = Timestamp::from_milliseconds(0);
        let mut state = Self {
            limits,
            rules_version: RULES_VERSION,
            rules: VenueRules::default(),
            sequence: 0,
            time: epoch,
            ledger,
            assets: Vec::new(),
            accounts: Vec::new(),
            listings: Vec::new(),
            rows: Vec::new(),
            credits: Vec::new(),
            movement: Movement::default(),
            by_name: BTreeMap::new(),
            orders: Orders::new(limits.orders_max),
            expiring: BTreeSet::new(),
            requests: Requests::default(),
            risk: Risk::default(),
            market: risk::Market::at(epoch),
            review_next: 0,
            sums: VecDeque::new(),
            liquidation: Liquidation::default(),
            changes: BTreeMap::new(),
            watches: Watches::default(),
            records: RecordTree::new(),
            work: Work::default(),
        };
        state.touch(Kind::Venue, 0);
        state.touch(Kind::Liquidation, 0);
        state
    }

    /// How large this venue may grow.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The venue's limits.
    #[must_use]
    pub const fn rules(&self) -> &VenueRules {
        &self.rules
    }

    /// The version of the rules that are in force.
    #[must_use]
    pub const fn rules_version(&self) -> u32 {
        self.rules_version
    }

    /// The sequence number of the last command.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The time of the last command.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The live market as margins see it.
    #[must_use]
    pub const fn market(&self) -> &risk::Market {
        &self.market
    }

    /// How many accounts are open; their numbers are those below it.
    #[must_use]
    pub fn accounts(&self) -> u32 {
        u32::try_from(self.accounts.len()).expect("accounts are bounded by the ledger's limits")
    }

    /// How many instruments were ever listed; their numbers are those below it.
    #[must_use]
    pub fn instruments(&self) -> u32 {
        u32::try_from(self.listings.len()).expect("instruments are bounded by the venue's limits")
    }

    /// The name of an instrument by its number.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<Instrument> {
        self.listings.get(id.place()).map(|listing| listing.instrument)
    }

    /// The number of a listed instrument that has not expired.
    #[must_use]
    pub fn instrument_id(&self, instrument: &Instrument) -> Option<InstrumentId> {
        self.by_name.get(instrument).copied()
    }

    /// The book of an instrument.
    #[must_use]
    pub fn book(&self, id: InstrumentId) -> Option<&book::Book> {
        self.listings.get(id.place()).map(|listing| &listing.book)
    }

    /// The terms of an instrument.
    #[must_use]
    pub fn instrument_terms(&self, id: InstrumentId) -> Option<&InstrumentTerms> {
        self.listings.get(id.place()).map(|listing| &listing.terms)
    }

    /// The mark of an instrument, once it has one.
    #[must_use]
    pub fn mark(&self, id: InstrumentId) -> Option<Price> {
        self.listings.get(id.place()).and_then(|listing| listing.mark)
    }

    /// Σ lots of long positions in an instrument.
    #[must_use]
    pub fn open_interest(&self, id: InstrumentId) -> i64 {
        self.listings.get(id.place()).map_or(0, |listing| listing.open_interest)
    }

    /// An account as margin sees it, what has accrued included.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<risk::Account> {
        (account.number() < self.accounts()).then(|| self.view(account))
    }

    /// An account's margin model.
    #[must_use]
    pub fn margin_model(&self, account: AccountId) -> Option<MarginModel> {
        self.accounts.get(account.number() as usize).map(|state| state.model)
    }

    /// Whether an account was below initial margin when it was last reviewed.
    #[must_use]
    pub fn is_restricted(&self, account: AccountId) -> Option<bool> {
        self.accounts.get(account.number() as usize).map(|state| state.restricted)
    }

    /// An account's orders: those that rest and those that wait, ascending.
    #[must_use]
    pub fn orders_of(&self, account: AccountId) -> Vec<OrderId> {
        let state = self.accounts.get(account.number() as usize);
        state.map(AccountState::all_orders).unwrap_or_default()
    }

    /// The margin of an account at live marks.
    ///
    /// # Errors
    /// [`Rejection::UnknownAccount`], [`Rejection::NoEpoch`], [`Rejection::NoMethodology`],
    /// [`Rejection::Unmargined`].
    pub fn margin(&self, account: AccountId) -> Result<risk::Margin, Rejection> {
        let view = self.account(account).ok_or(Rejection::UnknownAccount(account))?;
        self.margin_of(&view, self.accounts[account.number() as usize].model)
    }

    /// The open epoch, if there is one.
    #[must_use]
    pub fn epoch(&self) -> Option<EpochView> {
        let epoch = self.risk.epoch.as_ref()?;
        Some(EpochView {
            number: epoch.number,
            opened: epoch.opened,
            arrays_hash: epoch.arrays_hash.clone(),
            portfolio: epoch.portfolio.clone(),
            position: epoch.position.clone(),
            holdings: epoch.holdings.clone(),
            source: Arc::clone(&epoch.source),
        })
    }

    /// The daily closes that the next epoch's scenarios are made of, if there are any.
    #[must_use]
    pub fn closes(&self) -> Option<&HistoryCloses> {
        self.risk.history.as_ref().map(|published| &published.closes)
    }

    /// Hands in an epoch that was prepared beside the engine: the command that opens it with the
    /// same hash is applied without computing the arrays again. Replay computes them.
    pub fn offer_epoch(&mut self, epoch: PreparedEpoch) {
        self.risk.prepared = Some(epoch);
    }

    /// Margins every order by the exact computation, without the bound before it. No event depends
    /// on it: for measurements and tests.
    pub fn force_exact(&mut self, exact: bool) {
        self.work.exact = exact;
    }

    pub(crate) fn touch(&mut self, kind: Kind, slot: u32) {
        self.records.mark_dirty(kind, slot);
    }

    pub(crate) fn touch_account(&mut self, account: AccountId) {
        self.records.mark_dirty(Kind::Account, account.number());
    }

    pub(crate) fn touch_listing(&mut self, id: InstrumentId) {
        self.records.mark_dirty(Kind::Instrument, id.0);
    }

    pub(crate) fn asset_place(&self, asset: Asset) -> Result<usize, Rejection> {
        let place = self.assets.iter().position(|state| state.asset == asset);
        place.ok_or(Rejection::UnknownAsset(asset))
    }

    pub(crate) fn account_mut(&mut self, account: AccountId) -> &mut AccountState {
        &mut self.accounts[account.number() as usize]
    }

    pub(crate) fn account_ref(&self, account: AccountId) -> &AccountState {
        &self.accounts[account.number() as usize]
    }

    pub(crate) fn check_account(&self, account: AccountId) -> Result<(), Rejection> {
        match account.number() < self.accounts() {
            true => Ok(()),
            false => Err(Rejection::UnknownAccount(account)),
        }
    }

    pub(crate) fn available(&self, account: AccountId, place: usize) -> Amount {
        self.ledger.available(account, asset_index(place))
    }
}

/// The ledger's number of the asset in a place.
pub(crate) fn asset_index(place: usize) -> AssetIndex {
    AssetIndex::new(u16::try_from(place).expect("assets are at most 1024"))
}
