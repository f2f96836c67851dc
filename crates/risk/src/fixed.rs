//! Volatilities, funding, closes and whole markets from integers, for callers that hold no
//! floating-point number: a command states them in parts per billion, and they become floats here,
//! each by one division that every machine rounds alike.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Asset, Price, Timestamp};
use pricing::svi::SviError;
use pricing::{CurveError, QuotedCurve, Svi, VolatilityCurve};
use serde::{Deserialize, Serialize};

use crate::RiskError;
use crate::history::{History, HistoryDay};
use crate::market::{Confidence, ExpiryMarket, Market, Quote, price_f64};

const BILLION: f64 = 1e9;

/// The volatilities of one expiry in parts per billion (500,000,000 is 50 % per √year).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FixedCurve {
    /// The same at every strike.
    Flat {
        /// Per √year; at least 0.
        volatility_ppb: i64,
    },
    /// By strike, strikes rising; see [`QuotedCurve`].
    Quoted(Vec<(Price, i64)>),
    /// Raw SVI, every parameter times 10⁹; see [`Svi`].
    Svi {
        /// The level, in total variance.
        a_ppb: i64,
        /// The slope of the wings; at least 0.
        b_ppb: i64,
        /// The asymmetry of the wings, within ±10⁹.
        rho_ppb: i64,
        /// The log-moneyness at which the curve turns.
        m_ppb: i64,
        /// How gently it turns; greater than 0.
        s_ppb: i64,
    },
}

/// Why integers make no volatility curve.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FixedError {
    /// Volatilities by strike that make none.
    #[error(transparent)]
    Curve(#[from] CurveError),
    /// SVI parameters that make none.
    #[error(transparent)]
    Svi(#[from] SviError),
}

impl FixedCurve {
    /// The curve.
    ///
    /// # Errors
    /// [`FixedError`] naming the quote or parameter that is not usable.
    pub fn curve(&self) -> Result<VolatilityCurve, FixedError> {
        Ok(match self {
            Self::Flat { volatility_ppb } => VolatilityCurve::flat(share(*volatility_ppb))?,
            Self::Quoted(quotes) => {
                let quotes: Vec<(f64, f64)> = quotes
                    .iter()
                    .map(|(strike, volatility)| (price_f64(*strike), share(*volatility)))
                    .collect();
                VolatilityCurve::Quoted(QuotedCurve::new(&quotes)?)
            }
            Self::Svi { a_ppb, b_ppb, rho_ppb, m_ppb, s_ppb } => {
                let [a, b, rho, m, s] = [a_ppb, b_ppb, rho_ppb, m_ppb, s_ppb].map(|p| share(*p));
                VolatilityCurve::Svi(Svi::new(a, b, rho, m, s)?)
            }
        })
    }
}

impl Quote {
    /// A published mark, and the funding expected over the next 8 hours in parts per billion of
    /// the notional; positive is paid by longs.
    #[must_use]
    pub fn new(mark: Price, funding_8h_ppb: i64) -> Self {
        Self { mark, funding_8h: share(funding_8h_ppb) }
    }
}

impl ExpiryMarket {
    /// An expiry whose feeds are fully trusted and whose settlement window has not opened.
    #[must_use]
    pub const fn new(forward: Price, volatility: VolatilityCurve) -> Self {
        Self {
            forward,
            volatility,
            settlement_average: None,
            forward_confidence: Confidence::FULL,
            volatility_confidence: Confidence::FULL,
        }
    }
}

impl Market {
    /// A market that knows nothing yet.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        let (assets, underlyings, quotes) = Default::default();
        Self { time, assets, underlyings, quotes }
    }
}

impl History {
    /// A history of daily closes in US dollars: the start of each day at midnight UTC, and one
    /// close per asset where there is one.
    ///
    /// # Errors
    /// [`RiskError::HistoryValue`], as [`History::validate`].
    pub fn from_prices(
        assets: &[Asset],
        days: &[(Timestamp, Vec<Option<Price>>)],
    ) -> Result<Self, RiskError> {
        let day = |(date, closes): &(Timestamp, Vec<Option<Price>>)| HistoryDay {
            date: *date,
            closes: closes.iter().map(|close| close.map(price_f64)).collect(),
        };
        let history = Self { assets: assets.to_vec(), days: days.iter().map(day).collect() };
        history.validate()?;
        Ok(history)
    }
}

fn share(ppb: i64) -> f64 {
    ppb as f64 / BILLION
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn curves_are_those_of_the_numbers_written_out() {
        let flat = FixedCurve::Flat { volatility_ppb: 550_000_000 };
        assert_eq!(flat.curve(), Ok(VolatilityCurve::flat(0.55).unwrap()));
        let quoted = FixedCurve::Quoted(vec![
            (price("60000"), 600_000_000),
            (price("70000.5"), 650_000_000),
        ]);
        let expected = QuotedCurve::new(&[(60_000.0, 0.6), (70_000.5, 0.65)]).unwrap();
        assert_eq!(quoted.curve(), Ok(VolatilityCurve::Quoted(expected)));
        let svi = FixedCurve::Svi {
            a_ppb: 10_000_000,
            b_ppb: 40_000_000,
            rho_ppb: -300_000_000,
            m_ppb: -5_000_000,
            s_ppb: 100_000_000,
        };
        let expected = Svi::new(0.01, 0.04, -0.3, -0.005, 0.1).unwrap();
        assert_eq!(svi.curve(), Ok(VolatilityCurve::Svi(expected)));
    }

    #[test]
    fn what_makes_no_curve_is_an_error() {
        assert!(FixedCurve::Flat { volatility_ppb: -1 }.curve().is_err());
        assert!(FixedCurve::Quoted(vec![]).curve().is_err());
        assert!(FixedCurve::Quoted(vec![(Price::ZERO, 1)]).curve().is_err());
        let svi = FixedCurve::Svi { a_ppb: 0, b_ppb: 0, rho_ppb: 0, m_ppb: 0, s_ppb: 0 };
        assert!(matches!(svi.curve(), Err(FixedError::Svi(_))));
    }

    #[test]
    fn a_history_of_prices_is_checked() {
        let bitcoin: Asset = "BTC".parse().unwrap();
        let days = |second: &str| {
            vec![
                ("2026-01-01".parse().unwrap(), vec![Some(price("100.5"))]),
                ("2026-01-02".parse().unwrap(), vec![Some(price(second))]),
                ("2026-01-03".parse().unwrap(), vec![None]),
            ]
        };
        let history = History::from_prices(&[bitcoin], &days("101")).unwrap();
        assert_eq!(history.days[0].closes, [Some(100.5)]);
        assert!(History::from_prices(&[bitcoin], &days("0")).is_err());
        assert!(History::from_prices(&[], &days("101")).is_err());
    }

    #[test]
    fn funding_is_a_share() {
        assert_eq!(Quote::new(price("1"), -250_000).funding_8h, -0.000_25);
    }
}
