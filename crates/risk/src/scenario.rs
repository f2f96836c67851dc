//! Scenarios: what may happen to the market within the horizon.
//!
//! *Joint* scenarios move every underlying of the universe and are shared by all accounts. *Own*
//! scenarios belong to one underlying at a time and are laid out alike for each. An underlying
//! outside the universe *stands alone*: it has its own copy of the parametric scenarios.

use std::collections::BTreeMap;
use std::ops::Range as Span;

use instruments::Underlying;

use crate::methodology::{
    Aggregator, Block, Moves, ScenarioRules, Shape, Tail, Term, VolatilityMove,
};
use crate::ranges::{Range, Ranges};

/// Log moves are held within ±3: a twentieth to twenty times the price.
const LOG_MOVE_MAX: f64 = 3.0;
/// No day's volatility is taken as less than this when its return is rescaled.
const VOLATILITY_MIN: f64 = 1e-4;

/// Weights of terms are written in millionths.
const WEIGHT_PPM: u32 = 1_000_000;

/// How the underlyings move in a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// The market moves by this much, each underlying by its ratio of ranges.
    Market(f64),
    /// One underlying moves by this share of its idiosyncratic range.
    Alone(f64),
    /// Log moves of the universe on a day of history, in its order.
    Day(Vec<f64>),
    /// Relative moves by name; the rest stand still.
    Listed(BTreeMap<String, f64>),
}

/// What volatility does in a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VolatilityShock {
    /// The same for every underlying.
    Shape(Shape),
    /// By the stated response to each underlying's own move.
    Response,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// How explanations call it.
    pub label: String,
    /// How underlyings move.
    pub movement: Move,
    /// What volatility does.
    pub volatility: VolatilityShock,
    /// Change of the annualised basis.
    pub basis: f64,
    /// Days that pass.
    pub days: f64,
    /// What profit and loss is multiplied with.
    pub weight: f64,
}

/// Which scenarios a block of the methodology became.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockSpan {
    /// The block's name.
    pub name: String,
    /// Whether the block sums over underlyings before it aggregates.
    pub joint: bool,
    /// Where its scenarios lie among the joint or own ones.
    pub span: Span<usize>,
    /// How its losses aggregate.
    pub aggregator: Aggregator,
}

/// A term of the requirement over the blocks of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermBlocks {
    /// The term's name.
    pub name: String,
    /// Index of each block that counts, and its weight in parts of `whole`. Blocks that the set
    /// lacks count nothing.
    pub blocks: Vec<(usize, u32)>,
    /// What a weight of one is.
    pub whole: u32,
}

/// All scenarios of one risk epoch.
#[derive(Clone, Debug)]
pub struct ScenarioSet {
    /// Blocks in the methodology's order; those of history are missing without one.
    pub blocks: Vec<BlockSpan>,
    /// Scenarios that move the whole universe.
    pub joint: Vec<Scenario>,
    /// Scenarios of each underlying of the universe by itself.
    pub own: Vec<Scenario>,
    /// Scenarios of each underlying outside the universe.
    pub alone: Vec<Scenario>,
    /// Where each parametric block's scenarios lie among those, by its name.
    pub alone_spans: Vec<(String, Span<usize>)>,
    /// Terms in the methodology's order.
    pub terms: Vec<TermBlocks>,
}

/// What one scenario does to one underlying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shock {
    /// Log move of the index and of every forward.
    pub log_move: f64,
    /// What its volatilities do.
    pub volatility: Shape,
}

impl ScenarioSet {
    /// Builds every scenario that the rules describe.
    pub(crate) fn of(rules: &ScenarioRules, ranges: &Ranges) -> Self {
        let mut set = Self {
            blocks: vec![],
            joint: vec![],
            own: vec![],
            alone: vec![],
            alone_spans: vec![],
            terms: vec![],
        };
        for block in &rules.blocks {
            let scenarios = scenarios_of(block, rules, ranges);
            if !matches!(block.moves, Moves::Recent { .. } | Moves::Stressed { .. }) {
                let start = set.alone.len();
                set.alone.extend(scenarios.iter().cloned());
                set.alone_spans.push((block.name.clone(), start..set.alone.len()));
            }
            if ranges.universe.is_empty() {
                continue;
            }
            let joint = matches!(
                block.aggregator,
                Aggregator::Worst | Aggregator::ExpectedShortfall { .. }
            );
            let list = if joint { &mut set.joint } else { &mut set.own };
            let start = list.len();
            list.extend(scenarios);
            let span = start..list.len();
            let (name, aggregator) = (block.name.clone(), block.aggregator);
            set.blocks.push(BlockSpan { name, joint, span, aggregator });
        }
        set.terms = rules.terms.iter().map(|term| TermBlocks::of(term, &set.blocks)).collect();
        set
    }
}

