//! Profit over price and volatility moves, as a table.

use instruments::{Amount, Underlying};

use crate::margin::{Assessment, ScenarioDetail};
use crate::methodology::{Moves, VolatilityMove};
use crate::vector::Ticks;

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
    let epoch = assessment.epoch;
    let mut matrices = Vec::new();
    let mut alone_start = 0;
    for block in &epoch.rules().blocks {
        let tails = match &block.moves {
            Moves::Together { points, volatility, tails } => {
                let grid = Grid { points: *points, volatility };
                let span = epoch
                    .scenarios()
                    .blocks
                    .iter()
                    .find(|span| span.name == block.name && span.joint);
                if let Some(span) = span.filter(|_| !detail.profits.joint.is_empty()) {
                    matrices.push(grid.matrix(
                        assessment,
                        None,
                        &detail.profits.joint,
                        span.span.start,
                    ));
                }
                for (underlying, ticks) in &detail.profits.alone {
                    matrices.push(grid.matrix(assessment, Some(*underlying), ticks, alone_start));
                }
                tails.len() + *points as usize * volatility.len()
            }
            Moves::Alone { points, volatility } => {
                let unmoved = usize::from(volatility.contains(&VolatilityMove::Same));
                *points as usize * volatility.len() - unmoved
            }
            Moves::List { scenarios } => scenarios.len(),
            Moves::Recent { .. } | Moves::Stressed { .. } => 0,
        };
        alone_start += tails;
    }
    matrices
}

struct Grid<'a> {
    points: u32,
    volatility: &'a [VolatilityMove],
}

impl Grid<'_> {
    fn matrix(
        &self,
        assessment: &Assessment<'_>,
        underlying: Option<Underlying>,
        ticks: &Ticks,
        start: usize,
    ) -> Matrix {
        let ranges = assessment.epoch.ranges();
        let half = f64::from(self.points / 2).max(1.0);
        let share = |row: u32| (f64::from(row) - f64::from(self.points / 2)) / half;
        let relative = |row: u32| {
            let market = share(row) * ranges.market;
            underlying.map_or(market, |underlying| {
                let beta = ranges.by_underlying[&underlying].range / ranges.market;
                numerics::exp(beta * numerics::ln(1.0 + market)) - 1.0
            })
        };
        let columns = self.volatility.len();
        let cell = |row: usize, column: usize| ticks.at(start + row * columns + column);
        let rows = 0..self.points as usize;
        let profits =
            rows.clone().map(|row| (0..columns).map(|c| assessment.usd(cell(row, c))).collect());
        let cells = rows.flat_map(|row| (0..columns).map(move |column| (row, column)));
        Matrix {
            underlying,
            moves: (0..self.points).map(relative).collect(),
            volatilities: self.volatility.to_vec(),
            profits: profits.collect(),
            worst: cells.min_by_key(|(row, column)| cell(*row, *column)).unwrap_or((0, 0)),
        }
    }
}
