//! Cross and isolated margin, withdrawals, and notice of changes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use instruments::{Amount, Underlying};
use plimsoll_risk::{
    Account, AssetMarket, Confidence, EpochInputs, MarginModel, Market, Methodology,
    UnderlyingMarket, Valuation, withdrawable,
};
use proptest::prelude::*;

use crate::world::{
    Legs, WORLD, account, asset, balances, cases, core, hold, instrument, legs, margin, order,
};

static CORE: LazyLock<Valuation> =
    LazyLock::new(|| Valuation::open(&core(), WORLD.inputs(), &WORLD.instruments).unwrap());

/// The methodologies that margin by position, opened.
static BY_POSITION: LazyLock<Vec<Valuation>> = LazyLock::new(|| {
    let open = |name| {
        let methodology = Methodology::built_in(name).unwrap();
        Valuation::open(&methodology, WORLD.inputs(), &WORLD.instruments).unwrap()
    };
    ["standard", "derive-srm", "paradex-xm"].map(open).into()
});

/// An account in Bitcoin and Ether, which every methodology knows.
fn known(legs: &Legs, balances: &[i64; 5]) -> Account {
    let majors = |place: usize| ["BTC", "ETH"].contains(&WORLD.instruments[place].base().name());
    let legs = legs.iter().filter(|(place, _)| majors(*place)).copied().collect();
    let mut account = account(&legs, balances);
    account.balances.retain(|asset, _| ["BTC", "ETH", "USDC"].contains(&asset.name()));
    account
}

/// One coin at 50,000 dollars, nothing else, and no venue balances: haircuts are half a spread and
/// price risk.
fn quiet_market() -> Market {
    let price = "50000".parse().unwrap();
    Market {
        time: "2026-02-05T23:00:00Z".parse().unwrap(),
        assets: BTreeMap::from([(
            asset("BTC"),
            AssetMarket { price, confidence: Confidence::FULL },
        )]),
        underlyings: BTreeMap::from([(Underlying::of(asset("BTC")), UnderlyingMarket::default())]),
        quotes: BTreeMap::new(),
    }
}

#[test]
fn a_short_perpetual_by_hand() {
    let (market, venue) = (quiet_market(), BTreeMap::new());
    let inputs = EpochInputs { market: &market, history: None, venue_balances: &venue };
    let methodology = Methodology::built_in("standard").unwrap();
    let valuation = Valuation::open(&methodology, inputs, &[]).unwrap();
    let mut account = Account::named("by hand");
    account.balances.insert(asset("USD"), "100000".parse().unwrap());
    let perpetual = instrument("BTC-PERPETUAL");
    // Sold at 40,000: 200,000 dollars are 5 coins there and 4 here, a loss of one coin.
    account
        .trade(perpetual, perpetual.lots_of("-200000").unwrap(), "40000".parse().unwrap())
        .unwrap();
    let margin = |model| valuation.margin(&market, &account, model).unwrap();
    let cross = margin(MarginModel::Cross);
    // (2 % + 0.005 %·4)·200,000.
    assert_eq!(cross.equity.total.to_string(), "50000");
    assert_eq!(cross.initial.to_string(), "4040");
    assert_eq!(cross.maintenance.to_string(), "2020");
    let isolated = margin(MarginModel::Isolated);
    assert_eq!(isolated.equity.total.to_string(), "100000");
    assert_eq!(isolated.initial.to_string(), "54040");
    assert!(valuation.margin(&market, &account, MarginModel::Portfolio).is_err());
}

#[test]
fn a_covering_coin_stays() {
    let mut account = Account::named("covered");
    account.balances.insert(asset("BTC"), "10".parse().unwrap());
    hold(&mut account, instrument("BTC-26JUN26-50000-C"), -100);
    let may = |account: &Account| {
        let full = Confidence::FULL;
        withdrawable(&CORE, &WORLD.market, account, MarginModel::Portfolio, asset("BTC"), full)
            .unwrap()
    };
    let first = may(&account);
    // Covered it needs little; naked it would need more than is there.
    let free = margin(&account).excess().units() / 67_000;
    assert!(first > Amount::ZERO && first.units() < free, "{first} of {free}");
    let left = Amount::from_units(account.balances[&asset("BTC")].units() - first.units());
    account.balances.insert(asset("BTC"), left);
    assert!(margin(&account).excess() >= Amount::ZERO);
    assert!(may(&account).units() < 100_000);
}

#[test]
fn notice_takes_the_lower_maintenance_margin() {
    let account = account(&vec![(0, -100)], &[100, 0, 0, 0, 0]);
    let now = margin(&account);
    let mut dearer = now.clone();
    dearer.maintenance = Amount::from_units(now.maintenance.units() * 2);
    dearer.initial = Amount::from_units(now.initial.units() * 2);
    let noticed = dearer.clone().under_notice(&now);
    assert_eq!((noticed.initial, noticed.maintenance), (dearer.initial, now.maintenance));
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn sharing_equity_never_needs_more(a in legs(8), cash in balances()) {
        let account = known(&a, &cash);
        for rules in BY_POSITION.iter() {
            let margin = |model| rules.margin(&WORLD.market, &account, model).unwrap();
            let (cross, isolated) = (margin(MarginModel::Cross), margin(MarginModel::Isolated));
            prop_assert!(isolated.excess() <= cross.excess());
            prop_assert!(cross.initial >= cross.maintenance);
            prop_assert!(isolated.initial >= isolated.maintenance);
        }
    }

    #[test]
    fn whatever_fills_was_margined_before(
        a in legs(6),
        orders in prop::collection::vec((0..WORLD.instruments.len(), -200_i64..200, -200_000_i64..200_000), 1..6),
        fills in 0_u32..64,
    ) {
        let mut before = known(&a, &[0, 0, 10_000, 0, 0]);
        for (place, lots, off) in orders {
            let order = order(place, lots, off, 0);
            // A premium in coin counts for less than it is worth.
            let in_money = order.instrument.settlement_asset() == asset("USDC");
            let base = order.instrument.base();
            if lots != 0 && in_money && ["BTC", "ETH"].contains(&base.name()) {
                before.orders.push(order);
            }
        }
        let mut after = before.clone();
        after.orders.clear();
        for (place, order) in before.orders.iter().enumerate() {
            if fills >> place & 1 == 1 {
                after.trade(order.instrument, order.quantity, order.limit).unwrap();
            }
        }
        // A debt weighs more in `standard`, so that a premium can cost more than it is worth.
        for rules in &BY_POSITION[1..] {
            let excess = |account| {
                rules.margin(&WORLD.market, account, MarginModel::Cross).unwrap().excess().units()
            };
            prop_assert!(excess(&after) >= excess(&before) - 10_000, "{before:#?}");
        }
    }

    #[test]
    fn what_is_withdrawn_leaves_initial_margin(a in legs(4), cash in balances(), coin in 0_usize..3) {
            let mut account = account(&a, &cash);
        let coin = asset(["BTC", "ETH", "USDC"][coin]);
        let model = MarginModel::Portfolio;
        let none = Confidence::from_ppm(0);
        let taken = withdrawable(&CORE, &WORLD.market, &account, model, coin, none).unwrap();
        prop_assert!(taken >= Amount::ZERO);
        if taken > Amount::ZERO {
            let balance = account.balances[&coin];
            prop_assert!(taken <= balance);
            account.balances.insert(coin, Amount::from_units(balance.units() - taken.units()));
            prop_assert!(margin(&account).excess() >= Amount::ZERO);
        }
    }
}
