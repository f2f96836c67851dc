//! A new risk epoch: checked, opened, put in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use instruments::{Amount, Asset, Instrument, Timestamp, Underlying};
use risk::{
    AssetMarket, ByPosition, Confidence, EpochInputs, ExpiryMarket, GrossTable, Market,
    Methodology, Quote,
};

use super::Events;
use super::live::forward;
use crate::command::{EpochMarket, OpenEpoch, Surface, SurfaceExpiry};
use crate::epoch::{Gross, OpenedEpoch, PreparedEpoch};
use crate::event::Event;
use crate::record_tree::Kind;
use crate::{Rejection, State};

impl State {
    pub(crate) fn open_epoch(
        &mut self,
        open: &OpenEpoch,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        if let Some(market) = &open.market {
            self.check_epoch_market(market)?;
        }
        let live;
        let inputs = match &open.market {
            Some(given) => given,
            None => {
                live = self.epoch_market();
                &live
            }
        };
        let market = self.market_of(inputs)?;
        let epoch = self.opened(open, &market)?;
        if let Some(claimed) = open.arrays_hash.as_ref().filter(|hash| **hash != epoch.arrays_hash)
        {
            let computed = epoch.arrays_hash;
            return Err(Rejection::ArraysHash { computed, claimed: claimed.clone() });
        }
        for published in [&mut self.risk.portfolio, &mut self.risk.position].into_iter().flatten() {
            published.in_force = true;
            published.before.retain(|(_, ends)| *ends > self.time);
        }
        let (number, arrays_hash) = (epoch.number, epoch.arrays_hash.clone());
        self.risk.epochs = number;
        let before = self.risk.epoch.replace(epoch);
        self.risk.prepared = None;
        self.carry_credits(before);
        self.touch(Kind::Venue, 0);
        events.push(Event::EpochOpened { epoch: number, arrays_hash });
        Ok(())
    }

    /// The live market in whole numbers, for workers that prepare an epoch.
    #[must_use]
    pub fn epoch_market(&self) -> EpochMarket {
        let priced = |state: &crate::asset::AssetState| {
            let price = state.price.filter(|_| state.asset != Asset::USD)?;
            Some((state.asset, price, state.confidence_ppm))
        };
        let surface = |state: &crate::asset::AssetState| {
            let index = state.price?;
            let expiry = |(expiry, at): (&Timestamp, &crate::asset::ExpiryState)| SurfaceExpiry {
                expiry: *expiry,
                forward: forward(index, at.basis),
                volatility: at.curve.clone(),
            };
            let expiries: Vec<_> = state.expiries.iter().map(expiry).collect();
            let underlying = Underlying::of(state.asset);
            (!expiries.is_empty()).then_some(Surface { underlying, expiries })
        };
        let quote = |listing: &crate::listing::Listing| {
            let mark = listing.mark.filter(|_| !listing.expired)?;
            Some((listing.id, mark, listing.rate_8h_ppb))
        };
        EpochMarket {
            sequence: self.sequence,
            prices: self.assets.iter().filter_map(priced).collect(),
            surfaces: self.assets.iter().filter_map(surface).collect(),
            quotes: self.listings.iter().filter_map(quote).collect(),
            time: self.market.time,
        }
    }

    /// The instruments that an epoch on a market covers: those that it marks and that have not
    /// expired by its time.
    fn covered_by(&self, market: &Market) -> Vec<Instrument> {
        let lives = |instrument: &&Instrument| {
            instrument.expiry().is_none_or(|expiry| expiry > market.time)
        };
        let listed = self.listings.iter().filter(|listing| !listing.expired);
        let marked = listed.filter(|listing| market.quotes.contains_key(&listing.instrument));
        marked.map(|listing| &listing.instrument).filter(lives).copied().collect()
    }

    /// Whether a market that an epoch was prepared on is recent and near the live one.
    fn check_epoch_market(&self, market: &EpochMarket) -> Result<(), Rejection> {
        let refused = |problem: String| Err(Rejection::EpochMarket(problem));
        let age = self.market.time.since(market.time);
        if age < 0 || age > self.rules.epoch_market_age_max_ms || market.sequence > self.sequence {
            return refused(format!(
                "it is of {}, and the live one of {}",
                market.time, self.market.time
            ));
        }
        let most = i128::from(self.rules.epoch_market_move_max_ppm);
        for (asset, price, _) in &market.prices {
            let place = self.asset_place(*asset)?;
            let Some(live) = self.assets[place].price else {
                return refused(format!("{asset} has no live index"));
            };
            let away = i128::from(price.units()) - i128::from(live.units());
            if away.abs() * 1_000_000 > i128::from(live.units()) * most {
                return refused(format!(
                    "its index of {asset} is {price}, and the live one {live}"
                ));
            }
        }
        for surface in &market.surfaces {
            let place = self.asset_place(surface.underlying.asset())?;
            let Some(index) = self.assets[place].price else {
                return refused(format!("{} has no live index", surface.underlying));
            };
            self.check_surface(surface, index).map_err(Rejection::EpochMarket)?;
        }
        Ok(())
    }

