//! The invariant `admission`, and the bound that is never below the exact answer.

use instruments::{Amount, Quantity};
use plimsoll_risk::{
    Account, Admission, PreTrade, Room, Standing, UnitRequirement, admit, admit_exactly,
    fast_bound, margin_after_fill,
};
use proptest::prelude::*;

use crate::world::{WORLD, account, assessed, balances, cases, detail, epoch, legs, order};

/// Fills are rounded to whole 10⁻⁸ of their asset against the account.
const ROUNDING_USD: i128 = 2_000_000;

fn unit(alone: bool, index: usize) -> UnitRequirement {
    UnitRequirement::of(epoch(alone), &WORLD.instruments[index]).unwrap()
}

fn some_order() -> impl Strategy<Value = (usize, i64, i64, i64)> {
    let lots = prop_oneof![1_i64..400, -400_i64..-1];
    (0..WORLD.instruments.len(), lots, -30_000_i64..30_000, 0_i64..100_000)
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn the_fast_bound_is_never_below_the_exact_margin(alone: bool, a in legs(6), cash in balances(), resting in prop::collection::vec(some_order(), 0..3), new in some_order()) {
        let mut account = account(&a, &cash);
        account.orders.extend(resting.iter().map(|o| order(o.0, o.1, o.2, o.3)));
        let new_order = order(new.0, new.1, new.2, new.3);
        let bound = assessed(epoch(alone), &account, |assessment| {
            let margin = assessment.margin().unwrap();
            let standing = Standing::of(&assessment, &margin).unwrap();
            fast_bound(&assessment, &standing, unit(alone, new.0), &new_order).unwrap().unwrap()
        });
        account.orders.push(new_order);
        let exact = assessed(epoch(alone), &account, |assessment| detail(&assessment.margin().unwrap()).uncapped);
        prop_assert!(bound >= exact, "bound {bound} exact {exact}");
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn no_partial_fill_of_an_accepted_order_breaks_initial_margin(alone: bool, a in legs(6), cash in balances(), resting in prop::collection::vec(some_order(), 0..3), close in prop::collection::vec((0_usize..6, -400_i64..400), 0..3), new in some_order(), parts in prop::collection::vec(0_i64..=4, 7)) {
        let mut account = account(&a, &cash);
        account.orders.extend(resting.iter().map(|o| order(o.0, o.1, o.2, o.3)));
        // Orders where others are, or positions: one may close what another opens.
        let known = || a.iter().map(|leg| leg.0).chain(resting.iter().map(|o| o.0)).chain([new.0]);
        for (place, lots) in close.into_iter().filter(|(_, lots)| *lots != 0) {
            let at = known().nth(place % known().count()).unwrap();
            account.orders.push(order(at, lots, lots * 10_000, 1_000));
        }
        // Enough cash that about half of the orders are accepted.
        let needed = assessed(epoch(alone), &account, |assessment| assessment.margin().unwrap().excess().units());
        account.balances.insert(crate::world::asset("USD"), Amount::from_units(-needed.min(0) + 2_000_000_000_000));
        let new_order = order(new.0, new.1, new.2, new.3);
        let admission = assessed(epoch(alone), &account, |assessment| {
            let margin = assessment.margin().unwrap();
            let standing = Standing::of(&assessment, &margin).unwrap();
            admit(&assessment, &standing, unit(alone, new.0), &new_order).unwrap()
        });
        prop_assume!(matches!(admission, Admission::WithinBound(_) | Admission::Exact(_)));
        account.orders.push(new_order);
        // Each order fills in part, one after the other.
        let orders = std::mem::take(&mut account.orders);
        let mut left = orders.clone();
        for (place, (order, part)) in orders.iter().zip(&parts).enumerate() {
            let lots = order.quantity.lots() * part / 4;
            let mut rest = *order;
            rest.quantity = Quantity::from_lots(order.quantity.lots() - lots);
            left[place] = rest;
            if lots == 0 { continue }
            account.orders = left.iter().filter(|o| o.quantity != Quantity::ZERO).copied().collect();
            let after = assessed(epoch(alone), &account, |assessment| margin_after_fill(&assessment, order, lots).unwrap());
            prop_assert!(after.excess().units() >= -ROUNDING_USD, "{} after {part}/4 of {place}", after.excess());
            let instrument = order.instrument;
            account.trade(instrument, Quantity::from_lots(lots), order.limit).unwrap();
            let balance = account.balances.entry(instrument.settlement_asset()).or_default();
            *balance = Amount::from_units(balance.units() - order.fee.units() * i128::from(*part) / 4);
        }
    }

    #[test]
    fn initial_margin_alone_is_that_of_the_full_margin(alone: bool, long_only: bool, a in legs(6), cash in balances(), resting in prop::collection::vec(some_order(), 0..3), new in some_order()) {
        let a = if long_only { a.iter().map(|leg| (leg.0, leg.1.abs())).collect() } else { a };
        let mut account = account(&a, &cash);
        account.orders.extend(resting.iter().map(|o| order(o.0, o.1, o.2, o.3)));
        let new_order = order(new.0, new.1, new.2, new.3);
        let short = assessed(epoch(alone), &account, |assessment| assessment.initial(Some(&new_order), &mut Room::default()).unwrap());
        account.orders.push(new_order);
        let full = assessed(epoch(alone), &account, |assessment| assessment.margin().unwrap());
        prop_assert_eq!((short.equity, short.initial, short.uncapped), (full.equity.total, full.initial, detail(&full).uncapped));
        let none = assessed(epoch(alone), &account, |assessment| assessment.initial(None, &mut Room::default()).unwrap());
        prop_assert_eq!(none, short);
    }

    #[test]
    fn the_exact_decision_alone_is_that_behind_the_bound(alone: bool, a in legs(4), cash in balances(), new in some_order()) {
        let account = account(&a, &cash);
        let new_order = order(new.0, new.1, new.2, new.3);
        let beyond = UnitRequirement { bid: 1 << 60, ask: 1 << 60 };
        let behind = assessed(epoch(alone), &account, |assessment| {
            let standing = Standing::of(&assessment, &assessment.margin().unwrap()).unwrap();
            admit(&assessment, &standing, beyond, &new_order).unwrap()
        });
        let margin_of = |account: &Account| plimsoll_risk::margin(epoch(alone), &WORLD.market, account);
        prop_assert_eq!(admit_exactly(margin_of, &account, &new_order).unwrap(), behind);
    }

    #[test]
    fn orders_never_lower_initial_margin(alone: bool, a in legs(6), cash in balances(), new in some_order()) {
        let mut account = account(&a, &cash);
        let before = assessed(epoch(alone), &account, |assessment| detail(&assessment.margin().unwrap()).uncapped);
        let maintenance = assessed(epoch(alone), &account, |assessment| assessment.margin().unwrap().maintenance);
        account.orders.push(order(new.0, new.1, new.2, new.3));
        let after = assessed(epoch(alone), &account, |assessment| detail(&assessment.margin().unwrap()).uncapped);
        prop_assert!(after + 2 >= before);
        // Orders count in initial margin only; a cap that they lift lets the true figure show.
        let with_order = assessed(epoch(alone), &account, |assessment| assessment.margin().unwrap().maintenance);
        prop_assert!(with_order >= maintenance);
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn the_pre_trade_check_is_the_full_computation(alone: bool, a in legs(8), cash in balances(), resting in prop::collection::vec(some_order(), 0..2), fill in some_order()) {
        let mut account = account(&a, &cash);
        account.orders.extend(resting.iter().map(|o| order(o.0, o.1, o.2, o.3)));
        let instrument = WORLD.instruments[fill.0];
        let mut after = account.clone();
        after.trade(instrument, Quantity::from_lots(fill.1), WORLD.market.mark(&instrument).unwrap()).unwrap();
        // What a trade at mark does to the coin: an option's premium, and a unit of rounding.
        let asset = instrument.settlement_asset();
        let coin_of = |account: &Account| {
            let equity = assessed(epoch(alone), account, |assessment| assessment.margin().unwrap().equity);
            let held = equity.collateral.iter().filter(|line| line.asset == asset).map(|line| line.amount);
            let gained = equity.unrealised.iter().filter(|line| line.asset == asset).map(|line| line.amount);
            held.chain(gained).sum::<Amount>().units()
        };
        let coin = coin_of(&after) - coin_of(&account);
        let quick = assessed(epoch(alone), &account, |assessment| {
            let mut check = PreTrade::of(&assessment).unwrap().unwrap();
            // Asked twice: a check leaves nothing behind.
            let mut ask = |lots| check.requirement_after(epoch(alone), &instrument, lots, Amount::from_units(coin)).unwrap();
            ask(-fill.1);
            ask(fill.1)
        });
        let full = assessed(epoch(alone), &after, |assessment| detail(&assessment.margin().unwrap()).requirement.ticks);
        // Without a history coins may not count, and the check says that it does not know.
        let unknown = alone && instrument.style() == instruments::SettlementStyle::Inverse;
        let full = if unknown { None } else { Some(full) };
        prop_assert_eq!(quick, full);
    }
}
