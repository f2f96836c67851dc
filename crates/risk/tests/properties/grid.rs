//! Replicas of published portfolio margin on random accounts: what holds for all of them.

use std::collections::BTreeMap;

use instruments::{Amount, SettlementStyle};
use plimsoll_risk::grid::{Book, Coin, Contract, Expiry, Leg, assess};
use plimsoll_risk::methodology::GridRules;
use plimsoll_risk::{
    Account, EpochInputs, Grid, Margin, MarginDetail, MarginModel, Methodology, OpenOrder,
    Valuation,
};
use proptest::prelude::*;

use crate::world::{Legs, WORLD, account, asset, balances, cases, legs, order};

const NAMES: [&str; 4] = ["derive-pmrm2", "paradex-pm", "deribit-pm", "okx-mr"];

/// Those that reserve beside the requirement what a fill loses at once.
const RESERVING: [&str; 3] = ["derive-pmrm2", "deribit-pm", "okx-mr"];

fn grid(name: &str) -> Grid {
    let none = BTreeMap::new();
    let inputs = EpochInputs { history: None, venue_balances: &none, market: &WORLD.market };
    Grid::open(&Methodology::built_in(name).unwrap(), inputs).unwrap()
}

fn rules(name: &str) -> GridRules {
    Methodology::built_in(name).unwrap().grid_rules().unwrap().clone()
}

/// Only Bitcoin and Ether, which every replica knows.
fn known(account: &mut Account) {
    let known = |name: &str| name == "BTC" || name == "ETH";
    account.positions.retain(|instrument, _| known(instrument.base().name()));
    account.balances.remove(&asset("SOL"));
    account.orders.retain(|order| known(order.instrument.base().name()));
}

fn known_account(legs: &Legs, cash: &[i64; 5], resting: &[(usize, i64)]) -> Account {
    let mut account = account(legs, cash);
    account.orders.extend(resting.iter().map(|(i, lots)| order(*i, *lots, 1_000, 10)));
    known(&mut account);
    account
}

fn margin(grid: &Grid, account: &Account) -> Margin {
    grid.margin(&WORLD.market, account).unwrap()
}

