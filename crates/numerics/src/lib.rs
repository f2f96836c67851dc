//! Numbers with the same bits on every machine.
//!
//! Margin decides who is liquidated, so two machines must agree on it to the last
//! bit. The platform's `exp` and `ln` differ between systems, and a sum of floats
//! between vector widths. This crate has what the others need instead:
//!
//! - **Elementary functions** with stated errors: [`exp`], [`ln`], [`ln_ratio`],
//!   [`powf`], [`normal_pdf`], [`normal_cdf`], [`normal_quantile`], [`mills`].
//! - **Exact sums** of integers held in `f64`: a portfolio's profit per scenario
//!   ([`axpy`], [`add_trade`], [`apply_trade`], [`min_after_trade`]), whatever the
//!   order of its positions.
//! - **Many portfolios** at once, reduced block by block of scenarios: [`fused`].
//! - **Tails** of scenario vectors: [`min_with_index`], [`kth_smallest`],
//!   [`sum_of_k_smallest`], [`tail_indices`].
//! - **Kernels** over vectors of any width: a [`Kernel`] is written once over
//!   [`Lanes`], and [`dispatch`] runs it with AVX-512, AVX2 or plain numbers,
//!   whichever the CPU has; the functions above, lane by lane, are in [`vector`].
//! - A **generator** for tests and samples, [`SplitMix`].
//!
//! The promise "same bits" rests on three habits: only operations that IEEE 754
//! rounds correctly (fused multiply-add included, and always written out); the same
//! order of operations in each lane; a tail of a slice padded to a whole vector and
//! sent down the same path.
//!
//! This is the only crate of the house with `unsafe` code: the vector types for
//! AVX2 and AVX-512, the door to them, and [`prefetch`], which asks for memory
//! ahead of its use; each with the reason why it is sound.
//!
//! # Example
//! The expected shortfall of a portfolio of two positions, and a kernel of one's own.
//!
//! ```
//! use numerics::{Kernel, Lanes, axpy, dispatch, min_with_index, sum_of_k_smallest, vector};
//!
//! let long_call = [-20.0, -5.0, 0.0, 30.0, 90.0];
//! let future = [-50.0, -25.0, 0.0, 25.0, 50.0];
//! let mut profit = [0.0; 5];
//! axpy(&mut profit, 3.0, &long_call);
//! axpy(&mut profit, -2.0, &future);
//! assert_eq!(profit, [40.0, 35.0, 0.0, 40.0, 170.0]);
//! assert_eq!(min_with_index(&profit), (0.0, 2));
//! assert_eq!(sum_of_k_smallest(&profit, 2) / 2.0, 17.5);
//!
//! /// Writes e^x for each x of a slice.
//! struct Exponentials<'a>(&'a [f64], &'a mut [f64]);
//!
//! impl Kernel for Exponentials<'_> {
//!     type Output = ();
//!
//!     #[inline(always)]
//!     fn run<L: Lanes>(self) {
//!         for start in (0..self.0.len()).step_by(L::LANES) {
//!             let x = L::load_padded(&self.0[start..], 0.0);
//!             vector::exp(x).store_prefix(&mut self.1[start..]);
//!         }
//!     }
//! }
//!
//! let mut exponentials = [0.0; 5];
//! dispatch(Exponentials(&[-1.0, 0.0, 1.0, 2.0, 3.0], &mut exponentials));
//! assert_eq!(exponentials[4], numerics::exp(3.0));
//! ```

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
pub mod exact;
pub mod fused;
mod lanes;
mod prefetch;
mod quantile;
mod scalar;
mod select;
mod splitmix;
pub mod vector;

pub use dispatch::{Kernel, Level, LevelUnavailable, dispatch, dispatch_at, dispatch_scalar};
pub use exact::{
    EXACT_MAX, Filled, Trade, add_min_zero, add_trade, apply_trade, axpy, min_after_trade,
};
pub use lanes::{LANES_MAX, Lanes, Mask};
pub use prefetch::prefetch;
pub use quantile::normal_quantile;
pub use scalar::{exp, ln, ln_ratio, mills, normal_cdf, normal_pdf, powf};
pub use select::{Tail, kth_smallest, min_with_index, sum_of_k_smallest, tail, tail_indices};
pub use splitmix::SplitMix;

/// How many cases a property is tried on: `base`, times `PLIMSOLL_TEST_SCALE`
/// where that is set.
#[cfg(test)]
fn test_cases(base: u32) -> proptest::test_runner::Config {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    proptest::test_runner::Config::with_cases(base.saturating_mul(scale))
}
