//! One account per add-on, each charge by hand.

use plimsoll_risk::{Account, Confidence};

use crate::world::{World, add_on, assert_ticks, asset, instrument, requirement};

const PERPETUAL: &str = "BTC_USDC-PERPETUAL";
/// Thirty days to expiry.
const FUTURE: &str = "BTC_USDC-7MAR26";
/// One day to expiry.
const NEAR_FUTURE: &str = "BTC_USDC-6FEB26";

fn world() -> World {
    World::at("2026-02-05T08:00:00Z")
        .expiry("BTC-6FEB26", "50000", 0.6)
        .expiry("BTC-7MAR26", "50000", 0.6)
        .expiry("BTC-6APR26", "50000", 0.6)
}

fn charge(world: &World, name: &str, balances: &[(&str, &str)], legs: &[(&str, i64)]) -> i128 {
    add_on(&world.margin(&world.account(balances, legs)), name)
}

/// Vega in dollars per 1.00 of volatility of one coin of options at the money on 50,000, 60 %.
fn vega(years: f64) -> f64 {
    let greeks =
        pricing::black76::greeks(pricing::OptionKind::Call, 50_000.0, 50_000.0, 0.6, years, 0.0);
    greeks.unwrap().vega
}

#[test]
fn roll() {
    let world = world();
    let check = |legs: &[(&str, i64)], ticks| {
        assert_eq!(charge(&world, "roll", &[], legs), ticks, "{legs:?}");
    };
    // A perpetual has τ = 0: 0.1 % of 50,000, long or short.
    check(&[(PERPETUAL, 1_000)], 50_000_000);
    check(&[(PERPETUAL, -1_000)], 50_000_000);
    // 4 %·1/365 is less than 0.1 %.
    check(&[(NEAR_FUTURE, 1_000)], 50_000_000);
    // 4 %·30/365·50,000 = 164.3835616…, rounded up.
    check(&[(FUTURE, -1_000)], 164_383_562);
    // Each expiry by itself: the two do not net.
    check(&[(FUTURE, -1_000), (PERPETUAL, 1_000)], 214_383_562);
}

#[test]
fn unpaired_short_options() {
    let world = world();
    let check = |legs: &[(&str, i64)], dollars: i128| {
        let ticks = charge(&world, "unpaired short options", &[], legs);
        assert_eq!(ticks, dollars * 1_000_000, "{legs:?}");
    };
    // A lot is 0.01 coin: 1 %·50,000 for each coin.
    let short = ("BTC_USDC-7MAR26-50000-C", -200);
    check(&[short], 1_000);
    // A long call of the same expiry pairs, at whatever strike.
    check(&[short, ("BTC_USDC-7MAR26-60000-C", 50)], 750);
    // A long put does not, nor does a call of another expiry.
    check(&[short, ("BTC_USDC-7MAR26-60000-P", 500)], 1_000);
    check(&[short, ("BTC_USDC-6APR26-60000-C", 500)], 1_000);
    // Short calls and short puts both count.
    check(&[short, ("BTC_USDC-7MAR26-40000-P", -100)], 1_500);
    check(&[("BTC_USDC-7MAR26-50000-C", 200)], 0);
}

#[test]
fn liquidity() {
    let world = world();
    // 50,000·(0.01 % + 0.7·3.75 %·√(50,000/2·10¹⁰)) = 5 + 50,000·0.02625·0.00158113883.
    let ticks = charge(&world, "liquidity", &[], &[(PERPETUAL, 1_000)]);
    assert_eq!(ticks, 7_075_245);
    // Impact grows with the power 3/2: four times the size, eight times the impact.
    let ticks = charge(&world, "liquidity", &[], &[(PERPETUAL, -4_000)]);
    assert_ticks(ticks, 4.0 * 5.0 + 8.0 * 2.075_244_714, 1.5);
    // Per underlying: what nets over expiries is not charged.
    let hedged = [(PERPETUAL, 1_000), (FUTURE, -1_000)];
    assert_eq!(charge(&world, "liquidity", &[], &hedged), 0);
    // A straddle hedged to no Δ: |vega|·½ %. Call and put have the same vega, their Δ sum to
    // 2Φ(d1) − 1, which perpetuals take away to within a lot of 0.001.
    let straddle = [("BTC_USDC-7MAR26-50000-C", 100), ("BTC_USDC-7MAR26-50000-P", 100)];
    let kind = pricing::OptionKind::Call;
    let call = pricing::black76::greeks(kind, 50_000.0, 50_000.0, 0.6, 30.0 / 365.0, 0.0).unwrap();
    let delta_lots = ((2.0 * call.delta - 1.0) * 1_000.0).round() as i64;
    let left = (2.0 * call.delta - 1.0) * 50_000.0 - delta_lots as f64 * 50.0;
    let legs = [straddle[0], straddle[1], (PERPETUAL, -delta_lots)];
    let ticks = charge(&world, "liquidity", &[], &legs);
    let of_delta = left.abs() * (0.0001 + 0.02625 * (left.abs() / 2e10).sqrt());
    assert_ticks(ticks, 2.0 * vega(30.0 / 365.0) * 0.005 + of_delta, 5.0);
}

