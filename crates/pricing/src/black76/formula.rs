//! Black's formula over vectors.
//!
//! With k = |ln(F/K)|, v = σ√T, h = k/v and t = v/2, the out-of-the-money
//! option of a pair is worth, undiscounted,
//!
//! `min(F,K)·φ(h−t)·D`, `D = M(h−t) − M(h+t)`,
//!
//! M the Mills ratio. Nothing cancels in the tail but D itself, which for small
//! v is taken from its Taylor series in t. The in-the-money option is worth its
//! intrinsic value more.

use numerics::{Lanes, Mask, vector};

/// Below this v the difference of Mills ratios is taken from its series.
pub(crate) const SERIES_BELOW: f64 = 0.05;
/// h is held below this: φ is zero long before.
const DEVIATE_MAX: f64 = 1_024.0;
/// v is held below this: the option is worth its forward or strike long before.
const DEVIATION_MAX: f64 = 512.0;
/// 2^-500: divisors are held above this, and a smaller v counts as none.
const DEVIATION_MIN: f64 = 3.054_936_363_499_605e-151;
/// Keeps discount factors finite and normal.
pub(crate) const EXPONENT_MAX: f64 = 700.0;
/// Forwards and strikes are at least this, so that no product underflows.
pub(crate) const PRICE_MIN: f64 = 1e-100;
/// No input exceeds this, so that no product overflows.
pub(crate) const INPUT_MAX: f64 = 1e100;

/// One vector of options. `sign` is 1 for calls and −1 for puts.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<L> {
    pub sign: L,
    pub forward: L,
    pub strike: L,
    pub volatility: L,
    pub time: L,
    pub rate: L,
}

/// Price and Greeks of one vector of options.
#[derive(Clone, Copy)]
pub(crate) struct Outputs<L> {
    pub price: L,
    pub delta: L,
    pub gamma: L,
    pub vega: L,
    pub theta: L,
    pub rho: L,
}

impl<L: Lanes> Inputs<L> {
    /// False where an input is outside its domain. (Also where their sum
    /// exceeds [`INPUT_MAX`], though each alone does not.)
    #[inline(always)]
    pub(crate) fn valid(&self) -> L::Mask {
        let zero = L::splat(0.0);
        let sum = (self.forward + self.strike) + (self.volatility + self.time);
        L::splat(PRICE_MIN).le(self.forward.min(self.strike))
            & zero.le(self.volatility.min(self.time))
            & sum.le(L::splat(INPUT_MAX))
            & (self.rate * self.time).abs().le(L::splat(EXPONENT_MAX))
    }
}

/// exp(−rate·time), finite and positive.
#[inline(always)]
pub(crate) fn discount<L: Lanes>(rate: L, time: L) -> L {
    let exponent = -(rate * time);
    let exponent = exponent.max(L::splat(-EXPONENT_MAX)).min(L::splat(EXPONENT_MAX));
    vector::exp_in_range(exponent)
}

/// Where a vector of options stands: deviations, density and Mills ratios.
#[derive(Clone, Copy)]
struct Standing<L: Lanes> {
    /// h = k/v.
    h: L,
    /// t = v/2.
    t: L,
    /// h − t.
    near: L,
    /// φ(h − t).
    density: L,
    /// M(|h − t|).
    mills_near: L,
    /// M(h + t).
    mills_far: L,
}

impl<L: Lanes> Standing<L> {
    /// From h = k/v and v.
    #[inline(always)]
    fn new(h: L, v: L) -> Self {
        let h = h.min(L::splat(DEVIATE_MAX));
        let t = v.min(L::splat(DEVIATION_MAX)) * L::splat(0.5);
        let near = h - t;
        let density = vector::normal_pdf_of_number(near);
        let (mills_near, mills_far) = vector::mills_of_two(near.abs(), h + t);
        Self { h, t, near, density, mills_near, mills_far }
    }

    /// The undiscounted out-of-the-money value over min(F, K).
    #[inline(always)]
    fn value(&self) -> L {
        let zero = L::splat(0.0);
        let tail = self.density * (self.mills_near - self.mills_far);
        // Where h < t, φ(h−t)·M(h−t) is 1 less its mirror image.
        let body =
            L::splat(1.0) - self.density.mul_add(self.mills_near, self.density * self.mills_far);
        let value = L::select(self.near.lt(zero), body, tail);
        let small = self.t.lt(L::splat(0.5 * SERIES_BELOW));
        if !small.any() {
            return value;
        }
        let series = self.density * mills_difference_series(self.h, self.t);
        L::select(small, series, value).max(zero)
    }
}

