//! Divisions lose nothing and favour nobody.

use instruments::Amount;
use plimsoll_ledger::{exchange, split_exactly, split_rounding_down};
use proptest::prelude::*;

use crate::cases;

fn weights() -> impl Strategy<Value = Vec<u128>> {
    let weight = prop_oneof![0_u128..5, 0_u128..1_000_000, 0_u128..(1 << 60)];
    prop::collection::vec(weight, 1..20)
        .prop_filter("a weight", |weights| weights.iter().sum::<u128>() > 0)
}

fn amount() -> impl Strategy<Value = i128> {
    prop_oneof![-100_i128..100, -(1_i128 << 60)..(1 << 60)]
}

/// Largest remainders as one does them on paper. Products of these sizes fit.
fn on_paper(amount: i128, weights: &[u128]) -> Vec<i128> {
    let total: u128 = weights.iter().sum();
    let magnitude = amount.unsigned_abs();
    let mut shares: Vec<u128> = weights.iter().map(|weight| magnitude * weight / total).collect();
    let mut left = magnitude - shares.iter().sum::<u128>();
    let mut remainders: Vec<_> =
        weights.iter().map(|weight| magnitude * weight % total).enumerate().collect();
    while left > 0 {
        let mut best = 0;
        for candidate in 1..remainders.len() {
            if remainders[candidate].1 > remainders[best].1 {
                best = candidate;
            }
        }
        shares[remainders.remove(best).0] += 1;
        left -= 1;
    }
    shares.into_iter().map(|share| i128::try_from(share).unwrap() * amount.signum()).collect()
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn an_exchange_keeps_its_residue(a: i64, b: i64, c: i64) {
        prop_assume!(c != 0);
        let [a, b, c] = [a, b, c].map(i128::from);
        let one = exchange(a, b, c).unwrap();
        let [paid, received, residue] = [one.paid, one.received, one.residue].map(Amount::units);
        prop_assert_eq!(paid, received + residue);
        prop_assert!((0..=1).contains(&residue));
        prop_assert_eq!(residue == 0, (a * b) % c == 0);
        // paid ≥ a·b/c ≥ received
        prop_assert!(paid * c * c.signum() >= a * b * c.signum());
        prop_assert!(received * c * c.signum() <= a * b * c.signum());
        let back = exchange(-a, b, c).unwrap();
        prop_assert_eq!((back.paid, back.received), (-one.received, -one.paid));
    }

    #[test]
    fn an_exact_split_is_by_largest_remainder(amount in amount(), weights in weights()) {
        let mut shares = Vec::new();
        split_exactly(Amount::from_units(amount), &weights, &mut shares).unwrap();
        let shares: Vec<i128> = shares.iter().map(|share| share.amount.units()).collect();
        prop_assert_eq!(shares.iter().sum::<i128>(), amount);
        prop_assert_eq!(shares, on_paper(amount, &weights));
    }

    #[test]
    fn a_split_rounded_down_gives_each_its_floor(amount in amount(), weights in weights()) {
        let mut shares = Vec::new();
        let left = split_rounding_down(Amount::from_units(amount), &weights, &mut shares).unwrap();
        let total = i128::try_from(weights.iter().sum::<u128>()).unwrap();
        for (share, &weight) in shares.iter().zip(&weights) {
            let exact = amount * i128::try_from(weight).unwrap();
            prop_assert_eq!(share.amount.units(), exact.div_euclid(total));
        }
        let sum: i128 = shares.iter().map(|share| share.amount.units()).sum();
        prop_assert_eq!(sum + left.units(), amount);
        let parties = i128::try_from(weights.len()).unwrap();
        prop_assert!((0..parties).contains(&left.units()));
    }

    #[test]
    fn any_split_is_answered(amount: i128, weights in prop::collection::vec(any::<u128>(), 0..5)) {
        let mut shares = Vec::new();
        for shift in [0, 4, 40, 120] {
            let weights: Vec<u128> = weights.iter().map(|weight| weight >> shift).collect();
            for amount in [amount, amount >> 27].map(Amount::from_units) {
                match split_exactly(amount, &weights, &mut shares) {
                    Ok(()) => {
                        let sum: Amount = shares.iter().map(|share| share.amount).sum();
                        prop_assert_eq!(sum, amount);
                    }
                    Err(_) => prop_assert!(shares.is_empty()),
                }
                let _ = split_rounding_down(amount, &weights, &mut shares);
            }
        }
    }
}
