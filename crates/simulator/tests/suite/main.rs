//! Simulations, short ones: what they find, what they leave, and that they are always the same.

#![allow(clippy::unwrap_used)]

extern crate plimsoll_simulator as simulator;

mod crashes;
mod faults;
mod real;
mod seeded;
mod shrinking;

/// How much longer than usual a run is: `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets.
fn scale() -> u32 {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    scale.and_then(|scale| scale.parse().ok()).unwrap_or(1)
}
