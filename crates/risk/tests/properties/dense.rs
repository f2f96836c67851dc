//! The exact margin by numbers is the exact margin.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use instruments::{Amount, Price, Timestamp};
use plimsoll_risk as risk;
use proptest::prelude::*;
use risk::{
    Account, Assessment, Confidence, DenseAccount, DenseBalance, DenseEpoch, DenseOrder,
    DensePosition, DenseRoom, DenseSums, Epoch, GrossTable, Market, Methodology, OpenOrder,
    PortfolioVector, Quote, Room,
};

use crate::world::{Legs, WORLD, account, asset, balances, cases, core, epoch, legs, order};

const ASSETS: [&str; 7] = ["BTC", "ETH", "SOL", "XRP", "BNB", "USDC", "USDT"];

static TABLES: LazyLock<[DenseEpoch; 2]> = LazyLock::new(|| [table(false), table(true)]);

fn table(alone: bool) -> DenseEpoch {
    table_of(epoch(alone))
}

fn table_of(epoch: &Epoch) -> DenseEpoch {
    let assets = ASSETS.map(asset);
    DenseEpoch::of(Arc::new(epoch.clone()), &WORLD.instruments, &assets).unwrap()
}

/// The market when all feeds are trusted and stablecoins at their peg, with marks a little off.
fn market(time: Timestamp, off_ppm: i64) -> Market {
    let mut market = WORLD.market.clone();
    for quote in market.assets.values_mut() {
        quote.confidence = Confidence::FULL;
    }
    let off = |price: Price| Price::from_units(price.units() + price.units() / 1_000_000 * off_ppm);
    market.assets.get_mut(&asset("USDC")).unwrap().price = "0.9999".parse().unwrap();
    let bitcoin = market.assets.get_mut(&asset("BTC")).unwrap();
    bitcoin.price = off(bitcoin.price);
    for instrument in &WORLD.instruments {
        let mark = off(WORLD.market.mark(instrument).unwrap());
        market.quotes.insert(*instrument, Quote { mark, funding_8h: 0.0 });
    }
    market.time = time;
    market
}

/// A time when nothing is near its expiry.
fn before_the_cliff() -> Timestamp {
    Timestamp::from_milliseconds(WORLD.market.time.milliseconds() - 20 * Timestamp::HOUR)
}

fn dense(market: &Market, account: &Account, ids: &[u64]) -> DenseAccount {
    let number =
        |instrument| WORLD.instruments.iter().position(|i| *i == instrument).unwrap() as u32;
    let amount = |amounts: &risk::FlatMap<_, Amount>, name| {
        amounts.get(&asset(name)).copied().unwrap_or_default()
    };
    let balance = |name| DenseBalance {
        balance: amount(&account.balances, name),
        accrued: amount(&account.accrued, name),
        price: market.price(asset(name)).unwrap(),
    };
    let positions = account.positions.iter().map(|(instrument, held)| DensePosition {
        instrument: number(*instrument),
        lots: held.quantity.lots(),
        cost: held.cost,
        mark: market.mark(instrument).unwrap(),
    });
    let mut positions: Vec<_> = positions.collect();
    positions.sort_by_key(|held| held.instrument);
    let orders = ids.iter().zip(&account.orders);
    DenseAccount {
        balances: ASSETS.map(balance).to_vec(),
        positions,
        orders: orders.map(|(id, order)| dense_order(market, *id, order)).collect(),
    }
}

fn dense_order(market: &Market, id: u64, order: &OpenOrder) -> DenseOrder {
    let place = WORLD.instruments.iter().position(|i| *i == order.instrument).unwrap();
    DenseOrder {
        id,
        instrument: place as u32,
        lots: order.quantity.lots(),
        limit: order.limit,
        fee: order.fee,
        mark: market.mark(&order.instrument).unwrap(),
    }
}

