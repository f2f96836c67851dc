//! Prices, epochs, and what the venue decides.

use engine::command::{
    Action, EpochMarket, MarketScope, OpenEpoch, PriceReport, SetMarketState, SetMethodology,
};
use engine::rules::MarketState;
use instruments::{Amount, Price, SCALE, Timestamp};

use super::venue::{
    INSTRUMENTS, asset, at, core_text, history, listing, sources, standard_text, surface, terms,
};
use super::{Script, View};

const NAMES: [&str; 3] = ["USDC", "BTC", "ETH"];

/// An epoch on the live market.
pub fn plain_epoch() -> Action {
    let (market, arrays_hash, holdings) = (None, None, Vec::new());
    Action::OpenEpoch(Box::new(OpenEpoch { market, arrays_hash, holdings }))
}

impl Script {
    pub(super) fn tick(&mut self, _: &View) -> Action {
        Action::Tick {}
    }

    /// Honest sources follow a random walk; now and then one is wild, stale, or unknown.
    pub(super) fn report_price(&mut self, _: &View) -> Action {
        let which = self.random.weighted(&[(1, 0), (6, 1), (4, 2)]);
        let swing = if which == 0 { 5 } else { self.swing };
        let mut moved = self.random.within(-swing, swing);
        if self.random.percent(3) {
            moved = self.random.pick(&[-4_000, -1_500, 1_500, 5_000]);
        }
        self.honest[which] =
            (self.honest[which] * (10_000 + moved) / 10_000).clamp(10, 1_000_000_000);
        let wild = self.random.percent(4);
        let price = self.honest[which] * (SCALE / 1_000);
        let price =
            if wild { self.random.pick(&[price * 3, price / 3 + 1, 0, -price, 1]) } else { price };
        let one = u16::try_from(self.random.below(u64::from(self.sources[which])) + 1).unwrap();
        let source = if self.random.percent(3) { 9 } else { one };
        let late =
            self.random.weighted(&[(40, 0), (4, 500), (2, 20_000), (1, -1), (1, 100_000_000)]);
        let asset = asset(if self.random.per_mille(8) { "USD" } else { NAMES[which] });
        let observed = at(self.now - late);
        Action::ReportPrice(PriceReport {
            asset,
            source,
            price: Price::from_units(price),
            observed,
        })
    }

    pub(super) fn honest_report(&self, which: usize, source: u16) -> Action {
        let price = Price::from_units(self.honest[which] * (SCALE / 1_000));
        let (asset, observed) = (asset(NAMES[which]), at(self.now));
        Action::ReportPrice(PriceReport { asset, source, price, observed })
    }

    pub(super) fn open_epoch(&mut self, view: &View) -> Action {
        let market = self.random.maybe(25, |_| ()).map(|()| self.market(view));
        let wrong = self
            .random
            .maybe(8, |random| random.pick(&["0".repeat(64).as_str(), "no hash"]).to_owned());
        // Right if nothing has changed since.
        let last = view.arrays_hash.clone().filter(|_| self.random.percent(20));
        let arrays_hash = last.or(wrong);
        let holdings = match self.random.below(6) {
            0 => vec![(asset("BTC"), Amount::from_units(i128::from(SCALE) * 10_000))],
            1 => {
                vec![(asset("XRP"), Amount::from_units(1)), (asset("BTC"), Amount::from_units(-5))]
            }
            _ => Vec::new(),
        };
        Action::OpenEpoch(Box::new(OpenEpoch { market, arrays_hash, holdings }))
    }

    /// The market as a worker would send it: near the live one, or not.
    fn market(&mut self, view: &View) -> EpochMarket {
        let off = self.random.pick(&[0, 0, 100, 30_000]);
        let shifted = |price: Price| {
            Price::from_units(price.units().saturating_add(price.units() / 1_000_000 * off))
        };
        let prices = (0..3).filter_map(|which| {
            let price = view.prices[which]?;
            Some((asset(NAMES[which]), shifted(price), 1_000_000))
        });
        let quotes = (0_u32..).zip(&view.instruments).filter(|(_, found)| !found.expired);
        let quotes = quotes
            .filter_map(|(id, found)| Some((engine::InstrumentId(id), shifted(found.mark?), 0)));
        let (prices, mut quotes): (_, Vec<_>) = (prices.collect(), quotes.collect());
        // One mark alone, nearer to its bound than the rest or beyond it.
        if let Some(away) = self.random.maybe(30, |random| random.within(-12, 12))
            && !quotes.is_empty()
        {
            let place = self.random.below(quotes.len() as u64);
            let (_, mark, _) = &mut quotes[usize::try_from(place).unwrap()];
            let share = mark.units().clamp(SCALE, 1_000_000 * SCALE) / 1_000;
            *mark = Price::from_units((mark.units().saturating_add(share * away)).max(0));
        }
        let surfaces = [("BTC", 1), ("ETH", 2)].map(|(name, which)| {
            let price = view.prices[which].map_or(1, |price| price.units() / SCALE).max(1);
            surface(&mut self.random, name, price)
        });
        let mut surfaces = surfaces.to_vec();
        for surface in &mut surfaces {
            surface.expiries.retain(|at| at.expiry.milliseconds() > view.time);
        }
        let late = self.random.pick(&[0, 0, 5_000, 60_000, -5]);
        EpochMarket {
            sequence: view.sequence,
            prices,
            surfaces,
            quotes,
            time: at(view.time - late),
        }
    }

