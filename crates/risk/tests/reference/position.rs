//! `derive-srm` and `paradex-xm` by hand on a chain: expiry caps, charges, option value in equity.

use plimsoll_risk::{
    Account, Confidence, Margin, MarginDetail, MarginModel, Methodology, Valuation,
};

use crate::world::{World, asset, order};

/// Bitcoin at 50,000, with a spread: a coin is 100 lots of options, 1,000 of perpetuals.
fn world() -> World {
    World::at("2026-02-05T20:00:00Z")
        .expiry("BTC-7MAR26", "50000", 0.6)
        .quote("BTC_USDC-7MAR26-50000-C", "2000", 0.0)
        .quote("BTC_USDC-7MAR26-55000-C", "500", 0.0)
        .quote("BTC_USDC-7MAR26-100000-P", "120000", 0.0)
        .quote("BTC_USDC-PERPETUAL", "50000", 0.0)
}

fn margin(name: &str, world: &World, account: &Account, model: MarginModel) -> Margin {
    let methodology = Methodology::built_in(name).unwrap();
    let valuation = Valuation::open(&methodology, world.inputs(), &account.instruments()).unwrap();
    valuation.margin(&world.market, account, model).unwrap()
}

/// Equity, initial and maintenance margin in dollars; requirements may be a tick above.
#[track_caller]
fn check(margin: &Margin, expected: [&str; 3]) {
    let found = [margin.equity.total, margin.initial, margin.maintenance];
    for (found, expected) in found.into_iter().zip(expected) {
        let over = found.units() - expected.parse::<instruments::Amount>().unwrap().units();
        assert!((-200..=200).contains(&over), "{found}, expected {expected}: {margin:#?}");
    }
}

fn charges(margin: &Margin) -> Vec<(&str, &str, String, String)> {
    let MarginDetail::Position(detail) = &margin.detail else { panic!("by position") };
    let line = |charge: &plimsoll_risk::position::Charge| {
        (charge.initial.to_string(), charge.maintenance.to_string())
    };
    let charges = detail.charges.iter();
    charges.map(|one| (one.name, one.subject.as_str(), line(one).0, line(one).1)).collect()
}

const CALL: &str = "BTC_USDC-7MAR26-50000-C";
const HIGHER: &str = "BTC_USDC-7MAR26-55000-C";
const PUT: &str = "BTC_USDC-7MAR26-100000-P";
const PERPETUAL: &str = "BTC_USDC-PERPETUAL";

fn derive(world: &World, legs: &[(&str, i64)], expected: [&str; 3]) -> Margin {
    let account = world.account(&[("USDC", "10000")], legs);
    let margin = margin("derive-srm", world, &account, MarginModel::Cross);
    check(&margin, expected);
    margin
}

#[test]
fn an_expiry_needs_no_more_than_it_can_lose() {
    let world = world();
    // 15 % (7.5 %) of 50,000 and the mark.
    let margin = derive(&world, &[(CALL, -100)], ["10000", "9500", "5750"]);
    assert_eq!(charges(&margin), []);
    // A spread loses its width of 5,000.
    let margin = derive(&world, &[(CALL, -100), (HIGHER, 100)], ["10000", "5000", "5000"]);
    let subject = "BTC 2026-03-07T08:00:00Z";
    let relief = ("expiry cap", subject, "-4500".to_owned(), "-750".to_owned());
    assert_eq!(charges(&margin), [relief]);
    // Half of it is naked: 2,500 and half of 1.2 (1.1) forwards are more than 9,500 and 5,750.
    derive(&world, &[(CALL, -100), (HIGHER, 50)], ["10000", "9500", "5750"]);
    // A put can lose its strike; by itself it would need 1.05·129,000, 129,000 for maintenance.
    derive(&world, &[(PUT, -100)], ["10000", "100000", "100000"]);
}

#[test]
fn an_isolated_option_is_capped_by_itself() {
    let world = world();
    let account = world.account(&[("USDC", "10000")], &[(CALL, -100), (HIGHER, 100), (PUT, -100)]);
    let margin = margin("derive-srm", &world, &account, MarginModel::Isolated);
    check(&margin, ["10000", "109500", "105750"]);
    assert_eq!(charges(&margin), []);
}

