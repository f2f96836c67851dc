//! Tests of the book from outside: rule by rule, against a naive book, and on real data.
//!
//! Counts grow with `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate plimsoll_book as book;

mod agreement;
mod allocation;
mod amend;
mod call;
mod commands;
mod encoding;
mod feed;
mod hidden;
mod hostile;
mod matching;
mod naive;
mod records;
mod self_trade;
mod triggers;
mod world;
