//! The figures of an auction: shares that restore, caps, fees, schedules, take-overs.

use ethnum::I256;
use plimsoll_risk::waterfall::auction::{
    AuctionState, FEE_MAX, Schedule, TakeOver, fund_fee, reserve_duration_ms,
};
use plimsoll_risk::waterfall::{Share, WaterfallError};
use proptest::prelude::*;

use crate::cases;

const ONE: u64 = Share::ONE.units();

fn percent(percent: u32) -> Share {
    Share::from_ppb(percent * 10_000_000)
}

/// B after a share is sold, times 10³⁶, where the requirement shrinks with it and E = V:
/// B + f·((V − B) − δ·(V − R)), with (1+b)·MM = V − B.
fn margin_after(state: &AuctionState, margin: i128, discount: Share, share: u64) -> I256 {
    let one = I256::from(ONE);
    let released = I256::from(state.value - margin) * one;
    let cost = I256::from(discount.units()) * I256::from(state.for_sale().unwrap());
    I256::from(margin) * one * one + I256::from(share) * (released - cost)
}

fn check_restoring(state: &AuctionState, buffer: Share, discount: Share) {
    let margin = state.margin_with_buffer(buffer).unwrap();
    let share = state.restoring_share(buffer, discount).unwrap().units();
    let after = |share| margin_after(state, margin, discount, share);
    if margin >= 0 {
        assert_eq!(share, 0);
    } else {
        assert!(share == ONE || after(share) >= I256::ZERO, "{state:?} {share}");
        assert!(share > 0 && after(share - 1) < I256::ZERO, "{state:?} {share}");
    }
}

#[test]
fn a_restoring_share_is_the_least() {
    for value in -3..15_i128 {
        for maintenance in 0..15 {
            for paid_in in 0..4 {
                let state = AuctionState { equity: value, value, maintenance, paid_in };
                for (buffer, discount) in [(0, 0), (15, 0), (20, 2), (15, 40), (100, 100)] {
                    check_restoring(&state, percent(buffer), percent(discount));
                }
            }
        }
    }
}

#[test]
fn no_discount_takes_what_is_not_there() {
    let max = |equity, value, paid_in| {
        AuctionState { equity, value, maintenance: 1, paid_in }.discount_max().unwrap().units()
    };
    assert_eq!(max(50, 100, 0), ONE / 2);
    assert_eq!(max(50, 100, 25), ONE * 2 / 3);
    assert_eq!(max(100, 100, 10), ONE);
    assert_eq!(max(-1, 100, 10), 0);
    assert_eq!(max(5, 10, 10), 0);
}

#[test]
fn a_fee_is_small_and_leaves_the_account_restored() {
    for released in -3..40 {
        for after in -5..8 {
            for parts in 0..=10_u32 {
                let fee = fund_fee(released, Share::from_ppb(parts * 10_000_000), after).unwrap();
                assert!(fee >= 0 && fee * 100 <= released.max(0) * i128::from(parts));
                assert!(fee == 0 || after - fee >= 0);
                assert!(after <= fee || (fee + 1) * 100 > released.max(0) * i128::from(parts));
            }
        }
    }
    let above = Share::from_units(FEE_MAX.units() + 1);
    assert!(matches!(fund_fee(1, above, 1), Err(WaterfallError::Parameter { .. })));
}

#[test]
fn schedules_by_hand() {
    // Two straight lines: 2 % to 20 % in 100 s, and on to all of it in four hours.
    let points = vec![(0, percent(2)), (100_000, percent(20)), (14_500_000, Share::ONE)];
    let schedule = Schedule::new(points).unwrap();
    let check = |seconds: u64, expected: &str| {
        assert_eq!(schedule.at(seconds * 1_000).to_string(), expected, "{seconds} s");
    };
    check(0, "0.02");
    check(30, "0.074");
    check(100, "0.2");
    check(600, "0.227777777777777777");
    check(14_500, "1");
    check(1 << 50, "1");
    assert!(Schedule::new(vec![]).is_err());
    assert!(Schedule::rising(percent(2), percent(1), 5).is_err());
    assert!(Schedule::rising(percent(2), percent(3), 0).is_err());
    let later = Schedule::new(vec![(5, percent(1))]).unwrap();
    assert_eq!((later.at(0), later.at(9)), (percent(1), percent(1)));
}

#[test]
fn a_wild_market_leaves_less_time() {
    let duration = |ppb| reserve_duration_ms(ppb, 400, 1_000).unwrap();
    assert_eq!(
        [0, 400, 700, 1_000, u64::MAX].map(duration),
        [120_000, 120_000, 90_000, 60_000, 60_000]
    );
    assert!(reserve_duration_ms(1, 2, 2).is_err());
}

