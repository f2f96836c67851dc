//! Slices in whole lots and the search for the least that restores.

use std::convert::Infallible;

use plimsoll_risk::waterfall::Share;
use plimsoll_risk::waterfall::auction::{AuctionState, Slice, least_slice, slice_cost, slice_lots};
use proptest::prelude::*;

use crate::cases;

/// Searches margins by the number of units sold, and counts the questions.
fn search(margins: &[i128], seed: u64) -> (Slice, usize) {
    let mut asked = 0;
    let whole = margins.len() as u64 - 1;
    let found = least_slice::<Infallible>(whole, seed, |units| {
        asked += 1;
        Ok(margins[units as usize])
    });
    (found.unwrap(), asked)
}

fn check_search(margins: &[i128], seed: u64) {
    let whole = margins.len() - 1;
    let (slice, asked) = search(margins, seed);
    let units = slice.units as usize;
    assert_eq!(slice.margin_after, margins[units]);
    assert_eq!(slice.restores, margins[units] >= 0);
    assert!(asked <= 2 * (whole.max(1).ilog2() as usize) + 4, "{asked} of {whole}");
    if slice.restores {
        assert!(units == 0 || margins[units - 1] < 0, "{margins:?}: one unit less restores too");
    } else {
        assert_eq!(units, whole);
    }
    if margins.is_sorted() {
        let least = margins.iter().position(|margin| *margin >= 0).unwrap_or(whole);
        assert_eq!(units, least, "{margins:?}");
    }
}

#[test]
fn every_short_search_finds_a_slice_of_which_one_lot_less_fails() {
    for length in 1..=11_usize {
        for signs in 0..1_u32 << length {
            let margins: Vec<i128> = (0..length).map(|i| i128::from(signs >> i & 1) - 1).collect();
            (0..=length as u64).for_each(|seed| check_search(&margins, seed));
        }
    }
}

#[test]
fn lots_by_hand() {
    assert_eq!([0, 1, 2, 3, 9].map(|units| slice_lots(-10, units, 3)), [0, -3, -6, -10, -10]);
    assert_eq!(slice_lots(i64::MIN, u64::MAX, u64::MAX), i64::MIN);
    assert_eq!(slice_lots(5, 0, 0), 5);
    assert_eq!(slice_cost(100, Share::from_ppb(100_000_000), 1, 3), Ok(30));
    assert_eq!(slice_cost(101, Share::from_ppb(100_000_000), 1, 3), Ok(31));
    assert!(slice_cost(-1, Share::ZERO, 1, 1).is_err());
    assert!(slice_cost(1, Share::ZERO, 2, 1).is_err());
    assert!(slice_cost(1, Share::ZERO, 0, 0).is_err());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_search_finds_a_slice_of_which_one_lot_less_fails(
        mut margins in prop::collection::vec(-50_i128..10, 1..300),
        sorted: bool,
        seed: u64,
    ) {
        if sorted {
            margins.sort_unstable();
        }
        check_search(&margins, seed);
    }

    #[test]
    fn slices_nest(lots: i64, whole in 1..=u64::MAX, less: u64, more: u64) {
        let (less, more) = (less.min(more), less.max(more));
        let [less, more] = [less, more].map(|units| slice_lots(lots, units, whole));
        prop_assert!(less.unsigned_abs() <= more.unsigned_abs() && more.unsigned_abs() <= lots.unsigned_abs());
        prop_assert!(i128::from(less) * i128::from(lots) >= 0);
    }

    /// A unit of a portfolio takes at most one lot of each leg more than the last.
    #[test]
    fn a_unit_is_at_most_a_lot(legs in prop::collection::vec(-100_000_i64..100_000, 1..5), at: u64) {
        let whole = legs.iter().map(|lots| lots.unsigned_abs()).max().unwrap().max(1);
        let units = at % whole;
        for &lots in &legs {
            let step = slice_lots(lots, units + 1, whole) - slice_lots(lots, units, whole);
            prop_assert!(step.unsigned_abs() <= 1);
        }
        let total: i64 = legs.iter().map(|lots| slice_lots(*lots, whole, whole)).sum();
        prop_assert_eq!(total, legs.iter().sum::<i64>());
    }

    /// With add-ons that don't shrink with the slice, the search from f_max ends where B is restored,
    /// and one lot less does not do it.
    #[test]
    fn a_portfolio_is_restored_by_its_least_slice(
        legs in prop::collection::vec((1_u64..5_000, 0_i128..1_000), 1..5),
        health in 0..100_i128,
        discount in 0..20_u32,
        fixed in 0..1_000_i128,
    ) {
        let buffer = Share::from_ppb(150_000_000);
        let whole = legs.iter().map(|(lots, _)| *lots).max().unwrap();
        let requirement = |sold: u64| -> i128 {
            let left = |lots: u64| lots - slice_lots(lots as i64, sold, whole).unsigned_abs();
            let scaled: i128 = legs.iter().map(|(lots, each)| i128::from(left(*lots)) * each).sum();
            let add_on = legs.iter().any(|(lots, _)| left(*lots) > 0);
            scaled + if add_on { fixed } else { 0 }
        };
        let equity = requirement(0) * health / 100;
        let state = AuctionState { equity, value: equity, maintenance: requirement(0), paid_in: 0 };
        let discount = Share::from_ppb(discount * 10_000_000).min(state.discount_max().unwrap());
        let seed = state.restoring_share(buffer, discount).unwrap();
        let seed = (u128::from(seed.units()) * u128::from(whole)).div_ceil(u128::from(Share::ONE.units()));
        let margin_after = |units: u64| -> Result<i128, Infallible> {
            let cost = slice_cost(equity, discount, units, whole).unwrap();
            // The part for sale that is sold, rounded down for the owner's rest.
            let sold = slice_cost(equity, Share::ZERO, units, whole).unwrap();
            let value = equity - sold + cost;
            let after = AuctionState { equity: value, value, maintenance: requirement(units), paid_in: cost };
            Ok(after.margin_with_buffer(buffer).unwrap())
        };
        let slice = least_slice(whole, seed as u64, margin_after).unwrap();
        let restored = |units| margin_after(units).unwrap() >= 0;
        prop_assert!(slice.restores && restored(slice.units));
        prop_assert!(slice.units == 0 || !restored(slice.units - 1));
    }
}
