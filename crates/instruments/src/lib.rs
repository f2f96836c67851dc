//! What is traded: units, assets, contract terms, payoffs and exact profit and loss.
//!
//! Money and sizes are integers here. A [`Price`] and an [`Amount`] count hundred-millionths
//! (10⁻⁸), a [`Quantity`] counts whole lots, and every division names its [`Rounding`].
//! A contract is *linear* (profit in the quote asset) or *inverse* (settled in the base asset);
//! its [`Instrument`] knows its terms, reads and prints its name, and values itself exactly.
//!
//! ```
//! use plimsoll_instruments::{Instrument, Price, Quantity, Rounding};
//!
//! let perpetual: Instrument = "BTC-PERPETUAL".parse()?;
//! let lots = perpetual.lots_of("200000")?; // USD, in lots of 10 USD
//! let entry: Price = "50000".parse()?;
//! let exit: Price = "40000".parse()?;
//!
//! // An inverse contract loses more coin on the way down: 200000·(1/50000 − 1/40000) = −1 BTC.
//! let profit = perpetual.profit(lots, entry, exit, Rounding::Floor)?;
//! assert_eq!(profit.to_string(), "-1");
//! assert_eq!(lots, Quantity::from_lots(20_000));
//! # Ok::<(), plimsoll_instruments::Error>(())
//! ```
//!
//! This crate knows nothing of models, volatility, accounts or I/O, and holds no floating-point
//! number.

mod asset;
mod contract;
mod conventions;
mod encoding;
mod error;
mod fixed;
mod name;
mod settlement;
mod time;
mod units;
mod value;

pub use asset::{Asset, Underlying};
pub use contract::{ContractKind, Instrument, OptionKind, SettlementStyle};
pub use error::{Error, NumberError};
pub use fixed::{Rounding, format_fixed, mul_div, parse_fixed};
pub use settlement::{ForwardSplit, SETTLEMENT_WINDOW_MILLISECONDS};
pub use time::Timestamp;
pub use units::{Amount, Price, Quantity, SCALE, SCALE_DECIMALS};
