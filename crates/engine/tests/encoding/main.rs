//! Commands and events as bytes and as JSON: an example of every kind, their tags, hostile input, limits.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod examples;
mod hostile;
mod limits;
mod outline;
mod tables;
mod unknown;
