//! One chunk of accounts against a panel.

use numerics::fused::{Block, Portfolios, Sparse, TailFigures, Tails, least_of_block};
use numerics::{EXACT_MAX, Level};

use super::{Panel, Tally, WholeBookError};
use crate::vector::ROUNDING_MAX;

/// Portfolios of a chunk, gathered for the kernels.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    lots: Entries,
    amounts: Entries,
}

#[derive(Clone, Debug, Default)]
struct Entries {
    offsets: Vec<u32>,
    rows: Vec<u32>,
    weights: Vec<f64>,
}

impl Gathered {
    /// Forgets all portfolios.
    pub fn clear(&mut self) {
        self.lots.clear();
        self.amounts.clear();
    }

    /// Adds lots to the portfolio that [`Gathered::end`] will end.
    pub fn lots(&mut self, row: u32, lots: i64) {
        self.lots.push(row, lots as f64);
    }

    /// Adds an amount of an unrounded row likewise.
    pub fn amount(&mut self, row: u32, amount: f64) {
        self.amounts.push(row, amount);
    }

    /// Ends a portfolio.
    pub fn end(&mut self) {
        self.lots.end();
        self.amounts.end();
    }

    /// Ends a portfolio that the kernels can't carry, as one of nothing.
    pub fn end_empty(&mut self) {
        self.lots.forget_open();
        self.amounts.forget_open();
        self.end();
    }

    /// How many portfolios have ended.
    pub fn len(&self) -> usize {
        self.lots.offsets.len() - 1
    }

    fn portfolios(&self) -> Portfolios<'_> {
        Portfolios { lots: self.lots.sparse(), amounts: self.amounts.sparse() }
    }

    /// The least sum of each portfolio over the panel's scenarios; ∞ if it has none.
    pub fn least(&self, panel: &Panel, level: Level) -> Result<Vec<f64>, WholeBookError> {
        let portfolios = self.portfolios();
        let mut least = vec![Block::splat(f64::INFINITY); portfolios.len()];
        for rows in panel.blocks() {
            least_of_block(level, &portfolios, &rows, &mut least)?;
        }
        let lowest = |block: &Block| block.0.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(least.iter().map(lowest).collect())
    }

    /// The tail of each portfolio over the panel's scenarios. Reads a threshold for each, and leaves
    /// one for the next run.
    pub fn tails(
        &self,
        panel: &Panel,
        level: Level,
        tails: &mut Tails,
        thresholds: &mut [f64],
        tally: &mut Tally,
    ) -> Result<Vec<TailFigures>, WholeBookError> {
        let portfolios = self.portfolios();
        let before = tails.narrowed();
        tails.start(thresholds.iter().copied());
        for rows in panel.blocks() {
            tails.collect(level, &portfolios, &rows)?;
        }
        tally.narrowed += tails.narrowed() - before;
        let mut found = Vec::with_capacity(portfolios.len());
        let mut missed = Vec::new();
        for portfolio in 0..portfolios.len() {
            match tails.finish(level, portfolio)? {
                Some(figures) => found.push(figures),
                None => {
                    found.push(TailFigures { least: 0.0, value: 0.0, last: 0.0, sum: 0 });
                    missed.push(portfolio);
                }
            }
        }
        for portfolio in missed {
            found[portfolio] = fresh_tail(panel, level, tails, &portfolios.one(portfolio))?;
            tally.recomputed += 1;
        }
        for (threshold, figures) in thresholds.iter_mut().zip(&found) {
            *threshold = next_threshold(figures);
        }
        Ok(found)
    }
}

impl Entries {
    fn clear(&mut self) {
        self.offsets.clear();
        self.offsets.push(0);
        self.rows.clear();
        self.weights.clear();
    }

    fn push(&mut self, row: u32, weight: f64) {
        self.rows.push(row);
        self.weights.push(weight);
    }

    fn end(&mut self) {
        let end = u32::try_from(self.rows.len()).expect("a chunk is cut before 2^32 entries");
        self.offsets.push(end);
    }

    fn forget_open(&mut self) {
        let ended = self.offsets.last().map_or(0, |end| *end as usize);
        self.rows.truncate(ended);
        self.weights.truncate(ended);
    }

    fn sparse(&self) -> Sparse<'_> {
        Sparse { offsets: &self.offsets, rows: &self.rows, weights: &self.weights }
    }
}

/// The tail of one portfolio of which nothing is known.
fn fresh_tail(
    panel: &Panel,
    level: Level,
    tails: &mut Tails,
    portfolio: &Portfolios<'_>,
) -> Result<TailFigures, WholeBookError> {
    tails.start(std::iter::once(f64::INFINITY));
    for rows in panel.blocks() {
        tails.collect(level, portfolio, &rows)?;
    }
    let figures = tails.finish(level, 0)?;
    Ok(figures.expect("below infinity lie all scenarios, at least k"))
}

/// The threshold a sixteenth above the tail, so that it holds after prices have moved a little.
fn next_threshold(figures: &TailFigures) -> f64 {
    figures.last + (figures.last.abs() / 16.0).floor() + 1.0
}

/// Adds up how large an account's sums may get, and says whether the kernels can carry them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    lots: f64,
    amounts: f64,
    has_amounts: bool,
}

impl Room {
    /// Lots of a row of this magnitude.
    pub fn lots(&mut self, lots: i64, magnitude: f64) {
        self.lots += lots.unsigned_abs() as f64 * magnitude;
    }

    /// An amount of an unrounded row of this magnitude.
    pub fn amount(&mut self, amount: f64, magnitude: f64) {
        self.amounts += amount.abs() * magnitude + 1.0;
        self.has_amounts = true;
    }

    /// Whether every sum stays exact: up to 2^52, and where amounts are rounded up to 2^51. Doubles
    /// hold integers twice as large, more than these sums can be wrong by.
    pub fn fits(self) -> bool {
        self.lots + self.amounts <= if self.has_amounts { ROUNDING_MAX } else { EXACT_MAX }
    }
}
