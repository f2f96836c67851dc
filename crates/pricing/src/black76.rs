//! Black's formula (Black 1976): options on a forward.
//!
//! `price = D·w·(F·Φ(w·d1) − K·Φ(w·d2))` with `D = exp(−r·T)`, w = 1 for a call
//! and −1 for a put, `d1 = ln(F/K)/(σ√T) + σ√T/2`, `d2 = d1 − σ√T`.
//!
//! Where σ√T = 0 the price is the discounted intrinsic value exactly, and the
//! Greeks are its one-sided limits; at F = K, where the payoff has its kink,
//! delta is half of D·w, gamma and the diffusive part of theta are reported as 0.

mod batch;
mod formula;

pub use batch::{
    Batch, GreeksMut, Scenarios, greeks_batch, greeks_batch_at, price_batch, price_batch_at,
    price_scenarios, price_scenarios_at,
};
pub(crate) use formula::{INPUT_MAX, PRICE_MIN, SERIES_BELOW, mills_difference_series};

use crate::PricingError;
use formula::{EXPONENT_MAX, Inputs, Outputs};
use numerics::{Kernel, Lanes, dispatch_scalar};

/// The right to buy or to sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionKind {
    /// The right to buy at the strike.
    Call,
    /// The right to sell at the strike.
    Put,
}

impl OptionKind {
    /// w of the formula: 1 for a call, −1 for a put.
    #[inline]
    pub fn sign(self) -> f64 {
        match self {
            Self::Call => 1.0,
            Self::Put => -1.0,
        }
    }
}

/// An option's price and what it is sensitive to, per unit of the underlying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greeks {
    /// Discounted value, in the quote asset.
    pub price: f64,
    /// ∂price/∂F: D·w·Φ(w·d1), in underlying.
    pub delta: f64,
    /// ∂²price/∂F²: D·φ(d1)/(F·σ√T), in underlying per unit of the quote asset.
    pub gamma: f64,
    /// ∂price/∂σ: D·F·φ(d1)·√T, in the quote asset per 1.00 of volatility (100 points).
    pub vega: f64,
    /// −∂price/∂T: r·price − D·F·φ(d1)·σ/(2√T), in the quote asset per year that passes.
    pub theta: f64,
    /// ∂price/∂r at an unchanged forward: −T·price, in the quote asset per 1.00 of rate.
    pub rho: f64,
}

/// The discounted price, in the quote asset.
///
/// `forward` and `strike` in the quote asset, `volatility` per √year (0.5 is
/// 50 %), `time` in years, `rate` continuously compounded per year. An input
/// outside its domain is an error; a valid one never gives NaN.
#[inline]
pub fn price(
    kind: OptionKind,
    forward: f64,
    strike: f64,
    volatility: f64,
    time: f64,
    rate: f64,
) -> Result<f64, PricingError> {
    check_option(0, forward, strike, volatility, time, rate)?;
    Ok(dispatch_scalar(One { kind, forward, strike, volatility, time, rate }))
}

/// The price and the Greeks. Arguments and errors as for [`price`].
#[inline]
pub fn greeks(
    kind: OptionKind,
    forward: f64,
    strike: f64,
    volatility: f64,
    time: f64,
    rate: f64,
) -> Result<Greeks, PricingError> {
    check_option(0, forward, strike, volatility, time, rate)?;
    let one = One { kind, forward, strike, volatility, time, rate };
    Ok(dispatch_scalar(OneGreeks(one)))
}

/// The price before discounting, in the quote asset: what
/// [`implied_volatility`](crate::implied_volatility()) inverts.
#[inline]
pub fn undiscounted_price(
    kind: OptionKind,
    forward: f64,
    strike: f64,
    volatility: f64,
    time: f64,
) -> Result<f64, PricingError> {
    price(kind, forward, strike, volatility, time, 0.0)
}

/// Checks one option's inputs; `index` goes into the error.
fn check_option(
    index: usize,
    forward: f64,
    strike: f64,
    volatility: f64,
    time: f64,
    rate: f64,
) -> Result<(), PricingError> {
    if !(PRICE_MIN..=INPUT_MAX).contains(&forward) {
        return Err(PricingError::Forward { index, forward });
    }
    if !(PRICE_MIN..=INPUT_MAX).contains(&strike) {
        return Err(PricingError::Strike { index, strike });
    }
    if !(0.0..=INPUT_MAX).contains(&volatility) {
        return Err(PricingError::Volatility { index, volatility });
    }
    if !(0.0..=INPUT_MAX).contains(&time) {
        return Err(PricingError::Time { index, time });
    }
    if !(rate.is_finite() && (rate * time).abs() <= EXPONENT_MAX) {
        return Err(PricingError::Rate { index, rate });
    }
    Ok(())
}

/// One option: one lane of the vector formula.
struct One {
    kind: OptionKind,
    forward: f64,
    strike: f64,
    volatility: f64,
    time: f64,
    rate: f64,
}

impl One {
    #[inline(always)]
    fn inputs<L: Lanes>(&self) -> Inputs<L> {
        Inputs {
            sign: L::splat(self.kind.sign()),
            forward: L::splat(self.forward),
            strike: L::splat(self.strike),
            volatility: L::splat(self.volatility),
            time: L::splat(self.time),
            rate: L::splat(self.rate),
        }
    }
}

/// The first lane of a vector.
#[inline(always)]
pub(crate) fn first<L: Lanes>(vector: L) -> f64 {
    let mut lanes = [0.0; numerics::LANES_MAX];
    vector.store(&mut lanes);
    lanes[0]
}

impl Kernel for One {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self) -> f64 {
        first(formula::price(&self.inputs::<L>()))
    }
}

struct OneGreeks(One);

impl Kernel for OneGreeks {
    type Output = Greeks;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Greeks {
        let Outputs { price, delta, gamma, vega, theta, rho } =
            formula::greeks(&self.0.inputs::<L>());
        Greeks {
            price: first(price),
            delta: first(delta),
            gamma: first(gamma),
            vega: first(vega),
            theta: first(theta),
            rho: first(rho),
        }
    }
}
