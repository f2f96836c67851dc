//! Live prices: reports, surfaces and the passing of time.

use book::{Direction, PriceSource};
use instruments::{Asset, ContractKind, Price, Timestamp, Underlying};
use risk::{AssetMarket, Confidence, ExpiryMarket};

use super::Events;
use crate::asset::ExpiryState;
use crate::command::{PriceReport, Surface};
use crate::event::Event;
use crate::prices::{SettlementAverage, funding, index, interest, mark};
use crate::record_tree::Kind;
use crate::rules::PRICE_MAX;
use crate::{InstrumentId, Rejection, State};

impl State {
    pub(crate) fn report_price(
        &mut self,
        report: &PriceReport,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let PriceReport { asset, source, price, observed } = *report;
        let place = self.asset_place(asset)?;
        let until = self.time;
        let state = &mut self.assets[place];
        let unknown = Rejection::UnknownSource { asset, source_number: source };
        let known = state.reports.iter_mut().find(|report| report.source == source);
        let known = known.ok_or(unknown)?;
        if price <= Price::ZERO || price > PRICE_MAX {
            return Err(Rejection::PriceOutOfRange(price));
        }
        if observed <= known.time || observed > until {
            return Err(Rejection::ReportTime { observed, after: known.time, until });
        }
        (known.price, known.time) = (price, observed);
        self.set_market_time();
        self.refresh_asset(place, events);
        self.refresh_instruments(Some(Underlying::of(asset)), events);
        self.fire_triggers();
        self.announce_due_epoch(events);
        Ok(())
    }

    pub(crate) fn set_surface(
        &mut self,
        surface: &Surface,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let underlying = surface.underlying;
        let place = self.asset_place(underlying.asset())?;
        let index = self.assets[place].price.ok_or(Rejection::NoIndex(underlying.asset()))?;
        let mut expiries = std::collections::BTreeMap::new();
        let refused = |problem: String| Rejection::Surface { underlying, problem };
        self.check_surface(surface, index).map_err(refused)?;
        for expiry in &surface.expiries {
            let basis = expiry.forward.units() - index.units();
            let known = self.assets[place].expiries.get(&expiry.expiry);
            let average = known.map_or_else(SettlementAverage::default, |known| known.average);
            let curve = expiry.volatility.clone();
            expiries.insert(expiry.expiry, ExpiryState { basis, curve, average });
        }
        let needed =
            self.listings.iter().filter(|listing| !listing.expired && listing.base == place);
        for expiry in needed.filter_map(|listing| listing.instrument.expiry()) {
            if !expiries.contains_key(&expiry) {
                return Err(refused(format!(
                    "it leaves out {expiry}, which a listed instrument needs"
                )));
            }
        }
        self.assets[place].expiries = expiries;
        self.touch_asset(place);
        self.set_market_time();
        events.push(Event::SurfaceSet { underlying });
        self.market.underlyings.entry(underlying).or_default().expiries.clear();
        self.rebuild_expiries(place);
        self.refresh_instruments(Some(underlying), events);
        self.fire_triggers();
        self.announce_due_epoch(events);
        Ok(())
    }

    /// What is wrong with a surface, if anything.
    pub(crate) fn check_surface(&self, surface: &Surface, index: Price) -> Result<(), String> {
        let mut last: Option<Timestamp> = None;
        for expiry in &surface.expiries {
            let at = expiry.expiry;
            if last.is_some_and(|last| last >= at) {
                return Err(format!("{at} does not come after the expiry before it"));
            }
            last = Some(at);
            if !self.is_ahead(at) {
                return Err(format!("{at} is not in the future"));
            }
            let away = i128::from(expiry.forward.units()) - i128::from(index.units());
            let band = i128::from(index.units()) * i128::from(self.rules.forward_band_ppm);
            if expiry.forward <= Price::ZERO || away.abs() * 1_000_000 > band {
                return Err(format!(
                    "its forward at {at} is {}, too far from the index of {index}",
                    expiry.forward
                ));
            }
            expiry.volatility.curve().map_err(|error| format!("at {at}: {error}"))?;
        }
        Ok(())
    }

    pub(crate) fn tick(&mut self, events: &mut Events) -> Result<(), Rejection> {
        self.set_market_time();
        for place in 0..self.assets.len() {
            self.refresh_asset(place, events);
        }
        self.refresh_instruments(None, events);
        self.end_halts(events);
        self.cancel_expired_orders(events);
        self.settle_what_is_due(events);
        self.make_due_changes(events);
        self.fire_triggers();
        self.announce_due_epoch(events);
        Ok(())
    }

    fn set_market_time(&mut self) {
        self.market.time = self.time;
        self.touch(Kind::Venue, 0);
    }

