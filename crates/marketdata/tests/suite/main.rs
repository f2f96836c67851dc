//! Tests of the readers and of the sample, from outside.

mod chains;
mod errors;
mod fuzz;
mod sample;