/// M(h−t) − M(h+t) by its Taylor series, for t ≤ 0.025 and h ≥ 0.
///
/// M' = h·M − 1 and M⁽ⁿ⁺¹⁾ = h·M⁽ⁿ⁾ + n·M⁽ⁿ⁻¹⁾. What is left out is below
/// t⁸/945 < 2e-16 of the sum.
#[inline(always)]
pub(crate) fn mills_difference_series<L: Lanes>(h: L, t: L) -> L {
    let m0 = vector::mills_of_positive(h);
    let m1 = h.mul_add(m0, L::splat(-1.0));
    let m2 = h.mul_add(m1, m0);
    let m3 = h.mul_add(m2, m1 * L::splat(2.0));
    let m4 = h.mul_add(m3, m2 * L::splat(3.0));
    let m5 = h.mul_add(m4, m3 * L::splat(4.0));
    let m6 = h.mul_add(m5, m4 * L::splat(5.0));
    let m7 = h.mul_add(m6, m5 * L::splat(6.0));
    let square = t * t;
    let sum = (square * L::splat(1.0 / 42.0)).mul_add(m7, m5);
    let sum = (square * L::splat(1.0 / 20.0)).mul_add(sum, m3);
    let sum = (square * L::splat(1.0 / 6.0)).mul_add(sum, m1);
    t * L::splat(-2.0) * sum
}

/// 1/v, held below 2^500. (A product with it is faster than a division by v:
/// it is ready before the logarithm is.)
#[inline(always)]
fn inverse_deviation<L: Lanes>(v: L) -> L {
    L::splat(1.0) / v.max(L::splat(DEVIATION_MIN))
}

/// The undiscounted price: intrinsic plus time value.
#[inline(always)]
fn whole_value<L: Lanes>(sign: L, forward: L, strike: L, standing: &Standing<L>) -> L {
    let intrinsic = (sign * (forward - strike)).max(L::splat(0.0));
    forward.min(strike).mul_add(standing.value(), intrinsic)
}

/// The undiscounted price, given √T.
#[inline(always)]
pub(crate) fn undiscounted<L: Lanes>(
    sign: L,
    forward: L,
    strike: L,
    volatility: L,
    root_time: L,
) -> L {
    let v = volatility * root_time;
    let k = vector::ln_ratio(forward, strike).abs();
    whole_value(sign, forward, strike, &Standing::new(k * inverse_deviation(v), v))
}

/// The price.
#[inline(always)]
pub(crate) fn price<L: Lanes>(inputs: &Inputs<L>) -> L {
    let Inputs { sign, forward, strike, volatility, time, rate } = *inputs;
    discount(rate, time) * undiscounted(sign, forward, strike, volatility, time.sqrt())
}

/// Price and Greeks.
#[inline(always)]
pub(crate) fn greeks<L: Lanes>(inputs: &Inputs<L>) -> Outputs<L> {
    let Inputs { sign, forward, strike, volatility, time, rate } = *inputs;
    let (zero, one) = (L::splat(0.0), L::splat(1.0));
    let root_time = time.sqrt();
    let v = volatility * root_time;
    let inverse_v = inverse_deviation(v);
    let inverse_forward = one / forward;
    let x = vector::ln_ratio(forward, strike);
    let standing = Standing::new(x.abs() * inverse_v, v);
    let discount = discount(rate, time);
    let price = discount * whole_value(sign, forward, strike, &standing);

    // d1 = h + t above the strike, t − h below; F·φ(d1) = K·φ(d2).
    let above = zero.lt(x);
    let density = standing.density;
    let density = L::select(above, density * (strike * inverse_forward), density);
    let d1 = L::select(above, standing.h + standing.t, -standing.near);
    let tail = density * L::select(above, standing.mills_far, standing.mills_near);
    let probability = L::select((sign * d1).lt(zero), tail, one - tail);

    let spread = L::splat(DEVIATION_MIN).lt(v);
    let discounted_density = discount * density;
    let dollar_density = discounted_density * forward;
    let gamma = discounted_density * inverse_v * inverse_forward;
    // σ/(2√T) = ½·σ·σ/v.
    let decay = dollar_density * L::splat(0.5) * volatility * (volatility * inverse_v);
    Outputs {
        price,
        delta: discount * sign * probability,
        gamma: L::select(spread, gamma, zero),
        vega: dollar_density * root_time,
        theta: rate.mul_add(price, -L::select(spread, decay, zero)),
        rho: -(time * price),
    }
}
