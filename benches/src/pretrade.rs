//! Pre-trade checks: what an order costs an account's margin, before it is accepted.

use std::collections::BTreeMap;
use std::hint::black_box;

use instruments::{Amount, Asset, Instrument, Quantity, Rounding};
use marketdata::sample;
use numerics::SplitMix;
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing, measure};
use risk::{
    Account, Assessment, Epoch, EpochInputs, History, Market, Methodology, OpenOrder,
    PortfolioVector, PreTrade, Standing, UnitRequirement, fast_bound,
};

const SEED: u64 = 0x5EED_0050;
const POSITIONS: u64 = 50;
/// Vectors of this many accounts fill 40 MB: more than a core's caches.
const ACCOUNTS_COLD: u64 = 4_000;
const ORDERS: usize = 1_000;

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    let world = World::new()?;
    let account = world.account(0)?;
    let vector = PortfolioVector::of(&world.epoch, &account).map_err(text)?;
    let assessment = world.assessment(&account, &vector);
    let orders = world.orders()?;
    let set = world.epoch.scenarios();
    let conditions = vec![
        format!(
            "{POSITIONS} positions and two coins; {} scenarios: {} of the market, {} of history, {} of one underlying",
            set.joint.len() + set.own.len(),
            set.blocks[0].span.len(),
            set.joint.len() - set.blocks[0].span.len(),
            set.own.len(),
        ),
        format!(
            "{ORDERS} orders over {} instruments, seed {SEED:#x}; one thread",
            world.instruments.len()
        ),
        format!("checksum of the requirements {:016x}", checksum(&world, &assessment, &orders)?),
    ];
    let rows = vec![
        hot(&assessment, &orders)?,
        cold(&world, &orders)?,
        sorted(&assessment, &orders)?,
        rebuilt(&world, &account)?,
        bound(&world, &assessment, &orders)?,
        whole(&assessment)?,
    ];
    let title = "Pre-trade: exact requirement of 50 positions after one more order".to_owned();
    Ok(vec![Table { name: "pretrade", title, item: "check", conditions, rows }])
}

struct World {
    market: Market,
    epoch: Epoch,
    instruments: Vec<Instrument>,
}

impl World {
    fn new() -> Result<Self, String> {
        let market = sample::snapshot().market;
        let history: History = sample::history();
        let instruments: Vec<Instrument> = market
            .quotes
            .keys()
            .filter(|i| i.is_option() && ["BTC", "ETH"].contains(&i.base().name()))
            .copied()
            .collect();
        let core = Methodology::built_in("core").ok_or("core ships")?;
        let venue_balances = BTreeMap::new();
        let inputs = EpochInputs {
            market: &market,
            history: Some(&history),
            venue_balances: &venue_balances,
        };
        let epoch = Epoch::open(&core, inputs, &instruments).map_err(text)?;
        Ok(Self { market, epoch, instruments })
    }

    fn account(&self, number: u64) -> Result<Account, String> {
        let draw = |j: u64| SplitMix { seed: SEED }.u64(number * 256 + j);
        let mut account = Account::named(number.to_string());
        for name in ["BTC", "ETH"] {
            let asset: Asset = name.parse().map_err(text)?;
            account.balances.insert(asset, Amount::from_units(1_000_000_000));
        }
        for j in 0..POSITIONS {
            let instrument =
                self.instruments[(draw(2 * j) % self.instruments.len() as u64) as usize];
            let lots = (draw(2 * j + 1) % 201) as i64 - 100;
            risk::add_position(
                &self.market,
                &mut account,
                instrument,
                Quantity::from_lots(lots),
                None,
            )
            .map_err(text)?;
        }
        Ok(account)
    }

    fn assessment<'a>(
        &'a self,
        account: &'a Account,
        vector: &'a PortfolioVector,
    ) -> Assessment<'a> {
        Assessment { epoch: &self.epoch, market: &self.market, account, vector }
    }

    fn orders(&self) -> Result<Vec<OpenOrder>, String> {
        let draw = |j: u64| SplitMix { seed: SEED + 1 }.u64(j);
        let order = |j: u64| {
            let instrument =
                self.instruments[(draw(2 * j) % self.instruments.len() as u64) as usize];
            let lots = (draw(2 * j + 1) % 50) as i64 + 1;
            let limit = self.market.mark(&instrument).map_err(text)?;
            let quantity = Quantity::from_lots(if j.is_multiple_of(2) { lots } else { -lots });
            Ok(OpenOrder { instrument, quantity, limit, fee: Amount::ZERO })
        };
        (0..ORDERS as u64).map(order).collect()
    }
}

fn checksum(
    world: &World,
    assessment: &Assessment<'_>,
    orders: &[OpenOrder],
) -> Result<u64, String> {
    let mut check = prepared(assessment)?;
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for order in orders {
        let ticks = after(&world.epoch, &mut check, order, premium(order)?)?;
        hash = (hash ^ ticks as u64).wrapping_mul(0x0000_0100_0000_01B3);
    }
    // Every tenth is computed again from nothing.
    for order in orders.iter().step_by(10) {
        let mut vector = assessment.vector.clone();
        vector.add(&world.epoch, &order.instrument, order.quantity).map_err(text)?;
        let mut account = assessment.account.clone();
        account.trade(order.instrument, order.quantity, order.limit).map_err(text)?;
        let full = Assessment { account: &account, vector: &vector, ..*assessment }
            .margin()
            .map_err(text)?;
        let risk::MarginDetail::Scenario(detail) = &full.detail else {
            return Err("core has scenarios".into());
        };
        if detail.requirement.ticks != after(&world.epoch, &mut check, order, premium(order)?)? {
            return Err(format!(
                "the check of {} differs from the full computation",
                order.instrument
            ));
        }
    }
    Ok(hash)
}