#[test]
fn take_overs_by_hand() {
    let terms = TakeOver::of(-100, 40).unwrap();
    assert_eq!(terms, TakeOver { from: 100, to: 140 });
    assert_eq!(terms.payment(Share::ZERO, 1, 1), Ok(100));
    assert_eq!(terms.payment(percent(50), 1, 2), Ok(60));
    assert_eq!(terms.payment(Share::ONE, 1, 3), Ok(46));
    assert_eq!(TakeOver::of(0, 1), Err(WaterfallError::Solvent));
    assert!(TakeOver::of(i128::MIN, 1).is_err());
    assert!(terms.payment(Share::from_units(ONE + 1), 1, 1).is_err());
    assert!(terms.payment(Share::ONE, 2, 1).is_err());
    assert!(terms.payment(Share::ONE, 0, 0).is_err());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_restoring_share_is_the_least(
        value in -1_000_000_000_i128..1_i128 << 70,
        maintenance in 0..1_i128 << 71,
        paid_in in 0..1_i128 << 60,
        buffer in 0..100_u32,
        discount in 0..=ONE,
    ) {
        let state = AuctionState { equity: value, value, maintenance, paid_in: paid_in.min(value.max(0)) };
        check_restoring(&state, percent(buffer), Share::from_units(discount));
    }

    /// Up to the greatest discount allowed, what is sold never costs the owner more than equity.
    #[test]
    fn equity_is_never_sold_below_zero(
        equity in 0..1_i128 << 80,
        haircut in 0..1_i128 << 70,
        paid_in in 0..1_i128 << 70,
        discount in 0..=ONE,
    ) {
        let value = equity + haircut;
        let state = AuctionState { equity, value, maintenance: 1, paid_in: paid_in.min(value) };
        let discount = state.discount_max().unwrap().min(Share::from_units(discount));
        let lost = I256::from(discount.units()) * I256::from(state.for_sale().unwrap());
        prop_assert!(lost <= I256::from(equity) * I256::from(ONE));
    }

    #[test]
    fn a_schedule_never_falls(
        points in prop::collection::btree_map(any::<u64>(), 0..=ONE, 1..6),
        times in prop::collection::vec(any::<u64>(), 2..8),
    ) {
        let mut shares: Vec<u64> = points.values().copied().collect();
        shares.sort_unstable();
        let points: Vec<_> = points.keys().copied().zip(shares.into_iter().map(Share::from_units)).collect();
        let schedule = Schedule::new(points.clone()).unwrap();
        let mut times = times;
        times.sort_unstable();
        let shares: Vec<Share> = times.iter().map(|time| schedule.at(*time)).collect();
        prop_assert!(shares.is_sorted());
        prop_assert!(points.iter().all(|(time, share)| schedule.at(*time) == *share));
    }

    /// Slices of a take-over never pay more together than the whole, nor above its end.
    #[test]
    fn a_take_over_pays_what_is_published(
        deficit in 1..1_i128 << 90,
        maintenance in 0..1_i128 << 90,
        progress in prop::collection::vec(0..=ONE, 2),
        parts in prop::collection::vec(0..1_u64 << 40, 1..5),
    ) {
        let terms = TakeOver::of(-deficit, maintenance).unwrap();
        let whole: u64 = parts.iter().sum::<u64>().max(1);
        let (early, late) = (progress[0].min(progress[1]), progress[0].max(progress[1]));
        let pay = |progress, units| terms.payment(Share::from_units(progress), units, whole).unwrap();
        prop_assert!(pay(early, whole) <= pay(late, whole));
        prop_assert!((deficit..=deficit + maintenance).contains(&pay(late, whole)));
        let slices: i128 = parts.iter().map(|units| pay(late, *units)).sum();
        prop_assert!(slices <= pay(late, whole) && pay(late, whole) - slices <= 5 || whole == 1);
    }

    #[test]
    fn any_state_is_answered(equity: i128, value: i128, maintenance: i128, paid_in: i128, a: u64, b: u64) {
        let state = AuctionState { equity, value, maintenance, paid_in };
        let [a, b] = [a, b].map(Share::from_units);
        let _ = state.restoring_share(a, b);
        let _ = state.discount_max();
        let _ = fund_fee(equity, a, value);
        if let Ok(terms) = TakeOver::of(value, maintenance) {
            let _ = terms.payment(a, b.units(), u64::MAX);
        }
        let _ = TakeOver { from: equity, to: value }.payment(a, b.units(), a.units());
    }
}
