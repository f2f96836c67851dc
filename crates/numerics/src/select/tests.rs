//! Each selection against a full sort, at every level.

use super::*;
use crate::{Level, dispatch_at};
use proptest::prelude::*;

/// Integers, from all equal to all different, some far out.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let spread = prop::sample::select(vec![0_i64, 1, 3, 50, 1 << 20, 1 << 51]);
    (1usize..1400, spread).prop_flat_map(|(length, spread)| {
        let value = prop_oneof![
            30 => -spread..=spread,
            1 => -(1_i64 << 52)..=(1_i64 << 52),
        ];
        prop::collection::vec(value.prop_map(|value| value as f64), length)
    })
}

fn order(values: &[f64]) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..values.len()).collect();
    indices.sort_by(|a, b| values[*a].total_cmp(&values[*b]).then(a.cmp(b)));
    indices
}

/// Sums are compared with integers where a double holds every partial sum.
fn check(values: &[f64], k: usize) -> Result<(), TestCaseError> {
    let order = order(values);
    let tail = &order[..k];
    let sum: i128 = tail.iter().map(|index| values[*index] as i128).sum();
    prop_assert_eq!(tail_indices(values, k), tail);
    let magnitude: i128 = tail.iter().map(|index| (values[*index] as i128).abs()).sum();
    if magnitude <= 1 << 53 {
        prop_assert_eq!(sum_of_k_smallest(values, k), sum as f64);
    }
    if k > 0 {
        let value = values[order[k - 1]];
        prop_assert_eq!(kth_smallest(values, k), value);
        let below = tail.iter().filter(|index| values[**index] < value).count();
        let by_sort = kth_by_partial_sort(values, k);
        prop_assert_eq!(by_sort.below_count, below);
        if values.len() >= GROUPS && k <= RANK_MAX {
            for level in Level::available() {
                if let Some(rank) = dispatch_at(level, Kth { values, k }).unwrap() {
                    prop_assert_eq!(rank, by_sort);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::test_cases(600))]

    #[test]
    fn the_tail_is_that_of_a_sort(values in values(), share in 0.0..1.0_f64) {
        let n = values.len();
        for k in [0, 1.min(n), 3.min(n), 10.min(n), 32.min(n), 33.min(n), (share * n as f64) as usize, n] {
            check(&values, k)?;
        }
    }

    #[test]
    fn the_least_value_comes_with_its_first_index(values in values()) {
        let index = order(&values)[0];
        for level in Level::available() {
            let found = dispatch_at(level, MinWithIndex(&values)).unwrap();
            prop_assert_eq!(found, (values[index], index));
        }
        prop_assert_eq!(min_with_index(&values), (values[index], index));
    }
}

/// The quick path must be the usual one for the sizes that margin uses.
#[test]
fn ordinary_tails_need_no_sort() {
    let draws = crate::SplitMix { seed: 11 };
    for (round, (n, k)) in (0..).zip([(1000, 10), (250, 3), (1000, 25), (64, 1), (1311, 32)]) {
        let values: Vec<f64> =
            (0..n).map(|index| (draws.u01(round * 5000 + index) * 1e9).floor()).collect();
        for level in Level::available() {
            assert!(dispatch_at(level, Kth { values: &values, k }).unwrap().is_some());
        }
    }
}

#[test]
#[should_panic(expected = "more scenarios than there are")]
fn a_tail_longer_than_the_values_is_refused() {
    sum_of_k_smallest(&[1.0, 2.0], 3);
}

#[test]
#[should_panic(expected = "ranks count from 1")]
fn rank_zero_is_refused() {
    kth_smallest(&[1.0, 2.0], 0);
}