fn some_order() -> impl Strategy<Value = OpenOrder> {
    let lots = prop_oneof![1_i64..400, -400_i64..-1];
    let off = prop_oneof![-30_000_i64..30_000, -30_000_i64..30_000, -990_000_i64..3_000_000];
    let fee = prop_oneof![0_i64..100_000, -100_000_i64..1];
    (0..WORLD.instruments.len(), lots, off, fee)
        .prop_map(|(at, lots, off, fee)| order(at, lots, off, fee))
}

/// What an account goes through: legs, cash, orders by id, marks, time in hours, an order that is tried.
type Moment = (Legs, [i64; 5], BTreeMap<u64, OpenOrder>, i64, i64, Option<OpenOrder>);

fn moment() -> impl Strategy<Value = Moment> {
    let orders = prop::collection::btree_map(0_u64..12, some_order(), 0..6);
    let off = prop_oneof![Just(0_i64), -20_000_i64..20_000];
    (
        legs(8),
        balances(),
        orders,
        off,
        prop_oneof![4 => Just(-20_i64), 1 => -20_i64..2],
        prop::option::of(some_order()),
    )
}

/// Gives how many of the moments were margined by numbers.
fn agrees(alone: bool, moments: &[Moment], keeps: bool) -> Result<usize, TestCaseError> {
    let (epoch, table) = (epoch(alone), &TABLES[usize::from(alone)]);
    let (mut room, mut sums, mut margined) = (DenseRoom::default(), DenseSums::default(), 0);
    for (legs, cash, orders, off, hours, tried) in moments {
        let time = WORLD.market.time.milliseconds() + hours * Timestamp::HOUR;
        let market = market(Timestamp::from_milliseconds(time), *off);
        let mut account = account(legs, cash);
        account.accrued.insert(asset("USDC"), Amount::from_units(cash[2].into()));
        account.orders = orders.values().copied().collect();
        let ids: Vec<u64> = orders.keys().copied().collect();
        let by_number = dense(&market, &account, &ids);
        let tried_by_number = tried.map(|order| dense_order(&market, u64::MAX, &order));
        let kept = keeps.then_some(&mut sums);
        let found =
            table.initial(market.time, &by_number, tried_by_number.as_ref(), kept, &mut room);
        let vector = PortfolioVector::of(epoch, &account).unwrap();
        let assessment = Assessment { epoch, market: &market, account: &account, vector: &vector };
        let exact = assessment.initial(tried.as_ref(), &mut Room::default());
        if let Some(found) = found {
            prop_assert_eq!(Some(found), exact.ok());
            margined += 1;
        }
        prop_assert_eq!(sums.check(table), Ok(()));
    }
    Ok(margined)
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn margins_by_number_are_exact(alone: bool, keeps: bool, moments in prop::collection::vec(moment(), 1..6)) {
        agrees(alone, &moments, keeps)?;
    }

    #[test]
    fn orders_that_come_and_go_leave_no_trace(orders in prop::collection::vec(some_order(), 1..70), held in legs(8), cash in balances(), offs in prop::collection::vec(prop_oneof![Just(0_i64), -5_000_i64..5_000], 2..8)) {
        // Ever other ones of them, and more of them than are added at once.
        let moments: Vec<Moment> = offs.iter().enumerate().map(|(place, off)| {
            let there = (0_u64..).zip(&orders).filter(|(id, _)| !(*id as usize + place).is_multiple_of(place + 2));
            let there = there.map(|(id, order)| (id, *order)).collect();
            (held.clone(), cash, there, *off, -20, orders.first().copied())
        }).collect();
        agrees(false, &moments, true)?;
    }
}

