//! What is traded: assets, instruments, prices, methodology.

use std::collections::BTreeMap;

use instruments::{Asset, Instrument, Price, Timestamp, Underlying};
use plimsoll_engine::command::{
    Action, AddAsset, ClosesDay, HistoryCloses, ListInstrument, OpenEpoch, PriceReport,
    SetMethodology, SetSources, SourceWeight, Surface, SurfaceExpiry,
};
use plimsoll_engine::prices::{BreakerRules, FundingRules, IndexRules, InterestRules, MarkRules};
use plimsoll_engine::rules::{FeeRules, InstrumentTerms, VenueRules};
use plimsoll_engine::{InstrumentId, PreparedEpoch, State};
use risk::FixedCurve;

use super::{Draws, START};

/// Instruments of the venue.
pub const INSTRUMENTS: usize = 100;
/// Scenarios of an epoch.
pub const SCENARIOS: usize = 1_311;
/// Sources of an index.
pub const SOURCES: u16 = 3;

const SEED_HISTORY: u64 = 0x5EED_0060;
const HISTORY_DAYS: i64 = 1_300;
const EXPIRIES: [&str; 3] = ["27FEB26", "27MAR26", "26JUN26"];
/// Days from the start to each expiry, for forwards and variances.
const EXPIRY_DAYS: [i64; 3] = [25, 53, 144];
/// One price unit is 10⁻⁸.
const UNIT: i64 = 100_000_000;
/// Accounts looked at after each price. A price comes with every fiftieth command.
const REVIEWS_PER_PRICE: u32 = 10;

/// One coin and what is traded on it.
pub struct Coin {
    /// Its ticker.
    pub name: &'static str,
    /// Its index at the start, in units.
    pub index: i64,
    /// The tick of futures and of options, in units.
    ticks: [i64; 2],
    /// Whether futures settle in the coin.
    inverse: bool,
    /// Lots worth about 800 dollars: of the perpetual, of a future, of an option.
    pub lots: [i64; 3],
    /// Strikes as names write them, in four steps around the index.
    strikes: [&'static str; 4],
    /// Variance in parts of Bitcoin's, in percent.
    variance: i64,
    /// Share of the market's daily move, in percent.
    beta: i64,
}

/// The coins.
pub const COINS: [Coin; 4] = [
    Coin {
        name: "BTC",
        index: 80_000 * UNIT,
        ticks: [UNIT / 2, 5 * UNIT],
        inverse: true,
        lots: [10, 80, 1],
        strikes: ["72000", "80000", "84000", "92000"],
        variance: 100,
        beta: 100,
    },
    Coin {
        name: "ETH",
        index: 2_600 * UNIT,
        ticks: [UNIT / 20, UNIT / 2],
        inverse: true,
        lots: [30, 800, 3],
        strikes: ["2300", "2600", "2800", "3000"],
        variance: 190,
        beta: 120,
    },
    Coin {
        name: "XRP",
        index: 17 * UNIT / 10,
        ticks: [UNIT / 10_000, UNIT / 2_000],
        inverse: false,
        lots: [500, 500, 5],
        strikes: ["1d5", "1d7", "1d8", "2"],
        variance: 240,
        beta: 140,
    },
    Coin {
        name: "BNB",
        index: 700 * UNIT,
        ticks: [UNIT / 20, UNIT / 2],
        inverse: false,
        lots: [10, 10, 1],
        strikes: ["600", "700", "750", "800"],
        variance: 130,
        beta: 100,
    },
];

impl Coin {
    /// The asset.
    pub fn asset(&self) -> Asset {
        self.name.parse().expect("a ticker")
    }