impl TermBlocks {
    /// The term with its weights in lowest terms, which keeps the products of the hot path small.
    fn of(term: &Term, blocks: &[BlockSpan]) -> Self {
        let part = term.weights.values().fold(WEIGHT_PPM, |divisor, weight| gcd(divisor, *weight));
        let weight = |(index, block): (usize, &BlockSpan)| {
            term.weights.get(&block.name).map(|weight| (index, weight / part))
        };
        let blocks = blocks.iter().enumerate().filter_map(weight).collect();
        Self { name: term.name.clone(), blocks, whole: WEIGHT_PPM / part }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Scenario {
    /// What the scenario does to an underlying.
    pub(crate) fn shock(
        &self,
        underlying: Underlying,
        rules: &ScenarioRules,
        ranges: &Ranges,
    ) -> Shock {
        let range = ranges.by_underlying[&underlying];
        let log_move = self.log_move(underlying, &range, ranges);
        let log_move = log_move.clamp(-LOG_MOVE_MAX, LOG_MOVE_MAX);
        let volatility = match self.volatility {
            VolatilityShock::Shape(shape) => shape,
            VolatilityShock::Response => {
                let slope = if log_move < 0.0 {
                    rules.volatility.response_fall
                } else {
                    rules.volatility.response_rise
                };
                let most = rules.volatility.response_max;
                let change = (slope * log_move.abs()).clamp(-most, most);
                Shape::Multiply { amount: numerics::exp(change) - 1.0, floor: 0.0 }
            }
        };
        Shock { log_move, volatility }
    }

    fn log_move(&self, underlying: Underlying, range: &Range, ranges: &Ranges) -> f64 {
        match &self.movement {
            Move::Market(relative) => {
                let beta = range.range / ranges.market;
                beta * numerics::ln(1.0 + relative)
            }
            Move::Alone(share) => numerics::ln(1.0 + share * range.idiosyncratic),
            Move::Day(moves) => {
                let index = ranges.universe.iter().position(|known| *known == underlying);
                index.map_or(0.0, |index| moves[index])
            }
            Move::Listed(moves) => {
                let relative = moves.get(underlying.asset().name()).copied().unwrap_or(0.0);
                numerics::ln(1.0 + relative)
            }
        }
    }
}

fn scenarios_of(block: &Block, rules: &ScenarioRules, ranges: &Ranges) -> Vec<Scenario> {
    let mut scenarios = match &block.moves {
        Moves::Together { points, volatility, tails } => {
            let mut grid =
                grid(*points, volatility, rules, |share| Move::Market(share * ranges.market));
            grid.extend(tails.iter().map(|tail| tail_scenario(tail, rules)));
            grid
        }
        Moves::Alone { points, volatility } => {
            let mut grid = grid(*points, volatility, rules, Move::Alone);
            // Nothing moves there, and every account shares that scenario in other blocks.
            grid.retain(|s| {
                s.movement != Move::Alone(0.0)
                    || s.volatility != VolatilityShock::Shape(Shape::None)
            });
            grid
        }
        Moves::Recent { days, .. } => recent(*days as usize, ranges),
        Moves::Stressed { days, scale_up } => stressed(*days as usize, *scale_up, ranges),
        Moves::List { scenarios } => scenarios.iter().map(listed).collect(),
    };
    for scenario in &mut scenarios {
        scenario.days += block.days;
    }
    scenarios
}

fn grid(
    points: u32,
    volatilities: &[VolatilityMove],
    rules: &ScenarioRules,
    movement: impl Fn(f64) -> Move,
) -> Vec<Scenario> {
    let half = f64::from(points / 2).max(1.0);
    let shares = (0..points).map(|i| (f64::from(i) - f64::from(points / 2)) / half);
    let cell = |share: f64, volatility: VolatilityMove| {
        let movement = movement(share);
        let price = match &movement {
            Move::Market(relative) => format!("market {:+.1}%", 100.0 * relative),
            _ => format!("alone {:+.0}% of range", 100.0 * share),
        };
        let (shape, word) = volatility_move(volatility, rules);
        plain(format!("{price}, volatility {word}"), movement, shape)
    };
    shares
        .flat_map(|share| volatilities.iter().map(move |v| (share, *v)))
        .map(|(s, v)| cell(s, v))
        .collect()
}

fn volatility_move(volatility: VolatilityMove, rules: &ScenarioRules) -> (Shape, &'static str) {
    let relative = |amount| Shape::Multiply { amount, floor: 0.0 };
    match volatility {
        VolatilityMove::Down => (relative(rules.volatility.down), "down"),
        VolatilityMove::Same => (Shape::None, "same"),
        VolatilityMove::Up => (relative(rules.volatility.up), "up"),
    }
}

fn plain(label: String, movement: Move, shape: Shape) -> Scenario {
    let volatility = VolatilityShock::Shape(shape);
    Scenario { label, movement, volatility, basis: 0.0, days: 0.0, weight: 1.0 }
}

fn tail_scenario(tail: &Tail, rules: &ScenarioRules) -> Scenario {
    let label = format!(
        "market {:+.0}%, damped to {:.1}%",
        100.0 * tail.relative_move,
        100.0 * tail.weight
    );
    let (shape, _) = volatility_move(VolatilityMove::Up, rules);
    Scenario { weight: tail.weight, ..plain(label, Move::Market(tail.relative_move), shape) }
}

/// r*_t = r_t·σ*_T/σ_t: the past at today's volatility.
fn recent(days: usize, ranges: &Ranges) -> Vec<Scenario> {
    let count = ranges.returns.len();
    let day = |t: usize| {
        let scaled = |(i, r): (usize, &f64)| r * today(ranges, i) / on_day(ranges, i, t);
        dated("", t, ranges, scaled)
    };
    (count.saturating_sub(days)..count).map(day).collect()
}

/// The most violent stretch, never scaled down: a crash stays a crash in calm times.
fn stressed(days: usize, scale_up: bool, ranges: &Ranges) -> Vec<Scenario> {
    let volatilities: Vec<f64> = (0..ranges.universe.len()).map(|i| today(ranges, i)).collect();
    let start = ranges.returns.most_violent_window(days, &volatilities);
    let day = |t: usize| {
        let scaled = |(i, r): (usize, &f64)| {
            let then = on_day(ranges, i, t);
            if scale_up { r * today(ranges, i).max(then) / then } else { *r }
        };
        dated("stress ", t, ranges, scaled)
    };
    (start..ranges.returns.len().min(start + days)).map(day).collect()
}

fn today(ranges: &Ranges, index: usize) -> f64 {
    ranges.by_underlying[&ranges.universe[index]].volatility
}

fn on_day(ranges: &Ranges, index: usize, day: usize) -> f64 {
    ranges.paths[index].before[day].max(VOLATILITY_MIN)
}

fn dated(
    prefix: &str,
    day: usize,
    ranges: &Ranges,
    scaled: impl Fn((usize, &f64)) -> f64,
) -> Scenario {
    let moves = ranges.returns.rows[day].iter().enumerate().map(scaled).collect();
    let date = ranges.returns.dates[day].to_string();
    let label = format!("{prefix}{}", date.split('T').next().unwrap_or_default());
    Scenario {
        volatility: VolatilityShock::Response,
        ..plain(label, Move::Day(moves), Shape::None)
    }
}

fn listed(stress: &crate::methodology::StressList) -> Scenario {
    Scenario {
        basis: stress.basis,
        days: stress.days,
        weight: stress.weight,
        ..plain(stress.name.clone(), Move::Listed(stress.moves.clone()), stress.volatility)
    }
}
