//! A small market with round prices, and accounts in it.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding, Timestamp, Underlying};
use plimsoll_risk as risk;
use pricing::{QuotedCurve, VolatilityCurve};
use risk::{
    Account, AssetMarket, Confidence, Epoch, EpochInputs, ExpiryMarket, History, Margin,
    MarginDetail, Market, Methodology, OpenOrder, Position, Quote, ScenarioDetail,
    UnderlyingMarket,
};

const PRICES: [(&str, &str); 7] = [
    ("BTC", "50000"),
    ("ETH", "2000"),
    ("XRP", "1"),
    ("BNB", "500"),
    ("SOL", "100"),
    ("USDC", "1"),
    ("USDT", "1"),
];

/// Everything that a margin is computed from, open to change.
pub struct World {
    pub rules: String,
    pub market: Market,
    pub history: Option<History>,
    pub venue_balances: BTreeMap<Asset, Amount>,
}

pub fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

pub fn instrument(name: &str) -> Instrument {
    name.parse().unwrap()
}

pub fn underlying(name: &str) -> Underlying {
    Underlying::of(asset(name))
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

impl World {
    /// `core` at a time, every feed certain, no expiries and no history: each underlying stands
    /// alone on 1.25 times its floor, a range of 18.75 % for Bitcoin and 23.75 % for Ether.
    pub fn at(time: &str) -> Self {
        let quote = |text: &str| AssetMarket { price: price(text), confidence: Confidence::FULL };
        let assets = PRICES.iter().map(|(name, text)| (asset(name), quote(text)));
        let underlyings =
            PRICES.iter().map(|(name, _)| (underlying(name), UnderlyingMarket::default()));
        Self {
            rules: Methodology::built_in_text("core").unwrap().into(),
            market: Market {
                time: time.parse().unwrap(),
                assets: assets.collect(),
                underlyings: underlyings.collect(),
                quotes: BTreeMap::new(),
            },
            history: None,
            venue_balances: BTreeMap::new(),
        }
    }

    /// With one more expiry, its forward and the same volatility at a wide range of strikes.
    pub fn expiry(mut self, future: &str, forward: &str, volatility: f64) -> Self {
        let future = instrument(future);
        let strikes = [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 2.0];
        let index = self.market.price(future.base()).unwrap().units() as f64 / 1e8;
        let quotes = strikes.map(|share: f64| ((share * index).round(), volatility));
        let market = ExpiryMarket {
            forward: price(forward),
            volatility: VolatilityCurve::Quoted(QuotedCurve::new(&quotes).unwrap()),
            settlement_average: None,
            forward_confidence: Confidence::FULL,
            volatility_confidence: Confidence::FULL,
        };
        let of = self.market.underlyings.get_mut(&future.underlying()).unwrap();
        of.expiries.insert(future.expiry().unwrap(), market);
        self
    }

    /// With other text in the methodology.
    pub fn rule(mut self, from: &str, to: &str) -> Self {
        assert!(self.rules.contains(from), "{from}");
        self.rules = self.rules.replace(from, to);
        self
    }

    pub fn index(mut self, name: &str, text: &str) -> Self {
        self.market.assets.get_mut(&asset(name)).unwrap().price = price(text);
        self
    }

    pub fn quote(mut self, name: &str, mark: &str, funding_8h: f64) -> Self {
        self.market.quotes.insert(instrument(name), Quote { mark: price(mark), funding_8h });
        self
    }

    pub fn venue(mut self, name: &str, amount: &str) -> Self {
        self.venue_balances.insert(asset(name), amount.parse().unwrap());
        self
    }

    pub fn expiry_of(&mut self, future: &str) -> &mut ExpiryMarket {
        let future = instrument(future);
        let of = self.market.underlyings.get_mut(&future.underlying()).unwrap();
        of.expiries.get_mut(&future.expiry().unwrap()).unwrap()
    }

    pub fn inputs(&self) -> EpochInputs<'_> {
        EpochInputs {
            market: &self.market,
            history: self.history.as_ref(),
            venue_balances: &self.venue_balances,
        }
    }

    pub fn epoch(&self, account: &Account) -> Epoch {
        let methodology = Methodology::parse(&self.rules).unwrap();
        Epoch::open(&methodology, self.inputs(), &account.instruments()).unwrap()
    }

    pub fn margin(&self, account: &Account) -> Margin {
        risk::margin(&self.epoch(account), &self.market, account).unwrap()
    }

    /// Adds a position at mark without moving cash.
    pub fn hold(&self, account: &mut Account, name: &str, lots: i64) {
        let (instrument, quantity) = (instrument(name), Quantity::from_lots(lots));
        let mark = self.market.mark(&instrument).unwrap();
        let cost = instrument.value(quantity, mark, Rounding::Floor).unwrap();
        account.positions.insert(instrument, Position { quantity, cost });
    }

    /// An account with balances and positions at mark.
    pub fn account(&self, balances: &[(&str, &str)], legs: &[(&str, i64)]) -> Account {
        let mut account = Account::named("by hand");
        for (name, amount) in balances {
            account.balances.insert(asset(name), amount.parse().unwrap());
        }
        for (name, lots) in legs {
            self.hold(&mut account, name, *lots);
        }
        account
    }

    /// Years to an expiry, act/365.
    pub fn years_to(&self, instrument: &Instrument) -> f64 {
        let milliseconds = instrument.expiry().unwrap().since(self.market.time);
        milliseconds as f64 / Timestamp::DAY as f64 / 365.0
    }
}

/// An order at a limit.
pub fn order(name: &str, lots: i64, limit: &str, fee: &str) -> OpenOrder {
    OpenOrder {
        instrument: instrument(name),
        quantity: Quantity::from_lots(lots),
        limit: price(limit),
        fee: fee.parse().unwrap(),
    }
}

pub fn detail(margin: &Margin) -> &ScenarioDetail {
    match &margin.detail {
        MarginDetail::Scenario(detail) => detail,
        MarginDetail::Grid(_) | MarginDetail::Position(_) => panic!("core margins by scenario"),
    }
}

/// R of positions and open orders, in ticks.
pub fn requirement(margin: &Margin) -> i128 {
    detail(margin).requirement.ticks
}

/// An add-on in ticks.
pub fn add_on(margin: &Margin, name: &str) -> i128 {
    detail(margin).add_ons.iter().find(|add_on| add_on.name == name).unwrap().ticks
}

/// Whether ticks are US dollars, each lot and term rounded once.
pub fn assert_ticks(ticks: i128, usd: f64, tolerance_ticks: f64) {
    let difference = ticks as f64 - usd * 1e6;
    assert!(difference.abs() <= tolerance_ticks, "{ticks} ticks, expected {}", usd * 1e6);
}
