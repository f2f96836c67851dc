//! Liquidation by hand: cases from opening to close, on small venues made of commands alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod auctions;
mod books;
mod cases;
#[path = "../reference/script/random.rs"]
#[allow(dead_code, reason = "scripts of the reference draw more kinds")]
mod draws;
mod random;
mod venue;
