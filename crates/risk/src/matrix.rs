//! Profit over price and volatility moves, as a table.

use instruments::{Amount, Underlying};

use crate::margin::{Assessment, ScenarioDetail};
use crate::methodology::{Moves, VolatilityMove};
use crate::scenario::{Move, Scenario};

/// Profit over a grid of price moves (rows) and volatility moves (columns).
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The underlying that moves; `None` for the whole market.
    pub underlying: Option<Underlying>,
    /// Relative move of the underlying, or of the market, in each row.
    pub moves: Vec<f64>,
    /// Volatility in each column.
    pub volatilities: Vec<VolatilityMove>,
    /// Profit in US dollars, row by row.
    pub profits: Vec<Vec<Amount>>,
    /// Row and column of the least profit, the first if several are.
    pub worst: (usize, usize),
}

/// The grid of the market and of every underlying that stands alone.
pub(crate) fn matrices(assessment: &Assessment<'_>, detail: &ScenarioDetail) -> Vec<Matrix> {
    let set = assessment.epoch.scenarios();
    let mut matrices = Vec::new();
    for block in &assessment.epoch.rules().blocks {
        let Moves::Together { points, volatility, .. } = &block.moves else { continue };
        let grid = Grid { points: *points as usize, volatility };
        let joint = set.blocks.iter().find(|span| span.name == block.name && span.joint);
        if let Some(span) = joint {
            let start = span.span.start;
            matrices.push(grid.matrix(assessment, None, &set.joint[start..], &|s| {
                detail.profits.joint.at(start + s)
            }));
        }
        let alone = set.alone_spans.iter().find(|(name, _)| *name == block.name);
        let Some((_, span)) = alone else { continue };
        for (underlying, ticks) in &detail.profits.alone {
            let scenarios = &set.alone[span.clone()];
            let profit = |s: usize| ticks.at(span.start + s);
            matrices.push(grid.matrix(assessment, Some(*underlying), scenarios, &profit));
        }
    }
    matrices
}

/// The shape of a grid's scenarios, which come row by row before any tails.
struct Grid<'a> {
    points: usize,
    volatility: &'a [VolatilityMove],
}

impl Grid<'_> {
    fn matrix(
        &self,
        assessment: &Assessment<'_>,
        underlying: Option<Underlying>,
        scenarios: &[Scenario],
        profit: &dyn Fn(usize) -> i128,
    ) -> Matrix {
        let (rules, ranges) = (assessment.epoch.rules(), assessment.epoch.ranges());
        let columns = self.volatility.len();
        let relative = |row: usize| {
            let scenario = &scenarios[row * columns];
            match (&scenario.movement, underlying) {
                (Move::Market(relative), None) => *relative,
                (_, None) => 0.0,
                (_, Some(one)) => numerics::exp(scenario.shock(one, rules, ranges).log_move) - 1.0,
            }
        };
        let row = |row: usize| {
            let cells = row * columns..(row + 1) * columns;
            cells.map(|cell| assessment.usd(profit(cell))).collect()
        };
        let worst = (0..self.points * columns).min_by_key(|cell| profit(*cell)).unwrap_or(0);
        Matrix {
            underlying,
            moves: (0..self.points).map(relative).collect(),
            volatilities: self.volatility.to_vec(),
            profits: (0..self.points).map(row).collect(),
            worst: (worst / columns, worst % columns),
        }
    }
}
