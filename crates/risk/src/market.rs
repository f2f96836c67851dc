//! The market as margin sees it: one consistent set of prices and volatilities at one time.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;

use instruments::{
    Asset, ContractKind, ForwardSplit, Instrument, OptionKind, Price, SCALE, SettlementStyle,
    Timestamp, Underlying,
};
use pricing::VolatilityCurve;

use crate::RiskError;

/// How far a price feed is to be trusted: agreement and freshness, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(u32);

impl Confidence {
    /// Sources agree and are fresh.
    pub const FULL: Self = Self(1_000_000);

    /// A confidence of `ppm` parts per million, at most [`Confidence::FULL`].
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Self {
        Self(if ppm > Self::FULL.0 { Self::FULL.0 } else { ppm })
    }

    /// Parts per million.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// As a share of one.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.0) / f64::from(Self::FULL.0)
    }
}

/// Index price of an asset in US dollars, and how far it is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AssetMarket {
    /// Index price in US dollars.
    pub price: Price,
    /// Confidence of the index.
    pub confidence: Confidence,
}

/// One expiry of one underlying.
#[derive(Clone, Debug)]
pub struct ExpiryMarket {
    /// Forward price for the expiry, per unit of the underlying.
    pub forward: Price,
    /// Volatility by strike.
    pub volatility: VolatilityCurve,
    /// Mean index since the settlement window opened, once it has.
    pub settlement_average: Option<Price>,
    /// Confidence of the forward.
    pub forward_confidence: Confidence,
    /// Confidence of the volatilities.
    pub volatility_confidence: Confidence,
}

/// Everything about one underlying but its index, which is its asset's.
#[derive(Clone, Debug)]
pub struct UnderlyingMarket {
    /// Expiries with a forward and volatilities.
    pub expiries: BTreeMap<Timestamp, ExpiryMarket>,
    /// Confidence of the perpetual's mark.
    pub perpetual_confidence: Confidence,
}

impl Default for UnderlyingMarket {
    fn default() -> Self {
        Self { expiries: BTreeMap::new(), perpetual_confidence: Confidence::FULL }
    }
}

/// What the venue publishes for one listed instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Mark price in the asset that quotes the contract. Zero is valid for an option.
    pub mark: Price,
    /// Funding that a long perpetual is expected to pay over the next 8 hours, per notional.
    pub funding_8h: f64,
}

/// A snapshot of the market at one time.
#[derive(Clone, Debug)]
pub struct Market {
    /// When the snapshot was taken.
    pub time: Timestamp,
    /// Index prices in US dollars; US dollars themselves need no entry.
    pub assets: BTreeMap<Asset, AssetMarket>,
    /// Forwards and volatilities.
    pub underlyings: BTreeMap<Underlying, UnderlyingMarket>,
    /// Published marks; what has none is marked from index, forward or volatility.
    pub quotes: BTreeMap<Instrument, Quote>,
}

impl Market {
    /// Index price of an asset in US dollars.
    ///
    /// # Errors
    /// [`RiskError::NoPrice`].
    pub fn price(&self, asset: Asset) -> Result<Price, RiskError> {
        if asset == Asset::USD {
            return Ok(Price::from_units(SCALE));
        }
        self.assets.get(&asset).map(|quote| quote.price).ok_or(RiskError::NoPrice(asset))
    }

    /// Confidence of an asset's index; US dollars are certain.
    #[must_use]
    pub fn confidence(&self, asset: Asset) -> Confidence {
        self.assets.get(&asset).map_or(Confidence::FULL, |quote| quote.confidence)
    }

    /// The least confidence of the feeds that an instrument uses: its index, and the forward and
    /// volatilities of its expiry or else the perpetual's mark.
    #[must_use]
    pub fn leg_confidence(&self, instrument: &Instrument) -> Confidence {
        self.confidence_at(instrument.underlying(), instrument.expiry())
    }

    /// The same for any leg of an underlying.
    pub(crate) fn confidence_at(
        &self,
        underlying: Underlying,
        expiry: Option<Timestamp>,
    ) -> Confidence {
        let index = self.confidence(underlying.asset());
        let Some(market) = self.underlyings.get(&underlying) else { return index };
        let leg = match expiry.and_then(|expiry| market.expiries.get(&expiry)) {
            Some(at) => at.forward_confidence.min(at.volatility_confidence),
            None => market.perpetual_confidence,
        };
        index.min(leg)
    }

