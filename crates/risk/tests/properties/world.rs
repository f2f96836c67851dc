//! A small market in which every add-on has something to charge, and accounts in it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use instruments::{Amount, Asset, Instrument, Price, Quantity, Timestamp, Underlying};
use numerics::SplitMix;
use plimsoll_risk as risk;
use pricing::{QuotedCurve, VolatilityCurve};
use proptest::prelude::*;
use risk::{
    Account, Assessment, AssetMarket, Confidence, Epoch, EpochInputs, ExpiryMarket, History,
    HistoryDay, Margin, MarginDetail, Market, Methodology, OpenOrder, PortfolioVector, Quote,
    ScenarioDetail, UnderlyingMarket,
};

const EXPIRIES: [(&str, f64); 4] =
    [("6FEB26", 1.0), ("13FEB26", 1.002), ("27MAR26", 1.01), ("26JUN26", 1.025)];
const STRIKES: [(&str, [&str; 5]); 2] = [
    ("BTC", ["50000", "60000", "67000", "75000", "100000"]),
    ("ETH", ["1400", "1800", "2000", "2200", "3000"]),
];
const PRICES: [(&str, &str); 7] = [
    ("BTC", "67000"),
    ("ETH", "1970"),
    ("SOL", "85"),
    ("XRP", "1.3"),
    ("BNB", "640"),
    // Below its peg, so that debts in it are charged.
    ("USDC", "0.97"),
    ("USDT", "0.999"),
];

/// How many cases a property runs over.
pub fn cases(count: u32) -> ProptestConfig {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        max_global_rejects: 1_000_000,
        ..ProptestConfig::with_cases(count * scale.unwrap_or(1))
    }
}

/// Market, history and everything that trades.
pub struct World {
    pub market: Market,
    pub history: History,
    pub instruments: Vec<Instrument>,
    pub venue_balances: BTreeMap<Asset, Amount>,
}

pub static WORLD: LazyLock<World> = LazyLock::new(World::new);
pub static EPOCH: LazyLock<Epoch> = LazyLock::new(|| WORLD.epoch(&core()));

/// The same without a history: every underlying stands alone and coins count for nothing.
pub static ALONE: LazyLock<Epoch> = LazyLock::new(|| {
    let inputs = EpochInputs { history: None, ..WORLD.inputs() };
    Epoch::open(&core(), inputs, &WORLD.instruments).unwrap()
});

/// With a history or without.
pub fn epoch(alone: bool) -> &'static Epoch {
    if alone { &ALONE } else { &EPOCH }
}

pub fn core() -> Methodology {
    Methodology::built_in("core").unwrap()
}

pub fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

pub fn instrument(name: &str) -> Instrument {
    name.parse().unwrap()
}

impl World {
    fn new() -> Self {
        // Nine hours before the first expiry, inside the cliff's window.
        let time = "2026-02-05T23:00:00Z".parse().unwrap();
        let mut market = Market {
            time,
            assets: BTreeMap::new(),
            underlyings: BTreeMap::new(),
            quotes: BTreeMap::new(),
        };
        for (name, price) in PRICES {
            // ETH's sources disagree, so that its feeds are charged.
            let confidence = Confidence::from_ppm(if name == "ETH" { 700_000 } else { 1_000_000 });
            market
                .assets
                .insert(asset(name), AssetMarket { price: price.parse().unwrap(), confidence });
            market.underlyings.insert(Underlying::of(asset(name)), UnderlyingMarket::default());
        }
        let mut instruments = Vec::new();
        for (base, strikes) in STRIKES {
            for (expiry, carry) in EXPIRIES {
                let at = expiry_market(&market, base, &strikes, carry);
                let future = instrument(&format!("{base}-{expiry}"));
                let listed = market.underlyings.get_mut(&Underlying::of(asset(base))).unwrap();
                listed.expiries.insert(future.expiry().unwrap(), at);
                instruments.extend([future, instrument(&format!("{base}_USDC-{expiry}"))]);
                for strike in strikes {
                    for (pair, kind) in [
                        (base.to_string(), "C"),
                        (base.to_string(), "P"),
                        (format!("{base}_USDC"), "C"),
                        (format!("{base}_USDC"), "P"),
                    ] {
                        instruments.push(instrument(&format!("{pair}-{expiry}-{strike}-{kind}")));
                    }
                }
            }
        }
        for (name, funding) in [
            ("BTC-PERPETUAL", 0.0003),
            ("ETH-PERPETUAL", -0.0002),
            ("BTC_USDC-PERPETUAL", 0.0001),
            ("XRP_USDC-PERPETUAL", 0.001),
            ("BNB_USDC-PERPETUAL", 0.0),
            ("SOL_USDC-PERPETUAL", 0.0002),
        ] {
            let perpetual = instrument(name);
            let index = market.price(perpetual.base()).unwrap().units();
            let mark = Price::from_units(index + index / 2_000);
            market.quotes.insert(perpetual, Quote { mark, funding_8h: funding });
            instruments.push(perpetual);
        }
        let venue_balances = BTreeMap::from([
            (asset("BTC"), "5000".parse().unwrap()),
            (asset("USDC"), "100000000".parse().unwrap()),
        ]);
        Self { history: history(time), market, instruments, venue_balances }
    }

