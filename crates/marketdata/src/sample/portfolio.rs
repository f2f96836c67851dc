//! The sample portfolio.

use std::fmt::Write;

use numerics::SplitMix;
use risk::{Account, Market};

use super::SEED;
use crate::read_portfolio;

/// Account, instrument, quantity, entry price (empty: at the mark).
const ROWS: [(&str, &str, &str, &str); 41] = [
    ("covered-call", "BTC", "10", ""),
    ("covered-call", "BTC-27MAR26-100000-C", "-10", ""),
    ("collar", "ETH", "200", ""),
    ("collar", "ETH-27MAR26-2200-P", "200", ""),
    ("collar", "ETH-27MAR26-3200-C", "-200", ""),
    ("calendar", "BTC", "0.5", ""),
    ("calendar", "USDC", "20000", ""),
    ("calendar", "BTC-27FEB26-85000-C", "-5", ""),
    ("calendar", "BTC-27MAR26-85000-C", "5", ""),
    ("butterfly", "BTC", "0.4", ""),
    ("butterfly", "BTC-27MAR26-75000-C", "5", ""),
    ("butterfly", "BTC-27MAR26-85000-C", "-10", ""),
    ("butterfly", "BTC-27MAR26-95000-C", "5", ""),
    ("basis-trade", "BTC", "6", ""),
    ("basis-trade", "BTC-26JUN26", "-500000", "84350"),
    ("pair", "USDC", "150000", ""),
    ("pair", "BTC_USDC-PERPETUAL", "5", "81900"),
    ("pair", "ETH_USDC-PERPETUAL", "-156", "2655.5"),
    ("usdc-cross", "USDC", "60000", ""),
    ("usdc-cross", "SOL_USDC-PERPETUAL", "800", "110.25"),
    ("usdc-cross", "XRP_USDC-PERPETUAL", "-50000", "1.7105"),
    ("usdc-cross", "BNB_USDC-27MAR26", "40", "702.4"),
    ("usdc-cross", "BTC_USDC-PERPETUAL", "-0.5", "83120"),
    ("long-options", "USDC", "5000", ""),
    ("long-options", "BTC-27MAR26-110000-C", "3", ""),
    ("long-options", "ETH-26JUN26-2000-P", "40", ""),
    ("short-strangle", "BTC", "1.2", ""),
    ("short-strangle", "USDT", "30000", ""),
    ("short-strangle", "BTC-27FEB26-70000-P", "-8", ""),
    ("short-strangle", "BTC-27FEB26-95000-C", "-8", ""),
    ("below-initial", "USDC", "21500", ""),
    ("below-initial", "BTC_USDC-PERPETUAL", "1.2", "86000"),
    ("single-position", "USDT", "8000", ""),
    ("single-position", "ETH_USDC-PERPETUAL", "10", "2620"),
    ("market-maker", "USDC", "400000", ""),
    ("market-maker", "BTC", "12", ""),
    ("market-maker", "ETH", "150", ""),
    ("market-maker", "BTC-PERPETUAL", "-150000", "82650"),
    ("market-maker", "ETH-PERPETUAL", "-90000", "2660"),
    ("market-maker", "BTC_USDC-27MAR26", "-1.5", ""),
    ("market-maker", "SOL_USDC-PERPETUAL", "-300", "113.1"),
];

/// Options that the market maker quotes: name, expiries, lowest strike and step, strikes, and its
/// usual size.
type Quoted = (&'static str, [&'static str; 3], u32, u32, u32, u32);

const QUOTED: [Quoted; 2] = [
    ("BTC", ["27FEB26", "27MAR26", "26JUN26"], 70_000, 10_000, 5, 9),
    ("ETH", ["27FEB26", "27MAR26", "26JUN26"], 2_000, 500, 5, 120),
];

/// Far from the draws of the history.
const FIRST_DRAW: u64 = 1_000_000;

/// The accounts, each with something to show: a covered call, a collar, a calendar, a butterfly, a
/// basis trade, a pair, a cross account in USDC, long options only, a short strangle, one below its
/// initial margin, a single position, and a market maker with about sixty legs.
///
/// `market` must be that of [`snapshot`](super::snapshot), whose instruments they hold.
///
/// # Errors
/// [`FileError`](crate::FileError) if `market` lacks one of them; the line is that of the file
/// which [`write_portfolio`](crate::write_portfolio) would write.
pub fn portfolio(market: &Market) -> Result<Vec<Account>, crate::FileError> {
    let mut text = String::from("account,instrument,quantity,entry_price\n");
    let mut row = |account: &str, instrument: &str, quantity: &str, entry: &str| {
        writeln!(text, "{account},{instrument},{quantity},{entry}")
            .expect("writing to a string never fails");
    };
    for (account, instrument, quantity, entry) in ROWS {
        row(account, instrument, quantity, entry);
    }
    for (instrument, quantity) in market_maker_legs() {
        row("market-maker", &instrument, &quantity, "");
    }
    read_portfolio("the sample portfolio", text.as_bytes(), market)
}

/// Legs of random sign and size, with a bent for being short the wings.
fn market_maker_legs() -> Vec<(String, String)> {
    let draws = SplitMix { seed: SEED };
    let mut legs = Vec::new();
    let mut next_draw = FIRST_DRAW;
    for (name, expiries, low, step, count, size) in QUOTED {
        for expiry in expiries {
            for strike in (0..count).map(|index| low + index * step) {
                for letter in ["C", "P"] {
                    let draw = draws.u01(next_draw);
                    next_draw += 1;
                    let lots = (f64::from(size) * (draw * 2.0 - 1.05)).round();
                    if lots != 0.0 {
                        legs.push((format!("{name}-{expiry}-{strike}-{letter}"), lots.to_string()));
                    }
                }
            }
        }
    }
    legs
}