    /// What is traded on it, with the tick in units and the lots worth about 800 dollars.
    fn listed(&self) -> Vec<(String, i64, i64)> {
        let linear = format!("{}_USDC", self.name);
        let dated = if self.inverse { self.name } else { &linear };
        let [perpetual, future, option] = self.lots;
        let mut listed = vec![(format!("{linear}-PERPETUAL"), self.ticks[0], perpetual)];
        for expiry in &EXPIRIES[1..] {
            listed.push((format!("{dated}-{expiry}"), self.ticks[0], future));
        }
        for (expiry, strikes) in EXPIRIES.iter().zip([4, 4, 3]) {
            for strike in &self.strikes[..strikes] {
                for kind in ["C", "P"] {
                    let name = format!("{linear}-{expiry}-{strike}-{kind}");
                    listed.push((name, self.ticks[1], option));
                }
            }
        }
        listed
    }
}

/// An instrument as orders are made for it.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its tick in units.
    pub tick: i64,
    /// Lots worth about 800 dollars of the underlying.
    pub lots: i64,
    /// Whether it is an option.
    pub option: bool,
}

/// The instruments by number.
pub fn listed() -> Vec<Listed> {
    let of = |(name, tick, lots): (String, i64, i64)| {
        let option = name.ends_with("-C") || name.ends_with("-P");
        Listed { tick, lots, option }
    };
    COINS.iter().flat_map(Coin::listed).map(of).collect()
}

/// Everything up to the first account.
pub fn opening() -> Vec<Action> {
    let rules = VenueRules { reviews_per_price: REVIEWS_PER_PRICE, ..VenueRules::default() };
    let mut actions = vec![Action::SetVenueRules(rules)];
    let dollars = [Asset::USD, usdc()];
    let coins = COINS.iter().map(Coin::asset);
    actions.extend(dollars.into_iter().chain(coins).map(add_asset));
    actions.push(sources(usdc(), u32::try_from(Timestamp::DAY).expect("a day is short")));
    actions.extend(COINS.iter().map(|coin| sources(coin.asset(), 60_000)));
    actions.extend((0..SOURCES).map(|source| report(usdc(), source, UNIT, START)));
    actions.extend(reports(START));
    actions.extend(COINS.iter().map(surface));
    for coin in &COINS {
        actions.extend(coin.listed().into_iter().map(|(name, tick, _)| list(coin, &name, tick)));
    }
    actions.push(Action::SetHistory(history()));
    let text = risk::Methodology::built_in_text("core").expect("core ships").to_owned();
    let notice_ends = Timestamp::from_milliseconds(START.milliseconds() + Timestamp::DAY);
    actions.push(Action::SetMethodology(SetMethodology { text, notice_ends }));
    let (market, arrays_hash, holdings) = (None, None, Vec::new());
    actions.push(Action::OpenEpoch(Box::new(OpenEpoch { market, arrays_hash, holdings })));
    actions
}

/// US dollars on a chain.
pub fn usdc() -> Asset {
    "USDC".parse().expect("a ticker")
}

/// Reports of every coin's index at the start, by each source.
pub fn reports(observed: Timestamp) -> impl Iterator<Item = Action> {
    COINS.iter().flat_map(move |coin| {
        (0..SOURCES).map(move |source| report(coin.asset(), source, coin.index, observed))
    })
}

/// A source's report.
pub fn report(asset: Asset, source: u16, price: i64, observed: Timestamp) -> Action {
    Action::ReportPrice(PriceReport { asset, source, price: Price::from_units(price), observed })
}

fn add_asset(asset: Asset) -> Action {
    let (interest, breaker) = (InterestRules::default(), BreakerRules::default());
    Action::AddAsset(AddAsset { asset, interest, breaker })
}

fn sources(asset: Asset, age_max_ms: u32) -> Action {
    let rules = IndexRules { age_max_ms, fresh_ms: age_max_ms, ..IndexRules::default() };
    let sources = (0..SOURCES).map(|source| SourceWeight { source, weight: 1 }).collect();
    Action::SetSources(SetSources { asset, rules, sources })
}

