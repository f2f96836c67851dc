//! Live prices: reports, surfaces, indices and marks.

use book::{PriceSource, Side};
use engine::command::{PriceReport, Surface};
use engine::event::Event;
use engine::prices::{SettlementAverage, funding, index, interest, mark};
use engine::rules::{MarketState, PRICE_MAX};
use engine::{InstrumentId, Rejection};
use instruments::{
    Amount, Asset, ContractKind, Price, SETTLEMENT_WINDOW_MILLISECONDS, Timestamp, Underlying,
};

use super::records::ExpiryNow;
use super::{Model, Outcome};

impl Model {
    pub(super) fn report_price(&mut self, report: &PriceReport) -> Outcome {
        let PriceReport { asset, source, price, observed } = *report;
        let place = self.place_of(asset)?;
        let until = self.now();
        let known = self.assets[place].reports.iter_mut().find(|known| known.source == source);
        let known = known.ok_or(Rejection::UnknownSource { asset, source_number: source })?;
        if price.units() < 1 || price > PRICE_MAX {
            return Err(Rejection::PriceOutOfRange(price));
        }
        if observed <= known.time || observed > until {
            return Err(Rejection::ReportTime { observed, after: known.time, until });
        }
        (known.price, known.time) = (price, observed);
        self.market_time = self.time;
        self.refresh_asset(place);
        self.refresh_and_fire(|underlying| underlying == Underlying::of(asset));
        Ok(())
    }

    pub(super) fn set_surface(&mut self, surface: &Surface) -> Outcome {
        let underlying = surface.underlying;
        let place = self.place_of(underlying.asset())?;
        let index = self.assets[place].price.ok_or(Rejection::NoIndex(underlying.asset()))?;
        let refused = |problem: String| Rejection::Surface { underlying, problem };
        self.check_surface(surface, index).map_err(refused)?;
        for listing in self.listings.iter().filter(|listing| !listing.expired) {
            let Some(expiry) = listing.instrument.expiry() else { continue };
            let kept = surface.expiries.iter().any(|at| at.expiry == expiry);
            if listing.instrument.underlying() == underlying && !kept {
                let problem = format!("it leaves out {expiry}, which a listed instrument needs");
                return Err(refused(problem));
            }
        }
        let before = std::mem::take(&mut self.assets[place].expiries);
        let expiry = |at: &engine::command::SurfaceExpiry| {
            let average =
                before.get(&at.expiry).map_or(SettlementAverage::default(), |b| b.average);
            let basis = at.forward.units() - index.units();
            (at.expiry, ExpiryNow { basis, curve: at.volatility.clone(), average })
        };
        self.assets[place].expiries = surface.expiries.iter().map(expiry).collect();
        self.market_time = self.time;
        self.events.push(Event::SurfaceSet { underlying });
        self.refresh_and_fire(|other| other == underlying);
        Ok(())
    }

    pub(super) fn check_surface(&self, surface: &Surface, index: Price) -> Result<(), String> {
        let mut last: Option<Timestamp> = None;
        for at in &surface.expiries {
            let expiry = at.expiry;
            if last.is_some_and(|last| last >= expiry) {
                return Err(format!("{expiry} does not come after the expiry before it"));
            }
            last = Some(expiry);
            if !self.is_ahead(expiry) {
                return Err(format!("{expiry} is not in the future"));
            }
            let [forward, index_units] = [at.forward, index].map(|price| i128::from(price.units()));
            let most = index_units * i128::from(self.rules.forward_band_ppm);
            if forward < 1 || (forward - index_units).abs() * 1_000_000 > most {
                let forward = at.forward;
                return Err(format!(
                    "its forward at {expiry} is {forward}, too far from the index of {index}"
                ));
            }
            at.volatility.curve().map_err(|error| format!("at {expiry}: {error}"))?;
        }
        Ok(())
    }

    /// Steps 2, 4 and 6 of what new prices do.
    fn refresh_and_fire(&mut self, meant: impl Fn(Underlying) -> bool) {
        let moved = self.refresh_instruments(meant);
        self.fire_triggers(&moved);
        self.announce_due_epoch();
    }

    /// Lets time run up to now for an asset, and takes its index anew.
    pub(super) fn refresh_asset(&mut self, place: usize) {
        let now = self.now();
        let asset = self.assets[place].asset;
        self.run_interest(place);
        if asset == Asset::USD {
            return;
        }
        let state = &mut self.assets[place];
        let before = (state.price, state.confidence_ppm, state.status);
        let value = index::index(&state.rules, now, &state.reports);
        for (expiry, at) in &mut state.expiries {
            let opens = expiry.milliseconds() - SETTLEMENT_WINDOW_MILLISECONDS;
            at.average.advance(Timestamp::from_milliseconds(opens), now, value.price);
        }
        (state.confidence_ppm, state.status) = (value.confidence_ppm, value.status);
        if value.price.is_some() {
            state.price = value.price;
        }
        let Some(price) = state.price else { return };
        let (confidence_ppm, status) = (value.confidence_ppm, value.status);
        if before != (Some(price), confidence_ppm, status) {
            self.events.push(Event::Index { asset, price, confidence_ppm, status });
        }
        let state = &mut self.assets[place];
        if let Some(price) = value.price
            && state.breaker.observe(&state.breaker_rules, now, price)
        {
            let until = state.breaker_rules.halt_ends(now);
            self.events.push(Event::BreakerTripped { asset, until });
            let of_asset = |listing: &&mut super::ListingNow| {
                listing.instrument.base() == asset && !listing.expired
            };
            for listing in self.listings.iter_mut().filter(of_asset) {
                listing.halted_until = Some(until);
                let (instrument, state, until) = (listing.id, MarketState::Halted, Some(until));
                self.events.push(Event::MarketStateSet { instrument, state, until });
            }
        }
    }

