//! The guarantees of the crate, from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod black76;
mod black76_reference;
mod implied_volatility;
mod svi;

/// How many cases a property is tried on: `base`, times `PLIMSOLL_TEST_SCALE`
/// where that is set.
fn cases(base: u32) -> proptest::test_runner::Config {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    proptest::test_runner::Config::with_cases(base.saturating_mul(scale))
}

/// The rows of a table of numbers with a header line.
fn rows<const N: usize>(table: &str) -> impl Iterator<Item = [f64; N]> {
    table.lines().skip(1).map(|line| {
        let numbers: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        numbers.try_into().unwrap()
    })
}
