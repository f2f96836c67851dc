//! The guarantees of the crate, from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accrual;
mod by_hand;
mod encoding;
mod hostile;
mod model;
mod reference;
mod snapshot;
mod splits;

use proptest::test_runner::Config;

/// How many cases a property is tried on: `base`, times `PLIMSOLL_TEST_SCALE`
/// where that is set.
fn cases(base: u32) -> Config {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    Config { failure_persistence: None, ..Config::with_cases(base.saturating_mul(scale)) }
}
