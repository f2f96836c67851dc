//! Netting, homogeneity, exactness and the cases with a known answer.

use instruments::{Amount, Quantity};
use plimsoll_risk::{Account, Epoch, Methodology, PortfolioVector};
use proptest::prelude::*;

use crate::world::{
    EPOCH, WORLD, account, asset, balances, cases, core, detail, hold, instrument, legs, margin,
    requirement,
};

/// Coins are rounded to the tick in each scenario, and each term up at its end.
const ROUNDING: i128 = 16;

fn no_cash() -> [i64; 5] {
    [0; 5]
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn netting_never_raises_the_requirement(a in legs(8), b in legs(8), cash_a in balances(), cash_b in balances()) {
        let joined: Vec<_> = a.iter().chain(&b).copied().collect();
        // What stands alone counts when owed only, so its coins are left out of the sum.
        let sum = [0, 1, 2, 3].map(|i| cash_a[i] + cash_b[i]);
        let both = account(&joined, &[sum[0], sum[1], sum[2], sum[3], 0]);
        let apart = requirement(&account(&a, &cash_a)) + requirement(&account(&b, &cash_b));
        prop_assert!(requirement(&both) <= apart + ROUNDING);
    }

    #[test]
    fn the_requirement_is_homogeneous(a in legs(8), cash in balances(), n in 2_i64..20) {
        let many: Vec<_> = a.iter().map(|(index, lots)| (*index, lots * n)).collect();
        let one = requirement(&account(&a, &cash)) * i128::from(n);
        let all = requirement(&account(&many, &cash.map(|lots| lots * n)));
        prop_assert!((one - all).abs() <= ROUNDING * i128::from(n), "{one} {all}");
    }

    #[test]
    fn cash_raises_excess_by_itself(a in legs(8), cash in balances(), dollars in 1_i128..1_000_000_000_000) {
        let before = account(&a, &cash);
        let mut after = before.clone();
        after.balances.insert(asset("USD"), Amount::from_units(dollars));
        let (before, after) = (margin(&before), margin(&after));
        // A share of collateral outside the scenarios shrinks as cash joins it.
        let wrong_way = |m| detail(m).add_ons.iter().find(|a| a.name == "wrong way").map_or(0, |a| a.ticks);
        let drift = (wrong_way(&before) - wrong_way(&after)) * 100;
        let gained = after.excess().units() - before.excess().units();
        if detail(&before).cap.is_none() {
            prop_assert_eq!(gained, dollars + drift);
        } else {
            prop_assert!(gained >= dollars && gained <= dollars + drift);
        }
    }

    #[test]
    fn order_and_splits_change_no_bit(a in legs(12), seed in 0_usize..1_000) {
        let whole = PortfolioVector::of(&EPOCH, &account(&a, &no_cash())).unwrap();
        let mut split = PortfolioVector::empty(&EPOCH);
        for turn in 0..a.len() {
            let (index, lots) = a[(turn * 7 + seed) % a.len()];
            let part = lots / 3;
            for lots in [part, lots - part] {
                split.add(&EPOCH, &WORLD.instruments[index], Quantity::from_lots(lots)).unwrap();
            }
        }
        // Only if seven and the length share no factor does every leg have its turn.
        prop_assume!(a.len() % 7 != 0 || a.is_empty());
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn a_position_taken_out_and_put_back_leaves_no_trace(a in legs(12), index in 0_usize..200, lots in -10_i64..10) {
        let before = PortfolioVector::of(&EPOCH, &account(&a, &no_cash())).unwrap();
        let other = WORLD.instruments[index % WORLD.instruments.len()];
        let mut after = before.clone();
        after.add(&EPOCH, &other, Quantity::from_lots(lots)).unwrap();
        after.add(&EPOCH, &other, Quantity::from_lots(-lots)).unwrap();
        prop_assert_eq!(&before, &after);
        // Beyond 2^52 ticks and back.
        after.add(&EPOCH, &other, Quantity::from_lots(1 << 40)).unwrap();
        after.add(&EPOCH, &other, Quantity::from_lots(-(1 << 40))).unwrap();
        prop_assert_eq!(&before, &after);
    }

    #[test]
    fn initial_covers_maintenance(a in legs(12), cash in balances()) {
        let margin = margin(&account(&a, &cash));
        prop_assert!(margin.initial >= margin.maintenance);
        prop_assert!(margin.maintenance >= Amount::ZERO);
        prop_assert!(detail(&margin).add_ons.iter().all(|add_on| add_on.ticks >= 0));
    }

    #[test]
    fn long_options_need_no_more_than_their_value(a in legs(8), cash in balances()) {
        let mut account = account(&[].to_vec(), &cash.map(i64::abs));
        for (index, lots) in a {
            if WORLD.instruments[index].is_option() {
                hold(&mut account, WORLD.instruments[index], lots.abs());
            }
        }
        let margin = margin(&account);
        prop_assert!(margin.initial.units() <= margin.equity.option_value.units() + 100);
        prop_assert!(margin.excess() >= Amount::from_units(-100));
    }

    #[test]
    fn a_box_costs_about_its_discount(lots in 1_i64..1_000, expiry in 1_usize..4, low in 0_usize..4, width in 1_usize..5, linear: bool) {
        let high = (low + width).min(4);
        let account = box_spread(lots, expiry, low, high, linear);
        let margin = margin(&account);
        // Undiscounted here, so nothing but rounding: of four arrays per lot, and of one expiry's
        // index that an inverse box still follows when it is quoted in coin.
        let rounding = 4 * i128::from(lots) * 100 + 10_000;
        let inverse_value = if linear { 0 } else { margin.equity.option_value.units().abs() };
        prop_assert!(detail(&margin).requirement.ticks * 100 <= rounding + inverse_value, "{} {rounding} {inverse_value}", detail(&margin).requirement.ticks * 100);
    }

    #[test]
    fn synthetic_forwards_net_to_their_basis(lots in 1_i64..1_000, expiry in 1_usize..4, strike in 0_usize..5) {
        let name = ["6FEB26", "13FEB26", "27MAR26", "26JUN26"][expiry];
        let strike = ["50000", "60000", "67000", "75000", "100000"][strike];
        let mut account = Account::named("parity");
        hold(&mut account, instrument(&format!("BTC_USDC-{name}-{strike}-C")), lots);
        hold(&mut account, instrument(&format!("BTC_USDC-{name}-{strike}-P")), -lots);
        // A future's lot is a tenth of an option's.
        hold(&mut account, instrument(&format!("BTC_USDC-{name}")), -10 * lots);
        let margin = margin(&account);
        let detail = detail(&margin);
        prop_assert!(detail.requirement.ticks <= 12 * i128::from(lots), "{}", detail.requirement.ticks);
        for add_on in &detail.add_ons {
            // The short put is owed in a stablecoin that has lost its peg here.
            let expected = ["roll", "unpaired short options", "peg"].contains(&add_on.name);
            prop_assert!(expected || add_on.ticks <= 200 * i128::from(lots), "{add_on:?}");
        }
    }

    #[test]
    fn accrued_profit_is_coin(lots in -2_000_i64..2_000, off in -400_000_i64..900_000, others in legs(5)) {
        let perpetual = instrument("BTC-PERPETUAL");
        prop_assume!(lots != 0 && others.iter().all(|(index, _)| WORLD.instruments[*index] != perpetual));
        let mut at_mark = account(&others, &no_cash());
        hold(&mut at_mark, perpetual, lots);
        let mut earlier = at_mark.clone();
        let profit = off * 37;
        earlier.positions.get_mut(&perpetual).unwrap().cost = Amount::from_units(at_mark.positions[&perpetual].cost.units() - i128::from(profit));
        at_mark.accrued.insert(asset("BTC"), Amount::from_units(i128::from(profit)));
        let (earlier, at_mark) = (margin(&earlier), margin(&at_mark));
        prop_assert_eq!(&detail(&earlier).profits, &detail(&at_mark).profits);
        prop_assert_eq!(earlier.equity.total, at_mark.equity.total);
        prop_assert_eq!(earlier.maintenance, at_mark.maintenance);
    }
}

/// Long a call spread and a put spread of the same strikes: worth their distance, whatever happens.
fn box_spread(lots: i64, expiry: usize, low: usize, high: usize, linear: bool) -> Account {
    let name = ["6FEB26", "13FEB26", "27MAR26", "26JUN26"][expiry];
    let strikes = ["50000", "60000", "67000", "75000", "100000"];
    let pair = if linear { "BTC_USDC" } else { "BTC" };
    let mut account = Account::named("box");
    for (strike, kind, side) in [(low, "C", 1), (high, "C", -1), (low, "P", -1), (high, "P", 1)] {
        hold(
            &mut account,
            instrument(&format!("{pair}-{name}-{}-{kind}", strikes[strike])),
            side * lots,
        );
    }
    account
}

fn wider(multiple: f64) -> Epoch {
    let text = Methodology::built_in_text("core").unwrap();
    let text = text.replace("\nmultiple = 5.0", &format!("\nmultiple = {multiple:.1}"));
    WORLD.epoch(&Methodology::parse(&text).unwrap())
}

/// Of one underlying: hedged pairs of several are no straight line in the market's move, since each
/// follows it by its own power.
#[test]
fn linear_books_need_more_over_a_wider_range() {
    let epochs: Vec<Epoch> = [4.0, 5.0, 6.0, 8.0].map(wider).into_iter().collect();
    let linear = |base: &&str| {
        let of = WORLD.instruments.iter().filter(|i| !i.is_option() && i.base().name() == *base);
        of.copied().collect::<Vec<_>>()
    };
    let futures: Vec<_> = ["BTC", "ETH", "XRP", "SOL"].iter().map(linear).collect();
    let mut runner = proptest::test_runner::TestRunner::new(cases(1_000));
    let books = (0..futures.len(), prop::collection::vec((0_usize..100, -300_i64..=300), 1..8));
    runner
        .run(&books, |(base, book)| {
            let mut account = Account::named("linear");
            for (index, lots) in book {
                hold(&mut account, futures[base][index % futures[base].len()], lots);
            }
            let need = |epoch: &Epoch| {
                let margin = plimsoll_risk::margin(epoch, &WORLD.market, &account).unwrap();
                detail(&margin).requirement.ticks
            };
            let needs: Vec<i128> = epochs.iter().map(need).collect();
            prop_assert!(needs.is_sorted(), "{needs:?}");
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_account_without_positions_needs_nothing() {
    let margin = margin(&account(&vec![], &[100, 100, 100, 100, 100]));
    assert_eq!((margin.initial, margin.maintenance), (Amount::ZERO, Amount::ZERO));
}

#[test]
fn arrays_are_the_same_each_time() {
    assert_eq!(EPOCH.arrays_hash(), WORLD.epoch(&core()).arrays_hash());
    assert_eq!(EPOCH.scenarios().joint.len() + EPOCH.scenarios().own.len(), 1_311);
}
