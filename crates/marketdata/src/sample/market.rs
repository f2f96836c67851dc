//! The sample market.

use instruments::{
    Asset, Instrument, OptionKind, Price, SCALE, SettlementStyle, Timestamp, Underlying,
};
use numerics::{SplitMix, exp, ln_ratio};
use pricing::black76;

use super::{SEED, TIME, rounded};
use crate::snapshot::{Builder, OptionQuote, Snapshot, option_terms};
use crate::table::rounded_price;

/// Yearly growth of forwards over the index.
const CARRY: f64 = 0.045;
/// ρ of the volatility surface.
const SKEW: f64 = -0.28;
/// η of the volatility surface; η·(1+|ρ|) ≤ 2 keeps it free of butterfly arbitrage.
const CURVATURE: f64 = 1.1;
/// Prices of inverse options are quoted in steps of this much coin.
const TICK: f64 = 0.0001;

/// One listed expiry: its name, lowest strike, step between strikes, number of strikes.
type Listing = (&'static str, u32, u32, u32);

struct OptionMarket {
    name: &'static str,
    index: f64,
    /// At-the-money volatility of the shortest and of the longest tenor.
    volatility: [f64; 2],
    listings: [Listing; 6],
}

const OPTION_MARKETS: [OptionMarket; 2] = [
    OptionMarket {
        name: "BTC",
        index: 82_412.37,
        volatility: [0.54, 0.47],
        listings: [
            ("6FEB26", 72_000, 1_000, 21),
            ("13FEB26", 70_000, 2_000, 15),
            ("27FEB26", 60_000, 2_500, 21),
            ("27MAR26", 50_000, 5_000, 21),
            ("26JUN26", 40_000, 10_000, 17),
            ("25SEP26", 30_000, 10_000, 20),
        ],
    },
    OptionMarket {
        name: "ETH",
        index: 2_641.85,
        volatility: [0.74, 0.66],
        listings: [
            ("6FEB26", 2_300, 50, 15),
            ("13FEB26", 2_200, 100, 11),
            ("27FEB26", 1_800, 100, 23),
            ("27MAR26", 1_600, 100, 25),
            ("26JUN26", 1_000, 250, 17),
            ("25SEP26", 1_000, 500, 13),
        ],
    },
];

/// Index prices of what has futures and perpetuals only.
pub(super) const FUTURES_MARKETS: [(&str, f64); 3] =
    [("SOL", 112.46), ("XRP", 1.6834), ("BNB", 705.9)];

const FUTURE_EXPIRIES: [&str; 2] = ["27MAR26", "26JUN26"];

/// Perpetuals with the premium of mark over index and the funding per 8 hours, both per notional.
const PERPETUALS: [(&str, f64, f64); 7] = [
    ("BTC-PERPETUAL", 0.000_18, 0.000_06),
    ("ETH-PERPETUAL", 0.000_11, 0.000_04),
    ("BTC_USDC-PERPETUAL", 0.000_21, 0.000_07),
    ("ETH_USDC-PERPETUAL", 0.000_15, 0.000_05),
    ("SOL_USDC-PERPETUAL", -0.000_24, -0.000_03),
    ("XRP_USDC-PERPETUAL", 0.000_36, 0.000_12),
    ("BNB_USDC-PERPETUAL", 0.000_08, 0.000_02),
];

/// Index prices of all underlyings of the sample.
pub(super) fn indices() -> impl Iterator<Item = (Asset, f64)> {
    let options = OPTION_MARKETS.iter().map(|market| (market.name, market.index));
    options.chain(FUTURES_MARKETS).map(|(name, index)| (asset(name), index))
}

/// The market: options on BTC and ETH of six expiries, futures and perpetuals on them and on SOL,
/// XRP and BNB.
#[must_use]
pub fn snapshot() -> Snapshot {
    let mut builder = Builder::at(TIME);
    for (asset, index) in indices() {
        builder.index(asset, price(index));
        builder.perpetual(Underlying::of(asset));
    }
    for (name, premium, funding_8h) in PERPETUALS {
        let instrument = instrument(name);
        let index = indices().find(|(asset, _)| *asset == instrument.base());
        let index = index.expect("every perpetual's underlying has an index").1;
        let decimals = if index < 10.0 { 4 } else { 2 };
        builder.quote(instrument, price(rounded(index * (1.0 + premium), decimals)), funding_8h);
    }
    for (name, index) in FUTURES_MARKETS {
        for expiry in FUTURE_EXPIRIES {
            let future = instrument(&format!("{name}_USDC-{expiry}"));
            let forward = price(forward(index, expiry_of(&future)));
            builder.forward(future.underlying(), expiry_of(&future), forward);
            builder.quote(future, forward, 0.0);
        }
    }
    for market in &OPTION_MARKETS {
        for listing in market.listings {
            list_options(&mut builder, market, listing);
        }
    }
    builder.finish()
}

fn list_options(builder: &mut Builder, market: &OptionMarket, listing: Listing) {
    let (expiry, low, step, count) = listing;
    for strike in (0..count).map(|index| low + index * step) {
        for letter in ["C", "P"] {
            let option = instrument(&format!("{}-{expiry}-{strike}-{letter}", market.name));
            builder.forward(
                option.underlying(),
                expiry_of(&option),
                price(forward(market.index, expiry_of(&option))),
            );
            builder.option(quote(market, option));
        }
    }
}

fn quote(market: &OptionMarket, instrument: Instrument) -> OptionQuote {
    let (expiry, strike, kind) = option_terms(&instrument).expect("the name is an option's");
    let (forward, years) = (forward(market.index, expiry), years(expiry));
    let strike_number = strike.units() as f64 / SCALE as f64;
    let volatility = rounded(volatility(market, ln_ratio(strike_number, forward), years), 4);
    let pricing_kind = match kind {
        OptionKind::Call => pricing::OptionKind::Call,
        OptionKind::Put => pricing::OptionKind::Put,
    };
    let greeks = black76::greeks(pricing_kind, forward, strike_number, volatility, years, 0.0)
        .expect("the sample's prices, volatilities and times are positive");
    debug_assert_eq!(instrument.style(), SettlementStyle::Inverse);
    let mark = greeks.price / forward;
    let half_spread = (0.02 * mark).clamp(3.0 * TICK, 30.0 * TICK);
    let bid = ((mark - half_spread) / TICK).floor() * TICK;
    let ask = ((mark + half_spread) / TICK).ceil() * TICK;
    let draws = SplitMix { seed: SEED };
    let draw = draws.u01(strike.units().unsigned_abs() ^ expiry.milliseconds().unsigned_abs());
    OptionQuote {
        instrument,
        expiry,
        strike,
        kind,
        volatility,
        mark: price(mark),
        bid: (bid > 0.0).then(|| price(bid)),
        ask: Some(price(ask)),
        delta: Some(rounded(greeks.delta, 5)),
        vega: Some(rounded(greeks.vega / 100.0, 5)),
        open_interest: Some(rounded(draw * 40_000_000.0 / market.index, 1)),
    }
}

/// The surface of Gatheral and Jacquier (2014), section 4:
/// `w(k) = θ/2·(1 + ρφk + √((φk + ρ)² + 1 − ρ²))`, `φ = η/√(θ·(1 + θ))`.
fn volatility(market: &OptionMarket, k: f64, years: f64) -> f64 {
    let [short, long] = market.volatility;
    let at_the_money = long + (short - long) * exp(-3.0 * years);
    let theta = at_the_money * at_the_money * years;
    let phi = CURVATURE / (theta * (1.0 + theta)).sqrt();
    let shifted = phi * k + SKEW;
    let root = (shifted * shifted + 1.0 - SKEW * SKEW).sqrt();
    let variance = theta / 2.0 * (1.0 + SKEW * phi * k + root);
    (variance / years).sqrt()
}

fn forward(index: f64, expiry: Timestamp) -> f64 {
    rounded(index * exp(CARRY * years(expiry)), 4)
}

fn years(expiry: Timestamp) -> f64 {
    expiry.since(TIME) as f64 / Timestamp::YEAR as f64
}

fn expiry_of(instrument: &Instrument) -> Timestamp {
    instrument.expiry().expect("the name has an expiry")
}

fn asset(name: &str) -> Asset {
    name.parse().expect("the sample's assets have names")
}

fn instrument(name: &str) -> Instrument {
    name.parse().expect("the sample's instruments have listing conventions")
}

fn price(number: f64) -> Price {
    rounded_price(number).expect("the sample's prices are ordinary")
}
