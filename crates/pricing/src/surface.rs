//! The volatility of each strike of an expiry.

use crate::svi::Svi;
use numerics::ln;

/// The volatilities of one expiry.
#[derive(Clone, Debug, PartialEq)]
pub enum VolatilityCurve {
    /// Quoted per strike, interpolated between.
    Quoted(QuotedCurve),
    /// Total variance as a function of log-moneyness.
    Svi(Svi),
}

/// Volatilities quoted per strike.
///
/// Between two quoted strikes the variance σ² is linear in ln K (at one expiry
/// that is total variance linear in log-moneyness, whatever the forward);
/// beyond the outer ones the volatility is flat; at a quoted strike it is the
/// quote itself.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotedCurve {
    points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    strike: f64,
    volatility: f64,
    ln_strike: f64,
    variance: f64,
}

/// Why quotes don't make a curve. `index` counts quotes from 0.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CurveError {
    /// There is no quote.
    #[error("a volatility curve needs at least one quote")]
    Empty,
    /// A strike is zero, negative, infinite or NaN.
    #[error("quote {index}: the strike must be positive and finite, not {strike}")]
    Strike {
        /// Which quote.
        index: usize,
        /// What was given.
        strike: f64,
    },
    /// A volatility is negative, infinite or NaN.
    #[error("quote {index}: the volatility must be finite and at least 0, not {volatility}")]
    Volatility {
        /// Which quote.
        index: usize,
        /// What was given.
        volatility: f64,
    },
    /// A strike is not above the one before it.
    #[error("quote {index}: strikes must rise; {strike} does not exceed the one before it")]
    Order {
        /// Which quote.
        index: usize,
        /// What was given.
        strike: f64,
    },
}

impl VolatilityCurve {
    /// The same volatility at every strike, per √year.
    pub fn flat(volatility: f64) -> Result<Self, CurveError> {
        Ok(Self::Quoted(QuotedCurve::new(&[(1.0, volatility)])?))
    }

    /// The volatility at a strike, per √year.
    ///
    /// `strike` and `forward` in the quote asset, positive; `time` in years,
    /// positive: the time to expiry that an SVI curve's total variance spans.
    /// A quoted curve needs neither `forward` nor `time`.
    pub fn volatility(&self, strike: f64, forward: f64, time: f64) -> f64 {
        match self {
            Self::Quoted(curve) => curve.volatility(strike),
            Self::Svi(svi) => svi.volatility(numerics::ln_ratio(strike, forward), time),
        }
    }
}

impl QuotedCurve {
    /// A curve through quotes (strike, volatility), strikes rising.
    pub fn new(quotes: &[(f64, f64)]) -> Result<Self, CurveError> {
        if quotes.is_empty() {
            return Err(CurveError::Empty);
        }
        let mut points: Vec<Point> = Vec::with_capacity(quotes.len());
        for (index, &(strike, volatility)) in quotes.iter().enumerate() {
            if !(strike > 0.0 && strike < f64::INFINITY) {
                return Err(CurveError::Strike { index, strike });
            }
            if !(0.0..f64::INFINITY).contains(&volatility) {
                return Err(CurveError::Volatility { index, volatility });
            }
            if points.last().is_some_and(|before| before.strike >= strike) {
                return Err(CurveError::Order { index, strike });
            }
            let variance = volatility * volatility;
            points.push(Point { strike, volatility, ln_strike: ln(strike), variance });
        }
        Ok(Self { points })
    }

    /// The quotes (strike, volatility), strikes rising.
    pub fn quotes(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().map(|point| (point.strike, point.volatility))
    }

    /// The volatility at a strike, per √year.
    pub fn volatility(&self, strike: f64) -> f64 {
        let above = self.points.partition_point(|point| point.strike < strike);
        let Some(upper) = self.points.get(above) else {
            return self.points[self.points.len() - 1].volatility;
        };
        if above == 0 || upper.strike == strike {
            return upper.volatility;
        }
        let lower = self.points[above - 1];
        let width = upper.ln_strike - lower.ln_strike;
        let share = (ln(strike) - lower.ln_strike) / width;
        // Neighbouring strikes may share a logarithm: then the width is zero.
        let share = if width > 0.0 { share.clamp(0.0, 1.0) } else { 0.0 };
        let rise = upper.variance - lower.variance;
        rise.mul_add(share, lower.variance).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_kept_and_variance_is_linear_between() {
        let quotes = [(80.0, 0.7), (100.0, 0.5), (125.0, 0.6)];
        let curve = VolatilityCurve::Quoted(QuotedCurve::new(&quotes).unwrap());
        for (strike, volatility) in quotes {
            assert_eq!(curve.volatility(strike, 100.0, 0.1), volatility);
        }
        assert_eq!(curve.volatility(1.0, 100.0, 0.1), 0.7);
        assert_eq!(curve.volatility(1e9, 100.0, 0.1), 0.6);
        let middle = curve.volatility((100.0_f64 * 125.0).sqrt(), 100.0, 0.1);
        assert!((middle * middle - (0.25 + 0.36) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_flat_curve_is_flat() {
        let curve = VolatilityCurve::flat(0.55).unwrap();
        for strike in [1e-9, 1.0, 65_000.0] {
            assert_eq!(curve.volatility(strike, 60_000.0, 0.3), 0.55);
        }
    }

    #[test]
    fn bad_quotes_are_named() {
        let error = |quotes: &[(f64, f64)]| QuotedCurve::new(quotes).unwrap_err();
        assert_eq!(error(&[]), CurveError::Empty);
        assert_eq!(error(&[(0.0, 0.5)]), CurveError::Strike { index: 0, strike: 0.0 });
        let negative = CurveError::Volatility { index: 1, volatility: -0.1 };
        assert_eq!(error(&[(1.0, 0.5), (2.0, -0.1)]), negative);
        assert_eq!(error(&[(2.0, 0.5), (2.0, 0.5)]), CurveError::Order { index: 1, strike: 2.0 });
    }
}