fn orders() -> impl Strategy<Value = Vec<(usize, i64)>> {
    prop::collection::vec((0_usize..WORLD.instruments.len(), -50_i64..50), 0..3)
        .prop_map(|orders| orders.into_iter().filter(|(_, lots)| *lots != 0).collect())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn shares_sum_to_the_requirement_exactly(which in 0..NAMES.len(), a in legs(8), cash in balances(), resting in orders()) {
        let account = known_account(&a, &cash, &resting);
        let explanation = grid(NAMES[which]).explain(&WORLD.market, &account).unwrap();
        let sum: i128 = explanation.parts.iter().map(|part| part.share.units()).sum();
        if explanation.parts.is_empty() {
            prop_assert_eq!(explanation.requirement, Amount::ZERO);
        } else {
            prop_assert_eq!(sum, explanation.requirement.units());
        }
    }

    #[test]
    fn the_requirement_is_homogeneous(which in 0..NAMES.len(), a in legs(8), n in 2_i64..20) {
        let grid = grid(NAMES[which]);
        let many: Vec<_> = a.iter().map(|(index, lots)| (*index, lots * n)).collect();
        let one = margin(&grid, &known_account(&a, &[0; 5], &[]));
        let all = margin(&grid, &known_account(&many, &[0; 5], &[]));
        let (one, all) = (one.initial.units() as f64 * n as f64, all.initial.units() as f64);
        prop_assert!((one - all).abs() <= 1e-9 * one.abs() + 100.0 * n as f64, "{one} {all}");
    }

    #[test]
    fn cash_raises_excess_by_itself(which in 0..NAMES.len(), a in legs(8), cash in balances(), dollars in 1_i128..1_000_000_000_000) {
        let before = known_account(&a, &cash, &[]);
        let mut after = before.clone();
        after.balances.insert(asset("USD"), Amount::from_units(dollars));
        let grid = grid(NAMES[which]);
        let gained = margin(&grid, &after).excess().units() - margin(&grid, &before).excess().units();
        prop_assert_eq!(gained, dollars);
    }

    #[test]
    fn orders_never_lower_initial_margin_and_leave_maintenance(which in 0..NAMES.len(), a in legs(8), cash in balances(), resting in orders()) {
        // The package nets funding of resting orders against that of positions: left out here.
        let grid = grid(NAMES[which]);
        let bare = known_account(&a, &cash, &[]);
        let with = Account { orders: known_account(&a, &cash, &resting).orders, ..bare.clone() };
        let (bare, with) = (margin(&grid, &bare), margin(&grid, &with));
        prop_assert_eq!(bare.maintenance, with.maintenance);
        let funding = |m: &Margin| match &m.detail {
            MarginDetail::Grid(detail) => detail.charges.iter().filter(|c| c.name == "funding").map(|c| c.initial.units()).sum::<i128>(),
            _ => 0,
        };
        prop_assert!(with.initial.units() - funding(&with) + 2 >= bare.initial.units() - funding(&bare));
    }

    #[test]
    fn no_fill_takes_what_the_order_did_not_reserve(which in 0..RESERVING.len(), a in legs(6), cash in balances(), resting in orders(), part in 0.0_f64..=1.0, mask: u8) {
        // Whatever part of whichever orders fills, excess is not less than with all of them open.
        let grid = grid(RESERVING[which]);
        let mut before = known_account(&a, &cash, &resting);
        // Coin that a fill moves is not reserved for.
        before.orders.retain(|order| order.instrument.style() == SettlementStyle::Linear);
        let mut after = Account { orders: vec![], ..before.clone() };
        for (i, order) in before.orders.iter().enumerate() {
            let lots = (order.quantity.lots() as f64 * part) as i64;
            if mask & (1 << i) == 0 || lots == 0 {
                after.orders.push(*order);
                continue;
            }
            let quantity = instruments::Quantity::from_lots(lots);
            after.trade(order.instrument, quantity, order.limit).unwrap();
            let rest = order.quantity.lots() - lots;
            let fee = after.balances.entry(order.instrument.settlement_asset()).or_default();
            *fee = Amount::from_units(fee.units() - order.fee.units());
            if rest != 0 {
                after.orders.push(OpenOrder { quantity: instruments::Quantity::from_lots(rest), fee: Amount::ZERO, ..*order });
            }
        }
        let (open, filled) = (margin(&grid, &before), margin(&grid, &after));
        let size = open.initial.units().abs() as f64;
        let room = (1e-9 * size) as i128 + 1_000;
        prop_assert!(filled.excess().units() + room >= open.excess().units(), "{} {} {:?}", open.excess(), filled.excess(), before.orders);
    }

    #[test]
    fn hostile_books_never_give_nan(which in 0..NAMES.len(), spot in 1e-6_f64..1e9, strike in 0.0_f64..1e12, years in 0.0_f64..50.0, vol in 0.0_f64..50.0, size in -1e9_f64..1e9, value in -1e12_f64..1e12, inverse: bool, put: bool) {
        let kind = if put { instruments::OptionKind::Put } else { instruments::OptionKind::Call };
        let option = Contract::Option { expiry: 0, strike, kind, volatility: vol };
        let leg = |contract, limit| Leg { inverse, limit, ..Leg::position(contract, size, spot) };
        let book = Book {
            underlying: "BTC".into(),
            spot,
            spot_confidence: 0.1,
            expiries: vec![Expiry { years, rate: 0.1, fixed: 0.0, variable: spot, confidence: 0.2 }],
            legs: vec![leg(option, None), leg(option, Some(spot)), leg(Contract::Perpetual, None), leg(Contract::Future(0), Some(spot))],
            coins: vec![Coin { value, in_scenarios: true, confidence: 0.3, initial: 0.1, maintenance: 0.1 }],
        };
        let outcome = assess(&rules(NAMES[which]), &[book], 0.9).unwrap();
        prop_assert!(outcome.initial.is_finite() && outcome.maintenance.is_finite());
        prop_assert!(outcome.requirement >= 0.0);
    }

    #[test]
    fn splitting_a_leg_changes_nothing_but_rounding(which in 0..NAMES.len(), size in 0.1_f64..100.0, part in 0.0_f64..1.0, short: bool) {
        let sign = if short { -1.0 } else { 1.0 };
        let option = |size| Leg::position(
            Contract::Option { expiry: 0, strike: 70_000.0, kind: instruments::OptionKind::Call, volatility: 0.6 }, sign * size, 2_000.0,
        );
        let book = |legs| Book {
            underlying: "BTC".into(),
            spot: 67_000.0,
            spot_confidence: 1.0,
            expiries: vec![Expiry { years: 0.1, rate: 0.03, fixed: 0.0, variable: 67_200.0, confidence: 1.0 }],
            legs,
            coins: vec![],
        };
        let rules = rules(NAMES[which]);
        let whole = assess(&rules, &[book(vec![option(size)])], 1.0).unwrap();
        let split = assess(&rules, &[book(vec![option(size * part), option(size * (1.0 - part))])], 1.0).unwrap();
        prop_assert!((whole.initial - split.initial).abs() <= 1e-9 * whole.initial.max(1.0));
    }
}

#[test]
fn every_replica_opens_by_the_one_door() {
    let none = BTreeMap::new();
    let inputs = EpochInputs { history: None, venue_balances: &none, market: &WORLD.market };
    for name in NAMES {
        let methodology = Methodology::built_in(name).unwrap();
        let valuation = Valuation::open(&methodology, inputs, &[]).unwrap();
        let empty = Account::named("empty");
        let margin = valuation.margin(&WORLD.market, &empty, MarginModel::Portfolio).unwrap();
        assert_eq!((margin.initial, margin.maintenance), (Amount::ZERO, Amount::ZERO), "{name}");
        let refused = valuation.margin(&WORLD.market, &empty, MarginModel::Cross);
        assert!(refused.is_err(), "{name}");
    }
}

#[test]
fn an_underlying_that_the_rules_lack_is_named() {
    let index = WORLD.instruments.iter().position(|i| i.base().name() == "XRP").unwrap();
    let account = account(&vec![(index, 10)], &[0; 5]);
    let error = grid("deribit-pm").margin(&WORLD.market, &account).unwrap_err();
    assert!(error.to_string().contains("XRP"), "{error}");
}
