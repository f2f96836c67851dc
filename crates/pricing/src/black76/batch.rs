//! Black's formula over many options at once.

use super::formula::{self, Inputs};
use super::{OptionKind, check_option};
use crate::PricingError;
use crate::error::check_length;
use numerics::{Kernel, LANES_MAX, Lanes, Level, Mask, dispatch_at};

/// Options, one per index of six slices of the same length.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Call or put.
    pub kinds: &'a [OptionKind],
    /// Forward prices of the underlying for the option's expiry, in the quote asset.
    pub forwards: &'a [f64],
    /// Strikes, in the quote asset.
    pub strikes: &'a [f64],
    /// Volatilities, per √year: 0.5 is 50 %.
    pub volatilities: &'a [f64],
    /// Times to expiry, in years.
    pub times: &'a [f64],
    /// Continuously compounded rates, per year.
    pub rates: &'a [f64],
}

/// Where a batch of prices and Greeks is written: six slices, one element per
/// option, units as in [`Greeks`](super::Greeks).
#[derive(Debug)]
pub struct GreeksMut<'a> {
    /// Prices.
    pub prices: &'a mut [f64],
    /// Derivatives by the forward.
    pub deltas: &'a mut [f64],
    /// Second derivatives by the forward.
    pub gammas: &'a mut [f64],
    /// Derivatives by the volatility.
    pub vegas: &'a mut [f64],
    /// Changes per year that passes.
    pub thetas: &'a mut [f64],
    /// Derivatives by the rate.
    pub rhos: &'a mut [f64],
}

/// Prices of a batch, discounted, in the quote asset.
///
/// Each is the bits that [`price`](super::price) returns. Errors: slices of
/// different lengths; the first option with an input outside its domain (then
/// the contents of `out` are unspecified).
pub fn price_batch(batch: &Batch<'_>, out: &mut [f64]) -> Result<(), PricingError> {
    price_batch_at(Level::best(), batch, out)
}

/// [`price_batch`] at a given vector level, for tests and benchmarks.
pub fn price_batch_at(
    level: Level,
    batch: &Batch<'_>,
    out: &mut [f64],
) -> Result<(), PricingError> {
    batch.check_lengths()?;
    check_length("places for prices", batch.kinds.len(), out.len())?;
    let valid = dispatch_at(level, PriceBatch { batch, out })?;
    if valid { Ok(()) } else { batch.check_options() }
}

/// Prices and Greeks of a batch.
///
/// Each is the bits that [`greeks`](super::greeks) returns. Errors as for
/// [`price_batch`].
pub fn greeks_batch(batch: &Batch<'_>, out: GreeksMut<'_>) -> Result<(), PricingError> {
    greeks_batch_at(Level::best(), batch, out)
}

/// [`greeks_batch`] at a given vector level, for tests and benchmarks.
pub fn greeks_batch_at(
    level: Level,
    batch: &Batch<'_>,
    out: GreeksMut<'_>,
) -> Result<(), PricingError> {
    batch.check_lengths()?;
    out.check_lengths(batch.kinds.len())?;
    let valid = dispatch_at(level, GreeksBatch { batch, out })?;
    if valid { Ok(()) } else { batch.check_options() }
}

/// Prices of one option under many scenarios, each a forward and a volatility.
///
/// `strike` and `forwards` are in the quote asset, `time` in years, `rate` per
/// year, `volatilities` per √year. Each price is the bits that
/// [`price`](super::price) returns. Errors as for [`price_batch`].
pub fn price_scenarios(
    kind: OptionKind,
    strike: f64,
    time: f64,
    rate: f64,
    forwards: &[f64],
    volatilities: &[f64],
    out: &mut [f64],
) -> Result<(), PricingError> {
    let scenarios = Scenarios { kind, strike, time, rate, forwards, volatilities };
    price_scenarios_at(Level::best(), &scenarios, out)
}

