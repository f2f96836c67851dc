//! Tests of the readers and of the sample, from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod books;
mod chains;
mod errors;
mod fuzz;
mod sample;
