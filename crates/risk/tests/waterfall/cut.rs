//! The capped cut of unsettled profits.

use plimsoll_risk::waterfall::{Cut, Share, WaterfallError, capped_cut};
use proptest::prelude::*;

use crate::cases;

#[test]
fn by_hand() {
    let profits = [(1, 100_u128), (2, 300), (3, 0)];
    let cut = |needed, percent: u32| {
        capped_cut(needed, &profits, Share::from_ppb(percent * 10_000_000)).unwrap()
    };
    assert_eq!(cut(40, 50), Cut { parts: vec![10, 30, 0], outstanding: 0 });
    assert_eq!(cut(250, 50), Cut { parts: vec![50, 150, 0], outstanding: 50 });
    assert_eq!(cut(2, 50), Cut { parts: vec![1, 1, 0], outstanding: 0 });
    let above = capped_cut(1, &profits, Share::from_units(Share::ONE.units() + 1));
    assert!(matches!(above, Err(WaterfallError::Parameter { .. })));
}

#[test]
fn every_small_cut_is_exact_and_capped() {
    for [a, b, needed, tenths] in (0..12_u128).flat_map(|a| {
        (0..12).flat_map(move |b| (0..26).flat_map(move |n| (0..=10).map(move |t| [a, b, n, t])))
    }) {
        let cap = Share::from_ppb(tenths as u32 * 100_000_000);
        let Cut { parts, outstanding } = capped_cut(needed, &[(0, a), (1, b)], cap).unwrap();
        assert_eq!(parts[0] + parts[1] + outstanding, needed);
        let caps = [a * tenths / 10, b * tenths / 10];
        assert!(parts[0] <= caps[0] && parts[1] <= caps[1]);
        // Something is left outstanding only where everybody has given all.
        assert!(outstanding == 0 || parts == caps);
        // In proportion, to the unit.
        let total = a + b;
        let fair = |part: u128, profit: u128| (part * total).abs_diff(needed * profit) <= total;
        let capped = parts[0] == caps[0] || parts[1] == caps[1];
        assert!(capped || (fair(parts[0], a) && fair(parts[1], b)));
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_cut_is_exact_and_capped(profits in prop::collection::vec(0..1_u128 << 80, 0..20), needed in 0..1_u128 << 84, ppb in 0..=1_000_000_000_u32) {
        let keyed: Vec<_> = profits.iter().copied().enumerate().collect();
        let cut = capped_cut(needed, &keyed, Share::from_ppb(ppb)).unwrap();
        prop_assert_eq!(cut.parts.iter().sum::<u128>() + cut.outstanding, needed);
        for (part, profit) in cut.parts.iter().zip(&profits) {
            prop_assert!(part * 1_000_000_000 <= profit * u128::from(ppb));
        }
    }
}
