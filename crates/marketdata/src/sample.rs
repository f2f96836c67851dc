//! The built-in sample: a market, a portfolio and a history, made from a seed.
//!
//! Nothing in it is a quotation. Prices start near what markets showed in early 2026, volatility
//! surfaces are free of arbitrage before rounding, and the history has a common factor, volatility
//! clusters and a few crashes. The same bits on every machine.

mod history;
mod market;
mod portfolio;

pub use history::history;
pub use market::snapshot;
pub use portfolio::portfolio;

use instruments::Timestamp;

/// Draws of the sample; any other number makes another world.
const SEED: u64 = 0x51AB_5011;

/// The sample's time: 2 February 2026, 12:00 UTC.
const TIME: Timestamp = Timestamp::from_milliseconds(1_770_033_600_000);

/// Rounds to a number of decimals.
fn rounded(number: f64, decimals: u32) -> f64 {
    let scale = 10_u32.pow(decimals);
    (number * f64::from(scale)).round() / f64::from(scale)
}