    fn run_interest(&mut self, place: usize) {
        let asset = self.assets[place].asset;
        let balances = (0..self.ledger.accounts)
            .map(|account| self.ledger.available(ledger::AccountId::new(account), asset));
        let (mut debts, mut holdings) = (0, 0);
        for balance in balances {
            debts += (-balance).max(0);
            holdings += balance.max(0);
        }
        let now = self.now();
        let state = &mut self.assets[place];
        let [debts, holdings] = [debts, holdings].map(Amount::from_units);
        let rate = interest::rate_ppb(&state.interest_rules, debts, holdings);
        let steps = interest::steps(rate, now.since(state.interest_until));
        state.interest = state.interest.advanced(steps).unwrap();
        state.interest_until = now;
    }

    /// Lets time run up to now for instruments, and marks them anew; gives which.
    pub(super) fn refresh_instruments(
        &mut self,
        meant: impl Fn(Underlying) -> bool,
    ) -> Vec<InstrumentId> {
        let live = self.listings.iter().filter(|listing| !listing.expired);
        let meant = live.filter(|listing| meant(listing.instrument.underlying()));
        let ids: Vec<InstrumentId> = meant.map(|listing| listing.id).collect();
        for id in &ids {
            self.run_funding(*id);
            self.sample_basis(*id);
            self.set_mark(*id);
        }
        ids
    }

    fn run_funding(&mut self, id: InstrumentId) {
        let now = self.now();
        let base = self.asset_now(self.listing(id).instrument.base()).price;
        let listing = self.listing_mut(id);
        let elapsed = now.since(listing.funded_until);
        listing.funded_until = now;
        if let (Some(index), ContractKind::Perpetual) = (base, listing.instrument.kind()) {
            let (rules, rate) = (&listing.terms.funding, listing.rate_8h_ppb);
            let steps = funding::steps(rules, &listing.instrument, rate, index, elapsed).unwrap();
            listing.funding = listing.funding.advanced(steps).unwrap();
        }
    }

    fn sample_basis(&mut self, id: InstrumentId) {
        let Some(reference) = self.reference(id) else { return };
        let now = self.now();
        let listing = self.listing_mut(id);
        if !listing.instrument.is_option() && !listing.in_call() {
            let [bid, ask] = Side::BOTH.map(|side| listing.best(side));
            listing.basis.sample(&listing.terms.mark, now, reference, bid, ask);
        }
    }

    /// What a contract's basis counts from: the index, or the forward of a future.
    fn reference(&self, id: InstrumentId) -> Option<Price> {
        let instrument = self.listing(id).instrument;
        let index = self.asset_now(instrument.base()).price?;
        match instrument.expiry() {
            None => Some(index),
            Some(_) => self.market().settling_price(&instrument).ok(),
        }
    }

    pub(super) fn set_mark(&mut self, id: InstrumentId) {
        let listing = self.listing(id);
        let instrument = listing.instrument;
        if instrument.expiry().is_some_and(|expiry| expiry.milliseconds() <= self.market_time) {
            return;
        }
        let Some(index) = self.asset_now(instrument.base()).price else { return };
        let price = if instrument.is_option() {
            self.market().model_mark(&instrument).ok()
        } else {
            let reference = self.reference(id);
            reference.map(|reference| mark::mark(&listing.terms.mark, reference, &listing.basis))
        };
        let Some(price) = price else { return };
        let rate = match instrument.kind() {
            ContractKind::Perpetual => funding::rate_8h_ppb(&listing.terms.funding, index, price),
            _ => 0,
        };
        let listing = self.listing_mut(id);
        let before = (listing.mark, listing.rate_8h_ppb);
        (listing.mark, listing.rate_8h_ppb) = (Some(price), rate);
        if before.0 != Some(price) {
            self.events.push(Event::Mark { instrument: id, price });
        }
        if before.1 != rate {
            self.events.push(Event::FundingRate { instrument: id, rate_8h_ppb: rate });
        }
    }

    pub(super) fn fire_triggers(&mut self, moved: &[InstrumentId]) {
        for id in moved {
            let listing = self.listing(*id);
            if listing.expired {
                continue;
            }
            let index = self.asset_now(listing.instrument.base()).price;
            for (source, price) in [(PriceSource::Mark, listing.mark), (PriceSource::Index, index)]
            {
                if let Some(price) = price {
                    self.fire(*id, source, price);
                }
            }
        }
    }

    pub(super) fn announce_due_epoch(&mut self) {
        let due = self.epoch_is_beyond(2);
        if let Some(epoch) = self.epoch.as_mut().filter(|epoch| due && !epoch.due_announced) {
            epoch.due_announced = true;
            self.events.push(Event::EpochDue);
        }
    }

    /// Whether the epoch's age, or a move since it opened, is beyond a part of what is allowed.
    pub(super) fn epoch_is_beyond(&self, part: i64) -> bool {
        let Some(epoch) = &self.epoch else { return false };
        let most = i128::from(self.rules.epoch_move_max_ppm) / i128::from(part);
        let moved = |asset: &super::AssetNow| {
            let (Some(then), Some(now)) = (epoch.prices.get(&asset.asset), asset.price) else {
                return false;
            };
            let (then, now) = (i128::from(then.units()), i128::from(now.units()));
            (now - then).abs() * 1_000_000 > then * most
        };
        self.market_time - epoch.opened > self.rules.epoch_age_max_ms / part
            || self.assets.iter().any(moved)
    }
}

pub(super) fn forward(index: Price, basis: i64) -> Price {
    let units = (i128::from(index.units()) + i128::from(basis)).max(1);
    Price::from_units(i64::try_from(units).unwrap())
}
