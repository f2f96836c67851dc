//! The venue's own commands: rules, assets, accounts, instruments, methodologies.

use std::sync::Arc;

use instruments::{Amount, Asset, ContractKind, Instrument, Quantity, Rounding};
use ledger::{AccountId, Accrual, BALANCE_MAX};
use risk::Methodology;

use super::Events;
use crate::account::{AccountAsset, AccountState, FreshProfit};
use crate::asset::AssetState;
use crate::command::{
    AddAsset, ChangeMarginModel, HistoryCloses, ListInstrument, MarketScope, OpenAccount,
    SetMarketState, SetMethodology, SetSources,
};
use crate::credit::Credit;
use crate::epoch::{Published, PublishedHistory};
use crate::event::Event;
use crate::listing::Listing;
use crate::prices::{IndexRules, Observation};
use crate::record_tree::Kind;
use crate::rules::{InstrumentTerms, PRICE_MAX, RULES_VERSION, VenueRules};
use crate::state::asset_index;
use crate::{InstrumentId, Rejection, State};

impl State {
    pub(crate) fn set_venue_rules(
        &mut self,
        rules: &VenueRules,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        rules.check()?;
        let before = std::mem::replace(&mut self.rules, *rules);
        self.touch(Kind::Venue, 0);
        if rules.profit_maturity_ms != before.profit_maturity_ms {
            self.change_maturity(before.profit_maturity_ms);
        }
        events.push(Event::VenueRulesSet);
        Ok(())
    }

    /// Counts fresh profit in periods of the length in force, which was another before.
    fn change_maturity(&mut self, before_ms: i64) {
        let (now, after_ms) = (self.time, self.rules.profit_maturity_ms);
        for account in (0..self.accounts()).map(AccountId::new) {
            let mut changed = false;
            for own in &mut self.account_mut(account).assets {
                let fresh = own.fresh;
                own.fresh.change_maturity(now, before_ms, after_ms);
                changed |= own.fresh != fresh;
            }
            if changed {
                self.touch_account(account);
            }
        }
    }

    pub(crate) fn upgrade(&mut self, version: u32, events: &mut Events) -> Result<(), Rejection> {
        if version != RULES_VERSION {
            return Err(Rejection::UnknownRules(version));
        }
        self.rules_version = version;
        self.touch(Kind::Venue, 0);
        events.push(Event::Upgraded { rules_version: version });
        Ok(())
    }

    pub(crate) fn add_asset(
        &mut self,
        add: &AddAsset,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        add.interest.check()?;
        add.breaker.check()?;
        let place = self.ledger.add_asset(add.asset).map_err(Rejection::Ledger)?;
        self.assets.push(AssetState::new(add.asset, add.interest, add.breaker, self.time));
        for account in &mut self.accounts {
            account.assets.push(AccountAsset::new());
        }
        (0..self.accounts()).for_each(|account| self.touch_account(AccountId::new(account)));
        self.touch(Kind::Asset, u32::from(place.place()));
        events.push(Event::AssetAdded { asset: add.asset });
        Ok(())
    }

    pub(crate) fn set_sources(
        &mut self,
        set: &SetSources,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let SetSources { asset, rules, sources } = set;
        let place = self.asset_place(*asset)?;
        let refused = |problem: &str| Rejection::Sources { asset: *asset, problem: problem.into() };
        rules.check()?;
        let weights: Vec<u32> = sources.iter().map(|source| source.weight).collect();
        IndexRules::check_weights(&weights)?;
        if *asset == Asset::USD {
            return Err(refused("a US dollar is a US dollar: it has no index"));
        }
        if (1..sources.len()).any(|i| sources[..i].iter().any(|s| s.source == sources[i].source)) {
            return Err(refused("one is named twice"));
        }
        let state = &mut self.assets[place];
        // Reports of sources that stay are kept; a source that is new has none yet.
        let report = |source: &crate::command::SourceWeight| {
            let known = state.reports.iter().find(|report| report.source == source.source);
            let nothing = Observation {
                source: source.source,
                weight: source.weight,
                price: instruments::Price::ZERO,
                time: instruments::Timestamp::from_milliseconds(0),
            };
            known.map_or(nothing, |known| Observation { weight: source.weight, ..*known })
        };
        state.reports = sources.iter().map(report).collect();
        (state.index_rules, state.sources) = (*rules, sources.clone());
        self.touch_asset(place);
        events.push(Event::SourcesSet { asset: *asset });
        Ok(())
    }

