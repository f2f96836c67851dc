//! The volatility that makes Black's formula give a price.
//!
//! A quote is first turned into its out-of-the-money value (put-call parity,
//! with the rounding of F − K made good). Ordinary quotes are solved in vectors:
//! the explicit formula of Stefanica and Radoičić (2017) starts, Householder
//! steps of fourth order on the logarithm of the price finish. The few that are
//! too near a bound, or whose deviation σ√T is tiny, go one by one to a bracketed
//! solver, which also names the reason where there is no solution.
//!
//! The result's relative error is at most its [`error_bound`],
//! max(1e-13, 2·ulp(price)/(σ·vega)): beyond that the quote itself doesn't say.

mod one;
mod ordinary;

use crate::OptionKind;
use crate::PricingError;
use crate::black76::{INPUT_MAX, PRICE_MIN};
use crate::error::check_length;
use numerics::{Level, dispatch_at, dispatch_scalar};

/// Why a quote has no implied volatility.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImpliedVolatilityError {
    /// The forward is below 1e-100, above 1e100 or NaN.
    #[error("the forward must be positive, within 1e±100, not {0}")]
    Forward(f64),
    /// The strike is below 1e-100, above 1e100 or NaN.
    #[error("the strike must be positive, within 1e±100, not {0}")]
    Strike(f64),
    /// The time to expiry is zero (then every volatility gives the intrinsic
    /// value), negative, above 1e100 years or NaN.
    #[error("the time to expiry must be positive and at most 1e100 years, not {0}")]
    Time(f64),
    /// The price is negative, infinite or NaN.
    #[error("the price must be finite and at least 0, not {0}")]
    Price(f64),
    /// The price is less than the option is worth without any volatility.
    #[error("the price {price} is below the intrinsic value {intrinsic}")]
    BelowIntrinsic {
        /// What was given.
        price: f64,
        /// max(w·(F − K), 0).
        intrinsic: f64,
    },
    /// The price is at or above what the option is worth with infinite volatility.
    #[error("the price {price} is not below {bound}, which no volatility reaches")]
    AtUpperBound {
        /// What was given.
        price: f64,
        /// The forward for a call, the strike for a put.
        bound: f64,
    },
}

/// The implied volatility of one quote, per √year.
///
/// `price` is undiscounted (multiply a discounted one by `exp(r·T)`) and, like
/// `forward` and `strike`, in the quote asset; `time` in years. A price equal to
/// the intrinsic value (F − K rounded to a double) gives 0. Every other price
/// strictly between intrinsic value and upper bound gives a positive number.
pub fn implied_volatility(
    kind: OptionKind,
    price: f64,
    forward: f64,
    strike: f64,
    time: f64,
) -> Result<f64, ImpliedVolatilityError> {
    let quote = Quote { kind, price, forward, strike, time };
    match dispatch_scalar(ordinary::Single(quote)) {
        Some(volatility) => Ok(volatility),
        None => one::solve(quote),
    }
}

/// The relative error that an implied volatility may have, as its price is a double:
/// max(1e-13, 2·ulp(price)/(σ·vega)).
///
/// `vega` is undiscounted, per 1.00 of volatility. Infinite where σ or vega is zero.
#[must_use]
pub fn error_bound(price: f64, volatility: f64, vega: f64) -> f64 {
    let price = price.abs();
    let ulp = f64::from_bits(price.to_bits() + 1) - price;
    (2.0 * ulp / (volatility * vega)).max(1e-13)
}

/// Quotes, one per index of five slices of the same length; units as in
/// [`implied_volatility`].
#[derive(Clone, Copy, Debug)]
pub struct QuoteBatch<'a> {
    /// Call or put.
    pub kinds: &'a [OptionKind],
    /// Undiscounted prices.
    pub prices: &'a [f64],
    /// Forwards.
    pub forwards: &'a [f64],
    /// Strikes.
    pub strikes: &'a [f64],
    /// Years to expiry.
    pub times: &'a [f64],
}

/// A quote of a batch without implied volatility.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// Which quote.
    pub index: usize,
    /// Why.
    pub error: ImpliedVolatilityError,
}

