//! Raw SVI: total variance as a function of log-moneyness (Gatheral 2004).

use numerics::{Kernel, Lanes, dispatch};

/// `w(k) = a + b·(ρ·(k−m) + √((k−m)² + s²))`, k = ln(K/F), w = σ²·T.
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

impl Svi {
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
