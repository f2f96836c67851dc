//! Each kernel against its definition in integers, at every level.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    /// Values by row, a scenario each.
    rows: Vec<Vec<f64>>,
    unrounded: Vec<Vec<f64>>,
    lots: Vec<Vec<(u32, f64)>>,
    amounts: Vec<Vec<(u32, f64)>>,
    scenarios: usize,
    ranks: TailRanks,
    thresholds: Vec<f64>,
}

fn entries(rows: u32, most: i64) -> impl Strategy<Value = Vec<(u32, f64)>> {
    let entry = (0..rows, prop_oneof![3 => -3..=3_i64, 1 => -most..=most]);
    prop::collection::vec(entry.prop_map(|(row, lots)| (row, lots as f64)), 0..9)
}

fn case() -> impl Strategy<Value = Case> {
    let spread = prop::sample::select(vec![0_i64, 1, 4, 1000, 1 << 28]);
    (1_usize..90, 1_u32..5, spread, 1_usize..12).prop_flat_map(|(scenarios, rows, spread, many)| {
        let value = (-spread..=spread).prop_map(|value| value as f64);
        let count = rows as usize;
        let row = prop::collection::vec(value.clone(), scenarios);
        let part = prop::collection::vec(value.prop_map(|value| value / 7.0), scenarios);
        (
            prop::collection::vec(row, count),
            prop::collection::vec(part, count),
            prop::collection::vec(entries(rows, 1 << 16), many),
            prop::collection::vec(entries(rows, 1 << 10), many),
            1..=scenarios,
            0.0..1.0_f64,
            prop::collection::vec(
                prop_oneof![3 => Just(f64::INFINITY), 2 => (-spread..=spread).prop_map(|x| x as f64), 1 => Just(f64::NAN)],
                many,
            ),
        )
            .prop_map(move |(rows, unrounded, lots, amounts, sum, share, thresholds)| Case {
                rows,
                unrounded,
                lots,
                amounts,
                scenarios,
                ranks: TailRanks { sum, value: 1 + (share * sum as f64) as usize },
                thresholds,
            })
    })
}

/// Entries in compressed sparse rows.
#[derive(Default)]
struct Stored {
    offsets: Vec<u32>,
    rows: Vec<u32>,
    weights: Vec<f64>,
}

impl Stored {
    fn of(portfolios: &[Vec<(u32, f64)>]) -> Self {
        let mut stored = Self { offsets: vec![0], ..Self::default() };
        for entries in portfolios {
            stored.rows.extend(entries.iter().map(|(row, _)| row));
            stored.weights.extend(entries.iter().map(|(_, weight)| weight));
            stored.offsets.push(stored.rows.len() as u32);
        }
        stored
    }

    fn sparse(&self) -> Sparse<'_> {
        Sparse { offsets: &self.offsets, rows: &self.rows, weights: &self.weights }
    }
}

/// Rows in blocks, places without a scenario holding nought.
fn blocks(rows: &[Vec<f64>], scenarios: usize) -> Vec<Vec<Block>> {
    let block = |from: usize, row: &Vec<f64>| {
        Block(std::array::from_fn(|place| row.get(from + place).copied().unwrap_or(0.0)))
    };
    let starts = (0..scenarios).step_by(BLOCK);
    starts.map(|from| rows.iter().map(|row| block(from, row)).collect()).collect()
}

fn starts(scenarios: usize) -> Vec<Block> {
    let start = |place: usize| if place < scenarios { 0.0 } else { f64::INFINITY };
    let block = |from: usize| Block(std::array::from_fn(|place| start(from + place)));
    (0..scenarios).step_by(BLOCK).map(block).collect()
}

/// The definition.
fn profits(case: &Case, portfolio: usize) -> Vec<i128> {
    let profit = |s: usize| {
        let lots = case.lots[portfolio].iter();
        let whole: i128 =
            lots.map(|(row, lots)| *lots as i128 * case.rows[*row as usize][s] as i128).sum();
        let amounts = case.amounts[portfolio].iter();
        let rounded = amounts
            .map(|(row, amount)| {
                // A single rounding of the exact product, as a fused multiply-add has it.
                let value = case.unrounded[*row as usize][s];
                let nearest = (libm::fma(*amount, value, ROUNDING)) - ROUNDING;
                nearest as i128
            })
            .sum::<i128>();
        whole + rounded
    };
    (0..case.scenarios).map(profit).collect()
}

