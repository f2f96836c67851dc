//! The gross bound is never below the exact initial margin, in markets that have moved on.

use std::sync::LazyLock;

use instruments::{Amount, Asset, Instrument, Price, Rounding, Timestamp};
use plimsoll_risk as risk;
use proptest::prelude::*;
use risk::{
    Account, Assessment, Confidence, Epoch, GrossBalance, GrossLeg, GrossOrders, GrossPosition,
    GrossTable, Market, OpenOrder, PortfolioVector, Quote,
};

use crate::world::{
    ALONE, EPOCH, WORLD, account, asset, balances, cases, detail, epoch, hold, instrument, legs,
    order,
};

static TABLE: LazyLock<GrossTable> = LazyLock::new(|| table(&EPOCH));
static TABLE_ALONE: LazyLock<GrossTable> = LazyLock::new(|| table(&ALONE));

fn table(epoch: &Epoch) -> GrossTable {
    GrossTable::of(epoch, &WORLD.instruments).unwrap()
}

/// How the market has moved since the epoch opened.
#[derive(Clone, Debug)]
struct Since {
    minutes: i64,
    /// Of every asset, in parts per million.
    moves: Vec<i64>,
    /// Of marks against their models.
    basis: Vec<i64>,
    confidence: Vec<u32>,
}

fn since() -> impl Strategy<Value = Since> {
    let confidence = prop_oneof![Just(1_000_000_u32), Just(1_000_000), 0_u32..1_000_000];
    let moves = prop::collection::vec(-150_000_i64..150_000, 7);
    let basis = prop::collection::vec(-20_000_i64..20_000, 8);
    (0_i64..=60, moves, basis, prop::collection::vec(confidence, 4))
        .prop_map(|(minutes, moves, basis, confidence)| Since { minutes, moves, basis, confidence })
}

fn times(price: Price, ppm: i64) -> Price {
    let units = i128::from(price.units()) * i128::from(1_000_000 + ppm) / 1_000_000;
    Price::from_units(units as i64)
}

impl Since {
    fn market(&self) -> Market {
        let mut market = WORLD.market.clone();
        let later = market.time.milliseconds() + self.minutes * 60_000;
        market.time = Timestamp::from_milliseconds(later);
        for (at, quote) in market.assets.values_mut().enumerate() {
            quote.price = times(quote.price, self.moves[at % 7]);
            quote.confidence = Confidence::from_ppm(self.confidence[at % 4]);
        }
        for (at, (underlying, listed)) in market.underlyings.iter_mut().enumerate() {
            let index = market.assets[&underlying.asset()].price;
            let before = WORLD.market.price(underlying.asset()).unwrap();
            for (place, expiry) in listed.expiries.values_mut().enumerate() {
                let ratio = i128::from(expiry.forward.units()) * i128::from(index.units());
                let forward = ratio / i128::from(before.units());
                expiry.forward = times(Price::from_units(forward as i64), self.basis[place] / 4);
                expiry.volatility_confidence =
                    Confidence::from_ppm(self.confidence[(at + place) % 4]);
            }
        }
        for (place, instrument) in WORLD.instruments.iter().enumerate() {
            if let Some(quote) = market.quotes.get_mut(instrument) {
                quote.mark =
                    times(market.assets[&instrument.base()].price, self.basis[place % 8] / 4);
            } else if place % 3 == 0 {
                let mark = times(market.mark(instrument).unwrap(), self.basis[place % 8]);
                market.quotes.insert(*instrument, Quote::new(mark, 0));
            }
        }
        market
    }
}

/// What a caller would hold of an account: each leg with its profit, or with all profit in the
/// balances, known to a few units only. The lower of both bounds.
fn bound(table: &GrossTable, market: &Market, account: &Account) -> Option<i128> {
    let bounds = [false, true].map(|pooled| bound_of(table, market, account, pooled));
    Some(bounds[0]?.min(bounds[1]?))
}