/// What is said of the time until then holds at every moment on the way. Gives by how much margin rose,
/// `None` where nothing is said.
fn stands(legs: &Legs, cash: &[i64; 5], [from, ahead]: [i64; 2]) -> Option<i128> {
    let (table, mut room) = (&TABLES[0], DenseRoom::default());
    let bound = GrossTable::of(epoch(false), &WORLD.instruments).unwrap();
    let at = |after: i64| Timestamp::from_milliseconds(WORLD.market.time.milliseconds() + after);
    let held = account(legs, cash);
    let number = |instrument| WORLD.instruments.iter().position(|one| one == instrument).unwrap();
    let stays = held.positions.keys().map(|one| bound.stays_until(number(one) as u32, at(from)));
    let until = stays.chain([Some(at(from + ahead))]).min().unwrap()?;
    let by_number = dense(&market(at(from), 300), &held, &[]);
    let stands = table.standing(at(from), until, &by_number, &mut room)?;
    let steps = until.since(at(from));
    let uncapped = (0..=8).map(|step| {
        let market = market(at(from + steps * step / 8), 300);
        let vector = PortfolioVector::of(epoch(false), &held).unwrap();
        let assessment =
            Assessment { epoch: epoch(false), market: &market, account: &held, vector: &vector };
        let margin = assessment.initial(None, &mut Room::default()).unwrap();
        assert_eq!(margin.equity, stands.equity);
        margin.uncapped
    });
    let uncapped: Vec<i128> = uncapped.collect();
    assert_eq!(uncapped[0], stands.uncapped);
    let most = stands.uncapped + stands.rise;
    assert!(uncapped.iter().all(|ticks| *ticks <= most), "{uncapped:?}, {stands:?}");
    Some(stands.rise)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn time_raises_no_more_than_is_said(legs in legs(8), cash in balances(), from in -20 * Timestamp::HOUR..3 * Timestamp::HOUR, ahead in 0..6 * Timestamp::HOUR) {
        stands(&legs, &cash, [from, ahead]);
    }
}

#[test]
fn a_cliff_that_comes_is_told() {
    let held: Legs = (0..8).map(|place| (place * 11, 50 - 12 * place as i64)).collect();
    let rises = |hours: i64| {
        stands(&held, &[500, 100, 10_000, 1_000, 0], [hours * Timestamp::HOUR, Timestamp::HOUR])
    };
    assert_eq!(rises(-20), Some(0));
    assert!(rises(-3) > Some(0), "{:?}", rises(-3));
}

#[test]
fn most_accounts_are_margined_by_number() {
    let held: Legs = (0..8).map(|place| (place * 11, 50 - 12 * place as i64)).collect();
    let cash = [500, 100, 10_000, 1_000, 0];
    let orders = BTreeMap::from([(1, order(3, 10, 500, 100)), (4, order(50, -3, -700, 5))]);
    let moment = |off| (held.clone(), cash, orders.clone(), off, -20, Some(order(9, 5, 0, 10)));
    let mut moments = vec![moment(0), moment(0), moment(300), moment(0)];
    // Near an expiry too.
    moments.extend([-3, -1].map(|hours| {
        let mut moment = moment(0);
        moment.4 = hours;
        moment
    }));
    assert_eq!(agrees(false, &moments, true).unwrap(), moments.len());
    assert_eq!(agrees(false, &moments, false).unwrap(), moments.len());
}

/// A tick of 10⁻⁸ makes numbers of more than 32 bits.
#[test]
fn long_rows_give_the_same() {
    let text = core().text().replace("ticks_per_unit = 1_000_000", "ticks_per_unit = 100_000_000");
    let fine = WORLD.epoch(&Methodology::parse(&text).unwrap());
    let table = table_of(&fine);
    let (market, mut room) = (market(before_the_cliff(), 500), DenseRoom::default());
    let mut account =
        account(&(0..8).map(|place| (place * 11, 7)).collect(), &[500, 100, 10_000, 0, 0]);
    account.orders = vec![order(3, 10, 500, 100), order(50, -3, -700, 5)];
    let by_number = dense(&market, &account, &[1, 2]);
    let found = table.initial(market.time, &by_number, None, None, &mut room);
    let vector = PortfolioVector::of(&fine, &account).unwrap();
    let assessment =
        Assessment { epoch: &fine, market: &market, account: &account, vector: &vector };
    assert_eq!(found, assessment.initial(None, &mut Room::default()).ok());
    assert!(found.is_some());
}
