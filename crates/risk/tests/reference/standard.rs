//! `standard` by hand: options by distance from the money, futures by size, isolated accounts.

use instruments::Amount;
use plimsoll_risk::{Account, Margin, MarginModel, Methodology, Valuation};

use crate::world::{World, asset, instrument};

fn margin(world: &World, account: &Account, model: MarginModel) -> Margin {
    let standard = Methodology::built_in("standard").unwrap();
    let valuation = Valuation::open(&standard, world.inputs(), &account.instruments()).unwrap();
    valuation.margin(&world.market, account, model).unwrap()
}

fn world() -> World {
    World::at("2026-02-05T20:00:00Z").expiry("BTC-7MAR26", "50000", 0.6)
}

/// Whether an amount is what is expected, or the next tick: requirements are rounded up.
fn near(name: &str, found: Amount, expected: &str) {
    let over = found.units() - expected.parse::<Amount>().unwrap().units();
    assert!((0..=200).contains(&over), "{name}: {found}, expected {expected}");
}

/// Cross margins of a position in an instrument marked at a price, in dollars.
fn check(name: &str, mark: &str, lots: i64, initial: &str, maintenance: &str) {
    let world = world().quote(name, mark, 0.0);
    let account = world.account(&[("USD", "1000000")], &[(name, lots)]);
    let margin = margin(&world, &account, MarginModel::Cross);
    near(name, margin.initial, initial);
    near(name, margin.maintenance, maintenance);
}

#[test]
fn short_calls() {
    // A coin is 100 lots. At the money: 15 %·50,000 + 2,000; 7.5 %·50,000 + 2,000.
    check("BTC_USDC-7MAR26-50000-C", "2000", -100, "9500", "5750");
    // 10 % out of the money: the floor of 10 % holds.
    check("BTC_USDC-7MAR26-55000-C", "1000", -100, "6000", "4750");
    check("BTC_USDC-7MAR26-60000-C", "100", -200, "10200", "7700");
    // In the money there is nothing to take off.
    check("BTC_USDC-7MAR26-45000-C", "6000", -100, "13500", "9750");
    // Inverse: ten lots are a coin, and the mark of 0.02 coins is 1,000 dollars.
    check("BTC-7MAR26-55000-C", "0.02", -10, "6000", "4750");
}

#[test]
fn short_puts() {
    check("BTC_USDC-7MAR26-50000-P", "2000", -100, "9500", "5750");
    check("BTC_USDC-7MAR26-45000-P", "1000", -100, "6000", "4750");
    // 7.5 % of a mark of 60,000 is more than of the index: (4,500 + 60,000), above 15 % by as much
    // as maintenance never is below: 7,500 + 60,000.
    check("BTC_USDC-7MAR26-80000-P", "60000", -100, "67500", "64500");
    // 7.5 %·120,000 = 9,000 is more than 7,500: maintenance is initial margin.
    check("BTC_USDC-7MAR26-100000-P", "120000", -100, "129000", "129000");
}

#[test]
fn long_options_are_paid_in_full() {
    check("BTC_USDC-7MAR26-50000-C", "2000", 100, "0", "0");
    check("BTC_USDC-7MAR26-50000-P", "2000", 100, "0", "0");
}

#[test]
fn futures_by_size() {
    // (2 % + 0.005 %·size)·size·50,000 and half of it.
    check("BTC_USDC-PERPETUAL", "50000", 1_000, "1002.5", "501.25");
    check("BTC_USDC-PERPETUAL", "50000", -1_000, "1002.5", "501.25");
    check("BTC_USDC-PERPETUAL", "50000", 100_000, "125000", "62500");
    check("BTC_USDC-7MAR26", "50000", 10_000, "10250", "5125");
    // An inverse lot is ten dollars: 500,000 dollars are ten coins.
    check("BTC-PERPETUAL", "50000", -50_000, "10250", "5125");
}

/// A coin of perpetuals bought for `gain` dollars less than mark.
fn bought(world: &World, account: &mut Account, name: &str, lots: i64, gain: i128) {
    world.hold(account, name, lots);
    let position = account.positions.get_mut(&instrument(name)).unwrap();
    position.cost = Amount::from_units(position.cost.units() - gain * 100_000_000);
}

#[test]
fn an_isolated_profit_helps_its_own_position_alone() {
    let world = world();
    let check = |gains: [i128; 2], cross: [&str; 2], isolated: [&str; 3]| {
        let mut account = world.account(&[("USD", "10000")], &[]);
        bought(&world, &mut account, "BTC_USDC-PERPETUAL", 1_000, gains[0]);
        bought(&world, &mut account, "ETH_USDC-PERPETUAL", 1_000, gains[1]);
        let found = margin(&world, &account, MarginModel::Cross);
        near("cross equity", found.equity.total, cross[0]);
        near("cross", found.initial, cross[1]);
        let found = margin(&world, &account, MarginModel::Isolated);
        near("isolated equity", found.equity.total, isolated[0]);
        near("isolated", found.initial, isolated[1]);
        near("isolated maintenance", found.maintenance, isolated[2]);
    };
    // A Bitcoin needs 1,002.5, ten Ether (2 % + 0.0002 %·10)·20,000 = 400.4; maintenance is half.
    check([0, 0], ["10000", "1402.9"], ["10000", "1402.9", "701.45"]);
    // +100 and −100 cancel as long as neither exceeds its requirement.
    check([100, -100], ["10000", "1402.9"], ["10000", "1402.9", "701.45"]);
    // 5,000 − 1,002.5 are left over and help no one: 400.4 + 100, 200.2 + 100.
    check([5_000, -100], ["14900", "1402.9"], ["10000", "500.4", "300.2"]);
    check([-100, 5_000], ["14900", "1402.9"], ["10000", "1102.5", "601.25"]);
}

#[test]
fn open_orders_set_their_cost_aside() {
    let world = world().quote("BTC_USDC-7MAR26-50000-C", "2000", 0.0);
    let check = |name: &str, lots: i64, limit: &str, fee: &str, initial: &str| {
        let mut account = world.account(&[("USD", "10000")], &[]);
        account.balances.insert(asset("USDC"), "10000".parse().unwrap());
        account.orders.push(crate::world::order(name, lots, limit, fee));
        let margin = margin(&world, &account, MarginModel::Cross);
        near(name, margin.initial, initial);
        assert_eq!(margin.maintenance, Amount::ZERO);
    };
    // A premium of 2,100 and a fee of 3; a short call's requirement; a loss of 500 against mark.
    check("BTC_USDC-7MAR26-50000-C", 100, "2100", "3", "2103");
    check("BTC_USDC-7MAR26-50000-C", -100, "2100", "0", "9500");
    check("BTC_USDC-PERPETUAL", 1_000, "50500", "3", "1505.5");
    check("BTC_USDC-PERPETUAL", -1_000, "50500", "0", "1002.5");
}