/// One option and its scenarios: the arguments of [`price_scenarios`].
#[derive(Clone, Copy, Debug)]
pub struct Scenarios<'a> {
    /// Call or put.
    pub kind: OptionKind,
    /// The strike, in the quote asset.
    pub strike: f64,
    /// The time to expiry, in years.
    pub time: f64,
    /// The continuously compounded rate, per year.
    pub rate: f64,
    /// The forward in each scenario, in the quote asset.
    pub forwards: &'a [f64],
    /// The volatility in each scenario, per √year.
    pub volatilities: &'a [f64],
}

/// [`price_scenarios`] at a given vector level, for tests and benchmarks.
pub fn price_scenarios_at(
    level: Level,
    scenarios: &Scenarios<'_>,
    out: &mut [f64],
) -> Result<(), PricingError> {
    let count = scenarios.forwards.len();
    check_length("volatilities", count, scenarios.volatilities.len())?;
    check_length("places for prices", count, out.len())?;
    let valid = dispatch_at(level, PriceScenarios { scenarios, out })?;
    if valid { Ok(()) } else { scenarios.check_options() }
}

impl Batch<'_> {
    fn check_lengths(&self) -> Result<(), PricingError> {
        let options = self.kinds.len();
        check_length("forwards", options, self.forwards.len())?;
        check_length("strikes", options, self.strikes.len())?;
        check_length("volatilities", options, self.volatilities.len())?;
        check_length("times", options, self.times.len())?;
        check_length("rates", options, self.rates.len())
    }

    /// Finds the option that made the batch invalid.
    #[cold]
    fn check_options(&self) -> Result<(), PricingError> {
        (0..self.kinds.len()).try_for_each(|index| {
            check_option(
                index,
                self.forwards[index],
                self.strikes[index],
                self.volatilities[index],
                self.times[index],
                self.rates[index],
            )
        })
    }

    /// The vector of options from `start`; the batch must hold all of it.
    #[inline(always)]
    fn load<L: Lanes>(&self, start: usize) -> Inputs<L> {
        let mut signs = [0.0; LANES_MAX];
        let kinds = &self.kinds[start..start + L::LANES];
        for (sign, kind) in signs[..L::LANES].iter_mut().zip(kinds) {
            *sign = kind.sign();
        }
        Inputs {
            sign: L::load(&signs),
            forward: L::load(&self.forwards[start..]),
            strike: L::load(&self.strikes[start..]),
            volatility: L::load(&self.volatilities[start..]),
            time: L::load(&self.times[start..]),
            rate: L::load(&self.rates[start..]),
        }
    }

    /// The options from `start`, fewer than a vector holds, filled up with an
    /// ordinary one.
    #[inline(always)]
    fn load_tail<L: Lanes>(&self, start: usize) -> Inputs<L> {
        let mut kinds = [OptionKind::Call; LANES_MAX];
        kinds[..self.kinds.len() - start].copy_from_slice(&self.kinds[start..]);
        Inputs {
            sign: L::load(&kinds.map(OptionKind::sign)),
            forward: L::load_padded(&self.forwards[start..], 1.0),
            strike: L::load_padded(&self.strikes[start..], 1.0),
            volatility: L::load_padded(&self.volatilities[start..], 1.0),
            time: L::load_padded(&self.times[start..], 1.0),
            rate: L::load_padded(&self.rates[start..], 0.0),
        }
    }
}

impl Scenarios<'_> {
    #[cold]
    fn check_options(&self) -> Result<(), PricingError> {
        let scenarios = self.forwards.iter().zip(self.volatilities);
        scenarios.enumerate().try_for_each(|(index, (forward, volatility))| {
            check_option(index, *forward, self.strike, *volatility, self.time, self.rate)
        })
    }
}

impl GreeksMut<'_> {
    fn check_lengths(&self, options: usize) -> Result<(), PricingError> {
        check_length("places for prices", options, self.prices.len())?;
        check_length("places for deltas", options, self.deltas.len())?;
        check_length("places for gammas", options, self.gammas.len())?;
        check_length("places for vegas", options, self.vegas.len())?;
        check_length("places for thetas", options, self.thetas.len())?;
        check_length("places for rhos", options, self.rhos.len())
    }
}

