//! Each kernel against its definition in integers, at every level.

use super::*;
use crate::{Level, dispatch_at};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    base: Vec<f64>,
    row: Vec<f64>,
    scale: Vec<f64>,
    lots: f64,
    constant: f64,
    amount: f64,
}

fn integers(length: usize, magnitude: i64) -> impl Strategy<Value = Vec<f64>> {
    let integer = (-magnitude..=magnitude).prop_map(|value| value as f64);
    prop::collection::vec(integer, length)
}

fn case() -> impl Strategy<Value = Case> {
    (0usize..150).prop_flat_map(|length| {
        let rows =
            (integers(length, 1 << 50), integers(length, 1 << 30), integers(length, 1 << 30));
        (rows, -1_000_000_i64..=1_000_000, -1_000_000_i64..=1_000_000, -1000_i64..=1000).prop_map(
            |((base, row, scale), lots, constant, amount)| Case {
                base,
                row,
                scale,
                lots: lots as f64,
                constant: constant as f64,
                amount: amount as f64,
            },
        )
    })
}

/// The definition, in integers.
fn expected(case: &Case, scaled: bool, filled: Filled) -> Vec<f64> {
    let term = |s: usize| {
        let position = case.lots as i128 * case.row[s] as i128 + case.constant as i128;
        let entry = if scaled { case.amount as i128 * case.scale[s] as i128 } else { 0 };
        let term = position + entry;
        if filled == Filled::IfWorse { term.min(0) } else { term }
    };
    (0..case.base.len()).map(|s| (case.base[s] as i128 + term(s)) as f64).collect()
}

proptest! {
    #![proptest_config(crate::test_cases(500))]

    #[test]
    fn trades_are_added_exactly(case in case()) {
        for (scaled, filled) in [
            (false, Filled::Yes), (false, Filled::IfWorse), (true, Filled::Yes), (true, Filled::IfWorse),
        ] {
            let trade = Trade {
                lots: case.lots,
                row: &case.row,
                constant: case.constant,
                scaled: scaled.then_some((case.amount, case.scale.as_slice())),
            };
            let trade = &trade;
            let expected = expected(&case, scaled, filled);
            let worst = expected.iter().copied().fold(f64::INFINITY, f64::min);
            for level in Level::available() {
                let mut accumulator = case.base.clone();
                let kernel = AddTrade { accumulator: &mut accumulator, trade, filled };
                dispatch_at(level, kernel).unwrap();
                prop_assert_eq!(&accumulator, &expected);
                let mut out = vec![f64::NAN; case.base.len()];
                let kernel = ApplyTrade { base: &case.base, trade, filled, out: &mut out };
                dispatch_at(level, kernel).unwrap();
                prop_assert_eq!(&out, &expected);
                let kernel = MinAfterTrade { base: &case.base, trade, filled };
                prop_assert_eq!(dispatch_at(level, kernel).unwrap(), worst);
            }
        }
    }
}

#[test]
fn a_position_added_then_removed_leaves_nothing() {
    let row: Vec<f64> = (0..1311).map(|s| f64::from(s * s - 500_000)).collect();
    let mut accumulator = vec![0.0; row.len()];
    axpy(&mut accumulator, 37.0, &row);
    add_min_zero(&mut accumulator, 3.0, &row, -5.0);
    add_min_zero(&mut accumulator, -3.0, &row, 5.0);
    axpy(&mut accumulator, -34.0, &row);
    assert!(accumulator.iter().zip(&row).all(|(sum, row)| {
        let order = (3.0 * row - 5.0).min(0.0) + (5.0 - 3.0 * row).min(0.0);
        *sum == 3.0 * row + order
    }));
}

#[test]
#[should_panic(expected = "differ in length")]
fn rows_of_another_length_are_refused() {
    axpy(&mut [0.0; 3], 1.0, &[1.0; 4]);
}
