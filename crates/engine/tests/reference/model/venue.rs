//! What the venue decides.

use std::collections::BTreeMap;

use engine::command::{
    AddAsset, ChangeMarginModel, HistoryCloses, ListInstrument, MarketScope, OpenAccount,
    SetMarketState, SetMethodology, SetSources,
};
use engine::event::Event;
use engine::prices::{Basis, Breaker, IndexRules, IndexStatus, Observation};
use engine::rules::{InstrumentTerms, LOTS_MAX, MarketState, PRICE_MAX, RULES_VERSION, VenueRules};
use engine::{InstrumentId, Rejection};
use instruments::{Asset, ContractKind, Instrument, Price, Quantity, Rounding, SCALE, Timestamp};
use ledger::{AccountId, BALANCE_MAX, Index, Residue};
use risk::{History, Methodology};

use super::book::NaiveBook;
use super::{AccountNow, AssetNow, ListingNow, Model, Outcome, Published};

impl Model {
    pub(super) fn set_venue_rules(&mut self, rules: &VenueRules) -> Outcome {
        rules.check()?;
        if rules.profit_maturity_ms != self.rules.profit_maturity_ms {
            self.hold_fresh_profits();
        }
        self.rules = *rules;
        self.events.push(Event::VenueRulesSet);
        Ok(())
    }

    /// What is fresh was realised now, whenever it was.
    fn hold_fresh_profits(&mut self) {
        for number in 0..self.accounts.len() {
            let account = AccountId::new(u32::try_from(number).unwrap());
            for asset in self.ledger.assets.clone() {
                let fresh = self.fresh_profit(account, asset);
                let held = BTreeMap::from([(self.time, fresh)]);
                self.account_mut(account).profits.insert(asset, held);
            }
        }
    }

    pub(super) fn upgrade(&mut self, rules_version: u32) -> Outcome {
        if rules_version != RULES_VERSION {
            return Err(Rejection::UnknownRules(rules_version));
        }
        self.events.push(Event::Upgraded { rules_version });
        Ok(())
    }

    pub(super) fn add_asset(&mut self, add: &AddAsset) -> Outcome {
        add.interest.check()?;
        add.breaker.check()?;
        let asset = add.asset;
        if self.assets.iter().any(|known| known.asset == asset) {
            return Err(Rejection::Ledger(ledger::Refusal::AssetExists(asset)));
        }
        if self.assets.len() >= usize::from(self.limits.assets_max) {
            let full = ledger::Refusal::TooManyAssets(self.limits.assets_max);
            return Err(Rejection::Ledger(full));
        }
        self.ledger.assets.push(asset);
        let dollar = asset == Asset::USD;
        self.assets.push(AssetNow {
            asset,
            rules: IndexRules::default(),
            sources: Vec::new(),
            reports: Vec::new(),
            price: dollar.then(|| Price::from_units(SCALE)),
            confidence_ppm: if dollar { 1_000_000 } else { 0 },
            status: if dollar { IndexStatus::Fresh } else { IndexStatus::Stale },
            breaker_rules: add.breaker,
            breaker: Breaker::default(),
            interest_rules: add.interest,
            interest: Index::ZERO,
            interest_until: self.now(),
            expiries: BTreeMap::new(),
        });
        self.events.push(Event::AssetAdded { asset });
        Ok(())
    }

