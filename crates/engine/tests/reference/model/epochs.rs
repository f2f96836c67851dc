//! Risk epochs.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Rejection;
use engine::command::{EpochMarket, OpenEpoch};
use engine::event::Event;
use instruments::{Asset, Instrument, Price, Underlying};
use risk::{
    AssetMarket, ByPosition, Confidence, Epoch, EpochInputs, ExpiryMarket, Market, Methodology,
    Quote,
};

use super::{EpochNow, Model, Outcome};

impl Model {
    pub(super) fn open_epoch(&mut self, open: &OpenEpoch) -> Outcome {
        let market = match &open.market {
            None => self.market(),
            Some(given) => {
                self.check_epoch_market(given)?;
                self.market_of(given)?
            }
        };
        market.validate().map_err(|error| Rejection::EpochMarket(error.to_string()))?;
        let covered = |listing: &&super::ListingNow| {
            let lives = listing.instrument.expiry().is_none_or(|expiry| expiry > market.time);
            !listing.expired && lives && market.quotes.contains_key(&listing.instrument)
        };
        let covered: Vec<_> = self.listings.iter().filter(covered).collect();
        let instruments: Vec<Instrument> = covered.iter().map(|found| found.instrument).collect();
        let covered = covered.iter().map(|found| found.id).collect();
        let venue_balances: BTreeMap<_, _> = open.holdings.iter().copied().collect();
        let inputs = EpochInputs {
            market: &market,
            history: self.history.as_ref(),
            venue_balances: &venue_balances,
        };
        let scenario = |methodology: &Methodology| {
            let epoch = Epoch::open(methodology, inputs, &instruments);
            epoch.map(Arc::new).map_err(|error| Rejection::Epoch(error.to_string()))
        };
        let position = |methodology: &Methodology| {
            let rules = ByPosition::open(methodology, inputs);
            rules.map(Arc::new).map_err(|error| Rejection::Epoch(error.to_string()))
        };
        let mut epoch = EpochNow {
            opened: market.time.milliseconds(),
            prices: BTreeMap::new(),
            portfolio: None,
            position: None,
            portfolio_before: Vec::new(),
            position_before: Vec::new(),
            covered,
            arrays_hash: String::new(),
            due_announced: false,
        };
        for asset in &self.assets {
            if let Ok(price) = market.price(asset.asset) {
                epoch.prices.insert(asset.asset, price);
            }
        }
        let now = self.now();
        if let Some(published) = &self.portfolio {
            epoch.portfolio = Some(scenario(&published.methodology)?);
            for (before, ends) in published.before.iter().filter(|(_, ends)| *ends > now) {
                epoch.portfolio_before.push((scenario(before)?, *ends));
            }
        }
        if let Some(published) = &self.position {
            epoch.position = Some(position(&published.methodology)?);
            for (before, ends) in published.before.iter().filter(|(_, ends)| *ends > now) {
                epoch.position_before.push((position(before)?, *ends));
            }
        }
        let computed = match (&epoch.portfolio, &self.position) {
            (Some(epoch), _) => epoch.arrays_hash(),
            (None, Some(published)) => published.methodology.hash(),
            (None, None) => {
                let problem = "no methodology is published: send set_methodology first";
                return Err(Rejection::Epoch(problem.into()));
            }
        };
        if let Some(claimed) = open.arrays_hash.clone().filter(|claimed| *claimed != computed) {
            return Err(Rejection::ArraysHash { computed, claimed });
        }
        for published in [&mut self.portfolio, &mut self.position].into_iter().flatten() {
            published.in_force = true;
            published.before.retain(|(_, ends)| *ends > now);
        }
        self.epochs += 1;
        epoch.arrays_hash.clone_from(&computed);
        self.epoch = Some(epoch);
        self.events.push(Event::EpochOpened { epoch: self.epochs, arrays_hash: computed });
        Ok(())
    }

