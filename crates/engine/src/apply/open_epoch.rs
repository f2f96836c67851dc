//! A new risk epoch: checked, opened, put in force.

use std::collections::BTreeSet;
use std::sync::Arc;

use instruments::{Asset, Instrument, Price, Timestamp, Underlying};
use risk::{AssetMarket, Confidence, DenseEpoch, ExpiryMarket, GrossTable, Market, Quote};

use super::Events;
use super::live::forward;
use crate::command::{EpochMarket, OpenEpoch, Surface, SurfaceExpiry};
use crate::epoch::{
    EpochSource, Gross, OpenedEpoch, PreparedEpoch, Published, Risk, SettlementPoint, dense_of,
};
use crate::event::Event;
use crate::record_tree::Kind;
use crate::{InstrumentId, Rejection, State};

impl State {
    pub(crate) fn open_epoch(
        &mut self,
        open: &OpenEpoch,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        if let Some(market) = &open.market {
            self.check_epoch_market(market)?;
        }
        let given = open.market.clone().unwrap_or_else(|| self.epoch_market());
        let source = self.epoch_source(given);
        let market = self.market_of(&source)?;
        let epoch = self.opened(open, source, &market)?;
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
        self.risk.epoch = Some(epoch);
        self.risk.prepared = None;
        self.carry_credits();
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
    pub(crate) fn covered_by(&self, market: &Market) -> Vec<Instrument> {
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
        for (asset, price, _) in &market.prices {
            let place = self.asset_place(*asset)?;
            let Some(live) = self.assets[place].price else {
                return refused(format!("{asset} has no live index"));
            };
            if !self.is_near(*price, live, live) {
                return refused(format!(
                    "its index of {asset} is {price}, and the live one {live}"
                ));
            }
        }
        for surface in &market.surfaces {
            let (underlying, place) =
                (surface.underlying, self.asset_place(surface.underlying.asset())?);
            let Some(index) = self.assets[place].price else {
                return refused(format!("{underlying} has no live index"));
            };
            self.check_surface(surface, index).map_err(Rejection::EpochMarket)?;
            for SurfaceExpiry { expiry, forward: given, .. } in &surface.expiries {
                let Some(live) = self.assets[place].expiries.get(expiry) else { continue };
                let live = forward(index, live.basis);
                if !self.is_near(*given, live, index) {
                    return refused(format!(
                        "its forward of {underlying} at {expiry} is {given}, and the live one {live}"
                    ));
                }
            }
        }
        market.quotes.iter().try_for_each(|(id, mark, _)| self.check_epoch_mark(*id, *mark))
    }

    /// Whether a mark that an epoch was prepared on is near the live one.
    fn check_epoch_mark(&self, id: InstrumentId, mark: Price) -> Result<(), Rejection> {
        let listing = self.listings.get(id.place()).ok_or(Rejection::UnknownInstrument(id))?;
        if listing.expired {
            return Ok(());
        }
        let instrument = listing.instrument;
        let refused = |problem: String| Err(Rejection::EpochMarket(problem));
        let (Some(live), Some(index)) = (listing.mark, self.assets[listing.base].price) else {
            return refused(format!("{instrument} has no live mark"));
        };
        let in_coins = instrument.is_option() && instrument.settlement_asset() == instrument.base();
        let coin = if in_coins { Price::from_units(instruments::SCALE) } else { index };
        if self.is_near(mark, live, coin) {
            return Ok(());
        }
        refused(format!("its mark of {instrument} is {mark}, and the live one {live}"))
    }

    /// Whether a price of a given market is no further from the live one than it may be, as a share
    /// of what the underlying costs: an option's price may move much without any risk moving.
    fn is_near(&self, given: Price, live: Price, underlying: Price) -> bool {
        let away = i128::from(given.units()) - i128::from(live.units());
        let most = i128::from(self.rules.epoch_market_move_max_ppm);
        away.abs() * 1_000_000 <= i128::from(underlying.units()) * most
    }

    /// What an epoch on a market is opened with now.
    pub(crate) fn epoch_source(&self, market: EpochMarket) -> EpochSource {
        let latest = |published: &Option<Published>| Some(published.as_ref()?.methodology.clone());
        let in_notice = |published: &Option<Published>| {
            let before = published.iter().flat_map(|published| &published.before);
            before.filter(|(_, ends)| *ends > self.time).cloned().collect()
        };
        let Risk { portfolio, position, history, .. } = &self.risk;
        EpochSource {
            averages: self.settlement_points(&market),
            market,
            history: history.clone(),
            portfolio: latest(portfolio),
            position: latest(position),
            portfolio_before: in_notice(portfolio),
            position_before: in_notice(position),
        }
    }

    /// The settlement averages so far of a market's expiries.
    pub(crate) fn settlement_points(&self, market: &EpochMarket) -> Vec<SettlementPoint> {
        let mut points = Vec::new();
        for surface in &market.surfaces {
            let underlying = surface.underlying;
            let Some(live) = self.market.underlyings.get(&underlying) else { continue };
            points.extend(surface.expiries.iter().filter_map(
                |SurfaceExpiry { expiry, .. }| {
                    let average = live.expiries.get(expiry)?.settlement_average?;
                    Some(SettlementPoint { underlying, expiry: *expiry, average })
                },
            ));
        }
        points
    }

    /// A market in whole numbers as margins see it.
    pub(crate) fn market_of(&self, source: &EpochSource) -> Result<Market, Rejection> {
        let given = &source.market;
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
                let is_it = |point: &&SettlementPoint| {
                    (point.underlying, point.expiry) == (surface.underlying, expiry.expiry)
                };
                at.settlement_average = source.averages.iter().find(is_it).map(|at| at.average);
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
    fn opened(
        &self,
        open: &OpenEpoch,
        source: EpochSource,
        market: &Market,
    ) -> Result<OpenedEpoch, Rejection> {
        let instruments = self.covered_by(market);
        let prepared = self.risk.prepared.as_ref().filter(|prepared| {
            Some(&prepared.arrays_hash) == open.arrays_hash.as_ref()
                && prepared.epoch.market().time == market.time
        });
        let models = source.models(market, &open.holdings, &instruments, prepared)?;
        let covered: BTreeSet<_> = instruments.iter().collect();
        let covers = |listing: &crate::listing::Listing| {
            !listing.expired && covered.contains(&listing.instrument)
        };
        let (gross, dense) = self.tables_of(models.portfolio.as_ref(), prepared);
        Ok(OpenedEpoch {
            gross,
            dense,
            number: self.risk.epochs + 1,
            opened: market.time,
            source: Arc::new(source),
            prices: self.assets.iter().map(|state| market.price(state.asset).ok()).collect(),
            holdings: open.holdings.clone(),
            arrays_hash: models.arrays_hash,
            portfolio: models.portfolio,
            position: models.position,
            portfolio_before: models.portfolio_before,
            position_before: models.position_before,
            covered: self.listings.iter().map(covers).collect(),
            due_announced: false,
        })
    }

    /// The bound without scenarios of an epoch, if every asset of it is one of the venue's, and the
    /// epoch by the same numbers.
    pub(crate) fn tables_of(
        &self,
        epoch: Option<&Arc<risk::Epoch>>,
        prepared: Option<&PreparedEpoch>,
    ) -> (Option<Gross>, Option<Arc<DenseEpoch>>) {
        let Some(epoch) = epoch else { return (None, None) };
        let all: Vec<Instrument> = self.listings.iter().map(|listing| listing.instrument).collect();
        let ready = prepared.filter(|p| Arc::ptr_eq(&p.epoch, epoch) && p.instruments == all);
        let (table, dense) = match ready {
            Some(prepared) => (prepared.table.clone(), prepared.dense.clone()),
            None => {
                let table = GrossTable::of(epoch, &all).map(Arc::new);
                let dense = table.as_ref().and_then(|table| dense_of(epoch, table, &all));
                (table, dense)
            }
        };
        let gross = table.and_then(|table| self.gross_of(epoch, table));
        (gross, dense)
    }

    fn gross_of(&self, epoch: &risk::Epoch, table: Arc<GrossTable>) -> Option<Gross> {
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
        Some(Gross { table, assets, others, expires, tick })
    }
}
