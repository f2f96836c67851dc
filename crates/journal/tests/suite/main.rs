//! What the journal promises, tried against crashes, full disks, failing syncs and damage.
//!
//! Counts grow with `PLIMSOLL_TEST_SCALE`, which `cargo xtask test --long` sets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beside_writer;
mod crashes;
mod damage;
mod disk;
mod full_disk;
mod hostile;
mod kills;
mod model;
mod reading;
mod snapshots;
mod syncs;
mod world;
