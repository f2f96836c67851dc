//! Portfolio margin in plain floating point, from the formulas of docs/methodology/core.md and
//! the numbers of methodologies/core.toml, with nothing of the crate's but its data types.

use instruments::{ContractKind, Instrument, OptionKind};
use numerics::{exp, ln, powf};

use crate::history::UNIVERSE;
use crate::world::World;

const FLOORS: [f64; 4] = [0.030, 0.038, 0.045, 0.036];
const CORRELATIONS: [f64; 4] = [0.93, 0.88, 0.70, 0.80];
const TAILS: [(f64, f64); 8] = [
    (-0.66, 0.22),
    (-0.33, 0.44),
    (0.5, 0.3),
    (1.0, 0.15),
    (2.0, 0.075),
    (3.0, 0.05),
    (4.0, 0.0375),
    (5.0, 0.03),
];

/// A position: an instrument and a signed size in coins.
pub type Leg = (Instrument, f64);

/// Daily log returns of the universe, the volatility before each, and today's.
pub struct Model {
    returns: Vec<[f64; 4]>,
    before: Vec<[f64; 4]>,
    /// σ of the last day, before floor and buffer.
    pub now: [f64; 4],
    /// σ*.
    pub today: [f64; 4],
}

/// What moves in one scenario.
#[derive(Clone, Copy, Debug)]
pub struct Shock {
    pub log_moves: [f64; 4],
    /// Relative change of volatility at 30 days, by underlying.
    pub volatility: [f64; 4],
    pub days: f64,
    pub weight: f64,
}

impl Model {
    pub fn of(world: &World) -> Self {
        let days = &world.history.as_ref().unwrap().days;
        // The last day is not over.
        let closes: Vec<_> = days[..days.len() - 1].iter().map(|day| &day.closes).collect();
        let log = |pair: &[&Vec<Option<f64>>]| -> Option<[f64; 4]> {
            let mut row = [0.0; 4];
            for (i, log_return) in row.iter_mut().enumerate() {
                *log_return = ln(pair[1][i]? / pair[0][i]?);
            }
            Some(row)
        };
        let returns: Vec<[f64; 4]> = closes.windows(2).filter_map(log).collect();
        let mut model = Self { before: vec![], returns, now: [0.0; 4], today: [0.0; 4] };
        model.before = vec![[0.0; 4]; model.returns.len()];
        for i in 0..4 {
            let seed: f64 = model.returns[..30].iter().map(|row| row[i] * row[i]).sum();
            let mut variance = seed / 30.0;
            let mut star = f64::INFINITY;
            for t in 0..=model.returns.len() {
                let sigma = variance.sqrt();
                let ratio = sigma / FLOORS[i];
                let buffer = 0.25 * (2.0 - ratio).clamp(0.0, 1.0);
                star = (sigma.max(FLOORS[i]) * (1.0 + buffer)).min(star * 1.15);
                (model.now[i], model.today[i]) = (sigma, star);
                if t < model.returns.len() {
                    model.before[t][i] = sigma;
                    variance = 0.97 * variance + 0.03 * model.returns[t][i] * model.returns[t][i];
                }
            }
        }
        model
    }

    pub fn range(&self, i: usize) -> f64 {
        (5.0 * self.today[i]).min(0.6)
    }

    pub fn systematic(&self) -> Vec<Shock> {
        let market = |relative: f64, volatility: f64, weight: f64| {
            let beta = |i: usize| self.range(i) / self.range(0);
            let log_moves = [0, 1, 2, 3].map(|i| (beta(i) * ln(1.0 + relative)).clamp(-3.0, 3.0));
            Shock { log_moves, volatility: [volatility; 4], days: 0.0, weight }
        };
        let points = (-4..=4).map(|point| f64::from(point) / 4.0 * self.range(0));
        let grid = points.flat_map(|m| [-0.25, 0.0, 0.45].map(|v| market(m, v, 1.0)));
        grid.chain(TAILS.map(|(relative, weight)| market(relative, 0.45, weight))).collect()
    }

    pub fn alone(&self, i: usize) -> Vec<Shock> {
        let reach = self.range(i) * (1.0 - CORRELATIONS[i] * CORRELATIONS[i]).sqrt();
        let mut shocks = Vec::new();
        for point in -4..=4 {
            for volatility in [-0.25, 0.0, 0.45] {
                if point == 0 && volatility == 0.0 {
                    continue;
                }
                let mut log_moves = [0.0; 4];
                log_moves[i] = ln(1.0 + f64::from(point) / 4.0 * reach);
                shocks.push(Shock {
                    log_moves,
                    volatility: [volatility; 4],
                    days: 0.0,
                    weight: 1.0,
                });
            }
        }
        shocks
    }