    pub fn inputs(&self) -> EpochInputs<'_> {
        EpochInputs {
            market: &self.market,
            history: Some(&self.history),
            venue_balances: &self.venue_balances,
        }
    }

    pub fn epoch(&self, methodology: &Methodology) -> Epoch {
        Epoch::open(methodology, self.inputs(), &self.instruments).unwrap()
    }
}

fn expiry_market(market: &Market, base: &str, strikes: &[&str], carry: f64) -> ExpiryMarket {
    let index = market.price(asset(base)).unwrap().units();
    let quotes: Vec<(f64, f64)> = strikes
        .iter()
        .enumerate()
        .map(|(i, strike)| {
            (strike.parse().unwrap(), 0.6 + 0.05 * (i as f64 - 2.0) * (i as f64 - 2.0))
        })
        .collect();
    ExpiryMarket {
        forward: Price::from_units((index as f64 * carry) as i64),
        volatility: VolatilityCurve::Quoted(QuotedCurve::new(&quotes).unwrap()),
        settlement_average: None,
        forward_confidence: Confidence::FULL,
        volatility_confidence: Confidence::FULL,
    }
}

/// Closes that wander with a common factor, calm and stormy spells, and one crash.
fn history(time: Timestamp) -> History {
    let random = SplitMix { seed: 7 };
    let assets: Vec<Asset> = ["BTC", "ETH", "XRP", "BNB"].map(asset).to_vec();
    let first = time.milliseconds() / Timestamp::DAY - 1_400;
    let mut closes = [50_000.0, 2_000.0, 1.0, 500.0];
    let mut days = Vec::new();
    for day in 0..1_400_u64 {
        let normal =
            |j: u64| (0..4).map(|i| random.u01(day * 64 + j * 4 + i)).sum::<f64>() * 1.7 - 3.4;
        let spell = if (day / 90) % 3 == 0 { 2.0 } else { 1.0 };
        let market = if day == 700 { -0.35 } else { 0.025 * spell * normal(0) };
        for (i, close) in closes.iter_mut().enumerate() {
            *close *= numerics::exp(
                market * (1.0 + 0.15 * i as f64) + 0.012 * spell * normal(i as u64 + 1),
            );
        }
        let date = Timestamp::from_milliseconds((first + day as i64) * Timestamp::DAY);
        days.push(HistoryDay { date, closes: closes.iter().map(|close| Some(*close)).collect() });
    }
    History { assets, days }
}

/// Lots and places in the list of instruments.
pub type Legs = Vec<(usize, i64)>;

pub fn legs(most: usize) -> impl Strategy<Value = Legs> {
    prop::collection::vec((0..WORLD.instruments.len(), -300_i64..=300), 0..=most)
}

/// An account with the given legs at mark, and some of everything as collateral.
pub fn account(legs: &Legs, balances: &[i64; 5]) -> Account {
    let mut account = Account::named("random");
    let units = [
        ("BTC", 100_000),
        ("ETH", 2_000_000),
        ("USDC", 5_000_000_000),
        ("USDT", 5_000_000_000),
        ("SOL", 50_000_000),
    ];
    for ((name, scale), lots) in units.iter().zip(balances) {
        if *lots != 0 {
            account.balances.insert(asset(name), Amount::from_units(i128::from(*lots) * scale));
        }
    }
    for (index, lots) in legs {
        let instrument = WORLD.instruments[*index];
        hold(&mut account, instrument, *lots);
    }
    account
}

/// Adds a position at mark without moving cash.
pub fn hold(account: &mut Account, instrument: Instrument, lots: i64) {
    let mark = WORLD.market.mark(&instrument).unwrap();
    let held = account.positions.remove(&instrument).map_or(0, |position| position.quantity.lots());
    let quantity = Quantity::from_lots(held + lots);
    if quantity != Quantity::ZERO {
        let cost = instrument.value(quantity, mark, instruments::Rounding::Floor).unwrap();
        account.positions.insert(instrument, risk::Position { quantity, cost });
    }
}

pub fn balances() -> impl Strategy<Value = [i64; 5]> {
    [-100_i64..2_000, 0_i64..500, -2_000_i64..20_000, 0_i64..5_000, 0_i64..500]
}

/// An order a little off mark.
pub fn order(index: usize, lots: i64, off_ppm: i64, fee: i64) -> OpenOrder {
    let instrument = WORLD.instruments[index];
    let mark = WORLD.market.mark(&instrument).unwrap().units();
    let limit = Price::from_units((mark + mark / 1_000_000 * off_ppm).max(1));
    OpenOrder {
        instrument,
        quantity: Quantity::from_lots(lots),
        limit,
        fee: Amount::from_units(i128::from(fee)),
    }
}

pub fn margin(account: &Account) -> Margin {
    risk::margin(&EPOCH, &WORLD.market, account).unwrap()
}

pub fn detail(margin: &Margin) -> &ScenarioDetail {
    match &margin.detail {
        MarginDetail::Scenario(detail) => detail,
        MarginDetail::Grid(_) | MarginDetail::Position(_) => panic!("core margins by scenario"),
    }
}

/// R of the positions and coins of an account.
pub fn requirement(account: &Account) -> i128 {
    detail(&margin(account)).requirement_of_positions
}

pub fn assessed<T>(epoch: &Epoch, account: &Account, ask: impl FnOnce(Assessment<'_>) -> T) -> T {
    let vector = PortfolioVector::of(epoch, account).unwrap();
    ask(Assessment { epoch, market: &WORLD.market, account, vector: &vector })
}
