//! Water-filling and largest remainders.

use plimsoll_risk::waterfall::{
    AMOUNT_MAX, Claim, Filled, WaterfallError, largest_remainder, water_fill,
};
use proptest::prelude::*;

use crate::cases;

fn claims(of: &[(u128, u128)]) -> Vec<Claim<usize>> {
    let claim = |(key, &(capacity, weight))| Claim { key, capacity, weight };
    of.iter().enumerate().map(claim).collect()
}

/// Shares out round by round: everybody in proportion, whoever would overflow is filled to the brim
/// and leaves, until nobody overflows. For small numbers.
fn naive(need: u128, claims: &[Claim<usize>]) -> Filled {
    let mut parts = vec![0; claims.len()];
    let mut open: Vec<usize> = (0..claims.len()).filter(|&i| claims[i].weight > 0).collect();
    let capacity: u128 = open.iter().map(|&i| claims[i].capacity).sum();
    let mut rest = need.min(capacity);
    loop {
        let weight: u128 = open.iter().map(|&i| claims[i].weight).sum();
        let (full, left): (Vec<usize>, Vec<usize>) =
            open.iter().partition(|&&i| rest * claims[i].weight >= claims[i].capacity * weight);
        if full.is_empty() {
            break;
        }
        for i in full {
            parts[i] = claims[i].capacity;
            rest -= parts[i];
        }
        open = left;
    }
    let weight: u128 = open.iter().map(|&i| claims[i].weight).sum();
    for &i in &open {
        parts[i] = rest * claims[i].weight / weight;
    }
    let given: u128 = open.iter().map(|&i| parts[i]).sum();
    // The largest remainder one by one, the lesser key of equals.
    let mut takers = open;
    for _ in 0..rest - given {
        let remainder = |i: usize| rest * claims[i].weight % weight;
        let next = *takers.iter().max_by_key(|&&i| (remainder(i), usize::MAX - i)).unwrap();
        parts[next] += 1;
        takers.retain(|&i| i != next);
    }
    Filled { parts, unmet: need - need.min(capacity) }
}

fn check(need: u128, claims: &[Claim<usize>]) {
    let filled = water_fill(need, claims).unwrap();
    assert_eq!(filled.parts.iter().sum::<u128>() + filled.unmet, need);
    let within = |(part, claim): (&u128, &Claim<usize>)| {
        *part <= claim.capacity && (claim.weight > 0 || *part == 0)
    };
    assert!(filled.parts.iter().zip(claims).all(within), "{filled:?} {claims:?}");
    assert_eq!(filled, naive(need, claims), "{need} {claims:?}");
}

#[test]
fn small_vessels_are_filled_as_the_definition_says() {
    let kinds: Vec<(u128, u128)> = (0..4).flat_map(|c| (0..4).map(move |w| (c, w))).collect();
    for &a in &kinds {
        for &b in &kinds {
            for &c in &kinds {
                let claims = claims(&[a, b, c]);
                (0..11).for_each(|need| check(need, &claims));
            }
        }
    }
}

#[test]
fn by_hand() {
    let fill = |need, of: &[(u128, u128)]| water_fill(need, &claims(of)).unwrap();
    // A small vessel is full; the others share the rest by weight.
    assert_eq!(fill(12, &[(2, 10), (100, 1), (100, 1)]).parts, [2, 5, 5]);
    // Thirds of ten: the odd one to the least key.
    assert_eq!(fill(10, &[(9, 1), (9, 1), (9, 1)]).parts, [4, 3, 3]);
    assert_eq!(fill(9, &[(3, 1), (4, 1)]), Filled { parts: vec![3, 4], unmet: 2 });
    assert_eq!(fill(5, &[]), Filled { parts: vec![], unmet: 5 });
    assert_eq!(largest_remainder(7, &[(2, 1_u128), (1, 1)]), Ok(vec![3, 4]));
    assert_eq!(largest_remainder(0, &[(1, 0)]), Ok(vec![0]));
    assert_eq!(largest_remainder(1, &[(1, 0)]), Err(WaterfallError::NoWeight));
}

#[test]
fn what_cannot_be_split_is_refused() {
    let twice = [(7, 1), (3, 1), (7, 1)];
    let duplicate = WaterfallError::Duplicate { first: 0, second: 2 };
    assert_eq!(largest_remainder(5, &twice), Err(duplicate));
    let large = |need, of: &[(u128, u128)]| {
        matches!(water_fill(need, &claims(of)), Err(WaterfallError::TooLarge(_)))
    };
    assert!(large(AMOUNT_MAX + 1, &[]));
    assert!(large(1, &[(AMOUNT_MAX + 1, 1)]));
    assert!(large(1, &[(1, u128::MAX)]));
    assert!(!large(AMOUNT_MAX, &[(AMOUNT_MAX, AMOUNT_MAX), (1, AMOUNT_MAX), (AMOUNT_MAX, 1)]));
}

fn any_claims() -> impl Strategy<Value = Vec<(u128, u128)>> {
    let small = (0..40_u128, 0..40_u128);
    let wide = (0..1_u128 << 50, 0..1_u128 << 40);
    prop_oneof![prop::collection::vec(small, 0..12), prop::collection::vec(wide, 0..12)]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn vessels_are_filled_as_the_definition_says(of in any_claims(), need in prop_oneof![0..200_u128, 0..1_u128 << 53]) {
        check(need, &claims(&of));
    }

    #[test]
    fn order_is_nothing(of in any_claims(), need in prop_oneof![0..200_u128, 0..1_u128 << 53], seed: u64) {
        let claims = claims(&of);
        let filled = water_fill(need, &claims).unwrap();
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_by_key(|i| (*i as u64 + 1).wrapping_mul(seed | 1));
        let shuffled: Vec<_> = order.iter().map(|&i| claims[i]).collect();
        let again = water_fill(need, &shuffled).unwrap();
        for (place, &i) in order.iter().enumerate() {
            prop_assert_eq!(again.parts[place], filled.parts[i]);
        }
    }

    /// A part falls by no more than the unit that remainders hand around when more is needed.
    #[test]
    fn more_need_takes_more(of in any_claims(), need in 0..1_u128 << 52, more in 0..1_u128 << 40) {
        let claims = claims(&of);
        let [less, more] = [need, need + more].map(|need| water_fill(need, &claims).unwrap());
        prop_assert!(less.parts.iter().zip(&more.parts).all(|(a, b)| *a <= b + 1));
    }

    #[test]
    fn any_numbers_are_answered(need: u128, of in prop::collection::vec((any::<u128>(), any::<u128>()), 0..6), shift in 0..128_u32) {
        let of: Vec<_> = of.iter().map(|(c, w)| (c >> shift, w >> shift)).collect();
        if let Ok(filled) = water_fill(need >> shift, &claims(&of)) {
            prop_assert_eq!(filled.parts.iter().sum::<u128>() + filled.unmet, need >> shift);
            prop_assert!(filled.parts.iter().zip(&of).all(|(part, (capacity, _))| part <= capacity));
        }
    }
}