    /// Lets time run up to now for an asset, and takes its index anew.
    fn refresh_asset(&mut self, place: usize, events: &mut Events) {
        let now = self.time;
        self.touch_asset(place);
        self.run_interest(place);
        let state = &mut self.assets[place];
        if state.asset == Asset::USD {
            return;
        }
        let before = (state.price, state.confidence_ppm, state.status);
        let value = index::index(&state.index_rules, now, &state.reports);
        for (expiry, at) in &mut state.expiries {
            let window = expiry.milliseconds() - instruments::SETTLEMENT_WINDOW_MILLISECONDS;
            at.average.advance(Timestamp::from_milliseconds(window), now, value.price);
        }
        (state.confidence_ppm, state.status) = (value.confidence_ppm, value.status);
        state.price = value.price.or(state.price);
        let Some(price) = state.price else { return };
        let confidence = Confidence::from_ppm(state.confidence_ppm);
        let after = (state.price, state.confidence_ppm, state.status);
        let asset = state.asset;
        let trips = value
            .price
            .is_some_and(|price| state.breaker.observe(&state.breaker_rules, now, price));
        let until = state.breaker_rules.halt_ends(now);
        self.market.assets.insert(asset, AssetMarket { price, confidence });
        self.note_index_move(place);
        if after != before {
            let (confidence_ppm, status) = (after.1, after.2);
            events.push(Event::Index { asset, price, confidence_ppm, status });
        }
        if trips {
            self.halt(place, until, events);
        }
        self.rebuild_expiries(place);
    }

    fn run_interest(&mut self, place: usize) {
        let now = self.time;
        let state = &mut self.assets[place];
        let elapsed = now.since(state.interest_until);
        state.interest_until = now;
        let rate = interest::rate_ppb(&state.interest_rules, state.debts, state.holdings);
        let steps = interest::steps(rate, elapsed);
        state.interest = state.interest.advanced(steps).unwrap_or(state.interest);
    }

    /// Writes an underlying's forwards and volatilities into the live market.
    pub(crate) fn rebuild_expiries(&mut self, place: usize) {
        let state = &self.assets[place];
        let Some(index) = state.price else { return };
        let confidence = Confidence::from_ppm(state.confidence_ppm);
        let underlying = self.market.underlyings.entry(Underlying::of(state.asset)).or_default();
        underlying.perpetual_confidence = confidence;
        underlying.expiries.retain(|expiry, _| state.expiries.contains_key(expiry));
        for (expiry, at) in &state.expiries {
            let forward = forward(index, at.basis);
            let average = at.average.value();
            let market = underlying.expiries.entry(*expiry).or_insert_with(|| {
                let curve = at.curve.curve().expect("a surface is checked when it comes");
                ExpiryMarket::new(forward, curve)
            });
            (market.forward, market.settlement_average) = (forward, average);
            market.forward_confidence = confidence;
        }
    }

    /// Lets time run up to now for instruments on an underlying, or on all, and marks them anew.
    fn refresh_instruments(&mut self, underlying: Option<Underlying>, events: &mut Events) {
        for place in 0..self.listings.len() {
            let listing = &self.listings[place];
            let meant = underlying.is_none_or(|u| listing.instrument.underlying() == u);
            if meant && !listing.expired {
                let id = listing.id;
                self.run_funding(id);
                self.sample_basis(id);
                self.sample_volume(id);
                self.set_mark(id, events);
                self.touch_listing(id);
                self.work.moved.push(id);
            }
        }
        let moved = std::mem::take(&mut self.work.moved);
        self.note_mark_moves(&moved);
        self.work.moved = moved;
    }

    fn run_funding(&mut self, id: InstrumentId) {
        let now = self.time;
        let listing = &mut self.listings[id.place()];
        let elapsed = now.since(listing.funded_until);
        listing.funded_until = now;
        let index = self.assets[listing.base].price;
        let (Some(index), ContractKind::Perpetual) = (index, listing.instrument.kind()) else {
            return;
        };
        let rules = &listing.terms.funding;
        let steps = funding::steps(rules, &listing.instrument, listing.rate_8h_ppb, index, elapsed);
        let funded = steps.ok().and_then(|steps| listing.funding.advanced(steps).ok());
        listing.funding = funded.unwrap_or(listing.funding);
        self.touch_listing(id);
    }

    fn sample_basis(&mut self, id: InstrumentId) {
        let listing = &self.listings[id.place()];
        if listing.instrument.is_option() || listing.book.phase() == book::Phase::Call {
            return;
        }
        let Some(reference) = self.reference(id) else { return };
        let now = self.time;
        let listing = &mut self.listings[id.place()];
        let [bid, ask] = book::Side::BOTH.map(|side| listing.book.best(side));
        let [bid, ask] = [bid, ask].map(|ticks| ticks.map(|ticks| listing.price(ticks)));
        listing.basis.sample(&listing.terms.mark, now, reference, bid, ask);
        self.touch_listing(id);
    }

    fn sample_volume(&mut self, id: InstrumentId) {
        let now = self.time;
        let listing = &mut self.listings[id.place()];
        listing.volume.sample(now, listing.book.volume());
    }

