use numerics::{exp, ln, mills, normal_cdf, normal_quantile};

use crate::RiskError;

/// A forward whose price follows a geometric Brownian motion: after τ years it is
/// S·exp((μ − σ²/2)·τ + σ·√τ·Z), with Z standard normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormalForward {
    /// μ, the expected growth per year; any finite number.
    pub growth: f64,
    /// σ, per √year, zero or more.
    pub volatility: f64,
    /// τ, years to the end of the horizon, zero or more.
    pub years: f64,
}

/// What one unit of a forward loses on average in the worst cases, as a share of its price today.
///
/// A negative number is a gain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShortfallFactors {
    /// Of a unit held.
    pub long: f64,
    /// Of a unit sold.
    pub short: f64,
}

impl LogNormalForward {
    /// The expected shortfall in the worst share λ = `tail` of cases, 0 < λ < 1.
    ///
    /// With z = Φ⁻¹(λ) and s = σ·√τ, a holder's worst cases are Z ≤ z, a seller's Z ≥ −z. The mean of
    /// exp(s·Z − s²/2) over Z ≤ z is Φ(z − s)/λ, because the factor turns the density of Z into that
    /// of Z + s; over Z ≥ −z it is Φ(z + s)/λ. So
    ///
    /// ```text
    /// long  = 1 − e^(μτ)·Φ(z − s)/λ
    /// short = e^(μτ)·Φ(z + s)/λ − 1
    /// ```
    ///
    /// Source: the tail expectation of a log-normal variable (McNeil, Frey and Embrechts 2015,
    /// section 2.3); Vega's risk model for forwards states the same two factors.
    ///
    /// # Errors
    /// [`RiskError::MarketValue`] for an input outside its range, and for factors beyond a double.
    pub fn expected_shortfall(&self, tail: f64) -> Result<ShortfallFactors, RiskError> {
        let Self { growth, volatility, years } = *self;
        check("the growth", growth, growth.is_finite(), "a finite number")?;
        check("the volatility", volatility, is_magnitude(volatility), "zero or more")?;
        check("the horizon in years", years, is_magnitude(years), "zero or more")?;
        let is_share = tail > 0.0 && tail < 1.0;
        check("the tail's share", tail, is_share, "between 0 and 1")?;
        let (z, deviation) = (normal_quantile(tail), volatility * years.sqrt());
        let mean = |x: f64| mean_of_tail(growth * years, x, tail);
        let factors =
            ShortfallFactors { long: 1.0 - mean(z - deviation), short: mean(z + deviation) - 1.0 };
        for factor in [factors.long, factors.short] {
            check("the expected shortfall", factor, factor.is_finite(), "within a double")?;
        }
        Ok(factors)
    }
}

/// e^growth·Φ(x)/tail. Deep in the tail, where Φ(x) nears the least double and loses its digits, the
/// exponents are added first.
fn mean_of_tail(growth: f64, x: f64, tail: f64) -> f64 {
    const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_7;
    if x > -30.0 {
        return exp(growth) * normal_cdf(x) / tail;
    }
    exp(growth - 0.5 * x * x - LN_SQRT_2_PI - ln(tail)) * mills(-x)
}

fn is_magnitude(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

fn check(what: &str, value: f64, is_fine: bool, wanted: &'static str) -> Result<(), RiskError> {
    if is_fine {
        return Ok(());
    }
    Err(RiskError::MarketValue { what: what.to_owned(), value, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(growth: f64, volatility: f64, years: f64, tail: f64) -> ShortfallFactors {
        LogNormalForward { growth, volatility, years }.expected_shortfall(tail).unwrap()
    }

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-13 * expected.abs().max(1.0), "{found} {expected}");
    }

    /// The mean loss over the tail, by adding up the quantile function at midpoints.
    #[test]
    fn the_tail_expectation_is_the_mean_of_its_quantiles() {
        let (growth, volatility, years, tail) = (0.3, 0.8, 0.25_f64, 0.025);
        let steps = 200_000;
        let price = |z: f64| {
            exp((growth - 0.5 * volatility * volatility) * years + volatility * years.sqrt() * z)
        };
        let point = |step: i32| tail * (f64::from(step) + 0.5) / f64::from(steps);
        let mean = |sign: f64| {
            let sum: f64 = (0..steps).map(|step| price(sign * normal_quantile(point(step)))).sum();
            sum / f64::from(steps)
        };
        let found = factors(growth, volatility, years, tail);
        assert!((found.long - (1.0 - mean(1.0))).abs() < 1e-6);
        assert!((found.short - (mean(-1.0) - 1.0)).abs() < 1e-5);
    }

    #[test]
    fn limits_are_met() {
        // Nothing moves: only growth is left.
        close(factors(0.5, 0.0, 2.0, 0.01).long, 1.0 - exp(1.0));
        close(factors(0.5, 3.0, 0.0, 0.01).short, 0.0);
        // Everything may happen: a holder loses all, a seller 1/λ − 1.
        close(factors(0.0, 1e3, 1.0, 0.01).long, 1.0);
        close(factors(0.0, 1e3, 1.0, 0.01).short, 99.0);
        // The whole distribution: the mean.
        close(factors(0.1, 0.5, 1.0, 1.0 - 1e-16).long, 1.0 - exp(0.1));
        // Where Φ has lost its digits. The true values are from 50 digits.
        close(factors(0.0, 0.5, 1.0, 1e-300).long, 0.999_999_992_143_581_6);
        let short = factors(0.0, 0.5, 1.0, 1e-300).short;
        assert!((short / 99_147_220.442_571_07 - 1.0).abs() <= 2e-13, "{short}");
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let refused = |growth, volatility, years, tail| {
            LogNormalForward { growth, volatility, years }.expected_shortfall(tail).unwrap_err()
        };
        for (error, what) in [
            (refused(f64::NAN, 1.0, 1.0, 0.1), "growth"),
            (refused(0.0, -1.0, 1.0, 0.1), "volatility"),
            (refused(0.0, 1.0, f64::INFINITY, 0.1), "years"),
            (refused(0.0, 1.0, 1.0, 0.0), "share"),
            (refused(0.0, 1.0, 1.0, 1.0), "share"),
            (refused(1e9, 1.0, 1.0, 0.1), "shortfall"),
        ] {
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