fn bound_of(table: &GrossTable, market: &Market, account: &Account, pooled: bool) -> Option<i128> {
    const SLACK: i128 = 3;
    let profit_of = |instrument: &Instrument| {
        let mark = market.mark(instrument).unwrap();
        account.positions.get(instrument).map_or(0, |held| {
            let value = instrument.value(held.quantity, mark, Rounding::Floor).unwrap();
            value.units() - held.cost.units()
        })
    };
    let pooled_profit = |asset: Asset| -> i128 {
        let futures = account.positions.keys().filter(|i| !i.is_option());
        let settled = futures.filter(|instrument| instrument.settlement_asset() == asset);
        settled.map(&profit_of).sum()
    };
    let balances: Vec<GrossBalance> = table
        .assets()
        .iter()
        .map(|asset| {
            let accrued = account.accrued.get(asset).copied().unwrap_or_default().units();
            let profit = if pooled { pooled_profit(*asset) - SLACK } else { 0 };
            GrossBalance {
                balance: account.balances.get(asset).copied().unwrap_or_default(),
                accrued: Amount::from_units(accrued + profit),
                uncertain: Amount::from_units(if pooled { 2 * SLACK } else { 0 }),
                price: market.price(*asset).unwrap(),
            }
        })
        .collect();
    let legs = account.instruments().into_iter().map(|instrument| {
        let profit = profit_of(&instrument);
        let held = account.positions.get(&instrument);
        let orders = account.orders.iter().filter(|order| order.instrument == instrument);
        let (bids, asks): (Vec<_>, Vec<_>) = orders.partition(|order| order.quantity.lots() > 0);
        let position = GrossPosition {
            instrument: WORLD.instruments.iter().position(|i| *i == instrument).unwrap() as u32,
            lots: held.map_or(0, |held| held.quantity.lots()),
            mark: market.mark(&instrument).unwrap(),
            confidence: market.leg_confidence(&instrument),
        };
        GrossLeg {
            position,
            profit: Amount::from_units(if pooled { 0 } else { profit }),
            realisable: if pooled { [profit - SLACK, profit + SLACK] } else { [profit; 2] }
                .map(Amount::from_units),
            bids: side(&bids),
            asks: side(&asks),
        }
    });
    // What has no orders may be told as a position, if its profit is in the balances.
    let (ordered, held): (Vec<_>, Vec<_>) =
        legs.partition(|leg| !pooled || leg.bids.count + leg.asks.count > 0);
    let positions = || held.iter().map(|leg| leg.position);
    let bound = table.bound(market.time, &balances, positions(), ordered.clone());
    let as_legs = ordered.into_iter().chain(held.iter().copied());
    assert_eq!(bound, table.bound(market.time, &balances, [], as_legs));
    bound
}

fn side(orders: &[&OpenOrder]) -> GrossOrders {
    let limits = || orders.iter().map(|order| order.limit);
    let (low, high) = (limits().min().unwrap_or_default(), limits().max().unwrap_or_default());
    let is_bid = orders.first().is_some_and(|order| order.quantity.lots() > 0);
    let (nearest, farthest) = if is_bid { (high, low) } else { (low, high) };
    GrossOrders {
        lots: orders.iter().map(|order| order.quantity.lots().abs()).sum(),
        count: orders.len() as u32,
        nearest,
        farthest,
        fees: Amount::from_units(orders.iter().map(|order| order.fee.units().abs()).sum()),
    }
}

fn exact(epoch: &Epoch, market: &Market, account: &Account) -> i128 {
    let vector = PortfolioVector::of(epoch, account).unwrap();
    detail(&Assessment { epoch, market, account, vector: &vector }.margin().unwrap()).uncapped
}