    /// The price that a contract's basis counts from: the index, or the forward of a future.
    fn reference(&self, id: InstrumentId) -> Option<Price> {
        let listing = &self.listings[id.place()];
        let state = &self.assets[listing.base];
        let index = state.price?;
        match listing.instrument.expiry() {
            None => Some(index),
            Some(_) => self.market.settling_price(&listing.instrument).ok(),
        }
    }

    /// Marks an instrument, if there is what it takes.
    pub(crate) fn set_mark(&mut self, id: InstrumentId, events: &mut Events) {
        let listing = &self.listings[id.place()];
        let instrument = listing.instrument;
        if instrument.expiry().is_some_and(|expiry| expiry <= self.market.time) {
            return;
        }
        let price = if instrument.is_option() {
            if self.assets[listing.base].price.is_none() {
                return;
            }
            let Ok(price) = self.market.model_mark(&instrument) else { return };
            price
        } else {
            let Some(reference) = self.reference(id) else { return };
            mark::mark(&listing.terms.mark, reference, &listing.basis)
        };
        let (before, rate_before) = (listing.mark, listing.rate_8h_ppb);
        let index = self.assets[listing.base].price.expect("what is marked has an index");
        let rate_8h_ppb = match instrument.kind() {
            ContractKind::Perpetual => funding::rate_8h_ppb(&listing.terms.funding, index, price),
            _ => 0,
        };
        let listing = &mut self.listings[id.place()];
        listing.confidence = self.market.leg_confidence(&instrument);
        (listing.mark, listing.rate_8h_ppb) = (Some(price), rate_8h_ppb);
        self.write_row(id);
        self.market.quotes.insert(instrument, risk::Quote::new(price, rate_8h_ppb));
        self.touch_listing(id);
        if before != Some(price) {
            events.push(Event::Mark { instrument: id, price });
        }
        if rate_before != rate_8h_ppb {
            events.push(Event::FundingRate { instrument: id, rate_8h_ppb });
        }
    }

    /// Fires the triggers that wait for the marks and indices that were set, and queues them.
    fn fire_triggers(&mut self) {
        let mut moved = std::mem::take(&mut self.work.moved);
        for id in moved.drain(..) {
            let listing = &self.listings[id.place()];
            if listing.expired || listing.triggers.is_empty() {
                continue;
            }
            let (mark, index) = (listing.mark, self.assets[listing.base].price);
            for (source, price) in [(PriceSource::Mark, mark), (PriceSource::Index, index)] {
                if let Some(price) = price {
                    self.fire(id, source, price);
                }
            }
        }
        self.work.moved = moved;
    }

    /// Tells an instrument's triggers a price; those that fire are queued.
    pub(crate) fn fire(&mut self, id: InstrumentId, source: PriceSource, price: Price) {
        let mut fired = std::mem::take(&mut self.work.fired);
        for direction in [Direction::Rising, Direction::Falling] {
            let listing = &mut self.listings[id.place()];
            let ticks = listing.ticks_reached(direction, price);
            for order in listing.triggers.moved_by(source, direction, ticks) {
                if let Some((_, slot)) = self.orders.get_mut(order) {
                    self.records.mark_dirty(Kind::Order, slot);
                }
            }
            // A price outside the book's bounds, as an option's mark of nothing, fires nothing.
            if listing.triggers.fire_towards(source, direction, ticks, &mut fired).is_ok() {
                self.touch_listing(id);
            }
        }
        self.work.queue.extend(fired.drain(..).map(|trigger| trigger.id));
        self.work.fired = fired;
    }

    /// Says once that a new epoch is due: at half of what makes this one overdue.
    fn announce_due_epoch(&mut self, events: &mut Events) {
        let due = self.epoch_is_beyond(2);
        if let Some(epoch) = &mut self.risk.epoch
            && due
            && !epoch.due_announced
        {
            epoch.due_announced = true;
            events.push(Event::EpochDue);
        }
    }

    /// Whether the epoch's age or the move since it opened is beyond a part of what is allowed.
    pub(crate) fn epoch_is_beyond(&self, part: i64) -> bool {
        let Some(epoch) = &self.risk.epoch else { return false };
        if self.market.time.since(epoch.opened) > self.rules.epoch_age_max_ms / part {
            return true;
        }
        let most = i128::from(self.rules.epoch_move_max_ppm) / i128::from(part);
        let moved = |(then, now): (&Option<Price>, &crate::asset::AssetState)| {
            let (Some(then), Some(now)) = (then, now.price) else { return false };
            let (then, now) = (i128::from(then.units()), i128::from(now.units()));
            (now - then).abs() * 1_000_000 > then * most
        };
        epoch.prices.iter().zip(&self.assets).any(moved)
    }
}

/// The forward at an index: its distance is kept, and it stays above zero.
pub(crate) fn forward(index: Price, basis: i64) -> Price {
    let units = i128::from(index.units()) + i128::from(basis);
    Price::from_units(i64::try_from(units.max(1)).unwrap_or(i64::MAX))
}
