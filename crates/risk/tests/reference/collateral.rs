//! What balances count for: haircuts, the weight of debts, floors and maxima.

use instruments::Amount;
use plimsoll_risk::{Account, MarginModel, Valuation};

use crate::history::lively;
use crate::model::Model;
use crate::world::{World, asset, detail, requirement};

/// Value of the only balance, in dollars, to a billionth of itself.
fn check(world: &World, balance: (&str, &str), dollars: f64) {
    let margin = world.margin(&world.account(&[balance], &[]));
    let [line] = margin.equity.collateral[..] else { panic!("one balance") };
    let value = line.value.units() as f64 / 1e8;
    assert!((value / dollars - 1.0).abs() <= 2e-9, "{balance:?}: {value}, expected {dollars}");
    assert_eq!(margin.equity.total, line.value);
}

/// The venue holds a day's volume of dollar-coins, and of Bitcoin a quarter.
fn world() -> World {
    World::at("2026-02-05T20:00:00Z").venue("USDC", "10000000000").venue("BTC", "100000")
}

#[test]
fn holdings_count_less_and_debts_weigh_more() {
    // ln(1 − h) = −(0.7·0.1 %·√1 + 0.01 %) = −0.0008.
    check(&world(), ("USDC", "10000"), 10_000.0 * numerics::exp(-0.0008));
    check(&world(), ("USDC", "-10000"), -10_000.0 * numerics::exp(0.0008));
    check(&world(), ("USD", "10000"), 10_000.0);
    check(&world(), ("USD", "-10000"), -10_000.0);
}

#[test]
fn a_lost_peg_is_in_the_haircut() {
    // Two cents below 0.98, times 1.2.
    let world = World::at("2026-02-05T20:00:00Z").index("USDC", "0.96");
    let h = 0.0001 + 0.024;
    check(&world, ("USDC", "10000"), 9_600.0 * numerics::exp(-h));
    check(&world, ("USDC", "-10000"), -9_600.0 * numerics::exp(h));
}

#[test]
fn tether_is_cut_by_half_a_percent_at_least() {
    check(&world(), ("USDT", "10000"), 9_950.0);
    // The floor is for holdings alone: a debt weighs by its spread.
    check(&world(), ("USDT", "-10000"), -10_000.0 * numerics::exp(0.0001));
    // Twice a day's volume: 0.7·0.1 %·√2 + 0.01 % is still below the floor.
    let deep = World::at("2026-02-05T20:00:00Z").venue("USDT", "120000000000");
    check(&deep, ("USDT", "10000"), 9_950.0);
}

#[test]
fn coins_are_cut_by_their_volatility_of_today() {
    let world = lively(world());
    let today = Model::of(&world).today[0];
    // The venue's 100,000 coins are a quarter of a day's 2·10¹⁰: √¼.
    let h = 0.7 * today * 0.5 + 0.0001;
    assert!(today > 0.0301);
    check(&world, ("BTC", "2"), 100_000.0 * numerics::exp(-h));
    check(&world, ("BTC", "-2"), -100_000.0 * numerics::exp(h));
}

#[test]
fn outside_the_universe_a_coin_counts_for_nothing() {
    let outside = lively(world());
    let margin = outside.margin(&outside.account(&[("SOL", "1000")], &[]));
    assert_eq!((margin.equity.total, margin.initial), (Amount::ZERO, Amount::ZERO));
    let alone = world();
    let margin = alone.margin(&alone.account(&[("BTC", "1")], &[]));
    assert_eq!((margin.equity.total, margin.initial), (Amount::ZERO, Amount::ZERO));
    // Owed it counts, and its rise is a risk: at least 18.75 % of 50,000.
    let margin = alone.margin(&alone.account(&[("BTC", "-1")], &[]));
    assert!(margin.equity.total.units() <= -50_000 * 100_000_000);
    assert_eq!(requirement(&margin), 9_375_000_000);
}

