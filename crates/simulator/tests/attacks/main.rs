//! Attacks on liquidation: each is tried, and gains nothing, or no more than a stated limit.

#![allow(clippy::unwrap_used)]

extern crate plimsoll_simulator as simulator;

mod auctions;
mod losses;
mod prices;
mod winners;

mod venue;