    fn check_epoch_market(&self, given: &EpochMarket) -> Outcome {
        let refused = |problem: String| Err(Rejection::EpochMarket(problem));
        let live = instruments::Timestamp::from_milliseconds(self.market_time);
        let age = live.since(given.time);
        let recent = (0..=self.rules.epoch_market_age_max_ms).contains(&age);
        if !recent || given.sequence > self.sequence {
            return refused(format!("it is of {}, and the live one of {live}", given.time));
        }
        for (asset, price, _) in &given.prices {
            let place = self.place_of(*asset)?;
            let Some(live) = self.assets[place].price else {
                return refused(format!("{asset} has no live index"));
            };
            if self.is_far(*price, live, live) {
                return refused(format!(
                    "its index of {asset} is {price}, and the live one {live}"
                ));
            }
        }
        for surface in &given.surfaces {
            let underlying = surface.underlying;
            let place = self.place_of(underlying.asset())?;
            let Some(index) = self.assets[place].price else {
                return refused(format!("{underlying} has no live index"));
            };
            self.check_surface(surface, index).map_err(Rejection::EpochMarket)?;
            for at in &surface.expiries {
                let Some(known) = self.assets[place].expiries.get(&at.expiry) else { continue };
                let live = Price::from_units((index.units() + known.basis).max(1));
                if self.is_far(at.forward, live, index) {
                    return refused(format!(
                        "its forward of {underlying} at {} is {}, and the live one {live}",
                        at.expiry, at.forward
                    ));
                }
            }
        }
        for (id, mark, _) in &given.quotes {
            let listing = self.listings.get(id.0 as usize);
            let listing = listing.ok_or(Rejection::UnknownInstrument(*id))?;
            let name = listing.instrument;
            if listing.expired {
                continue;
            }
            let Some(live) = listing.mark else {
                return refused(format!("{name} has no live mark"));
            };
            let coin = match name.is_option() && name.settlement_asset() == name.base() {
                true => Price::from_units(instruments::SCALE),
                false => self.asset_now(name.base()).price.expect("what is marked has an index"),
            };
            if self.is_far(*mark, live, coin) {
                return refused(format!("its mark of {name} is {mark}, and the live one {live}"));
            }
        }
        Ok(())
    }

    /// Whether two prices differ by more than the share of the underlying's that they may.
    fn is_far(&self, given: Price, live: Price, underlying: Price) -> bool {
        let [given, live, one] = [given, live, underlying].map(|price| i128::from(price.units()));
        let most = i128::from(self.rules.epoch_market_move_max_ppm);
        (given - live).abs() * 1_000_000 > one * most
    }

    fn market_of(&self, given: &EpochMarket) -> Result<Market, Rejection> {
        let mut market = Market::at(given.time);
        let confidence_of = |asset: Asset| {
            let found = given.prices.iter().rev().find(|(known, _, _)| *known == asset);
            found.map_or(Confidence::FULL, |(_, _, ppm)| Confidence::from_ppm(*ppm))
        };
        for (asset, price, _) in &given.prices {
            let (price, confidence) = (*price, confidence_of(*asset));
            market.assets.insert(*asset, AssetMarket { price, confidence });
            let underlying = market.underlyings.entry(Underlying::of(*asset)).or_default();
            underlying.perpetual_confidence = confidence;
        }
        for surface in &given.surfaces {
            let asset = surface.underlying.asset();
            let live = self.assets.iter().find(|known| known.asset == asset);
            let underlying = market.underlyings.entry(surface.underlying).or_default();
            for at in &surface.expiries {
                let curve = at.volatility.curve();
                let curve = curve.map_err(|error| Rejection::EpochMarket(error.to_string()))?;
                let mut found = ExpiryMarket::new(at.forward, curve);
                found.forward_confidence = confidence_of(asset);
                found.settlement_average = live
                    .and_then(|live| live.expiries.get(&at.expiry))
                    .and_then(|live| live.average.value());
                underlying.expiries.insert(at.expiry, found);
            }
        }
        for (id, mark, rate) in &given.quotes {
            let listing = self.listings.get(id.0 as usize);
            let listing = listing.ok_or(Rejection::UnknownInstrument(*id))?;
            market.quotes.insert(listing.instrument, Quote::new(*mark, *rate));
        }
        Ok(market)
    }
}
