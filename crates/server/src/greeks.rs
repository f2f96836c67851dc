//! What an option's ticker says beyond prices: volatilities and Greeks.

use instruments::{ContractKind, Instrument, Price, SettlementStyle};
use pricing::OptionKind;
use risk::Market;
use schemars::JsonSchema;
use serde::Serialize;

const DAYS_PER_YEAR: f64 = 365.0;

/// Greeks of one unit of an option's underlying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Greeks {
    /// In units of the underlying.
    pub delta: f64,
    /// Change of delta per dollar of the underlying.
    pub gamma: f64,
    /// In dollars per point of volatility.
    pub vega: f64,
    /// In dollars per day that passes.
    pub theta: f64,
    /// In dollars per percent of interest.
    pub rho: f64,
}

/// What the volatility surface says of an option.
#[derive(Clone, Copy, Debug)]
pub struct OptionFigures {
    /// The forward of its expiry, in dollars.
    pub forward: f64,
    /// Its mark volatility in percent.
    pub mark_iv: f64,
    /// Its Greeks.
    pub greeks: Greeks,
    years: f64,
    strike: f64,
    kind: OptionKind,
    in_coin: bool,
}

impl OptionFigures {
    /// Of an option; none for what is no option, or has no surface.
    #[must_use]
    pub fn of(market: &Market, instrument: &Instrument) -> Option<Self> {
        let ContractKind::Option { expiry, strike, kind } = instrument.kind() else { return None };
        let forward = f64_of(market.settling_price(instrument).ok()?);
        let years = market.years_to(expiry);
        let strike = f64_of(strike);
        let curve = &market.expiry(instrument).ok()?.volatility;
        let volatility = curve.volatility(strike, forward, years);
        let kind = match kind {
            instruments::OptionKind::Call => OptionKind::Call,
            instruments::OptionKind::Put => OptionKind::Put,
        };
        let raw = pricing::black76::greeks(kind, forward, strike, volatility, years, 0.0).ok()?;
        let greeks = Greeks {
            delta: rounded(raw.delta, 1e5),
            gamma: rounded(raw.gamma, 1e5),
            vega: rounded(raw.vega / 100.0, 1e5),
            theta: rounded(raw.theta / DAYS_PER_YEAR, 1e5),
            rho: rounded(raw.rho / 100.0, 1e5),
        };
        let in_coin = instrument.style() == SettlementStyle::Inverse;
        let mark_iv = rounded(volatility * 100.0, 100.0);
        Some(Self { forward, mark_iv, greeks, years, strike, kind, in_coin })
    }

    /// The volatility at which the option costs so much, in percent; 0 where there is none.
    #[must_use]
    pub fn implied(&self, price: Price) -> f64 {
        let price = f64_of(price) * if self.in_coin { self.forward } else { 1.0 };
        let solved =
            pricing::implied_volatility(self.kind, price, self.forward, self.strike, self.years);
        rounded(solved.unwrap_or(0.0) * 100.0, 100.0)
    }
}

fn f64_of(price: Price) -> f64 {
    price.units() as f64 / instruments::SCALE as f64
}

/// To the nearest multiple of 1/scale.
fn rounded(value: f64, scale: f64) -> f64 {
    let rounded = (value * scale).round() / scale;
    if rounded == 0.0 { 0.0 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_of_a_volatility_implies_it() {
        let (forward, strike, years) = (80_000.0, 82_000.0, 0.1);
        for (kind, in_coin) in [(OptionKind::Call, true), (OptionKind::Put, false)] {
            let dollars = pricing::black76::price(kind, forward, strike, 0.6, years, 0.0);
            let dollars = dollars.expect("the arguments are in range");
            let paid = if in_coin { dollars / forward } else { dollars };
            let price = Price::from_units((paid * instruments::SCALE as f64).round() as i64);
            let (mark_iv, greeks) = (60.0, Greeks::default());
            let figures = OptionFigures { forward, mark_iv, greeks, years, strike, kind, in_coin };
            assert_eq!(figures.implied(price), 60.0);
        }
    }
}
