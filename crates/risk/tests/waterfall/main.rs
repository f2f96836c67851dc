//! The waterfall's arithmetic against its definitions: exhaustively on small domains, and at random.
//!
//! Counts grow with `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets: to 100,000 cases of
//! each property.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adl;
mod auction;
mod bundle;
mod clearing;
mod cut;
mod fund;
mod slice;
mod split;
mod zero_price;

use proptest::prelude::ProptestConfig;

/// How many cases a property runs over.
fn cases() -> ProptestConfig {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        max_global_rejects: 10_000_000,
        ..ProptestConfig::with_cases(5_000 * scale.unwrap_or(1))
    }
}
