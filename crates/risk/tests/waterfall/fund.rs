//! The insurance fund against a naive ledger, and its peak against its whole history.

use plimsoll_risk::waterfall::fund::{
    EarlyDeleveraging, FundLayers, GroupLayer, PeakWatch, WINDOW_MS, fee_parts, size_target,
};
use plimsoll_risk::waterfall::{Share, WaterfallError};
use proptest::prelude::*;

use crate::cases;

fn layers(of: &[(u128, u128, u128)], shared: u128) -> FundLayers<usize> {
    let layer = |&(balance, balance_max, shared_max)| GroupLayer {
        balance,
        balance_max,
        shared_max,
        shared_drawn: 0,
    };
    FundLayers { groups: of.iter().map(layer).enumerate().collect(), shared }
}

#[test]
fn a_draw_says_who_paid() {
    let mut fund = layers(&[(10, 20, 5), (7, 7, 100)], 8);
    let draw = fund.draw("case 1", 0, 18);
    assert_eq!((draw.own, draw.shared, draw.unpaid), (10, 5, 3));
    let draw = fund.draw("case 2", 1, 8);
    assert_eq!((draw.own, draw.shared, draw.unpaid), (7, 1, 0));
    // What a group drew it makes up for first; then its own layer fills, and then the shared one.
    let into = fund.contribute(0, 30).unwrap();
    assert_eq!((into.repaid, into.own, into.overflow), (5, 20, 5));
    // A group without a layer gives, and gets nothing.
    assert_eq!(fund.contribute(9, 4).unwrap().overflow, 4);
    assert_eq!(fund.draw("case 3", 9, 1).unpaid, 1);
    assert_eq!(fund.total(), Ok(20 + 2 + 5 + 5 + 4));
}

#[test]
fn every_small_draw_is_conserved_and_capped() {
    for [own, cap, shared, asked] in (0..6_u128).flat_map(|o| {
        (0..6).flat_map(move |c| (0..6).flat_map(move |s| (0..14).map(move |a| [o, c, s, a])))
    }) {
        let mut fund = layers(&[(own, 9, cap), (3, 9, 9)], shared);
        let draw = fund.draw((), 0, asked);
        assert_eq!(draw.own + draw.shared + draw.unpaid, asked);
        assert_eq!(draw.own, asked.min(own));
        assert_eq!(draw.shared, (asked - draw.own).min(shared).min(cap));
        assert_eq!(fund.total().unwrap() + draw.own + draw.shared, own + shared + 3);
        assert_eq!(fund.groups[&1].balance, 3);
    }
}

#[test]
fn fees_and_targets() {
    assert_eq!(fee_parts(10, Share::from_ppb(250_000_000)), Ok((2, 8)));
    assert!(matches!(fee_parts(-1, Share::ZERO), Err(WaterfallError::Negative(_))));
    assert!(fee_parts(1, Share::from_units(u64::MAX)).is_err());
    assert_eq!(size_target(&[3, 9, 9, 1], 10), Ok(18));
    assert_eq!(size_target(&[3], 10), Ok(10));
    assert_eq!(size_target(&[], 0), Ok(0));
    assert!(size_target(&[u128::MAX, 1], 0).is_err());
}

#[test]
fn deleveraging_starts_and_stops_by_the_rule() {
    let mut watch = PeakWatch::new(EarlyDeleveraging::default()).unwrap();
    let mut early = |minute: u64, balance| watch.observe(minute * 60_000, balance).unwrap();
    assert!(!early(0, 1_000));
    assert!(!early(1, 701));
    assert!(early(2, 700));
    assert!(early(3, 800));
    assert!(!early(4, 801));
    assert!(!early(5, 701));
    assert!(early(6, 600));
    // The peak of 1,000 counts for eight hours; then 801 is the peak.
    assert!(early(480, 641));
    assert!(!early(481, 641));
    assert!(watch.observe(0, u128::MAX).is_err());
    let hours = EarlyDeleveraging { start: Share::ONE, stop: Share::ONE };
    assert!(PeakWatch::new(hours).is_err());
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Contribute(usize, u64),
    Draw(usize, u64),
}

fn act() -> impl Strategy<Value = Act> {
    let amount = || prop_oneof![0..50_u64, any::<u64>()];
    prop_oneof![
        (0..4_usize, amount()).prop_map(|(group, amount)| Act::Contribute(group, amount)),
        (0..4_usize, amount()).prop_map(|(group, amount)| Act::Draw(group, amount)),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn money_is_conserved_and_caps_hold(
        of in prop::collection::vec((0..100_u128, 0..200_u128, 0..60_u128), 0..4),
        shared in 0..200_u128,
        acts in prop::collection::vec(act(), 0..30),
    ) {
        let mut fund = layers(&of, shared);
        for act in acts {
            let before = fund.total().unwrap();
            match act {
                Act::Contribute(group, amount) => {
                    let amount = u128::from(amount);
                    let into = fund.contribute(group, amount).unwrap();
                    prop_assert_eq!(into.repaid + into.own + into.overflow, amount);
                    prop_assert_eq!(fund.total().unwrap(), before + amount);
                }
                Act::Draw(group, amount) => {
                    let amount = u128::from(amount);
                    let draw = fund.draw((), group, amount);
                    prop_assert_eq!(draw.own + draw.shared + draw.unpaid, amount);
                    prop_assert_eq!(fund.total().unwrap() + draw.own + draw.shared, before);
                    // What is unpaid, neither layer could pay.
                    let spent = fund.groups.get(&group).is_none_or(|layer| {
                        layer.balance == 0 && (fund.shared == 0 || layer.shared_drawn == layer.shared_max)
                    });
                    prop_assert!(draw.unpaid == 0 || spent);
                }
            }
            prop_assert!(fund.groups.values().all(|layer| layer.shared_drawn <= layer.shared_max));
        }
    }

    #[test]
    fn the_peak_is_that_of_the_last_eight_hours(
        steps in prop::collection::vec((0..90_u64, 0..1_000_u128), 1..60),
    ) {
        let mut watch = PeakWatch::new(EarlyDeleveraging::default()).unwrap();
        let (mut minute, mut early, mut history) = (0, false, vec![]);
        for (minutes, balance) in steps {
            minute += minutes;
            history.push((minute, balance));
            let window = history.iter().filter(|(at, _)| (minute - at) * 60_000 <= WINDOW_MS);
            let peak = window.map(|(_, balance)| *balance).max().unwrap();
            let fall = 10 * (peak - balance);
            early = fall > 0 && fall >= peak * if early { 2 } else { 3 };
            prop_assert_eq!(watch.observe(minute * 60_000 + minutes * 600, balance).unwrap(), early);
            prop_assert_eq!((watch.peak(), watch.is_early()), (peak, early));
        }
    }

    #[test]
    fn fee_parts_sum(fee in 0..=i128::MAX, units in 0..=1_000_000_000_000_000_000_u64) {
        let (fund, venue) = fee_parts(fee, Share::from_units(units)).unwrap();
        prop_assert!(fund >= 0 && venue >= 0 && fund + venue == fee);
    }
}