    /// A market in whole numbers as margins see it.
    fn market_of(&self, given: &EpochMarket) -> Result<Market, Rejection> {
        let mut market = Market::at(given.time);
        for (asset, price, confidence) in &given.prices {
            let confidence = Confidence::from_ppm(*confidence);
            market.assets.insert(*asset, AssetMarket { price: *price, confidence });
            market.underlyings.entry(Underlying::of(*asset)).or_default().perpetual_confidence =
                confidence;
        }
        for surface in &given.surfaces {
            let confidence = market.confidence(surface.underlying.asset());
            let underlying = market.underlyings.entry(surface.underlying).or_default();
            for expiry in &surface.expiries {
                let curve = expiry.volatility.curve();
                let curve = curve.map_err(|error| Rejection::EpochMarket(error.to_string()))?;
                let mut at = ExpiryMarket::new(expiry.forward, curve);
                at.forward_confidence = confidence;
                let live = self.market.underlyings.get(&surface.underlying);
                at.settlement_average = live
                    .and_then(|live| live.expiries.get(&expiry.expiry))
                    .and_then(|live| live.settlement_average);
                underlying.expiries.insert(expiry.expiry, at);
            }
        }
        for (id, mark, rate_8h_ppb) in &given.quotes {
            let listing = self.listings.get(id.place()).ok_or(Rejection::UnknownInstrument(*id))?;
            market.quotes.insert(listing.instrument, Quote::new(*mark, *rate_8h_ppb));
        }
        market.validate().map_err(|error| Rejection::EpochMarket(error.to_string()))?;
        Ok(market)
    }

    /// Opens the methodologies published last on a market.
    fn opened(&self, open: &OpenEpoch, market: &Market) -> Result<OpenedEpoch, Rejection> {
        let holdings: BTreeMap<Asset, Amount> = open.holdings.iter().copied().collect();
        let history = self.risk.history.as_deref();
        let inputs = EpochInputs { market, history, venue_balances: &holdings };
        let instruments = self.covered_by(market);
        let prepared = self.risk.prepared.as_ref().filter(|prepared| {
            Some(&prepared.arrays_hash) == open.arrays_hash.as_ref()
                && prepared.epoch.market().time == market.time
        });
        let epoch_of = |methodology: &Methodology| {
            let by_hash = |prepared: &&PreparedEpoch| prepared.methodology_is(methodology);
            if let Some(prepared) = prepared.filter(by_hash) {
                return Ok(Arc::clone(&prepared.epoch));
            }
            let epoch = risk::Epoch::open(methodology, inputs, &instruments);
            epoch.map(Arc::new).map_err(|error| Rejection::Epoch(error.to_string()))
        };
        let rules_of = |methodology: &Methodology| {
            let rules = ByPosition::open(methodology, inputs);
            rules.map(Arc::new).map_err(|error| Rejection::Epoch(error.to_string()))
        };
        let (mut portfolio, mut position) = (None, None);
        let (mut portfolio_before, mut position_before) = (Vec::new(), Vec::new());
        if let Some(published) = &self.risk.portfolio {
            portfolio = Some(epoch_of(&published.methodology)?);
            for (methodology, ends) in published.before.iter().filter(|(_, ends)| *ends > self.time)
            {
                portfolio_before.push((epoch_of(methodology)?, *ends));
            }
        }
        if let Some(published) = &self.risk.position {
            position = Some(rules_of(&published.methodology)?);
            for (methodology, ends) in published.before.iter().filter(|(_, ends)| *ends > self.time)
            {
                position_before.push((rules_of(methodology)?, *ends));
            }
        }
        let arrays_hash = match (&portfolio, &position) {
            (Some(epoch), _) => match prepared.filter(|p| Arc::ptr_eq(&p.epoch, epoch)) {
                Some(prepared) => prepared.arrays_hash.clone(),
                None => epoch.arrays_hash(),
            },
            (None, Some(rules)) => rules.methodology().hash(),
            (None, None) => {
                let problem = "no methodology is published: send set_methodology first";
                return Err(Rejection::Epoch(problem.into()));
            }
        };
        let covered: BTreeSet<_> = instruments.iter().collect();
        let covers = |listing: &crate::listing::Listing| {
            !listing.expired && covered.contains(&listing.instrument)
        };
        let gross = portfolio.as_ref().and_then(|epoch| self.gross_of(epoch, prepared));
        Ok(OpenedEpoch {
            gross,
            number: self.risk.epochs + 1,
            opened: market.time,
            prices: self.assets.iter().map(|state| market.price(state.asset).ok()).collect(),
            holdings: open.holdings.clone(),
            arrays_hash,
            portfolio,
            position,
            portfolio_before,
            position_before,
            covered: self.listings.iter().map(covers).collect(),
            due_announced: false,
        })
    }

    /// The bound without scenarios of an epoch, if every asset of it is one of the venue's.
    fn gross_of(
        &self,
        epoch: &Arc<risk::Epoch>,
        prepared: Option<&PreparedEpoch>,
    ) -> Option<Gross> {
        let all: Vec<Instrument> = self.listings.iter().map(|listing| listing.instrument).collect();
        let ready = prepared.filter(|p| Arc::ptr_eq(&p.epoch, epoch) && p.instruments == all);
        let table = match ready {
            Some(prepared) => prepared.table.clone()?,
            None => Arc::new(GrossTable::of(epoch, &all)?),
        };
        let asset = |asset: &Asset| {
            let place = self.assets.iter().position(|state| state.asset == *asset)?;
            Some((place, epoch.haircuts().get(*asset)?))
        };
        let assets = table.assets().iter().map(asset).collect::<Option<Vec<_>>>()?;
        let tick = i128::from(instruments::SCALE) / i128::from(epoch.ticks_per_unit());
        let known = |place: &usize| assets.iter().any(|(known, _)| known == place);
        let others = (0..self.assets.len()).filter(|place| !known(place)).collect();
        let live = self.listings.iter().filter(|listing| !listing.expired);
        let expires = live.filter_map(|listing| listing.instrument.expiry()).min();
        Some(Gross { table, assets, others, weights: self.lot_weights(), expires, tick })
    }
}
