//! The expiry cliff: a ramp over the last hours, the largest of several expiries.

use crate::world::{World, add_on, assert_ticks, requirement};

const PERPETUAL: &str = "BTC_USDC-PERPETUAL";

#[test]
fn the_charge_rises_over_the_last_twelve_hours() {
    let check = |time: &str, dollars: f64| {
        let world = World::at(time).expiry("BTC-6FEB26", "50000", 0.6);
        let account = world.account(&[], &[(PERPETUAL, 1_000), ("BTC_USDC-6FEB26", -1_000)]);
        let margin = world.margin(&account);
        assert_eq!(requirement(&margin), 0);
        assert_ticks(add_on(&margin, "expiry cliff"), dollars, 1.0);
    };
    // Without the future the perpetual needs 18.75 % of 50,000 = 9,375.
    check("2026-02-05T19:59:00Z", 0.0);
    check("2026-02-05T20:00:00Z", 0.0);
    check("2026-02-05T23:00:00Z", 9_375.0 / 4.0);
    check("2026-02-06T02:00:00Z", 9_375.0 / 2.0);
    check("2026-02-06T07:00:00Z", 9_375.0 * 11.0 / 12.0);
}

#[test]
fn of_several_expiries_the_largest_counts() {
    let world = World::at("2026-02-05T23:00:00Z")
        .rule("hours = 12.0", "hours = 48.0")
        .expiry("BTC-6FEB26", "50000", 0.6)
        .expiry("BTC-7FEB26", "50000", 0.6);
    let check = |near: i64, far: i64, dollars: f64| {
        let legs = [(PERPETUAL, near + far), ("BTC_USDC-6FEB26", -near), ("BTC_USDC-7FEB26", -far)];
        let margin = world.margin(&world.account(&[], &legs));
        assert_ticks(add_on(&margin, "expiry cliff"), dollars, 1.0);
    };
    // 9 of 48 hours are left to the first and 33 to the second.
    check(1_000, 1_000, 9_375.0 * 39.0 / 48.0);
    check(1_000, 2_000, 9_375.0 * 39.0 / 48.0);
    check(1_000, 5_000, 5.0 * 9_375.0 * 15.0 / 48.0);
}
