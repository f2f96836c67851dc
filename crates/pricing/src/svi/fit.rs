//! Fitting raw SVI to quotes by the quasi-explicit method (De Marco and
//! Martini, Zeliade Systems 2009).
//!
//! Given m and s, w is linear in a, c = b·s and d = ρ·b·s, and the admissible
//! (c, d) are a rhombus, so the inner problem is solved exactly; a downhill
//! simplex searches the two that remain. The starts are fixed and every operation
//! deterministic: the same quotes give the same bits.

use super::simplex::minimise;
use super::{Svi, Verdict};
use numerics::{exp, ln};

/// One quote of an expiry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Log-moneyness ln(K/F).
    pub k: f64,
    /// Implied volatility, per √year; positive.
    pub volatility: f64,
    /// How much the squared error in volatility counts; at least 0.
    pub weight: f64,
}

/// A fitted curve and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The curve.
    pub svi: Svi,
    /// The greatest error in volatility over all quotes, weights aside, per √year.
    pub error_max: f64,
    /// The weighted root of the mean squared error in volatility, per √year.
    pub error_rms: f64,
    /// Whether the curve is free of butterfly arbitrage.
    pub butterfly: Verdict,
}

/// Why quotes can't be fitted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Five parameters need five quotes of positive weight at different strikes.
    #[error("an SVI curve needs 5 quotes with weight at different strikes; got {found}")]
    TooFew {
        /// How many there are.
        found: usize,
    },
    /// A quote has a number outside its domain.
    #[error("quote {index}: k must be finite, volatility positive and weight at least 0")]
    Quote {
        /// Which quote.
        index: usize,
    },
    /// The time to expiry is not positive and finite.
    #[error("the time to expiry must be positive and finite, not {time} years")]
    Time {
        /// What was given.
        time: f64,
    },
}

/// Steps of the simplex from each start, and from the best of them again.
const STEPS: usize = 150;
const STEPS_LAST: usize = 400;
/// Relative agreement at which the simplex ends.
const TOLERANCE: f64 = 1e-13;
/// The range of ln s around the quotes' span.
const LN_S_MIN: f64 = -7.0;
const LN_S_MAX: f64 = 3.0;

impl Svi {
    /// Fits a curve to the quotes of one expiry, `time` years away.
    ///
    /// Minimises Σ weight·(σ(k) − volatility)², to first order, over curves that
    /// are nowhere negative and no steeper than 2 in the wings. Arbitrage inside
    /// the quotes is reported, not forced away.
    pub fn fit(quotes: &[Quote], time: f64) -> Result<Fit, FitError> {
        if !(time > 0.0 && time < f64::INFINITY) {
            return Err(FitError::Time { time });
        }
        let problem = Problem::new(quotes, time)?;
        let svi = problem.solve();
        let errors = quotes.iter().map(|quote| {
            let error = svi.volatility(quote.k, time) - quote.volatility;
            (error.abs(), quote.weight)
        });
        let (mut error_max, mut squares, mut weights) = (0.0_f64, 0.0, 0.0);
        for (error, weight) in errors {
            error_max = error_max.max(error);
            squares += weight * error * error;
            weights += weight;
        }
        let error_rms = (squares / weights).sqrt();
        Ok(Fit { svi, error_max, error_rms, butterfly: svi.butterfly() })
    }
}

/// A quote in total variance.
#[derive(Clone, Copy)]
struct Point {
    k: f64,
    w: f64,
    weight: f64,
}

struct Problem {
    points: Vec<Point>,
    k_least: f64,
    span: f64,
}

impl Problem {
    fn new(quotes: &[Quote], time: f64) -> Result<Self, FitError> {
        let mut points = Vec::with_capacity(quotes.len());
        for (index, &Quote { k, volatility, weight }) in quotes.iter().enumerate() {
            let valid = k.is_finite()
                && volatility > 0.0
                && volatility < f64::INFINITY
                && (0.0..f64::INFINITY).contains(&weight);
            if !valid {
                return Err(FitError::Quote { index });
            }
            if weight > 0.0 {
                let w = volatility * volatility * time;
                // dw = 2·√(w·T)·dσ: squared errors in w over w are those in σ, scaled.
                points.push(Point { k, w, weight: weight / w });
            }
        }
        points.sort_by(|a, b| a.k.total_cmp(&b.k));
        let strikes = points.chunk_by(|a, b| a.k == b.k).count();
        if strikes < 5 {
            return Err(FitError::TooFew { found: strikes });
        }
        let total: f64 = points.iter().map(|point| point.weight).sum();
        points.iter_mut().for_each(|point| point.weight /= total);
        let k_least = points[0].k;
        let span = points[points.len() - 1].k - k_least;
        Ok(Self { points, k_least, span })
    }

