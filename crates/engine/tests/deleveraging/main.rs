//! The last layers of the waterfall: the fund, deleveraging, the cut of profits, what stays outstanding,
//! and the estate, on small venues made of commands alone.
//!
//! Counts grow with `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_hand;
mod fairness;
mod random;
#[allow(dead_code, reason = "shared with the tests of liquidation")]
#[path = "../liquidation/venue.rs"]
mod venue;
mod world;
