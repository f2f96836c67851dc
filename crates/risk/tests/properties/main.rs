//! The properties of margin, each on many random accounts in one small market.
//!
//! Counts grow with `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets.

#![allow(clippy::unwrap_used)]

mod admission;
mod dense;
mod explanation;
mod grid;
mod gross;
mod hostile;
mod margin;
mod slopes;
mod standard;
mod whole_book;
mod world;