#[test]
fn a_cap_does_not_count_on_what_may_be_sold() {
    let world = world();
    let mut account = world.account(&[("USDC", "10000")], &[(CALL, -100), (HIGHER, 100)]);
    // Bids don't help before they fill: 5,000, and the premium of 600 set aside.
    account.orders.push(order(HIGHER, 100, "600", "0"));
    let found = margin("derive-srm", &world, &account, MarginModel::Cross);
    check(&found, ["10000", "5600", "5000"]);
    account.orders = vec![order(HIGHER, -100, "600", "0")];
    let found = margin("derive-srm", &world, &account, MarginModel::Cross);
    check(&found, ["10000", "9500", "5000"]);
}

#[test]
fn prices_that_are_little_trusted_are_charged_for() {
    let mut world = world();
    derive(&world, &[(PERPETUAL, -1_000)], ["10000", "3250", "2500"]);
    let bitcoin = world.market.assets.get_mut(&asset("BTC")).unwrap();
    bitcoin.confidence = Confidence::from_ppm(300_000);
    // 0.7·0.4·50,000 for the coin of perpetuals, the same for the call.
    let margin = derive(&world, &[(PERPETUAL, -1_000), (CALL, -100)], ["10000", "40750", "8250"]);
    assert_eq!(charges(&margin).len(), 2);
    // Long options rest on no price.
    derive(&world, &[(CALL, 100)], ["10000", "0", "0"]);
    let bitcoin = world.market.assets.get_mut(&asset("BTC")).unwrap();
    bitcoin.confidence = Confidence::from_ppm(400_000);
    world.expiry_of("BTC-7MAR26").volatility_confidence = Confidence::from_ppm(0);
    derive(&world, &[(PERPETUAL, -1_000), (CALL, -100)], ["10000", "32750", "8250"]);
}

#[test]
fn a_lost_peg_is_charged_for() {
    let world = world().index("USDC", "0.9");
    // 6.5 % and 5 % of 50,000·0.9, and 0.08·1.2·50,000.
    derive(&world, &[(PERPETUAL, 1_000)], ["9000", "7725", "2250"]);
}

#[test]
fn a_coin_counts_in_part() {
    let world = world();
    let account = world.account(&[("BTC", "1"), ("USD", "-300")], &[]);
    let found = margin("derive-srm", &world, &account, MarginModel::Cross);
    check(&found, ["4700", "0", "0"]);
    let found = margin("paradex-xm", &world, &account, MarginModel::Cross);
    check(&found, ["-300", "0", "0"]);
}

fn paradex(legs: &[(&str, i64)], cross: [&str; 3], isolated: [&str; 3]) {
    let world = world();
    let account = world.account(&[("USDC", "10000")], legs);
    check(&margin("paradex-xm", &world, &account, MarginModel::Cross), cross);
    check(&margin("paradex-xm", &world, &account, MarginModel::Isolated), isolated);
}

#[test]
fn option_value_is_equity_where_the_mark_is_outside() {
    // 15 % (7.5 %) of 50,000, and a fee of 0.0003·50,000.
    paradex(&[(CALL, -100)], ["8000", "7515", "3765"], ["10000", "9515", "5765"]);
    // A long option needs its mark, half of it for maintenance.
    paradex(&[(CALL, 100)], ["12000", "2015", "1015"], ["10000", "15", "15"]);
    // 20 % and 10 % of the index are less than the mark of 120,000.
    paradex(&[(PUT, 100)], ["130000", "10015", "5015"], ["10000", "15", "15"]);
    // 2 % (1 %) and a fee of 0.0002·50,000.
    paradex(&[(PERPETUAL, -1_000)], ["10000", "1010", "510"], ["10000", "1010", "510"]);
}

#[test]
fn a_provision_covers_the_fees_of_orders() {
    let world = world();
    let mut account = world.account(&[("USDC", "10000")], &[]);
    account.orders.push(order(PERPETUAL, 1_000, "50500", "7"));
    account.orders.push(order(CALL, 100, "2100", "7"));
    // 2 % and a loss of 500 against mark; the mark of 2,000 and a loss of 100; fees of 10 and 15.
    let found = margin("paradex-xm", &world, &account, MarginModel::Cross);
    check(&found, ["10000", "3625", "0"]);
}
