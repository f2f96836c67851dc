//! The inputs of the benchmarks, made by the shared generator.

use numerics::SplitMix;
use pricing::OptionKind;
use pricing::black76::{self, Batch};

/// How many options or quotes a benchmark has.
pub const COUNT: usize = 1_000_000;

/// Options with their inputs, a column each.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Call or put.
    pub kinds: Vec<OptionKind>,
    /// Forwards.
    pub forwards: Vec<f64>,
    /// Strikes.
    pub strikes: Vec<f64>,
    /// Volatilities per √year.
    pub volatilities: Vec<f64>,
    /// Years to expiry.
    pub times: Vec<f64>,
    /// Rates per year.
    pub rates: Vec<f64>,
}

impl Options {
    /// The options as a batch.
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            kinds: &self.kinds,
            forwards: &self.forwards,
            strikes: &self.strikes,
            volatilities: &self.volatilities,
            times: &self.times,
            rates: &self.rates,
        }
    }

    fn push(&mut self, kind: OptionKind, numbers: [f64; 5]) {
        let [forward, strike, volatility, time, rate] = numbers;
        self.kinds.push(kind);
        self.forwards.push(forward);
        self.strikes.push(strike);
        self.volatilities.push(volatility);
        self.times.push(time);
        self.rates.push(rate);
    }

    /// The options of W1: calls and puts around the money, up to a year.
    pub fn w1() -> Self {
        let draws = SplitMix { seed: 0x5EED_0001 };
        let mut options = Self::default();
        for index in 0..COUNT as u64 {
            let u = |draw: u64| draws.u01(8 * index + draw);
            let forward = 20_000.0 + 80_000.0 * u(0);
            let strike = forward * (0.5 + 1.0 * u(1));
            let time = 1.0 / 365.0 + 1.0 * u(2);
            let kind = if u(5) < 0.5 { OptionKind::Call } else { OptionKind::Put };
            options.push(kind, [forward, strike, 0.2 + 1.3 * u(3), time, 0.1 * u(4)]);
        }
        options
    }
}

/// A set of quotes of W2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteSet {
    /// Within 2.5 standard deviations of the forward, as on a market.
    A,
    /// Between 2.5 and 12 standard deviations away.
    B,
}

/// Out-of-the-money quotes with the volatility that made them.
#[derive(Clone, Debug, Default)]
pub struct Quotes {
    /// The options; `volatilities` are what must be found, rates are 0.
    pub options: Options,
    /// Undiscounted prices.
    pub prices: Vec<f64>,
}

impl Quotes {
    /// The quotes of W2.
    pub fn w2(set: QuoteSet) -> Self {
        let seed = if set == QuoteSet::A { 0x5EED_0002 } else { 0x5EED_0003 };
        let draws = SplitMix { seed };
        let mut quotes = Self::default();
        for index in 0..COUNT as u64 {
            let u = |draw: u64| draws.u01(8 * index + draw);
            let forward = 20_000.0 + 80_000.0 * u(0);
            let time = 1.0 / 365.0 + 1.0 * u(2);
            let volatility = 0.2 + 1.3 * u(3);
            let side = if u(5) < 0.5 { 1.0 } else { -1.0 };
            let z = match set {
                QuoteSet::A => -2.5 + 5.0 * u(1),
                QuoteSet::B => (2.5 + 9.5 * u(1)) * side,
            };
            let strike = forward * numerics::exp(z * volatility * time.sqrt());
            let kind = if strike >= forward { OptionKind::Call } else { OptionKind::Put };
            quotes.options.push(kind, [forward, strike, volatility, time, 0.0]);
        }
        quotes.prices = vec![0.0; COUNT];
        black76::price_batch(&quotes.options.batch(), &mut quotes.prices)
            .expect("the generator keeps every input in its domain");
        quotes
    }
}
