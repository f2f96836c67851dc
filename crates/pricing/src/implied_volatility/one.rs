//! Any quote, solved by itself inside a bracket.

use super::ordinary::{SQRT_2PI, step_from_error};
use super::{ImpliedVolatilityError, Quote};
use crate::black76::{SERIES_BELOW, mills_difference_series};
use numerics::{Kernel, Lanes, dispatch_scalar, ln, ln_ratio, vector};

/// The bracket halves at least every other step; this many end any search.
const STEPS_MAX: usize = 400;
/// A step below this share of v leaves an error of its fourth power.
const STEP_DONE: f64 = 1e-5;
/// No value that a double can hold lies so many deviations away.
const DEVIATE_MAX: f64 = 50.0;
/// ½·ln(2π).
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// The implied volatility, or why there is none.
pub(super) fn solve(quote: Quote) -> Result<f64, ImpliedVolatilityError> {
    quote.check()?;
    if quote.price == quote.intrinsic() {
        return Ok(0.0);
    }
    let k = ln_ratio(quote.forward.max(quote.strike), quote.forward.min(quote.strike));
    let v = deviation(k, Target::new(&quote));
    Ok(v / quote.time.sqrt())
}

/// What the solver must meet: the logarithm of the out-of-the-money value over
/// min(F, K), or of 1 less that, whichever is the smaller quantity.
#[derive(Clone, Copy)]
enum Target {
    Value { ln: f64 },
    Complement { ln: f64 },
}

impl Target {
    fn new(quote: &Quote) -> Self {
        let Quote { kind, price, forward, strike, .. } = *quote;
        let lower = forward.min(strike);
        let complement = quote.upper_bound() - price;
        if complement < 0.5 * lower {
            return Self::Complement { ln: ln(complement) - ln(lower) };
        }
        let intrinsic = quote.intrinsic();
        if intrinsic == 0.0 {
            return Self::Value { ln: ln(price) - ln(lower) };
        }
        // What F − K lost in rounding (Møller 1965, Knuth).
        let sign = kind.sign();
        let rest = sign * forward - intrinsic;
        let lost = (sign * forward - (intrinsic + rest)) + (rest - sign * strike);
        Self::Value { ln: ln((price - intrinsic) - lost) - ln(lower) }
    }

    /// A deviation from which the search starts.
    fn start(self, k: f64) -> f64 {
        match self {
            // value ≤ v/√(2π), and far out value ≈ exp(−h²/2).
            Self::Value { ln } => (k / (-2.0 * ln).sqrt()).max(numerics::exp(ln) * SQRT_2PI),
            // 1 − value ≈ exp(−(t−h)²/2).
            Self::Complement { ln } => {
                let reach = (-2.0 * ln).sqrt();
                reach + reach.mul_add(reach, 2.0 * k).sqrt()
            }
        }
    }
}

/// v = σ√T for k = |ln(F/K)|.
fn deviation(k: f64, target: Target) -> f64 {
    let (mut low, mut high) = (k / DEVIATE_MAX, f64::INFINITY);
    let mut v = target.start(k).max(low);
    if v == 0.0 {
        // Less than any positive double.
        return v;
    }
    for _ in 0..STEPS_MAX {
        let (above, step) = dispatch_scalar(Step { k, v, target });
        if above {
            high = v;
        } else {
            low = v;
        }
        let next = v + step;
        if step.abs() <= STEP_DONE * v {
            return next;
        }
        v = if next > low && next < high { next } else { middle(low, high) };
        if v <= low || v >= high {
            return v;
        }
    }
    v
}

/// Between the ends of a bracket, one of which may still be unknown.
fn middle(low: f64, high: f64) -> f64 {
    if high == f64::INFINITY {
        2.0 * low
    } else if low == 0.0 {
        0.5 * high
    } else {
        low.sqrt() * high.sqrt()
    }
}

/// Evaluates at v: whether it is above the solution, and Householder's step.
struct Step {
    k: f64,
    v: f64,
    target: Target,
}

impl Kernel for Step {
    type Output = (bool, f64);

    #[inline(always)]
    fn run<L: Lanes>(self) -> (bool, f64) {
        let Self { k, v, target } = self;
        let h = k / v;
        let t = 0.5 * v;
        let near = h - t;
        let half_square = 0.5 * near * near;
        let (mills_near, mills_far) = vector::mills_of_two(near.abs(), h + t);
        let (error, d, above) = match target {
            Target::Value { ln } => {
                let d = if v < SERIES_BELOW {
                    mills_difference_series(h, t)
                } else if near < 0.0 {
                    vector::exp(half_square) * SQRT_2PI - mills_near - mills_far
                } else {
                    mills_near - mills_far
                };
                let error = vector::ln(d) - half_square - HALF_LN_2PI - ln;
                (error, d, error > 0.0)
            }
            Target::Complement { .. } if near >= 0.0 => (f64::NAN, f64::NAN, false),
            Target::Complement { ln } => {
                let sum = mills_near + mills_far;
                let error = vector::ln(sum) - half_square - HALF_LN_2PI - ln;
                (error, -sum, error < 0.0)
            }
        };
        (above, step_from_error(error, d, h, v, 1.0 / v))
    }
}
