//! What an option is worth, how that changes, and what volatility a price implies.
//!
//! - [`black76`]: price and Greeks of one option or of many; one option under many
//!   scenarios, which is how risk arrays are built.
//! - [`implied_volatility`](mod@implied_volatility): the volatility behind a quote,
//!   or a typed reason why there is none.
//! - [`svi`]: a curve of total variance, its fit to quotes, and a search for
//!   arbitrage in it.
//! - [`surface`]: the volatility of each strike of an expiry, quoted or by SVI.
//!
//! Prices are in the quote asset per unit of the underlying, times in years,
//! volatilities per √year (0.5 is 50 %), rates continuously compounded per year.
//! Results have the same bits on every machine, and a batch the same bits as its
//! options one by one.
//!
//! # Example
//! ```
//! use pricing::{OptionKind, VolatilityCurve, black76, implied_volatility};
//! use pricing::svi::{Quote, Svi};
//!
//! let (forward, time) = (60_000.0, 30.0 / 365.0);
//! let greeks = black76::greeks(OptionKind::Call, forward, 66_000.0, 0.55, time, 0.0)?;
//! assert!((greeks.price - 1_658.80).abs() < 0.01 && (greeks.delta - 0.2996).abs() < 1e-4);
//!
//! let found = implied_volatility(OptionKind::Call, greeks.price, forward, 66_000.0, time)?;
//! assert!((found - 0.55).abs() < 1e-14);
//!
//! // A curve through the quotes of an expiry.
//! let quotes: Vec<Quote> = [(-0.3, 0.71), (-0.1, 0.58), (0.0, 0.55), (0.1, 0.56), (0.3, 0.66)]
//!     .map(|(k, volatility)| Quote { k, volatility, weight: 1.0 })
//!     .to_vec();
//! let fit = Svi::fit(&quotes, time)?;
//! assert!(fit.error_max < 0.005 && fit.butterfly.holds);
//! let curve = VolatilityCurve::Svi(fit.svi);
//! assert!((curve.volatility(forward, forward, time) - 0.55).abs() < 0.005);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod black76;
mod error;
pub mod implied_volatility;
pub mod surface;
pub mod svi;

pub use black76::{Greeks, OptionKind};
pub use error::PricingError;
pub use implied_volatility::{ImpliedVolatilityError, implied_volatility};
pub use surface::{CurveError, QuotedCurve, VolatilityCurve};
pub use svi::Svi;