fn check(case: &Case, level: Level) {
    let (lots, amounts) = (Stored::of(&case.lots), Stored::of(&case.amounts));
    let portfolios = Portfolios { lots: lots.sparse(), amounts: amounts.sparse() };
    let rows = blocks(&case.rows, case.scenarios);
    let unrounded = blocks(&case.unrounded, case.scenarios);
    let starts = starts(case.scenarios);
    let mut least = vec![Block::splat(f64::INFINITY); portfolios.len()];
    let mut tails = Tails::new(case.ranks);
    tails.start(case.thresholds.iter().copied());
    for ((start, rows), unrounded) in starts.iter().zip(&rows).zip(&unrounded) {
        let rows = BlockRows { start, rows, unrounded };
        least_of_block(level, &portfolios, &rows, &mut least).unwrap();
        tails.collect(level, &portfolios, &rows).unwrap();
    }
    for (portfolio, least) in least.iter().enumerate() {
        let mut sorted = profits(case, portfolio);
        sorted.sort_unstable();
        let found = least.0.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(found as i128, sorted[0]);
        let k = case.ranks.sum;
        let threshold = case.thresholds[portfolio];
        let below = sorted.iter().filter(|profit| (**profit as f64) < threshold).count();
        let figures = tails.finish(level, portfolio).unwrap();
        assert_eq!(figures.is_some(), below >= k, "{threshold} {sorted:?}");
        let Some(figures) = figures else { continue };
        assert_eq!(figures.least as i128, sorted[0]);
        assert_eq!(figures.value as i128, sorted[case.ranks.value - 1]);
        assert_eq!(figures.last as i128, sorted[k - 1]);
        assert_eq!(figures.sum, sorted[..k].iter().sum::<i128>());
        for number in [figures.least, figures.value, figures.last] {
            assert!(number != 0.0 || number.is_sign_positive());
        }
    }
}

proptest! {
    #![proptest_config(crate::test_cases(400))]

    #[test]
    fn reductions_are_those_of_whole_vectors(case in case()) {
        for level in Level::available() {
            check(&case, level);
        }
    }
}

/// As many scenarios and so deep a tail that candidates are narrowed down again and again.
#[test]
fn long_tails_of_many_scenarios() {
    let draws = crate::SplitMix { seed: 5 };
    for (round, (scenarios, sum)) in (0..).zip([(1000, 25), (1000, 1000), (1311, 300), (700, 1)]) {
        let row = |r: u64| {
            let draw = |s: usize| draws.u01((round * 10 + r) * 2000 + s as u64);
            (0..scenarios).map(|s| ((draw(s) - 0.5) * 1e9).floor()).collect::<Vec<f64>>()
        };
        let case = Case {
            rows: (0..4).map(row).collect(),
            unrounded: vec![],
            lots: vec![
                vec![(0, 1.0), (1, -3.0), (2, 50_000.0)],
                vec![],
                vec![(3, -1.0)],
                // The sum of the tail passes 2^53 while no profit does.
                vec![(1, 2_000_000.0)],
            ],
            amounts: vec![vec![]; 4],
            scenarios,
            ranks: TailRanks { sum, value: sum.div_ceil(2) },
            thresholds: vec![f64::INFINITY; 4],
        };
        for level in Level::available() {
            check(&case, level);
        }
    }
}

#[test]
fn one_portfolio_by_itself() {
    let lots = Stored::of(&[vec![(0, 1.0)], vec![(0, 2.0), (1, 1.0)]]);
    let amounts = Stored::of(&[vec![], vec![(0, 0.5)]]);
    let portfolios = Portfolios { lots: lots.sparse(), amounts: amounts.sparse() };
    let rows = [Block::splat(3.0), Block::splat(-5.0)];
    let (start, unrounded) = (Block::splat(0.0), [Block::splat(3.0)]);
    let rows = BlockRows { start: &start, rows: &rows, unrounded: &unrounded };
    let mut least = [Block::splat(f64::INFINITY)];
    least_of_block(Level::Portable, &portfolios.one(1), &rows, &mut least).unwrap();
    assert_eq!(least, [Block::splat(3.0)]);
    assert!(!portfolios.is_empty() && portfolios.len() == 2);
}

#[test]
#[should_panic(expected = "ranks count from 1")]
fn a_rank_beyond_the_sum_is_refused() {
    let _ = Tails::new(TailRanks { sum: 3, value: 4 });
}