    pub(super) fn set_surface(&mut self, view: &View) -> Action {
        let which = self.random.pick(&[1, 1, 2]);
        let price = view.prices[which].map_or(1, |price| price.units() / SCALE).max(1);
        let mut surface = surface(&mut self.random, NAMES[which], price);
        if self.random.percent(90) {
            surface.expiries.retain(|at| at.expiry.milliseconds() > self.now);
        }
        if self.random.percent(4) {
            surface.expiries.pop();
        }
        if self.random.percent(4) {
            surface.expiries.reverse();
        }
        Action::SetSurface(surface)
    }

    pub(super) fn set_methodology(&mut self, _: &View) -> Action {
        let text = match self.random.below(10) {
            0..5 => core_text(&mut self.random),
            5..8 => standard_text(&mut self.random),
            8 => risk::Methodology::built_in_text("paradex-pm").unwrap().to_owned(),
            _ => "kind = \"scenario\"".to_owned(),
        };
        let notice = self.random.pick(&[0, 1_000, 600_000, -5]);
        Action::SetMethodology(SetMethodology { text, notice_ends: at(self.now + notice) })
    }

    pub(super) fn set_history(&mut self, _: &View) -> Action {
        let mut history = history(&mut self.random, self.now);
        match self.random.below(4) {
            0 => history.days.reverse(),
            1 => history.days[3].closes[0] = None,
            _ => {}
        }
        Action::SetHistory(history)
    }

    pub(super) fn set_market_state(&mut self, view: &View) -> Action {
        let scope = match self.random.below(6) {
            0 => MarketScope::All,
            1 => MarketScope::Underlying(super::orders::underlying(
                self.random.pick(&["BTC", "XRP"]),
            )),
            _ => MarketScope::Instrument(self.instrument(view)),
        };
        let state = self.random.weighted(&[
            (5, MarketState::Open),
            (2, MarketState::ReduceOnly),
            (1, MarketState::Halted),
        ]);
        Action::SetMarketState(SetMarketState { scope, state })
    }

    pub(super) fn begin_call(&mut self, view: &View) -> Action {
        Action::BeginCall { instrument: self.instrument(view) }
    }

    pub(super) fn uncross(&mut self, view: &View) -> Action {
        let called = (0_u32..).zip(&view.instruments).find(|(_, found)| found.in_call);
        let called =
            called.map(|(id, _)| engine::InstrumentId(id)).filter(|_| self.random.percent(80));
        Action::Uncross { instrument: called.unwrap_or_else(|| self.instrument(view)) }
    }

    pub(super) fn review(&mut self, view: &View) -> Action {
        let from = self.account(view);
        Action::Review { from, count: self.random.pick(&[0, 1, 3, 100, u32::MAX]) }
    }

    pub(super) fn set_terms(&mut self, view: &View) -> Action {
        let id = self.instrument(view);
        let found = view.instruments.get(id.0 as usize).map(|found| found.instrument);
        let instrument = found.unwrap_or_else(|| INSTRUMENTS[0].parse().unwrap());
        let mut terms = terms(&mut self.random, &instrument);
        match self.random.below(12) {
            0 => terms.tick = Price::from_units(terms.tick.units() / 2),
            1 => terms.fees.maker_ppm = -terms.fees.taker_ppm - 1,
            2 => terms.mark.tau_ms = 0,
            _ => {}
        }
        Action::SetTerms { instrument: id, terms }
    }

    pub(super) fn list(&mut self, _: &View) -> Action {
        let more = [
            "BTC-27MAR26",
            "BTC-28MAR26-60000-C",
            "SOL_USDC-PERPETUAL",
            "ETH_USDC",
            "BTC-4FEB26",
            "XRP_USDC-PERPETUAL",
        ];
        let name = if self.random.percent(50) {
            self.random.pick(&INSTRUMENTS)
        } else {
            self.random.pick(&more)
        };
        let mut listing = listing(&mut self.random, name);
        listing.call |= self.random.percent(10);
        Action::ListInstrument(listing)
    }

    pub(super) fn set_sources(&mut self, _: &View) -> Action {
        let name = self.random.pick(&["USDC", "BTC", "ETH", "USD", "XRP"]);
        let count = self.random.pick(&[1, 2, 5]);
        let mut found = sources(&mut self.random, name, count);
        match self.random.below(8) {
            0 => found.sources.clear(),
            1 => found.sources.push(found.sources[0]),
            2 => found.rules.fresh_ms = u32::MAX,
            3 => found.sources[0].weight = 0,
            _ => {}
        }
        Action::SetSources(found)
    }

    pub(super) fn venue_decides(&mut self, view: &View) -> Action {
        match self.random.below(4) {
            0 => {
                let mut rules = super::venue::venue_rules(&mut self.random);
                match self.random.below(6) {
                    0 => rules.orders_per_account_max = 0,
                    1 => rules.epoch_age_max_ms = Timestamp::DAY + 1,
                    _ => {}
                }
                Action::SetVenueRules(rules)
            }
            1 => Action::Upgrade { rules_version: self.random.pick(&[1, 1, 2, 0]) },
            2 => {
                let asset = asset(self.random.pick(&["BTC", "SOL", "XRP"]));
                let (mut interest, mut breaker) = Default::default();
                let _: (&mut engine::prices::InterestRules, &mut engine::prices::BreakerRules) =
                    (&mut interest, &mut breaker);
                match self.random.below(4) {
                    0 => interest.kink_ppm = 0,
                    1 => breaker.window_ms = 1,
                    _ => {}
                }
                Action::AddAsset(engine::command::AddAsset { asset, interest, breaker })
            }
            _ => {
                let owner = self.random.maybe(70, |_| ()).map(|()| self.account(view));
                let margin_model = self.random.pick(&[
                    risk::MarginModel::Portfolio,
                    risk::MarginModel::Cross,
                    risk::MarginModel::Isolated,
                ]);
                Action::OpenAccount(engine::command::OpenAccount { owner, margin_model })
            }
        }
    }
}