    pub(super) fn set_sources(&mut self, set: &SetSources) -> Outcome {
        let asset = set.asset;
        let place = self.place_of(asset)?;
        let refused = |problem: &str| Err(Rejection::Sources { asset, problem: problem.into() });
        set.rules.check()?;
        let weights: Vec<u32> = set.sources.iter().map(|source| source.weight).collect();
        IndexRules::check_weights(&weights)?;
        if asset == Asset::USD {
            return refused("a US dollar is a US dollar: it has no index");
        }
        let mut numbers: Vec<u16> = set.sources.iter().map(|source| source.source).collect();
        numbers.sort_unstable();
        if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
            return refused("one is named twice");
        }
        let known = &mut self.assets[place];
        let before = std::mem::take(&mut known.reports);
        for source in &set.sources {
            let mut report = Observation {
                source: source.source,
                weight: source.weight,
                price: Price::ZERO,
                time: Timestamp::from_milliseconds(0),
            };
            if let Some(earlier) = before.iter().find(|report| report.source == source.source) {
                (report.price, report.time) = (earlier.price, earlier.time);
            }
            known.reports.push(report);
        }
        known.rules = set.rules;
        known.sources.clone_from(&set.sources);
        self.events.push(Event::SourcesSet { asset });
        Ok(())
    }

    pub(super) fn open_account(&mut self, open: &OpenAccount) -> Outcome {
        let OpenAccount { owner, margin_model } = *open;
        if let Some(owner) = owner {
            self.check_account(owner)?;
            if self.account(owner).owner.is_some() {
                return Err(Rejection::OwnerIsSubaccount(owner));
            }
        }
        if self.accounts.len() >= self.limits.accounts_max as usize {
            let full = ledger::Refusal::TooManyAccounts(self.limits.accounts_max);
            return Err(Rejection::Ledger(full));
        }
        let account = AccountId::new(u32::try_from(self.accounts.len()).unwrap());
        self.ledger.accounts += 1;
        self.accounts.push(AccountNow {
            owner,
            model: margin_model,
            restricted: false,
            cancel_on_disconnect: false,
            positions: BTreeMap::new(),
            interest: BTreeMap::new(),
            profits: BTreeMap::new(),
            protections: BTreeMap::new(),
        });
        self.events.push(Event::AccountOpened { account, owner, margin_model });
        Ok(())
    }

    pub(super) fn list_instrument(&mut self, list: &ListInstrument) -> Outcome {
        list.terms.check()?;
        self.check_listable(list)?;
        let id = InstrumentId(u32::try_from(self.listings.len()).unwrap());
        let (instrument, terms, now) = (list.instrument, list.terms, self.now());
        let mut book = NaiveBook::new(book_limits(&terms));
        book.in_call = list.call;
        self.listings.push(ListingNow {
            id,
            instrument,
            terms,
            state: MarketState::Open,
            halted_until: None,
            expired: false,
            delayed: false,
            book,
            triggers: Vec::new(),
            mark: None,
            last: None,
            trades: 0,
            basis: Basis::starting_at(now),
            funding: Index::ZERO,
            rate_8h_ppb: 0,
            funded_until: now,
            residue: Residue::default(),
            settled: settlements(&terms, now),
        });
        self.events.push(Event::Listed { id, instrument });
        if list.call {
            self.events.push(Event::CallBegan { instrument: id });
        }
        self.set_mark(id);
        Ok(())
    }

    fn check_listable(&self, list: &ListInstrument) -> Outcome {
        let instrument = list.instrument;
        let refused =
            |problem: &str| Err(Rejection::NotListable { instrument, problem: problem.into() });
        if self.listings.iter().any(|known| known.instrument == instrument && !known.expired) {
            return Err(Rejection::AlreadyListed(instrument));
        }
        if self.listings.len() >= self.limits.instruments_max as usize {
            return refused("the venue has all the instruments it may");
        }
        if instrument.kind() == ContractKind::Spot {
            return refused("spot is not traded here");
        }
        self.place_of(instrument.base())?;
        self.place_of(instrument.quote())?;
        self.place_of(instrument.settlement_asset())?;
        if let Some(expiry) = instrument.expiry() {
            if !self.is_ahead(expiry) {
                return Err(Rejection::Expired(instrument));
            }
            if !self.asset_now(instrument.base()).expiries.contains_key(&expiry) {
                return Err(Rejection::NoSurface(instrument));
            }
        }
        bounded(instrument, &list.terms)
    }

    pub(super) fn set_terms(&mut self, id: InstrumentId, terms: &InstrumentTerms) -> Outcome {
        self.check_listing(id)?;
        terms.check()?;
        let now = self.now();
        let listing = self.listing_mut(id);
        let instrument = listing.instrument;
        bounded(instrument, terms)?;
        let fixed = |what: &str| {
            let problem = format!("its {what} is fixed while it is listed");
            Err(Rejection::NotListable { instrument, problem })
        };
        if terms.tick != listing.terms.tick {
            return fixed("tick");
        }
        if terms.parts_max != listing.terms.parts_max {
            return fixed("parts_max");
        }
        listing.terms = *terms;
        listing.settled = settlements(terms, now);
        self.events.push(Event::TermsSet { instrument: id });
        Ok(())
    }

    pub(super) fn set_market_state(&mut self, set: &SetMarketState) -> Outcome {
        match set.scope {
            MarketScope::All => {}
            MarketScope::Underlying(underlying) => {
                self.place_of(underlying.asset())?;
            }
            MarketScope::Instrument(id) => self.check_listing(id)?,
        }
        for listing in self.listings.iter_mut().filter(|listing| !listing.expired) {
            let meant = match set.scope {
                MarketScope::All => true,
                MarketScope::Underlying(underlying) => {
                    listing.instrument.underlying() == underlying
                }
                MarketScope::Instrument(id) => listing.id == id,
            };
            if meant {
                listing.state = set.state;
                listing.halted_until = None;
                let (instrument, state) = (listing.id, set.state);
                self.events.push(Event::MarketStateSet { instrument, state, until: None });
            }
        }
        Ok(())
    }

    pub(super) fn set_methodology(&mut self, set: &SetMethodology) -> Outcome {
        if !self.is_ahead(set.notice_ends) {
            return Err(Rejection::NoticeInPast(set.notice_ends));
        }
        let methodology = Methodology::parse(&set.text)
            .map_err(|error| Rejection::Methodology(error.to_string()))?;
        let (name, hash, now) = (methodology.name().to_owned(), methodology.hash(), self.now());
        let published = match methodology.kind() {
            "scenario" => &mut self.portfolio,
            "position" => &mut self.position,
            other => {
                return Err(Rejection::Methodology(format!(
                    "it is of kind `{other}`; accounts are margined by kind `scenario` or `position`"
                )));
            }
        };
        match published {
            None => {
                *published = Some(Published { methodology, in_force: false, before: Vec::new() });
            }
            Some(current) => {
                current.before.retain(|(_, ends)| *ends > now);
                if current.in_force {
                    if current.before.len() == 8 {
                        let problem = "notice of 8 changes runs already: wait for one to end";
                        return Err(Rejection::Methodology(problem.into()));
                    }
                    let old = std::mem::replace(&mut current.methodology, methodology);
                    current.before.push((old, set.notice_ends));
                    current.in_force = false;
                } else {
                    current.methodology = methodology;
                }
            }
        }
        self.events.push(Event::MethodologySet { name, hash });
        Ok(())
    }

    pub(super) fn set_history(&mut self, closes: &HistoryCloses) -> Outcome {
        let days: Vec<_> = closes.days.iter().map(|day| (day.date, day.closes.clone())).collect();
        let history = History::from_prices(&closes.assets, &days);
        self.history = Some(history.map_err(|error| Rejection::History(error.to_string()))?);
        let days = u32::try_from(days.len()).unwrap();
        self.events.push(Event::HistorySet { days });
        Ok(())
    }

    pub(super) fn change_margin_model(&mut self, change: &ChangeMarginModel) -> Outcome {
        let ChangeMarginModel { account, margin_model, dry_run, .. } = *change;
        self.check_account(account)?;
        let margin = self.margin_of(&self.risk_account(account), margin_model)?;
        let (equity, initial, maintenance) =
            (margin.equity.total, margin.initial, margin.maintenance);
        if equity < initial && !dry_run {
            let model = margin_model.name().into();
            return Err(Rejection::ModelMargin { model, needed: initial, available: equity });
        }
        let changed = !dry_run;
        let done =
            Event::MarginModel { account, margin_model, equity, initial, maintenance, changed };
        self.events.push(done);
        if changed {
            self.account_mut(account).model = margin_model;
            self.review(account);
        }
        Ok(())
    }
}