    /// The expiry that an instrument settles at.
    ///
    /// # Errors
    /// [`RiskError::UnknownInstrument`] if the market has no such expiry or the instrument none,
    /// [`RiskError::Expired`] if it lies at or before the market's time.
    pub fn expiry(&self, instrument: &Instrument) -> Result<&ExpiryMarket, RiskError> {
        let unknown = || RiskError::UnknownInstrument(*instrument);
        let expiry = instrument.expiry().ok_or_else(unknown)?;
        if expiry <= self.time {
            return Err(RiskError::Expired { instrument: *instrument, expiry });
        }
        let underlying = self.underlyings.get(&instrument.underlying()).ok_or_else(unknown)?;
        underlying.expiries.get(&expiry).ok_or_else(unknown)
    }

    /// Whether the instrument can be held against this market: quoted itself, or a future or
    /// perpetual on a known expiry or index, or an option whose twin (inverse for linear, linear
    /// for inverse, put for call) is quoted.
    ///
    /// # Errors
    /// [`RiskError::Expired`], [`RiskError::UnknownInstrument`], [`RiskError::NoPrice`].
    pub fn check_listed(&self, instrument: &Instrument) -> Result<(), RiskError> {
        let unknown = RiskError::UnknownInstrument(*instrument);
        self.price(instrument.settlement_asset())?;
        match instrument.kind() {
            ContractKind::Spot => Err(unknown),
            ContractKind::Perpetual => {
                let known = self.underlyings.contains_key(&instrument.underlying());
                if known { self.price(instrument.base()).map(|_| ()) } else { Err(unknown) }
            }
            ContractKind::Future { .. } => self.expiry(instrument).map(|_| ()),
            ContractKind::Option { strike, .. } => {
                let strikes = &self.expiry(instrument)?.volatility;
                let quoted = self.quotes.contains_key(instrument) || is_quoted(strikes, strike);
                if quoted { Ok(()) } else { Err(unknown) }
            }
        }
    }

    /// Mark price of an instrument, in the asset that quotes it: the published one, else the index
    /// for a perpetual, the forward for a future, the model's price for an option.
    ///
    /// # Errors
    /// As [`Market::check_listed`].
    pub fn mark(&self, instrument: &Instrument) -> Result<Price, RiskError> {
        if let Some(expiry) = instrument.expiry().filter(|expiry| *expiry <= self.time) {
            return Err(RiskError::Expired { instrument: *instrument, expiry });
        }
        if let Some(quote) = self.quotes.get(instrument) {
            return Ok(quote.mark);
        }
        self.check_listed(instrument)?;
        match instrument.kind() {
            ContractKind::Spot => Err(RiskError::UnknownInstrument(*instrument)),
            ContractKind::Perpetual => self.price(instrument.base()),
            ContractKind::Future { expiry } => {
                let forward =
                    self.settling_forward(self.expiry(instrument)?, instrument, expiry)?;
                Ok(forward.total())
            }
            ContractKind::Option { .. } => self.model_mark(instrument),
        }
    }

    /// The forward of an expiry, split into what the running settlement average has fixed and what
    /// still moves. Without a running average the index stands in for it.
    pub(crate) fn settling_forward(
        &self,
        expiry_market: &ExpiryMarket,
        instrument: &Instrument,
        expiry: Timestamp,
    ) -> Result<ForwardSplit, RiskError> {
        let average = expiry_market.settlement_average;
        let average = average.map_or_else(|| self.price(instrument.base()), Ok)?;
        ForwardSplit::at(self.time, expiry, expiry_market.forward, average)
            .map_err(RiskError::of(instrument))
    }

    /// What a dated contract settles at as things stand: its forward, and in the last half hour the
    /// part of the average that is fixed with the rest of the forward.
    ///
    /// # Errors
    /// As [`Market::expiry`].
    pub fn settling_price(&self, instrument: &Instrument) -> Result<Price, RiskError> {
        let market = self.expiry(instrument)?;
        let expiry = instrument.expiry().ok_or(RiskError::UnknownInstrument(*instrument))?;
        Ok(self.settling_forward(market, instrument, expiry)?.total())
    }

    /// The Black-76 price of an option at its quoted volatility, undiscounted; in coin if inverse.
    /// What is published for it is not looked at.
    ///
    /// # Errors
    /// As [`Market::expiry`], and [`RiskError::MarketValue`].
    pub fn model_mark(&self, instrument: &Instrument) -> Result<Price, RiskError> {
        let ContractKind::Option { expiry, strike, kind } = instrument.kind() else {
            return Err(RiskError::UnknownInstrument(*instrument));
        };
        let expiry_market = self.expiry(instrument)?;
        let forward = price_f64(self.settling_forward(expiry_market, instrument, expiry)?.total());
        let years = years_between(self.time, expiry);
        let strike = price_f64(strike);
        let volatility = expiry_market.volatility.volatility(strike, forward, years);
        let value =
            pricing::black76::undiscounted_price(kind_of(kind), forward, strike, volatility, years);
        let value = value.map_err(|_| RiskError::MarketValue {
            what: format!("the forward of {instrument}"),
            value: forward,
            wanted: "greater than zero",
        })?;
        let value =
            if instrument.style() == SettlementStyle::Inverse { value / forward } else { value };
        Ok(Price::from_units((value * SCALE as f64).round() as i64))
    }

