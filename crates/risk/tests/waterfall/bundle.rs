//! Slices of a portfolio that change hands: parts make the whole, and nobody gains but by rounding.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding, Timestamp};
use plimsoll_risk::waterfall::auction::Bundle;
use plimsoll_risk::{Account, AssetMarket, Confidence, Market, Position, Quote};
use proptest::prelude::*;

use crate::cases;

const NAMES: [&str; 3] = ["BTC_USDC-PERPETUAL", "BTC-PERPETUAL", "ETH_USDC-27MAR26-2000-C"];

fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

fn market(prices: [i64; 3], marks: [i64; 3]) -> Market {
    let mut market = Market::at(Timestamp::from_milliseconds(1_770_000_000_000));
    for (name, units) in ["USDC", "BTC", "ETH"].into_iter().zip(prices) {
        let price = Price::from_units(units);
        market.assets.insert(asset(name), AssetMarket { price, confidence: Confidence::FULL });
    }
    for (name, units) in NAMES.into_iter().zip(marks) {
        market.quotes.insert(name.parse().unwrap(), Quote::new(Price::from_units(units), 0));
    }
    market
}

fn account(balances: [i64; 3], lots: [i64; 3]) -> Account {
    let mut account = Account::named("seller");
    for (name, units) in ["USDC", "BTC", "ETH"].into_iter().zip(balances) {
        account.balances.insert(asset(name), Amount::from_units(units.into()));
    }
    for (name, lots) in NAMES.into_iter().zip(lots).filter(|(_, lots)| *lots != 0) {
        let position =
            Position { quantity: Quantity::from_lots(lots), cost: Amount::from_units(1_000) };
        account.positions.insert(name.parse().unwrap(), position);
    }
    account
}

/// Value at mark in 10⁻⁸ US dollars, each term rounded down.
fn value(market: &Market, account: &Account) -> i128 {
    let mut coins: BTreeMap<Asset, i128> = BTreeMap::new();
    for (asset, balance) in &account.balances {
        *coins.entry(*asset).or_default() += balance.units();
    }
    for (instrument, position) in &account.positions {
        let mark = market.mark(instrument).unwrap();
        let value = instrument.value(position.quantity, mark, Rounding::Floor).unwrap().units();
        let paid = if instrument.is_option() { 0 } else { position.cost.units() };
        *coins.entry(instrument.settlement_asset()).or_default() += value - paid;
    }
    let worth = |(asset, units): (&Asset, &i128)| {
        let price = market.price(*asset).unwrap();
        Amount::from_units(*units).worth(price, Rounding::Floor).unwrap().units()
    };
    coins.iter().map(worth).sum()
}

fn inputs() -> impl Strategy<Value = (Market, Account, u64)> {
    let price = |low: i64, high: i64| low..high;
    let prices = (price(90_000_000, 110_000_000), price(1 << 40, 1 << 43), price(1 << 36, 1 << 39));
    let marks = (price(1 << 40, 1 << 43), price(1 << 40, 1 << 43), price(0, 1 << 37));
    let balances = prop::array::uniform3(-1_000_000_000_000_i64..1_000_000_000_000);
    let lots = prop::array::uniform3(-5_000_i64..5_000);
    (prices, marks, balances, lots, 1_u64..5_000).prop_map(
        |(prices, marks, balances, lots, whole)| {
            let market = market([prices.0, prices.1, prices.2], [marks.0, marks.1, marks.2]);
            (market, account(balances, lots), whole)
        },
    )
}

/// What both sides together may lose by rounding: a few units of each of the assets.
const ROUNDING: i128 = 20 * (1 << 43) / 100_000_000;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn parts_make_the_whole(
        (market, seller, whole) in inputs(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let cash = asset("USDC");
        let mut cuts: Vec<u64> =
            cuts.iter().map(|cut| cut.index(whole as usize + 1) as u64).collect();
        cuts.extend([0, whole]);
        cuts.sort_unstable();
        let mut left = seller.clone();
        let mut taken: BTreeMap<Instrument, i64> = BTreeMap::new();
        for pair in cuts.windows(2) {
            let bundle =
                Bundle::between(&market, &seller, cash, pair[0]..pair[1], whole).unwrap();
            for (instrument, lots, mark) in &bundle.legs {
                prop_assert_eq!(*mark, market.mark(instrument).unwrap());
                *taken.entry(*instrument).or_default() += lots;
            }
            left = bundle.sold(&left, cash, Amount::ZERO).unwrap();
        }
        prop_assert!(left.positions.is_empty(), "{:?}", left);
        for (instrument, position) in &seller.positions {
            prop_assert_eq!(taken[instrument], position.quantity.lots());
        }
    }

    #[test]
    fn nobody_gains_but_by_rounding((market, seller, whole) in inputs(), part in 1_u64..5_000) {
        let cash = asset("USDC");
        let taker = account([0, 0, 0], [7, -3, 2]);
        let bundle =
            Bundle::between(&market, &seller, cash, 0..part.min(whole), whole).unwrap();
        let after = bundle.sold(&seller, cash, Amount::ZERO).unwrap();
        let bought = bundle.bought(&taker, cash, Amount::ZERO).unwrap();
        let [before, after] = [&seller, &after].map(|account| value(&market, account));
        prop_assert!((after - before).abs() <= ROUNDING, "{} {}", before, after);
        let [before, bought] = [&taker, &bought].map(|account| value(&market, account));
        prop_assert!((bought - before).abs() <= ROUNDING, "{} {}", before, bought);
    }
}

#[test]
fn cash_stays_and_coins_are_paid_for() {
    let market = market(
        [100_000_000, 5_000_000_000_000, 200_000_000_000],
        [5_000_000_000_000, 5_000_000_000_000, 0],
    );
    let seller = account([700_000_000, 200_000_000, -100_000_000], [10, 0, 0]);
    let bundle = Bundle::between(&market, &seller, asset("USDC"), 0..1, 2).unwrap();
    let perpetual: Instrument = NAMES[0].parse().unwrap();
    assert_eq!(bundle.legs, [(perpetual, 5, Price::from_units(5_000_000_000_000))]);
    let coins = [("BTC", 100_000_000), ("ETH", -50_000_000)];
    let coins = coins.map(|(name, units)| (asset(name), Amount::from_units(units)));
    assert_eq!(bundle.coins, coins);
    // 1 BTC at 50,000 less half an ETH at 2,000.
    assert_eq!(bundle.cash, "49000".parse().unwrap());
    assert!(!bundle.is_empty());
    let nothing = Bundle::between(&market, &seller, asset("USDC"), 1..1, 2).unwrap();
    assert!(nothing.is_empty() && nothing.cash == Amount::ZERO);
}