/// Implied volatilities of many quotes, each the bits that
/// [`implied_volatility`] returns.
///
/// Writes a volatility per quote, NaN where there is none, and returns the
/// quotes without one in the order of their index: none, and no allocation, in
/// the ordinary case. The error is for slices of different lengths only.
pub fn implied_volatilities(
    quotes: &QuoteBatch<'_>,
    out: &mut [f64],
) -> Result<Vec<Failure>, PricingError> {
    implied_volatilities_at(Level::best(), quotes, out)
}

/// [`implied_volatilities`] at a given vector level, for tests and benchmarks.
pub fn implied_volatilities_at(
    level: Level,
    quotes: &QuoteBatch<'_>,
    out: &mut [f64],
) -> Result<Vec<Failure>, PricingError> {
    let count = quotes.kinds.len();
    check_length("prices", count, quotes.prices.len())?;
    check_length("forwards", count, quotes.forwards.len())?;
    check_length("strikes", count, quotes.strikes.len())?;
    check_length("times", count, quotes.times.len())?;
    check_length("places for volatilities", count, out.len())?;
    let mut failures = Vec::new();
    // The quotes that the vectors left over are found a block at a time.
    for start in (0..count).step_by(BLOCK) {
        let end = count.min(start + BLOCK);
        let mut unsolved = [0_u8; BLOCK];
        let block = ordinary::Block {
            quotes: &quotes.range(start, end),
            out: &mut out[start..end],
            unsolved: &mut unsolved,
        };
        if !dispatch_at(level, block)? {
            continue;
        }
        for index in (start..end).filter(|index| unsolved[index - start] != 0) {
            out[index] = one::solve(quotes.get(index)).unwrap_or_else(|error| {
                failures.push(Failure { index, error });
                f64::NAN
            });
        }
    }
    Ok(failures)
}

/// Quotes per block of a batch.
const BLOCK: usize = 512;

impl<'a> QuoteBatch<'a> {
    fn range(&self, start: usize, end: usize) -> Self {
        Self {
            kinds: &self.kinds[start..end],
            prices: &self.prices[start..end],
            forwards: &self.forwards[start..end],
            strikes: &self.strikes[start..end],
            times: &self.times[start..end],
        }
    }

    fn get(&self, index: usize) -> Quote {
        Quote {
            kind: self.kinds[index],
            price: self.prices[index],
            forward: self.forwards[index],
            strike: self.strikes[index],
            time: self.times[index],
        }
    }
}

/// One quote.
#[derive(Clone, Copy, Debug)]
struct Quote {
    kind: OptionKind,
    price: f64,
    forward: f64,
    strike: f64,
    time: f64,
}

impl Quote {
    /// The price that no volatility reaches.
    fn upper_bound(&self) -> f64 {
        match self.kind {
            OptionKind::Call => self.forward,
            OptionKind::Put => self.strike,
        }
    }

    /// The rounded intrinsic value.
    fn intrinsic(&self) -> f64 {
        (self.kind.sign() * (self.forward - self.strike)).max(0.0)
    }

    fn check(&self) -> Result<(), ImpliedVolatilityError> {
        let Self { price, forward, strike, time, .. } = *self;
        if !(PRICE_MIN..=INPUT_MAX).contains(&forward) {
            return Err(ImpliedVolatilityError::Forward(forward));
        }
        if !(PRICE_MIN..=INPUT_MAX).contains(&strike) {
            return Err(ImpliedVolatilityError::Strike(strike));
        }
        if !(time > 0.0 && time <= INPUT_MAX) {
            return Err(ImpliedVolatilityError::Time(time));
        }
        if !(0.0..f64::INFINITY).contains(&price) {
            return Err(ImpliedVolatilityError::Price(price));
        }
        let (intrinsic, bound) = (self.intrinsic(), self.upper_bound());
        if price >= bound {
            return Err(ImpliedVolatilityError::AtUpperBound { price, bound });
        }
        if price < intrinsic {
            return Err(ImpliedVolatilityError::BelowIntrinsic { price, intrinsic });
        }
        Ok(())
    }
}