    pub(crate) fn open_account(
        &mut self,
        open: &OpenAccount,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let OpenAccount { owner, margin_model } = *open;
        if let Some(owner) = owner {
            self.check_account(owner)?;
            if self.account_ref(owner).owner.is_some() {
                return Err(Rejection::OwnerIsSubaccount(owner));
            }
        }
        let account = self.ledger.open_account().map_err(Rejection::Ledger)?;
        let mut state = AccountState::new(owner, margin_model);
        state.assets = vec![AccountAsset::new(); self.assets.len()];
        self.accounts.push(state);
        self.credits.push(Credit::default());
        self.touch_account(account);
        events.push(Event::AccountOpened { account, owner, margin_model });
        Ok(())
    }

    pub(crate) fn list_instrument(
        &mut self,
        list: &ListInstrument,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let ListInstrument { instrument, terms, call } = list;
        terms.check()?;
        let places = self.check_listable(instrument, terms)?;
        let place = u32::try_from(self.listings.len()).expect("bounded by the venue's limits");
        let id = InstrumentId(place);
        let mut listing = Listing::new(id, *instrument, *terms, places, self.time);
        if *call {
            let mut ignored = Vec::new();
            listing.book.begin_call(&mut ignored);
        }
        self.listings.push(listing);
        self.by_name.insert(*instrument, id);
        self.write_row(id);
        self.touch_listing(id);
        events.push(Event::Listed { id, instrument: *instrument });
        if *call {
            events.push(Event::CallBegan { instrument: id });
        }
        self.set_mark(id, events);
        Ok(())
    }

    /// Whether an instrument can be traded here; gives the places of base, quote and settlement
    /// asset.
    fn check_listable(
        &self,
        instrument: &Instrument,
        terms: &InstrumentTerms,
    ) -> Result<[usize; 3], Rejection> {
        let refused = |problem: &str| Rejection::NotListable {
            instrument: *instrument,
            problem: problem.into(),
        };
        if self.by_name.contains_key(instrument) {
            return Err(Rejection::AlreadyListed(*instrument));
        }
        if self.listings.len() >= self.limits.instruments_max as usize {
            return Err(refused("the venue has all the instruments it may"));
        }
        if instrument.kind() == ContractKind::Spot {
            return Err(refused("spot is not traded here"));
        }
        let base = self.asset_place(instrument.base())?;
        let quote = self.asset_place(instrument.quote())?;
        let settlement = self.asset_place(instrument.settlement_asset())?;
        if let Some(expiry) = instrument.expiry() {
            if !self.is_ahead(expiry) {
                return Err(Rejection::Expired(*instrument));
            }
            if !self.assets[base].expiries.contains_key(&expiry) {
                return Err(Rejection::NoSurface(*instrument));
            }
        }
        check_bounded(instrument, terms)?;
        Ok([base, quote, settlement])
    }

    pub(crate) fn set_terms(
        &mut self,
        id: InstrumentId,
        terms: &InstrumentTerms,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_new_terms(id, terms)?;
        let now = self.time;
        let listing = &mut self.listings[id.place()];
        listing.terms = *terms;
        listing.settled = terms.settlements_until(now);
        self.void_credits();
        self.touch_listing(id);
        events.push(Event::TermsSet { instrument: id });
        Ok(())
    }

    /// Whether an instrument may have other terms.
    pub(crate) fn check_new_terms(
        &self,
        id: InstrumentId,
        terms: &InstrumentTerms,
    ) -> Result<(), Rejection> {
        self.check_listing(id)?;
        terms.check()?;
        let listing = &self.listings[id.place()];
        check_bounded(&listing.instrument, terms)?;
        let fixed = [
            ("tick", terms.tick != listing.terms.tick),
            ("parts_max", terms.parts_max != listing.terms.parts_max),
        ];
        if let Some((what, _)) = fixed.iter().find(|(_, changed)| *changed) {
            let problem = format!("its {what} is fixed while it is listed");
            return Err(Rejection::NotListable { instrument: listing.instrument, problem });
        }
        Ok(())
    }

    pub(crate) fn set_market_state(
        &mut self,
        set: &SetMarketState,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let SetMarketState { scope, state } = *set;
        match scope {
            MarketScope::All => {}
            MarketScope::Underlying(underlying) => {
                self.asset_place(underlying.asset())?;
            }
            MarketScope::Instrument(id) => self.check_listing(id)?,
        }
        for listing in &mut self.listings {
            let meant = match scope {
                MarketScope::All => true,
                MarketScope::Underlying(underlying) => {
                    listing.instrument.underlying() == underlying
                }
                MarketScope::Instrument(id) => listing.id == id,
            };
            if meant && !listing.expired {
                (listing.state, listing.halted_until) = (state, None);
                self.records.mark_dirty(Kind::Instrument, listing.id.0);
                let instrument = listing.id;
                events.push(Event::MarketStateSet { instrument, state, until: None });
            }
        }
        Ok(())
    }

