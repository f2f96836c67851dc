//! Raw SVI: total variance as a function of log-moneyness.
//!
//! `w(k) = a + b·(ρ·(k−m) + √((k−m)² + s²))`, k = ln(K/F), w = σ²·T (Gatheral,
//! "A parsimonious arbitrage-free implied volatility parameterization", 2004).
//! [`Svi::fit`] fits it to quotes, [`Svi::butterfly`] and [`Svi::calendar`] look
//! for static arbitrage.

mod arbitrage;
mod fit;
mod simplex;

pub use arbitrage::Verdict;
pub use fit::{Fit, FitError, Quote};

use numerics::{Kernel, Lanes, dispatch};

/// The five parameters of a curve.
///
/// A curve made by [`Svi::new`] or [`Svi::fit`] is nowhere negative and its
/// wings are no steeper than an arbitrage-free one's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Svi {
    /// The level, in total variance.
    pub a: f64,
    /// The slope of the wings, in total variance per unit of log-moneyness; at least 0.
    pub b: f64,
    /// The asymmetry of the wings, within ±1.
    pub rho: f64,
    /// The log-moneyness at which the curve turns.
    pub m: f64,
    /// How gently it turns, in log-moneyness; positive. (Called σ in the source.)
    pub s: f64,
}

/// Why five numbers are not an SVI curve.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SviError {
    /// A parameter is infinite or NaN, b negative, ρ outside ±1 or s not positive.
    #[error("SVI parameters must be finite with b ≥ 0, |ρ| ≤ 1 and s > 0; got {0:?}")]
    Domain(Svi),
    /// The least total variance a + b·s·√(1−ρ²) is negative.
    #[error("SVI total variance falls to {least}; raise a by as much")]
    Negative {
        /// The least total variance.
        least: f64,
    },
    /// A wing is steeper than 2, the most that moments allow (Lee 2004).
    #[error("SVI wings of slope {slope} admit arbitrage; b·(1+|ρ|) must be at most 2")]
    Steep {
        /// b·(1+|ρ|).
        slope: f64,
    },
}

/// What rounding may take from the least total variance and the slope.
const TOLERANCE: f64 = 1e-12;

impl Svi {
    /// Checks parameters and makes a curve of them.
    pub fn new(a: f64, b: f64, rho: f64, m: f64, s: f64) -> Result<Self, SviError> {
        let svi = Self { a, b, rho, m, s };
        let finite = [a, b, rho, m, s].iter().all(|number| number.is_finite());
        if !(finite && b >= 0.0 && rho.abs() <= 1.0 && s > 0.0) {
            return Err(SviError::Domain(svi));
        }
        let least = a + b * s * (1.0 - rho * rho).sqrt();
        if least < -TOLERANCE {
            return Err(SviError::Negative { least });
        }
        let slope = b * (1.0 + rho.abs());
        if slope > 2.0 + TOLERANCE {
            return Err(SviError::Steep { slope });
        }
        Ok(svi)
    }

    /// Total variance at log-moneyness `k` = ln(K/F), never below 0.
    pub fn total_variance(&self, k: f64) -> f64 {
        total_variance(self, k)
    }

    /// The volatility at log-moneyness `k` for `time` years to expiry, per √year.
    ///
    /// 0 if `time` is not positive.
    pub fn volatility(&self, k: f64, time: f64) -> f64 {
        if time > 0.0 { (self.total_variance(k) / time).sqrt() } else { 0.0 }
    }

    /// Volatilities at many log-moneynesses; the same bits as [`Svi::volatility`].
    ///
    /// Panics if the slices differ in length.
    pub fn volatilities(&self, ks: &[f64], time: f64, out: &mut [f64]) {
        assert_eq!(ks.len(), out.len(), "one volatility per log-moneyness");
        if time > 0.0 {
            dispatch(Volatilities { svi: self, ks, time, out });
        } else {
            out.fill(0.0);
        }
    }
}

#[inline(always)]
fn total_variance<L: Lanes>(svi: &Svi, k: L) -> L {
    let x = k - L::splat(svi.m);
    let root = x.mul_add(x, L::splat(svi.s * svi.s)).sqrt();
    let wings = L::splat(svi.rho).mul_add(x, root);
    L::splat(svi.b).mul_add(wings, L::splat(svi.a)).max(L::splat(0.0))
}

struct Volatilities<'a> {
    svi: &'a Svi,
    ks: &'a [f64],
    time: f64,
    out: &'a mut [f64],
}

impl Kernel for Volatilities<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for start in (0..self.out.len()).step_by(L::LANES) {
            let k = L::load_padded(&self.ks[start..], 0.0);
            let variance = total_variance(self.svi, k) / L::splat(self.time);
            variance.sqrt().store_prefix(&mut self.out[start..]);
        }
    }
}