#[test]
fn concentration() {
    let world = world();
    // A tenth of 2·10¹⁰ closes 2·10⁹ dollars a day. Four billion, 8·10⁷ lots of 50 dollars, take
    // two days: √(2/½) − 1 = 1, so the whole range of 18.75 %: 7.5·10⁸.
    let ticks = charge(&world, "concentration", &[], &[(PERPETUAL, 80_000_000)]);
    assert_ticks(ticks, 7.5e8, 2.0);
    let ticks = charge(&world, "concentration", &[], &[(PERPETUAL, -80_000_000)]);
    assert_ticks(ticks, 7.5e8, 2.0);
    // Half a day is the threshold.
    assert_eq!(charge(&world, "concentration", &[], &[(PERPETUAL, 20_000_000)]), 0);
    // Over expiries what nets is not concentrated.
    let legs = [(PERPETUAL, 80_000_000), (FUTURE, -80_000_000)];
    assert_eq!(charge(&world, "concentration", &[], &legs), 0);
}

#[test]
fn oracle() {
    let check = |index: u32, forward: u32, volatility: u32, perpetual: u32, dollars: [i128; 2]| {
        let mut world = world();
        let confidence = Confidence::from_ppm;
        world.market.assets.get_mut(&asset("BTC")).unwrap().confidence = confidence(index);
        let of = instrument(PERPETUAL).underlying();
        let of = world.market.underlyings.get_mut(&of).unwrap();
        of.perpetual_confidence = confidence(perpetual);
        let at = world.expiry_of(FUTURE);
        at.forward_confidence = confidence(forward);
        at.volatility_confidence = confidence(volatility);
        let ticks =
            [(FUTURE, -1_000), (PERPETUAL, 1_000)].map(|leg| charge(&world, "oracle", &[], &[leg]));
        for (found, expected) in ticks.into_iter().zip(dollars) {
            assert_ticks(found, expected as f64, 1.0);
        }
    };
    // (1 − c)·40 %·50,000 for the future and for the perpetual; the least of a leg's feeds counts.
    check(1_000_000, 1_000_000, 1_000_000, 1_000_000, [0, 0]);
    check(700_000, 1_000_000, 1_000_000, 1_000_000, [6_000, 6_000]);
    check(1_000_000, 500_000, 1_000_000, 1_000_000, [10_000, 0]);
    check(1_000_000, 1_000_000, 600_000, 1_000_000, [8_000, 0]);
    check(1_000_000, 1_000_000, 1_000_000, 750_000, [0, 5_000]);
    check(700_000, 500_000, 900_000, 750_000, [10_000, 6_000]);
    // At 80 % nothing is charged yet.
    check(800_000, 800_000, 800_000, 800_000, [0, 0]);
}

#[test]
fn peg() {
    let call = "BTC_USDC-7MAR26-60000-C";
    let at = |price: &str| world().index("USDC", price).quote(call, "1000", 0.0);
    let check = |price: &str, balance: &str, legs: &[(&str, i64)], dollars: f64| {
        let ticks = charge(&at(price), "peg", &[("USDC", balance)], legs);
        assert_ticks(ticks, dollars, 1.0);
    };
    // 1,000 owed at 0.96: two cents below 0.98, times 1.2.
    check("0.96", "-1000", &[], 24.0);
    check("0.98", "-1000", &[], 0.0);
    check("1.02", "-1000", &[], 0.0);
    check("0.96", "1000", &[], 0.0);
    // A short option of one coin, marked at 1,000, is owed as well; a long one takes nothing off.
    check("0.96", "-1000", &[(call, -100)], 48.0);
    check("0.96", "-1000", &[(call, 100)], 24.0);
}