    /// Years from the snapshot to an expiry, as volatilities count them.
    #[must_use]
    pub fn years_to(&self, expiry: Timestamp) -> f64 {
        years_between(self.time, expiry)
    }

    /// The at-the-money volatility of an underlying's nearest expiry, in parts per billion per √year,
    /// rounded down; `None` without one.
    #[must_use]
    pub fn volatility_ppb(&self, underlying: Underlying) -> Option<u64> {
        let expiries = &self.underlyings.get(&underlying)?.expiries;
        let (expiry, market) = expiries.iter().find(|(expiry, _)| **expiry > self.time)?;
        let forward = price_f64(market.forward);
        let years = years_between(self.time, *expiry);
        let volatility = market.volatility.volatility(forward, forward, years);
        (volatility.is_finite() && volatility >= 0.0).then_some((volatility * 1e9) as u64)
    }

    /// Checks every number once, so that nothing computed from the market can be NaN.
    ///
    /// # Errors
    /// [`RiskError::MarketValue`] naming the first number that is not usable.
    pub fn validate(&self) -> Result<(), RiskError> {
        let positive = |what: &dyn Fn() -> String, price: Price| {
            let value = price_f64(price);
            if price > Price::ZERO {
                Ok(())
            } else {
                let what = what();
                Err(RiskError::MarketValue { what, value, wanted: "greater than zero" })
            }
        };
        for (asset, quote) in &self.assets {
            positive(&|| format!("the index price of {asset}"), quote.price)?;
        }
        for (underlying, market) in &self.underlyings {
            for (expiry, at) in &market.expiries {
                positive(&|| format!("the forward of {underlying} at {expiry}"), at.forward)?;
                let average = at.settlement_average.unwrap_or(at.forward);
                let what = || format!("the settlement average of {underlying} at {expiry}");
                positive(&what, average)?;
            }
        }
        for (instrument, quote) in &self.quotes {
            if !instrument.is_option() {
                positive(&|| format!("the mark of {instrument}"), quote.mark)?;
            }
            if quote.mark < Price::ZERO {
                let (what, value) = (format!("the mark of {instrument}"), price_f64(quote.mark));
                return Err(RiskError::MarketValue { what, value, wanted: "zero or more" });
            }
            if quote.funding_8h.is_nan() || quote.funding_8h.abs() > 1.0 {
                let (what, value) = (format!("the funding of {instrument}"), quote.funding_8h);
                return Err(RiskError::MarketValue { what, value, wanted: "between −1 and 1" });
            }
        }
        Ok(())
    }
}

/// Marks of instruments that are asked for in the order of names: quotes are walked along with them
/// instead of being searched for each.
pub(crate) struct Marks<'a> {
    market: &'a Market,
    quotes: Peekable<btree_map::Iter<'a, Instrument, Quote>>,
}

impl<'a> Marks<'a> {
    pub fn of(market: &'a Market) -> Self {
        Self { market, quotes: market.quotes.iter().peekable() }
    }

    /// As [`Market::mark`]; of an instrument that is not before those asked for already.
    pub fn next(&mut self, instrument: &Instrument) -> Result<Price, RiskError> {
        while self.quotes.next_if(|(known, _)| *known < instrument).is_some() {}
        let lives = instrument.expiry().is_none_or(|expiry| expiry > self.market.time);
        match self.quotes.peek() {
            Some((known, quote)) if lives && *known == instrument => Ok(quote.mark),
            _ => self.market.mark(instrument),
        }
    }
}

/// Years between two times, act/365; zero if the second is not later.
pub(crate) fn years_between(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).max(0) as f64 / Timestamp::YEAR as f64
}

/// A price as a floating-point number for the models.
pub(crate) fn price_f64(price: Price) -> f64 {
    price.units() as f64 / SCALE as f64
}

/// Whether a curve was made from a quote at this strike; a fitted one has none of its own.
fn is_quoted(curve: &VolatilityCurve, strike: Price) -> bool {
    match curve {
        VolatilityCurve::Quoted(curve) => {
            curve.quotes().any(|(quoted, _)| quoted == price_f64(strike))
        }
        VolatilityCurve::Svi(_) => false,
    }
}

/// Call or put in the terms of the pricing crate.
pub(crate) fn kind_of(kind: OptionKind) -> pricing::OptionKind {
    match kind {
        OptionKind::Call => pricing::OptionKind::Call,
        OptionKind::Put => pricing::OptionKind::Put,
    }
}