    fn solve(&self) -> Svi {
        let objective = |at: [f64; 2]| self.inner(at).1;
        let start = |share: f64, ln_s: f64| {
            let m = self.k_least + share * self.span;
            [[m, ln_s], [m + 0.2 * self.span, ln_s], [m, ln_s + 0.7]]
        };
        let mut best = ([0.0; 2], f64::INFINITY);
        for share in [0.2, 0.5, 0.8] {
            for width in [-2.5, -0.7] {
                let start = start(share, ln(self.span) + width);
                let found = minimise(start, STEPS, TOLERANCE, objective);
                if found.1 < best.1 {
                    best = found;
                }
            }
        }
        let [m, ln_s] = best.0;
        let near = [[m, ln_s], [m + 0.02 * self.span, ln_s], [m, ln_s + 0.1]];
        let last = minimise(near, STEPS_LAST, TOLERANCE, objective);
        self.inner(if last.1 < best.1 { last.0 } else { best.0 }).0
    }

    /// The best curve with a given m and ln s, and its sum of weighted squares.
    fn inner(&self, [m, ln_s]: [f64; 2]) -> (Svi, f64) {
        let ln_span = ln(self.span);
        let bounded = ln_s.clamp(ln_span + LN_S_MIN, ln_span + LN_S_MAX);
        let s = exp(bounded);
        let sums = Sums::new(&self.points, m, s);
        let (c, d) = sums.least_in_rhombus(s);
        let floor = -(c * c - d * d).max(0.0).sqrt();
        let a = (sums.w - c * sums.z - d * sums.y).max(floor);
        let (b, rho) = if c > 0.0 { (c / s, (d / c).clamp(-1.0, 1.0)) } else { (0.0, 0.0) };
        let svi = Svi { a, b, rho, m, s };
        let squares = self.points.iter().map(|point| {
            let error = svi.total_variance(point.k) - point.w;
            point.weight * error * error
        });
        // Outside the range of s the search is led back.
        let excess = ln_s - bounded;
        (svi, squares.sum::<f64>() * (1.0 + excess * excess))
    }
}

/// Weighted means and second moments of y = (k−m)/s, z = √(y²+1) and w.
struct Sums {
    y: f64,
    z: f64,
    w: f64,
    yy: f64,
    yz: f64,
    zz: f64,
    yw: f64,
    zw: f64,
}

impl Sums {
    fn new(points: &[Point], m: f64, s: f64) -> Self {
        let coordinates = |point: &Point| {
            let y = (point.k - m) / s;
            (y, y.mul_add(y, 1.0).sqrt())
        };
        let (mut y, mut z, mut w) = (0.0, 0.0, 0.0);
        for point in points {
            let (py, pz) = coordinates(point);
            y += point.weight * py;
            z += point.weight * pz;
            w += point.weight * point.w;
        }
        let mut sums = Self { y, z, w, yy: 0.0, yz: 0.0, zz: 0.0, yw: 0.0, zw: 0.0 };
        for point in points {
            let (py, pz) = coordinates(point);
            let (dy, dz, dw) = (py - y, pz - z, point.w - w);
            sums.yy += point.weight * dy * dy;
            sums.yz += point.weight * dy * dz;
            sums.zz += point.weight * dz * dz;
            sums.yw += point.weight * dy * dw;
            sums.zw += point.weight * dz * dw;
        }
        sums
    }

    /// Half the slope-independent part of the squares for given c and d.
    fn value(&self, c: f64, d: f64) -> f64 {
        0.5 * (c * c * self.zz + d * d * self.yy) + c * d * self.yz - c * self.zw - d * self.yw
    }

    /// The (c, d) of least squares with |d| ≤ c and |d| ≤ 2s − c: b ≥ 0, |ρ| ≤ 1
    /// and wings no steeper than 2.
    fn least_in_rhombus(&self, s: f64) -> (f64, f64) {
        let determinant = self.zz * self.yy - self.yz * self.yz;
        let c = (self.zw * self.yy - self.yw * self.yz) / determinant;
        let d = (self.yw * self.zz - self.zw * self.yz) / determinant;
        if d.abs() <= c && d.abs() <= 2.0 * s - c {
            return (c, d);
        }
        let corners = [(0.0, 0.0), (s, s), (2.0 * s, 0.0), (s, -s)];
        let mut best = (0.0, 0.0);
        for index in 0..4 {
            let (from, to) = (corners[index], corners[(index + 1) % 4]);
            let (c, d) = self.least_on_edge(from, to);
            if self.value(c, d) < self.value(best.0, best.1) {
                best = (c, d);
            }
        }
        best
    }

    fn least_on_edge(&self, from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
        let (c, d) = (to.0 - from.0, to.1 - from.1);
        let slope = c * (from.0 * self.zz + from.1 * self.yz - self.zw)
            + d * (from.1 * self.yy + from.0 * self.yz - self.yw);
        let curvature = c * c * self.zz + d * d * self.yy + 2.0 * c * d * self.yz;
        let share = if curvature > 0.0 { (-slope / curvature).clamp(0.0, 1.0) } else { 0.0 };
        (from.0 + share * c, from.1 + share * d)
    }
}
