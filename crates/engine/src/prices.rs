//! Prices and rates, in integers: what the venue believes a thing is worth, and what time costs.
//!
//! ```text
//! sources ─▶ index ─┬─▶ mark ─▶ funding        debts, holdings ─▶ interest
//!   book ───────────┘    └────▶ breaker
//!                   └─▶ settlement average
//! ```
//!
//! - [`index`]: one price per asset from several signed sources, how much to trust it, and
//!   whether it is fresh, lone or stale;
//! - [`mark`]: the index plus a slow average of what the book says on top of it;
//! - [`funding`]: the rate that holds a perpetual to its index, and what a lot is paid by it;
//! - [`average`]: the mean index over the last half hour before an expiry;
//! - [`breaker`]: whether a price has moved too far in too short a time;
//! - [`interest`]: what debts in a collateral asset cost.
//!
//! Every function here is pure and total: no clock, no allocation, no panic on any argument. Times
//! are [`instruments::Timestamp`]s and whole milliseconds, prices 10⁻⁸ of the quoting asset. Rates
//! are `ppm` (10⁻⁶) or `ppb` (10⁻⁹) as their names say. Rules are checked once, by their `check`,
//! when a command brings them; within the bounds that it sets nothing here can overflow.

pub mod average;
pub mod breaker;
pub mod funding;
pub mod index;
pub mod interest;
pub mod mark;
mod rules;

pub use average::SettlementAverage;
pub use breaker::{Breaker, BreakerRules};
pub use funding::{FundingError, FundingRules};
pub use index::{IndexRules, IndexStatus, IndexValue, Observation, SOURCES_MAX};
pub use interest::InterestRules;
pub use mark::{Basis, MarkRules};
pub(crate) use rules::within;
pub use rules::{PRICE_MAX, RulesError};