/// Forwards a little above the index, and a skewed smile whose variance grows with time.
fn surface(coin: &Coin) -> Action {
    let expiry = |(name, days): (&&str, i64)| {
        let instrument: Instrument =
            format!("{}_USDC-{name}", coin.name).parse().expect("a future's name");
        let scaled = |ppb: i64| ppb * days / 25 * coin.variance / 100;
        SurfaceExpiry {
            expiry: instrument.expiry().expect("a future expires"),
            forward: Price::from_units(coin.index + coin.index / 10_000 * days),
            volatility: FixedCurve::Svi {
                a_ppb: scaled(12_000_000),
                b_ppb: scaled(40_000_000),
                rho_ppb: -250_000_000,
                m_ppb: 0,
                s_ppb: 100_000_000,
            },
        }
    };
    Action::SetSurface(Surface {
        underlying: Underlying::of(coin.asset()),
        expiries: EXPIRIES.iter().zip(EXPIRY_DAYS).map(expiry).collect(),
    })
}

fn list(coin: &Coin, name: &str, tick: i64) -> Action {
    let instrument: Instrument = name.parse().expect("a name");
    let band_min = if instrument.is_option() { coin.index / 20 } else { 0 };
    let terms = InstrumentTerms {
        tick: Price::from_units(tick),
        lots_max: 1_000_000_000,
        position_max: 1_000_000_000,
        open_interest_max: 1_000_000_000,
        band_ppm: 100_000,
        band_min: Price::from_units(band_min),
        fees: FeeRules::default(),
        mark: MarkRules::default(),
        funding: FundingRules::default(),
        settlement_ms: 0,
        parts_max: 100,
    };
    Action::ListInstrument(ListInstrument { instrument, terms, call: false })
}

/// Closes up to the day before the start: a common factor of 2.3 % a day, twice as much in every
/// fifth stretch of fifty days, and as much again of each coin's own.
pub fn history() -> HistoryCloses {
    let mut draws = Draws::new(SEED_HISTORY);
    let midnight = START.milliseconds() - START.milliseconds().rem_euclid(Timestamp::DAY);
    let mut closes: Vec<i64> = COINS.iter().map(|coin| coin.index).collect();
    let mut days = Vec::new();
    for back in 1..=HISTORY_DAYS {
        let date = Timestamp::from_milliseconds(midnight - back * Timestamp::DAY);
        let day = closes.iter().map(|close| Some(Price::from_units(*close))).collect();
        days.push(ClosesDay { date, closes: day });
        let heat = if back / 50 % 5 == 3 { 2 } else { 1 };
        let factor = draws.bell() / 25 * heat;
        for (close, coin) in closes.iter_mut().zip(&COINS) {
            let move_ppm = factor * coin.beta / 100 + draws.bell() / 60 * heat;
            let before = i128::from(*close) * 1_000_000 / i128::from(1_000_000 + move_ppm);
            *close = i64::try_from(before).expect("a close is a price");
        }
    }
    days.reverse();
    HistoryCloses { assets: COINS.iter().map(Coin::asset).collect(), days }
}

/// What prepares epochs beside the engine.
pub struct Worker {
    methodology: risk::Methodology,
    history: risk::History,
}

impl Worker {
    /// A worker that knows methodology and history.
    pub fn new() -> Self {
        let methodology = risk::Methodology::built_in("core").expect("core ships");
        let closes = history();
        let days: Vec<_> = closes.days.into_iter().map(|day| (day.date, day.closes)).collect();
        let history = risk::History::from_prices(&closes.assets, &days);
        Self { methodology, history: history.expect("closes are prices") }
    }

    /// The epoch of an engine's live market.
    pub fn prepare(&self, state: &State) -> PreparedEpoch {
        let balances = BTreeMap::new();
        let inputs = risk::EpochInputs {
            market: state.market(),
            history: Some(&self.history),
            venue_balances: &balances,
        };
        let ids = (0..state.instruments()).map(InstrumentId);
        let instruments: Vec<Instrument> = ids.filter_map(|id| state.instrument(id)).collect();
        assert_eq!(instruments.len(), INSTRUMENTS, "the venue lists what the script says");
        let epoch = risk::Epoch::open(&self.methodology, inputs, &instruments);
        let epoch = epoch.expect("the live market has what it takes");
        let set = epoch.scenarios();
        assert_eq!(set.joint.len() + set.own.len(), SCENARIOS, "an epoch has as many as it says");
        PreparedEpoch::new(epoch, instruments)
    }
}
