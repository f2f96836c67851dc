//! The engine against a naive one that recomputes everything, on random sequences of commands, and
//! what must hold after every command.
//!
//! Counts grow with `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets.

#![allow(clippy::unwrap_used)]

extern crate plimsoll_engine as engine;

mod agreement;
mod coverage;
mod detection;
mod invariants;
mod model;
#[path = "../encoding/outline.rs"]
mod outline;
mod script;
mod shrink;
mod snapshots;

/// How many cases a property is tried on: `base`, times `PLIMSOLL_TEST_SCALE`.
fn cases(base: u64) -> u64 {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    base * scale.and_then(|scale| scale.parse::<u64>().ok()).unwrap_or(1)
}
