//! Black-76, Greeks, implied volatility, volatility surfaces
pub mod black76;
mod error;
pub mod surface;
pub mod svi;
pub use black76::{Greeks, OptionKind};
pub use error::PricingError;
pub use surface::{CurveError, QuotedCurve, VolatilityCurve};
pub use svi::Svi;