fn prepared(assessment: &Assessment<'_>) -> Result<PreTrade, String> {
    PreTrade::of(assessment).map_err(text)?.ok_or_else(|| "the account is too large".into())
}

fn after(
    epoch: &Epoch,
    check: &mut PreTrade,
    order: &OpenOrder,
    coin: Amount,
) -> Result<i128, String> {
    let lots = order.quantity.lots();
    let ticks = check.requirement_after(epoch, &order.instrument, lots, coin).map_err(text)?;
    ticks.ok_or_else(|| "the order is too large".into())
}

/// What an order at its limit pays, as a change of the account's coin.
fn premium(order: &OpenOrder) -> Result<Amount, String> {
    let paid = order.instrument.value(order.quantity, order.limit, Rounding::Ceil);
    paid.map(|paid| -paid).map_err(text)
}

fn hot(assessment: &Assessment<'_>, orders: &[OpenOrder]) -> Result<Row, String> {
    let mut check = prepared(assessment)?;
    // One instrument's array and one account's vector stay in the nearest cache.
    let (order, coin) = (&orders[0], premium(&orders[0])?);
    let timing = measure(101, ORDERS, || {
        for _ in 0..ORDERS {
            let _ = black_box(after(assessment.epoch, &mut check, black_box(order), coin));
        }
    });
    Ok(row("Plimsoll, exact, hot", timing, "worst losses, root of squares and both shortfalls"))
}

fn cold(world: &World, orders: &[OpenOrder]) -> Result<Row, String> {
    let accounts: Vec<Account> =
        (0..ACCOUNTS_COLD).map(|n| world.account(n)).collect::<Result<_, _>>()?;
    let mut checks = Vec::with_capacity(accounts.len());
    for account in &accounts {
        let vector = PortfolioVector::of(&world.epoch, account).map_err(text)?;
        checks.push(prepared(&world.assessment(account, &vector))?);
    }
    let coins: Vec<Amount> = orders.iter().map(premium).collect::<Result<_, _>>()?;
    let timing = measure(7, checks.len(), || {
        for (turn, check) in checks.iter_mut().enumerate() {
            let turn = turn * 7 % ORDERS;
            let _ = black_box(after(&world.epoch, check, &orders[turn], coins[turn]));
        }
    });
    Ok(row("Plimsoll, exact, cold", timing, "4,000 accounts in turn, each with another order"))
}

/// What a plain implementation does: add, then sort each block.
fn sorted(assessment: &Assessment<'_>, orders: &[OpenOrder]) -> Result<Row, String> {
    let margin = assessment.margin().map_err(text)?;
    let risk::MarginDetail::Scenario(detail) = &margin.detail else {
        return Err("core has scenarios".into());
    };
    let base: Vec<i64> =
        detail.profits.joint.to_vec().into_iter().map(|ticks| ticks as i64).collect();
    let array = assessment.epoch.array(&orders[0].instrument).map_err(text)?;
    let row_ticks: Vec<i64> = array.joint.iter().map(|ticks| *ticks as i64).collect();
    let lots = orders[0].quantity.lots();
    let blocks = &assessment.epoch.scenarios().blocks;
    let timing = measure(11, 100, || {
        for _ in 0..100 {
            let after: Vec<i64> = base
                .iter()
                .zip(&row_ticks)
                .map(|(base, row)| base + black_box(lots) * row)
                .collect();
            for block in blocks.iter().filter(|block| block.joint) {
                let mut profits = after[block.span.clone()].to_vec();
                profits.sort_unstable();
                let k = block.span.len().div_ceil(100);
                black_box(profits[..k].iter().sum::<i64>());
            }
        }
    });
    Ok(row("plain Rust, sorted", timing, "the joint scenarios alone, i64"))
}

fn rebuilt(world: &World, account: &Account) -> Result<Row, String> {
    let mut failure = None;
    let timing = measure(21, 100, || {
        for _ in 0..100 {
            failure = black_box(PortfolioVector::of(&world.epoch, account)).err();
        }
    });
    failure.map_or(Ok(()), |error| Err(text(error)))?;
    Ok(row("Plimsoll, vector from positions", timing, "once per account and epoch"))
}

fn bound(world: &World, assessment: &Assessment<'_>, orders: &[OpenOrder]) -> Result<Row, String> {
    let margin = assessment.margin().map_err(text)?;
    let standing = Standing::of(assessment, &margin).ok_or("core has scenarios")?;
    let unit = |order: &OpenOrder| UnitRequirement::of(&world.epoch, &order.instrument);
    let units: Vec<_> = orders.iter().map(unit).collect::<Result<_, _>>().map_err(text)?;
    let timing = measure(11, ORDERS, || {
        for (order, unit) in orders.iter().zip(&units) {
            let _ = black_box(fast_bound(assessment, &standing, *unit, order));
        }
    });
    Ok(row("Plimsoll, bound with add-ons", timing, "every add-on computed anew from the positions"))
}

fn whole(assessment: &Assessment<'_>) -> Result<Row, String> {
    let timing = measure(21, 100, || {
        for _ in 0..100 {
            let _ = black_box(assessment.margin());
        }
    });
    Ok(row("Plimsoll, whole margin", timing, "equity, requirement, add-ons, binding scenario"))
}

fn row(engine: &str, timing: Timing, note: &str) -> Row {
    Row { engine: engine.into(), timing, note: note.into() }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