/// Where the whole vectors of a batch end and its tail begins.
#[inline(always)]
fn tail_start<L: Lanes>(count: usize) -> usize {
    count - count % L::LANES
}

struct PriceBatch<'a> {
    batch: &'a Batch<'a>,
    out: &'a mut [f64],
}

impl Kernel for PriceBatch<'_> {
    /// Whether every option was valid.
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(self) -> bool {
        let Self { batch, out } = self;
        let tail = tail_start::<L>(out.len());
        let mut invalid = false;
        for start in (0..tail).step_by(L::LANES) {
            let inputs = batch.load::<L>(start);
            invalid |= (!inputs.valid()).any();
            formula::price(&inputs).store(&mut out[start..]);
        }
        if tail < out.len() {
            let inputs = batch.load_tail::<L>(tail);
            invalid |= (!inputs.valid()).any();
            formula::price(&inputs).store_prefix(&mut out[tail..]);
        }
        !invalid
    }
}

struct GreeksBatch<'a> {
    batch: &'a Batch<'a>,
    out: GreeksMut<'a>,
}

impl Kernel for GreeksBatch<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(self) -> bool {
        let Self { batch, out } = self;
        let GreeksMut { prices, deltas, gammas, vegas, thetas, rhos } = out;
        let tail = tail_start::<L>(prices.len());
        let mut invalid = false;
        for start in (0..tail).step_by(L::LANES) {
            let inputs = batch.load::<L>(start);
            invalid |= (!inputs.valid()).any();
            let greeks = formula::greeks(&inputs);
            greeks.price.store(&mut prices[start..]);
            greeks.delta.store(&mut deltas[start..]);
            greeks.gamma.store(&mut gammas[start..]);
            greeks.vega.store(&mut vegas[start..]);
            greeks.theta.store(&mut thetas[start..]);
            greeks.rho.store(&mut rhos[start..]);
        }
        if tail < prices.len() {
            let inputs = batch.load_tail::<L>(tail);
            invalid |= (!inputs.valid()).any();
            let greeks = formula::greeks(&inputs);
            greeks.price.store_prefix(&mut prices[tail..]);
            greeks.delta.store_prefix(&mut deltas[tail..]);
            greeks.gamma.store_prefix(&mut gammas[tail..]);
            greeks.vega.store_prefix(&mut vegas[tail..]);
            greeks.theta.store_prefix(&mut thetas[tail..]);
            greeks.rho.store_prefix(&mut rhos[tail..]);
        }
        !invalid
    }
}

struct PriceScenarios<'a> {
    scenarios: &'a Scenarios<'a>,
    out: &'a mut [f64],
}

impl Kernel for PriceScenarios<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(self) -> bool {
        let Self { scenarios, out } = self;
        let Scenarios { kind, strike, time, rate, forwards, volatilities } = *scenarios;
        let (sign, strike) = (L::splat(kind.sign()), L::splat(strike));
        let (time, rate) = (L::splat(time), L::splat(rate));
        let (root_time, discount) = (time.sqrt(), formula::discount(rate, time));
        let option = Inputs { sign, forward: strike, strike, volatility: time, time, rate };
        let tail = tail_start::<L>(out.len());
        let mut invalid = false;
        for start in (0..tail).step_by(L::LANES) {
            let forward = L::load(&forwards[start..]);
            let volatility = L::load(&volatilities[start..]);
            let inputs = Inputs { forward, volatility, ..option };
            invalid |= (!inputs.valid()).any();
            let value = formula::undiscounted(sign, forward, strike, volatility, root_time);
            (discount * value).store(&mut out[start..]);
        }
        if tail < out.len() {
            let forward = L::load_padded(&forwards[tail..], 1.0);
            let volatility = L::load_padded(&volatilities[tail..], 1.0);
            let inputs = Inputs { forward, volatility, ..option };
            invalid |= (!inputs.valid()).any();
            let value = formula::undiscounted(sign, forward, strike, volatility, root_time);
            (discount * value).store_prefix(&mut out[tail..]);
        }
        !invalid
    }
}