#[test]
fn funding() {
    let world =
        world().quote(PERPETUAL, "50000", 0.0003).quote("ETH_USDC-PERPETUAL", "2000", -0.0001);
    let check = |legs: &[(&str, i64)], dollars: i128| {
        assert_eq!(charge(&world, "funding", &[], legs), dollars * 1_000_000, "{legs:?}");
    };
    // 0.03 % of 50,000; shorts receive it.
    check(&[(PERPETUAL, 1_000)], 15);
    check(&[(PERPETUAL, -1_000)], 0);
    // Ten Ether at −0.01 %: longs receive 2 dollars, shorts pay them. What is received nets.
    check(&[("ETH_USDC-PERPETUAL", -1_000)], 2);
    check(&[(PERPETUAL, 1_000), ("ETH_USDC-PERPETUAL", 1_000)], 13);
}

#[test]
fn tenor_twist() {
    let world = world();
    let (near, far) = ("BTC_USDC-7MAR26-50000-C", "BTC_USDC-6APR26-50000-C");
    // 30 days are in the bucket of 7 to 30, six points; 60 days in that of 30 to 90, four points.
    let (near_charge, far_charge) = (0.06 * vega(30.0 / 365.0), 0.04 * vega(60.0 / 365.0));
    let check = |legs: &[(&str, i64)], dollars: f64| {
        let ticks = charge(&world, "tenor twist", &[], legs);
        assert_ticks(ticks, dollars, 30.0);
    };
    check(&[(near, 100)], near_charge);
    check(&[(far, -100)], far_charge);
    check(&[(near, 100), (far, 100)], near_charge + far_charge);
    // Opposite neighbours net half of the smaller.
    let smaller = near_charge.min(far_charge);
    check(&[(near, -100), (far, 100)], near_charge + far_charge - 0.5 * smaller);
    check(&[(PERPETUAL, 1_000)], 0.0);
}

#[test]
fn wrong_way() {
    let world = world();
    let balances = [("USD", "500000"), ("USDT", "500000")];
    let account = world.account(&balances, &[(PERPETUAL, 1_000)]);
    let margin = world.margin(&account);
    // R is 18.75 % of 50,000. Tether counts 99.5 %: 0.1·497,500/997,500 of R is 467.5752….
    assert_eq!(requirement(&margin), 9_375_000_000);
    assert_ticks(add_on(&margin, "wrong way"), 0.1 * 497_500.0 / 997_500.0 * 9_375.0, 1.0);
    assert_eq!(charge(&world, "wrong way", &[("USD", "1")], &[(PERPETUAL, 1_000)]), 0);
}

#[test]
fn order_settlement() {
    let world = world();
    let with_bid = |balance: &str| -> i128 {
        let mut account: Account = world.account(&[("USDC", balance)], &[]);
        account.orders.push(crate::world::order("BTC_USDC-7MAR26-50000-C", 100, "1000", "0"));
        add_on(&world.margin(&account), "order settlement")
    };
    // A premium of 1,000 that must be borrowed weighs 1,000·e^0.0001; h is ½ spread, rounded up
    // to a billionth.
    assert_ticks(with_bid("0"), 0.100_005, 4.0);
    // Out of a balance it costs no more than it is worth.
    assert!(with_bid("2000") <= 2);
}

#[test]
fn maintenance_takes_four_fifths_rounded_up() {
    let kept = ["roll", "unpaired short options", "liquidity", "expiry cliff"];
    let world = world().quote(PERPETUAL, "50000", 0.0003);
    let mut uneven = 0;
    for lots in 1..=20 {
        let legs = [(PERPETUAL, lots), ("BTC_USDC-7MAR26-60000-C", -lots)];
        let margin = world.margin(&world.account(&[("USDT", "100000")], &legs));
        let charges = kept.map(|name| add_on(&margin, name));
        let counted = requirement(&margin) + charges.iter().sum::<i128>();
        // A tick is a hundred units of 10⁻⁸.
        assert_eq!(margin.maintenance.units(), (counted * 4 + 4).div_euclid(5) * 100);
        uneven += i32::from(counted * 4 % 5 != 0);
        let all = crate::world::detail(&margin).add_ons.iter().map(|a| a.ticks).sum::<i128>();
        assert_eq!(margin.initial.units(), (requirement(&margin) + all) * 100);
        assert!(all > charges.iter().sum::<i128>());
    }
    assert!(uneven > 5);
}
