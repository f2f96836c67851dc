//! An event of auto-deleveraging, again, under other policies.
//!
//! What is published of 10 October 2025 is, per wave and coin, how many contracts had to be closed and
//! how much money that lacked; of the winners, only sums and quantiles. So [`waves`] are read as they
//! are, and the winners are [made](population) to fit what is known of them: their gains together,
//! equity over gains, leverage. How many of them there were in a coin, how their sizes differ, and how
//! much of them hedged something else, is assumed; see [`population`].

mod comparison;
mod error;
pub mod population;
mod table;
mod waves;

pub use comparison::{Outcome, POLICIES, PolicyOutcome, compare};
pub use error::DeleveragingError;
pub use table::report;
pub use waves::{Leg, Wave, waves};