    pub(crate) fn set_methodology(
        &mut self,
        set: &SetMethodology,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        if !self.is_ahead(set.notice_ends) {
            return Err(Rejection::NoticeInPast(set.notice_ends));
        }
        let refused = |problem: String| Rejection::Methodology(problem);
        let methodology =
            Methodology::parse(&set.text).map_err(|error| refused(error.to_string()))?;
        let (name, hash) = (methodology.name().to_owned(), methodology.hash());
        let published = match methodology.kind() {
            "scenario" => &mut self.risk.portfolio,
            "position" => &mut self.risk.position,
            other => {
                let problem = format!(
                    "it is of kind `{other}`; accounts are margined by kind \
                                       `scenario` or `position`"
                );
                return Err(refused(problem));
            }
        };
        Published::replace(published, methodology, set.notice_ends, self.time)?;
        self.touch(Kind::Venue, 0);
        events.push(Event::MethodologySet { name, hash });
        Ok(())
    }

    pub(crate) fn set_history(
        &mut self,
        closes: &HistoryCloses,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.risk.history = Some(Arc::new(PublishedHistory::of(closes.clone())?));
        self.touch(Kind::Venue, 0);
        let days = u32::try_from(closes.days.len()).unwrap_or(u32::MAX);
        events.push(Event::HistorySet { days });
        Ok(())
    }

    pub(crate) fn change_margin_model(
        &mut self,
        change: &ChangeMarginModel,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let ChangeMarginModel { account, margin_model, dry_run, .. } = *change;
        self.check_account(account)?;
        let view = self.view(account);
        let margin = self.margin_of(&view, margin_model)?;
        let (equity, initial, maintenance) =
            (margin.equity.total, margin.initial, margin.maintenance);
        if !dry_run && equity < initial {
            let model = margin_model.name().into();
            return Err(Rejection::ModelMargin { model, needed: initial, available: equity });
        }
        events.push(Event::MarginModel {
            account,
            margin_model,
            equity,
            initial,
            maintenance,
            changed: !dry_run,
        });
        if !dry_run {
            let state = self.account_mut(account);
            (state.model, state.sums) = (margin_model, None);
            self.forget_credit(account);
            self.touch_account(account);
            self.watches.touch(account);
            self.review(account, events);
        }
        Ok(())
    }

    /// Whether an instrument trades still: from its expiry on it only waits to be settled.
    pub(crate) fn check_trading(&self, id: InstrumentId) -> Result<(), Rejection> {
        self.check_listing(id)?;
        let instrument = self.listings[id.place()].instrument;
        match instrument.expiry() {
            Some(expiry) if expiry <= self.time => Err(Rejection::Expired(instrument)),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_listing(&self, id: InstrumentId) -> Result<(), Rejection> {
        let listing = self.listings.get(id.place()).ok_or(Rejection::UnknownInstrument(id))?;
        match listing.expired {
            true => Err(Rejection::Expired(listing.instrument)),
            false => Ok(()),
        }
    }

    pub(crate) fn touch_asset(&mut self, place: usize) {
        self.touch(Kind::Asset, u32::from(asset_index(place).place()));
    }
}

/// The most that anyone may hold, at the highest price and at the lowest, must be an amount that a
/// balance holds many times over.
pub(crate) fn check_bounded(
    instrument: &Instrument,
    terms: &InstrumentTerms,
) -> Result<(), Rejection> {
    let most = Quantity::from_lots(terms.position_max.max(terms.lots_max));
    for price in [PRICE_MAX, terms.tick] {
        let value = instrument.value(most, price, Rounding::Ceil);
        let bound = BALANCE_MAX.units() >> 8;
        if !value.is_ok_and(|value| value.units().abs() <= bound) {
            let problem = "the most lots that its terms allow are worth too much: lower lots_max \
                           and position_max";
            let instrument = *instrument;
            return Err(Rejection::NotListable { instrument, problem: problem.into() });
        }
    }
    Ok(())
}

impl AccountAsset {
    fn new() -> Self {
        Self {
            interest: Accrual::starting_at(ledger::Index::ZERO),
            fresh: FreshProfit { period: 0, now: Amount::ZERO, before: Amount::ZERO },
            principal: Amount::ZERO,
        }
    }
}