fn some_order() -> impl Strategy<Value = OpenOrder> {
    let lots = prop_oneof![1_i64..400, -400_i64..-1];
    // Most at the market, some far from it.
    let off = prop_oneof![-30_000_i64..30_000, -30_000_i64..30_000, -990_000_i64..3_000_000];
    let fee = prop_oneof![0_i64..100_000, -100_000_i64..1];
    (0..WORLD.instruments.len(), lots, off, fee)
        .prop_map(|(at, lots, off, fee)| order(at, lots, off, fee))
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn the_gross_bound_is_never_below_the_exact_margin(alone: bool, held in legs(8), cash in balances(), near in prop::collection::vec((0_usize..8, -500_i64..500, -30_000_i64..30_000), 0..6), orders in prop::collection::vec(some_order(), 0..6), accrued in -1_000_000_i64..1_000_000, large: bool, since in since()) {
        let (epoch, table) = (epoch(alone), if alone { &*TABLE_ALONE } else { &*TABLE });
        let market = since.market();
        let mut account = account(&held, &cash);
        account.orders = orders;
        // Orders on what is held, to close it or to add.
        for (place, lots, off) in near.into_iter().filter(|(place, lots, _)| *place < held.len() && *lots != 0) {
            account.orders.push(order(held[place].0, lots, off, 1_000));
        }
        if accrued % 2 == 0 {
            account.accrued.insert(asset(if alone { "USDC" } else { "BTC" }), Amount::from_units(accrued.into()));
        }
        if large {
            // More than counts as collateral, positions beyond the threshold of concentration.
            account.balances.insert(asset("ETH"), "200000".parse().unwrap());
            hold(&mut account, instrument("BTC-PERPETUAL"), 200_000_000);
        }
        if let Some(bound) = bound(table, &market, &account) {
            let exact = exact(epoch, &market, &account);
            prop_assert!(bound >= exact, "bound {bound} exact {exact}");
        } else {
            prop_assert!(false, "no bound");
        }
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// Little else that could hide a charge left out.
    #[test]
    fn the_gross_bound_holds_for_single_positions(alone: bool, at in 0..WORLD.instruments.len(), lots in -300_i64..300, cost in -3_000_000_i64..3_000_000, orders in prop::collection::vec((-600_i64..600, -900_000_i64..900_000), 1..3), cash in (0_usize..5, -100_i64..100), since in since()) {
        let (epoch, table) = (epoch(alone), if alone { &*TABLE_ALONE } else { &*TABLE });
        let market = since.market();
        let mut balances = [0; 5];
        balances[cash.0] = cash.1;
        let mut account = account(&vec![(at, lots)], &balances);
        for position in account.positions.values_mut() {
            let units = position.cost.units();
            position.cost = Amount::from_units(units + units / 1_000_000 * i128::from(cost));
        }
        account.orders = orders.into_iter().filter(|o| o.0 != 0).map(|o| order(at, o.0, o.1, 0)).collect();
        let (bound, exact) = (bound(table, &market, &account), exact(epoch, &market, &account));
        prop_assert!(bound.is_some_and(|bound| bound >= exact), "bound {bound:?} exact {exact}");
    }
}

fn number() -> impl Strategy<Value = i128> {
    let small = prop_oneof![any::<i32>().prop_map(i128::from), any::<i64>().prop_map(i128::from)];
    prop_oneof![small, any::<i128>(), Just(i128::MIN), Just(i128::MAX), Just(0)]
}

fn side_of_anything() -> impl Strategy<Value = GrossOrders> {
    let near = prop_oneof![-5_i64..1_000, any::<i64>()];
    (near.clone(), any::<u32>(), near.clone(), near, number()).prop_map(
        |(lots, count, nearest, farthest, fees)| GrossOrders {
            lots,
            count,
            nearest: Price::from_units(nearest),
            farthest: Price::from_units(farthest),
            fees: Amount::from_units(fees),
        },
    )
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn no_numbers_make_it_panic(cash in prop::collection::vec((number(), number(), any::<i64>(), any::<bool>()), 8), legs in prop::collection::vec((0..WORLD.instruments.len() as u32 + 1, any::<i64>(), number(), any::<i64>(), side_of_anything(), side_of_anything()), 0..4)) {
        let balances: Vec<GrossBalance> = TABLE.assets().iter().zip(&cash).map(|(asset, cash)| GrossBalance {
            balance: Amount::from_units(cash.0),
            accrued: Amount::from_units(cash.1),
            uncertain: Amount::ZERO,
            price: if cash.3 { Price::from_units(cash.2) } else { WORLD.market.price(*asset).unwrap() },
        }).collect();
        let legs = legs.into_iter().map(|(instrument, lots, profit, mark, bids, asks)| GrossLeg {
            position: GrossPosition {
                instrument,
                lots,
                mark: Price::from_units(mark),
                confidence: Confidence::from_ppm(lots as u32),
            },
            profit: Amount::from_units(profit),
            realisable: [Amount::from_units(profit), Amount::from_units(profit.saturating_add(1))],
            bids,
            asks,
        });
        let (positions, legs): (Vec<_>, Vec<_>) = legs.partition(|leg| leg.bids.count == 0);
        let positions = positions.into_iter().map(|leg| leg.position);
        let bound = TABLE.bound(WORLD.market.time, &balances, positions, legs);
        prop_assert!(bound.is_none_or(|bound| bound >= 0));
    }
}

/// Prints what share of the bound the exact margin is: run with `--nocapture`.
#[test]
fn how_tight_the_bound_is() {
    let cash = [200, 100, 20_000, 5_000, 0];
    let dollars = [0, 0, 20_000, 0, 0];
    let at = |name: &str| WORLD.instruments.iter().position(|i| *i == instrument(name)).unwrap();
    let perpetual = at("BTC_USDC-PERPETUAL");
    let future = at("BTC_USDC-27MAR26");
    let quotes = |account: &mut Account, at: usize| {
        for step in 1..=5 {
            account.orders.push(order(at, 50, -1_000 * step, 0));
            account.orders.push(order(at, -50, 1_000 * step, 0));
        }
    };
    let options: Vec<(usize, i64)> = (0..WORLD.instruments.len())
        .filter(|at| WORLD.instruments[*at].is_option())
        .enumerate()
        .map(|(place, at)| (at, if place % 2 == 0 { 40 } else { -40 }))
        .collect();
    let mut quoting = account(&vec![(perpetual, 100)], &dollars);
    quotes(&mut quoting, perpetual);
    let mut maker = account(&options[..50].to_vec(), &cash);
    options[..10].iter().for_each(|(at, _)| maker.orders.push(order(*at, 20, -5_000, 0)));
    for (name, account) in [
        ("one perpetual in dollars", account(&vec![(perpetual, 100)], &dollars)),
        ("a perpetual with ten quotes", quoting),
        (
            "coins, and a perpetual against them",
            account(&vec![(at("BTC-PERPETUAL"), -1_000)], &cash),
        ),
        ("coins alone", account(&vec![], &cash)),
        ("a calendar spread", account(&vec![(perpetual, -100), (future, 100)], &dollars)),
        ("a short call", account(&vec![(at("BTC_USDC-27MAR26-75000-C"), -50)], &dollars)),
        (
            "a short strangle",
            account(
                &vec![(at("BTC_USDC-27MAR26-75000-C"), -50), (at("BTC_USDC-27MAR26-60000-P"), -50)],
                &dollars,
            ),
        ),
        (
            "perpetuals on five underlyings",
            account(
                &vec![
                    (perpetual, 100),
                    (at("ETH-PERPETUAL"), 5_000),
                    (at("XRP_USDC-PERPETUAL"), 500),
                    (at("BNB_USDC-PERPETUAL"), 500),
                    (at("SOL_USDC-PERPETUAL"), 500),
                ],
                &dollars,
            ),
        ),
        ("fifty options with ten orders", maker),
    ] {
        let bound = bound(&TABLE, &WORLD.market, &account).unwrap();
        let exact = exact(&EPOCH, &WORLD.market, &account);
        println!(
            "{name}: bound/exact {:.3} (exact {:.0} USD)",
            bound as f64 / exact as f64,
            exact as f64 / 1e6
        );
        assert!(bound >= exact);
    }
}
