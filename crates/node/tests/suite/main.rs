//! A node under load, under faults, and killed: what it acknowledged is there, once.
//!
//! Counts grow with `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets.

#![allow(clippy::unwrap_used)]

extern crate plimsoll_node as node;

mod crashes;
mod fixtures;
mod kills;
mod replaying;
mod running;
mod status;
mod verifying;
mod world;

#[path = "../../../engine/tests/reference"]
#[allow(dead_code, clippy::unwrap_used, reason = "the module is one of the engine's tests")]
mod reference {
    pub mod script;
}

/// How many cases are tried: `base`, times `PLIMSOLL_TEST_SCALE`.
fn cases(base: u64) -> u64 {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    base * scale.and_then(|scale| scale.parse::<u64>().ok()).unwrap_or(1)
}