/// Whole settlement periods since 1970.
pub(super) fn settlements(terms: &InstrumentTerms, now: Timestamp) -> i64 {
    if terms.settlement_ms == 0 { 0 } else { now.milliseconds() / terms.settlement_ms }
}

fn book_limits(terms: &InstrumentTerms) -> book::Limits {
    book::Limits {
        price_min: book::Ticks(1),
        price_max: book::Ticks(PRICE_MAX.units() / terms.tick.units()),
        lots_max: book::Lots(LOTS_MAX),
        orders_per_account_max: 1 << 20,
        parts_max: terms.parts_max,
        ..book::Limits::default()
    }
}

/// What may be held of an instrument is worth no more than a 256th of what a balance holds.
pub(super) fn bounded(instrument: Instrument, terms: &InstrumentTerms) -> Outcome {
    let lots = terms.lots_max.max(terms.position_max);
    for price in [PRICE_MAX, terms.tick] {
        let value = instrument.value(Quantity::from_lots(lots), price, Rounding::Ceil);
        if !value.is_ok_and(|value| value.units().abs() <= BALANCE_MAX.units() / 256) {
            let problem = "the most lots that its terms allow are worth too much: lower lots_max \
                           and position_max";
            return Err(Rejection::NotListable { instrument, problem: problem.into() });
        }
    }
    Ok(())
}