#[test]
fn above_its_most_collateral_counts_neither_as_equity_nor_as_risk() {
    // 5·10⁸ dollars of Bitcoin are 10,000 coins.
    let world = lively(world());
    let h = 0.7 * Model::of(&world).today[0] * 0.5 + 0.0001;
    check(&world, ("BTC", "10000"), 5e8 * numerics::exp(-h));
    check(&world, ("BTC", "40000"), 5e8 * numerics::exp(-h));
    let of = |coins: &str| {
        let margin = world.margin(&world.account(&[("BTC", coins)], &[]));
        requirement(&margin)
    };
    assert!(of("5000") > 0 && of("5000") < of("10000"));
    assert_eq!(of("10000"), of("40000"));
}

#[test]
fn outside_portfolio_accounts_price_risk_is_in_the_haircut() {
    let world = World::at("2026-02-05T20:00:00Z");
    let standard = plimsoll_risk::Methodology::built_in("standard").unwrap();
    let valuation = Valuation::open(&standard, world.inputs(), &[]).unwrap();
    let mut account = Account::named("cross");
    account.balances.insert(asset("BTC"), "1".parse().unwrap());
    let margin = valuation.margin(&world.market, &account, MarginModel::Cross).unwrap();
    // Five days' floor of 3 % and half the spread.
    let value = margin.equity.total.units() as f64 / 1e8;
    assert!((value / (50_000.0 * numerics::exp(-0.1501)) - 1.0).abs() < 2e-9);
}

const CALL: &str = "BTC_USDC-7MAR26-60000-C";

/// A long call whose feeds no one trusts, so that add-ons exceed its value.
fn distrusted() -> World {
    let mut world = world().expiry("BTC-7MAR26", "50000", 0.6);
    world.expiry_of("BTC-7MAR26").forward_confidence = plimsoll_risk::Confidence::from_ppm(0);
    world
}

#[test]
fn long_options_alone_need_no_more_than_their_value() {
    let world = distrusted();
    let margin = world.margin(&world.account(&[("USDC", "5000")], &[(CALL, 100)]));
    let value = margin.equity.option_value;
    assert!(detail(&margin).uncapped * 100 > value.units() * 3 / 2);
    assert!((margin.initial.units() - value.units()).abs() <= 100);
    assert!(margin.maintenance <= margin.initial);
}

#[test]
fn no_cap_with_a_debt_or_a_short_leg() {
    let world = distrusted();
    let uncapped = |account: &Account| {
        let margin = world.margin(account);
        assert_eq!(margin.initial.units(), detail(&margin).uncapped * 100);
        assert!(margin.initial > margin.equity.option_value);
    };
    let legs = [(CALL, 100)];
    uncapped(&world.account(&[("USD", "5000"), ("USDC", "-1")], &legs));
    let mut accrued = world.account(&[("USDC", "5000")], &legs);
    accrued.accrued.insert(asset("USDC"), "-1".parse().unwrap());
    uncapped(&accrued);
    uncapped(&world.account(&[], &[(CALL, 100), ("BTC_USDC-7MAR26-70000-C", -1)]));
    uncapped(&world.account(&[], &[(CALL, 100), ("BTC_USDC-PERPETUAL", 1)]));
}

#[test]
fn no_cap_where_bids_cost_more_than_the_balance() {
    let world = distrusted();
    let with_bid = |usdc: &str| {
        let mut account = world.account(&[("USDC", usdc)], &[(CALL, 100)]);
        // Half a coin at 1,500, and a fee of 10.
        account.orders.push(crate::world::order(CALL, 50, "1500", "10"));
        world.margin(&account)
    };
    let covered = with_bid("760");
    let cap = covered.equity.option_value.units() + 760 * 100_000_000;
    assert!(detail(&covered).uncapped * 100 > cap + 1_000);
    assert!((covered.initial.units() - cap).abs() <= 1_000, "{}", covered.initial);
    let beyond = with_bid("759");
    assert_eq!(beyond.initial.units(), detail(&beyond).uncapped * 100);
}
