//! Deterministic elementary functions, SIMD dispatch, exact sums, tail selection
mod dispatch;
pub mod exact;
mod lanes;
mod scalar;
mod select;
mod splitmix;
pub mod vector;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub use dispatch::{Kernel, Level, LevelUnavailable, dispatch, dispatch_at, dispatch_scalar};
pub use exact::{Filled, Trade, add_min_zero, add_trade, apply_trade, axpy, min_after_trade};
pub use lanes::{LANES_MAX, Lanes, Mask};
pub use scalar::{exp, ln, ln_ratio, mills, normal_cdf, normal_pdf, powf};
pub use select::{kth_smallest, min_with_index, sum_of_k_smallest, tail_indices};
pub use splitmix::SplitMix;

/// How many cases a property is tried on: `base`, times `PLIMSOLL_TEST_SCALE`
/// where that is set.
#[cfg(test)]
fn test_cases(base: u32) -> proptest::test_runner::Config {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    proptest::test_runner::Config::with_cases(base.saturating_mul(scale))
}