    fn historical(&self, t: usize, factor: impl Fn(usize, f64) -> f64) -> Shock {
        let log_moves = [0, 1, 2, 3].map(|i| {
            let before = self.before[t][i].max(1e-4);
            self.returns[t][i] * factor(i, before)
        });
        let response = |r: f64| exp((if r < 0.0 { -1.5 * r } else { 0.5 * r }).min(1.0)) - 1.0;
        Shock { log_moves, volatility: log_moves.map(response), days: 1.0, weight: 1.0 }
    }

    /// r·σ*/σ over the last thousand days.
    pub fn recent(&self) -> Vec<Shock> {
        let days = self.returns.len() - 1_000..self.returns.len();
        days.map(|t| self.historical(t, |i, before| self.today[i] / before)).collect()
    }

    /// Where the 250 days begin whose squared returns, each in its σ*, sum to most.
    pub fn stressed_start(&self) -> usize {
        let squared = |row: &[f64; 4]| -> f64 {
            (0..4).map(|i| (row[i] / self.today[i]) * (row[i] / self.today[i])).sum()
        };
        let total =
            |start: usize| -> f64 { self.returns[start..start + 250].iter().map(squared).sum() };
        let starts = 0..=self.returns.len() - 250;
        starts.max_by(|a, b| total(*a).total_cmp(&total(*b)).then(b.cmp(a))).unwrap()
    }

    /// Those days, scaled up where today is more volatile and never down.
    pub fn stressed(&self) -> Vec<Shock> {
        let start = self.stressed_start();
        let factor = |i: usize, before: f64| (self.today[i] / before).max(1.0);
        (start..start + 250).map(|t| self.historical(t, factor)).collect()
    }

    /// How many of the stressed returns are scaled, and how many stay.
    pub fn stressed_scaled(&self) -> (usize, usize) {
        let start = self.stressed_start();
        let up = (start..start + 250).filter(|t| self.before[*t][0] < self.today[0]).count();
        (up, 250 - up)
    }
}

fn place(instrument: &Instrument) -> usize {
    UNIVERSE.iter().position(|name| *name == instrument.base().name()).unwrap()
}

/// What legs gain in a scenario, in US dollars; linear contracts in a dollar-coin at one dollar.
pub fn profit(world: &World, legs: &[Leg], shock: &Shock) -> f64 {
    let gain = |(instrument, size): &Leg| {
        let i = place(instrument);
        let index = world.market.price(instrument.base()).unwrap().units() as f64 / 1e8;
        let factor = exp(shock.log_moves[i]);
        let ContractKind::Option { strike, kind, expiry } = instrument.kind() else {
            return size * index * (factor - 1.0);
        };
        let at = &world.market.underlyings[&instrument.underlying()].expiries[&expiry];
        let (forward, strike) = (at.forward.units() as f64 / 1e8, strike.units() as f64 / 1e8);
        let years = world.years_to(instrument);
        let volatility = at.volatility.volatility(strike, forward, years);
        let days = (years * 365.0).max(1.0);
        let tenor = powf(30.0 / days, if days < 30.0 { 0.30 } else { 0.13 });
        let shocked = volatility * (1.0 + shock.volatility[i] * tenor).max(0.05);
        let shocked = if shock.volatility[i] == 0.0 { volatility } else { shocked.max(0.15) };
        let kind = match kind {
            OptionKind::Call => pricing::OptionKind::Call,
            OptionKind::Put => pricing::OptionKind::Put,
        };
        let value = |forward: f64, volatility: f64, years: f64| {
            pricing::black76::price(kind, forward, strike, volatility, years, 0.0).unwrap()
        };
        let left = (years - shock.days / 365.0).max(0.0);
        size * (value(forward * factor, shocked, left) - value(forward, volatility, years))
    };
    shock.weight * legs.iter().map(gain).sum::<f64>()
}

/// The worst loss.
pub fn worst(profits: &[f64]) -> f64 {
    profits.iter().fold(0.0, |worst, profit| worst.max(-profit))
}

/// The mean of the k worst losses.
pub fn shortfall(profits: &[f64], k: usize) -> f64 {
    let mut sorted = profits.to_vec();
    sorted.sort_by(f64::total_cmp);
    -sorted[..k].iter().sum::<f64>() / k as f64
}
