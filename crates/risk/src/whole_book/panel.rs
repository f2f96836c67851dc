//! The scenarios of one block of a methodology, laid out for passes over many portfolios.

use numerics::fused::{BLOCK, Block, BlockRows};

use super::WholeBookError;
use numerics::EXACT_MAX;

/// What one lot of each instrument gains in each scenario, in blocks of [`BLOCK`] scenarios: within
/// a block the instruments' rows lie one after the other.
///
/// Which scenario lies where is of no consequence to a minimum or a tail. The ones that move most
/// come first, so that tails of a book seen for the first time are known early.
#[derive(Clone, Debug)]
pub struct Panel {
    scenarios: usize,
    rows: Rows,
    unrounded: Rows,
    /// The largest magnitude of each row.
    magnitudes: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Rows {
    count: usize,
    blocks: Vec<Block>,
}

impl Panel {
    /// A panel of rows of integers, each as long as there are scenarios.
    ///
    /// # Errors
    /// [`WholeBookError::Row`] for a row of another length, or with a number that is no integer of
    /// magnitude at most 2^52.
    pub fn of(scenarios: usize, rows: &[&[f64]]) -> Result<Self, WholeBookError> {
        let is_tick = |ticks: &f64| ticks.abs() <= EXACT_MAX && ticks.fract() == 0.0;
        let is_sound = |row: &[f64]| row.len() == scenarios && row.iter().all(is_tick);
        match rows.iter().position(|row| !is_sound(row)) {
            Some(row) => Err(WholeBookError::Row { row, scenarios }),
            None => Ok(Self::of_ticks(scenarios, rows, &[])),
        }
    }

    /// A panel of rows that are known to be integers, and of rows that amounts multiply.
    pub(super) fn of_ticks(scenarios: usize, rows: &[&[f64]], unrounded: &[&[f64]]) -> Self {
        let magnitude = |row: &&[f64]| row.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let magnitudes: Vec<f64> = rows.iter().map(magnitude).collect();
        let order = largest_first(scenarios, rows, &magnitudes);
        Self {
            scenarios,
            rows: Rows::of(rows, &order),
            unrounded: Rows::of(unrounded, &order),
            magnitudes,
        }
    }

    /// How many scenarios.
    #[must_use]
    pub const fn scenarios(&self) -> usize {
        self.scenarios
    }

    /// The largest magnitude of each row.
    pub(super) fn magnitudes(&self) -> &[f64] {
        &self.magnitudes
    }

    /// Block after block of scenarios.
    pub(super) fn blocks(&self) -> impl Iterator<Item = BlockRows<'_>> {
        (0..self.scenarios.div_ceil(BLOCK)).map(|block| BlockRows {
            start: if (block + 1) * BLOCK <= self.scenarios {
                &WHOLE
            } else {
                &PARTS[self.scenarios % BLOCK]
            },
            rows: self.rows.block(block),
            unrounded: self.unrounded.block(block),
        })
    }
}

impl Rows {
    fn of(rows: &[&[f64]], order: &[usize]) -> Self {
        let blocks = order.chunks(BLOCK).flat_map(|scenarios| {
            rows.iter().map(move |row| {
                let mut block = Block::splat(0.0);
                for (place, scenario) in block.0.iter_mut().zip(scenarios) {
                    *place = row[*scenario];
                }
                block
            })
        });
        Self { count: rows.len(), blocks: blocks.collect() }
    }

    fn block(&self, block: usize) -> &[Block] {
        &self.blocks[block * self.count..][..self.count]
    }
}

/// Sums of a block of which every place is a scenario.
const WHOLE: Block = Block::splat(0.0);
/// Sums of a block of so many scenarios: an infinite sum is no minimum and in no tail.
const PARTS: [Block; BLOCK] = parts();

const fn parts() -> [Block; BLOCK] {
    let mut parts = [WHOLE; BLOCK];
    let mut scenarios = 0;
    while scenarios < BLOCK {
        let mut place = scenarios;
        while place < BLOCK {
            parts[scenarios].0[place] = f64::INFINITY;
            place += 1;
        }
        scenarios += 1;
    }
    parts
}

/// Scenarios by Σ |row|/max|row|, descending.
fn largest_first(scenarios: usize, rows: &[&[f64]], magnitudes: &[f64]) -> Vec<usize> {
    let mut sizes = vec![0.0; scenarios];
    for (row, magnitude) in rows.iter().zip(magnitudes).filter(|(_, magnitude)| **magnitude > 0.0) {
        for (size, ticks) in sizes.iter_mut().zip(*row) {
            *size += ticks.abs() / magnitude;
        }
    }
    let mut order: Vec<usize> = (0..scenarios).collect();
    order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]).then(a.cmp(b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_one_place() {
        for scenarios in [1, 15, 16, 17, 100] {
            let row: Vec<f64> = (1..=scenarios).map(|s| f64::from(s as u32)).collect();
            let panel = Panel::of(scenarios, &[&row, &vec![-1.0; scenarios]]).unwrap();
            let mut found = Vec::new();
            for block in panel.blocks() {
                assert_eq!(block.rows.len(), 2);
                let places = block.start.0.iter().zip(&block.rows[0].0);
                found.extend(places.filter(|(start, _)| **start == 0.0).map(|(_, value)| *value));
            }
            assert!(found.is_sorted_by(|a, b| a > b), "the largest first");
            found.reverse();
            assert_eq!(found, row);
            assert_eq!(panel.magnitudes(), [row[scenarios - 1], 1.0]);
        }
        assert_eq!(Panel::of(0, &[]).unwrap().blocks().count(), 0);
    }

    #[test]
    fn rows_that_are_no_ticks_are_refused() {
        for row in [&[0.5, 0.0][..], &[f64::NAN, 0.0], &[1e16, 0.0], &[1.0], &[1.0; 3]] {
            let error = Panel::of(2, &[&[1.0, 2.0], row]).unwrap_err();
            assert_eq!(error, WholeBookError::Row { row: 1, scenarios: 2 });
        }
    }
}
