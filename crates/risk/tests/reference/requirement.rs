//! Requirements of underlyings that stand alone, and of the last minutes before an expiry.

use crate::world::{World, assert_ticks, detail, requirement};

#[test]
fn what_stands_alone_adds_up() {
    let world = World::at("2026-02-05T08:00:00Z");
    let check = |legs: &[(&str, i64)], usd: f64| {
        let margin = world.margin(&world.account(&[], legs));
        assert_ticks(requirement(&margin), usd, 1_001.0);
    };
    let (bitcoin, ether) = (("BTC_USDC-PERPETUAL", 1_000), ("ETH_USDC-PERPETUAL", -1_000));
    // Bitcoin falls by 5·1.25·3 % = 18.75 %.
    check(&[bitcoin], 9_375.0);
    // The market rises by 500 %, damped to 3 %; Ether's range is 3.8/3 of Bitcoin's.
    let rise = numerics::powf(6.0, 3.8 / 3.0) - 1.0;
    check(&[ether], 20_000.0 * 0.03 * rise);
    check(&[bitcoin, ether], 9_375.0 + 20_000.0 * 0.03 * rise);
}

#[test]
fn a_fixed_part_of_the_settlement_average_is_not_shocked() {
    let mut world = World::at("2026-02-06T07:50:00Z").expiry("BTC-6FEB26", "51000", 0.6);
    world.expiry_of("BTC-6FEB26").settlement_average = Some("48000".parse().unwrap());
    let margin = world.margin(&world.account(&[], &[("BTC_USDC-6FEB26", 1_000)]));
    // Ten of thirty minutes are to come: a third of 51,000 moves, by 18.75 %.
    assert_ticks(requirement(&margin), 17_000.0 * 0.1875, 501.0);
    // The option's forward is 32,000 + 17,000·(1 + m); ten minutes at 60 % leave nearly intrinsic
    // value. A put at 50,000 is worth 1,000 and loses all of it, and no more, as Bitcoin rises.
    let account = world.account(&[], &[("BTC_USDC-6FEB26-50000-P", 100)]);
    let years = 10.0 / (365.0 * 24.0 * 60.0);
    let value = put(49_000.0, 50_000.0, 0.6, years);
    assert_ticks(requirement(&world.margin(&account)), value, 51.0);
    // Sold, it loses what the third that moves takes: at −18.75 % with volatility up by
    // 45 %·30^0.3.
    let account = world.account(&[], &[("BTC_USDC-6FEB26-50000-P", -100)]);
    let up = 0.6 * (1.0 + 0.45 * numerics::powf(30.0, 0.3));
    let after = put(32_000.0 + 17_000.0 * 0.8125, 50_000.0, up, years);
    assert_ticks(requirement(&world.margin(&account)), after - value, 51.0);
}

fn put(forward: f64, strike: f64, volatility: f64, years: f64) -> f64 {
    let kind = pricing::OptionKind::Put;
    pricing::black76::price(kind, forward, strike, volatility, years, 0.0).unwrap()
}

#[test]
fn each_underlying_moves_by_its_ratio_of_ranges() {
    // β = 1 would move Ether by Bitcoin's 18.75 %: at −18.75 % it falls by 1 − 0.8125^(3.8/3).
    let world = World::at("2026-02-05T08:00:00Z");
    let margin = world.margin(&world.account(&[], &[("ETH_USDC-PERPETUAL", 1_000)]));
    let fall = 1.0 - numerics::powf(0.8125, 3.8 / 3.0);
    assert_ticks(requirement(&margin), 20_000.0 * fall, 501.0);
    let label = &detail(&margin).binding_scenario;
    assert!(label.contains("market -18.8%"), "{label}");
}
