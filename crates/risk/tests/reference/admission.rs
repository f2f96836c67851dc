//! Orders of accounts below initial margin: only what heals is accepted.

use instruments::Amount;
use plimsoll_risk as risk;
use risk::{
    Account, Admission, Assessment, Confidence, OpenOrder, PortfolioVector, Standing,
    UnitRequirement,
};

use crate::world::{World, order, requirement};

const PERPETUAL: &str = "BTC_USDC-PERPETUAL";

/// Decides by the exact computation: the bound is out of reach.
fn admit(world: &World, account: &Account, order: OpenOrder) -> Admission {
    let mut with_order = account.clone();
    with_order.orders.push(order);
    let epoch = world.epoch(&with_order);
    let vector = PortfolioVector::of(&epoch, account).unwrap();
    let assessment = Assessment { epoch: &epoch, market: &world.market, account, vector: &vector };
    let standing = Standing::of(&assessment, &assessment.margin().unwrap()).unwrap();
    let beyond = UnitRequirement { bid: 1 << 60, ask: 1 << 60 };
    risk::admit(&assessment, &standing, beyond, &order).unwrap()
}

fn refused(world: &World, account: &Account, order: OpenOrder) {
    let admission = admit(world, account, order);
    let Admission::Refused(refusal) = admission else { panic!("{admission:?}") };
    let mut with_order = account.clone();
    with_order.orders.push(order);
    let margin = world.margin(&with_order);
    assert_eq!((refusal.needed, refusal.available), (margin.initial, margin.equity.total));
    assert!(refusal.needed > refusal.available);
}

/// Ten coins long with a third of the equity that they need.
fn restricted(world: &World) -> Account {
    let account = world.account(&[("USD", "30000")], &[(PERPETUAL, 10_000)]);
    let margin = world.margin(&account);
    assert!(margin.excess() < Amount::ZERO);
    assert_eq!(requirement(&margin), 93_750_000_000);
    account
}

#[test]
fn below_initial_margin_only_reductions_are_accepted() {
    let world = World::at("2026-02-05T20:00:00Z");
    let account = restricted(&world);
    // More of the same, a lot or all; a flip to the same size, less a dollar; a larger flip.
    refused(&world, &account, order(PERPETUAL, 1, "50000", "0"));
    refused(&world, &account, order(PERPETUAL, 5_000, "50000", "0"));
    refused(&world, &account, order(PERPETUAL, -20_000, "50000", "1"));
    refused(&world, &account, order(PERPETUAL, -25_000, "50000", "0"));
    // A hedge elsewhere is no reduction: what stands alone adds up.
    refused(&world, &account, order("ETH_USDC-PERPETUAL", -100, "2000", "0"));
    let heals = |lots: i64, limit: &str, fee: &str| {
        assert_eq!(admit(&world, &account, order(PERPETUAL, lots, limit, fee)), Admission::Heals);
    };
    heals(-1, "50000", "0");
    heals(-5_000, "50000", "0");
    heals(-10_000, "50000", "100");
    heals(-10_000, "49900", "0");
    // Sold at a loss larger than the margin it frees.
    refused(&world, &account, order(PERPETUAL, -5_000, "35000", "0"));
}

#[test]
fn at_initial_margin_an_order_must_leave_it_whole() {
    let world = World::at("2026-02-05T20:00:00Z");
    let account = world.account(&[("USD", "15000")], &[(PERPETUAL, 1_000)]);
    let admission = admit(&world, &account, order(PERPETUAL, 500, "50000", "0"));
    let mut with_order = account.clone();
    with_order.orders.push(order(PERPETUAL, 500, "50000", "0"));
    assert_eq!(admission, Admission::Exact(world.margin(&with_order).initial));
    refused(&world, &account, order(PERPETUAL, 1_000, "50000", "0"));
    // Resting orders count: beside this bid no other has room.
    let mut busy = account.clone();
    busy.orders.push(order(PERPETUAL, 500, "50000", "0"));
    refused(&world, &busy, order(PERPETUAL, 500, "50000", "0"));
    assert!(matches!(
        admit(&world, &busy, order(PERPETUAL, -500, "50000", "0")),
        Admission::Exact(_)
    ));
}

#[test]
fn what_heals_only_as_a_whole_is_refused() {
    // Long calls whose feeds no one trusts, and a few short ones. Once these are bought back the
    // account holds long options alone and its margin is capped; until the last of them is, each
    // one bought adds to a charge of 40 % of Δ.
    let mut world = World::at("2026-02-05T20:00:00Z")
        .rule("maintenance = [", "maintenance = [\"oracle\", ")
        .expiry("BTC-7MAR26", "50000", 0.6);
    world.expiry_of("BTC-7MAR26").forward_confidence = Confidence::from_ppm(0);
    let (long, short) = ("BTC_USDC-7MAR26-50000-C", "BTC_USDC-7MAR26-60000-C");
    let account = world.account(&[("USDC", "1000")], &[(long, 100), (short, -10)]);
    assert!(world.margin(&account).health() < Amount::ZERO);
    let mark = world.market.mark(&crate::world::instrument(short)).unwrap().to_string();
    let bid = order(short, 10, &mark, "0");
    let closed = world.account(&[("USDC", "900")], &[(long, 100)]);
    assert!(world.margin(&closed).excess() >= Amount::ZERO);
    refused(&world, &account, bid);
    refused(&world, &account, order(short, 1, &mark, "0"));
}

#[test]
fn accounts_margined_by_position_obey_the_same_rules() {
    let world = World::at("2026-02-05T20:00:00Z");
    let standard = risk::Methodology::built_in("standard").unwrap();
    let venue_balances = std::collections::BTreeMap::new();
    let inputs =
        risk::EpochInputs { market: &world.market, history: None, venue_balances: &venue_balances };
    let rules = risk::Valuation::open(&standard, inputs, &[]).unwrap();
    for model in [risk::MarginModel::Cross, risk::MarginModel::Isolated] {
        let margin_of = |account: &Account| rules.margin(&world.market, account, model);
        let admit = |account: &Account, lots: i64| {
            risk::admit_exactly(margin_of, account, &order(PERPETUAL, lots, "50000", "0")).unwrap()
        };
        let rich = world.account(&[("USDC", "100000")], &[(PERPETUAL, 1_000)]);
        assert!(matches!(admit(&rich, 1_000), Admission::Exact(_)), "{model:?}");
        assert!(matches!(admit(&rich, 1_000_000), Admission::Refused(_)), "{model:?}");
        let poor = world.account(&[("USDC", "100")], &[(PERPETUAL, 1_000)]);
        assert!(margin_of(&poor).unwrap().excess() < Amount::ZERO);
        assert_eq!(admit(&poor, -500), Admission::Heals, "{model:?}");
        assert!(matches!(admit(&poor, 1), Admission::Refused(_)), "{model:?}");
        // An account at initial margin needs no healing: the order must leave it there.
        let flip = order(PERPETUAL, -500, "50000", "0");
        assert_eq!(risk::heals(margin_of, &rich, &flip), Ok(false));
        assert_eq!(risk::heals(margin_of, &poor, &flip), Ok(true));
    }
}
