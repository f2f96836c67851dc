//! The one door to the vector types: ask the CPU, then run the kernel.
//!
//! # Why this is sound
//! A function compiled for a CPU feature is entered only after
//! [`Level::available`] has reported that feature. The answer can't change
//! while the process runs.
//!
//! Built with `--cfg plimsoll_portable`, no CPU has a vector: that is how
//! portable code is compared with the rest where every machine has them.
#![allow(unsafe_code)]

use crate::lanes::Lanes;
use std::sync::atomic::{AtomicU8, Ordering};

/// How wide a vector a kernel runs with. The result has the same bits at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One lane, any CPU.
    Portable = 1,
    /// Four lanes, x86-64 with AVX2 and FMA (and POPCNT, BMI1 and LZCNT, as all
    /// CPUs with AVX2 have).
    Avx2 = 2,
    /// Eight lanes, x86-64 with AVX-512 F, DQ and VL.
    Avx512 = 3,
}

/// The CPU lacks a feature that the level needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelUnavailable(
    /// The level asked for.
    pub Level,
);

impl std::fmt::Display for LevelUnavailable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(level) = self;
        write!(formatter, "this CPU can't run kernels at level {level:?}; use Level::best()")
    }
}

impl std::error::Error for LevelUnavailable {}

/// A computation written once over [`Lanes`].
///
/// Mark `run` `#[inline(always)]`, and whatever it calls with `L`.
pub trait Kernel {
    /// What the computation returns.
    type Output;

    /// Runs the computation with vectors of `L::LANES` numbers.
    fn run<L: Lanes>(self) -> Self::Output;
}

impl Level {
    /// The widest level that this CPU has.
    #[inline]
    pub fn best() -> Self {
        /// Zero until the CPU was asked.
        static BEST: AtomicU8 = AtomicU8::new(0);
        match BEST.load(Ordering::Relaxed) {
            1 => Self::Portable,
            2 => Self::Avx2,
            3 => Self::Avx512,
            _ => {
                let best = Self::detect();
                BEST.store(best as u8, Ordering::Relaxed);
                best
            }
        }
    }

    /// Every level that this CPU has, narrowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|level| *level <= Self::best())
    }

    /// A wider level includes the narrower ones: a CPU with AVX-512 but without
    /// AVX2 and its companions does not exist, and would count as portable.
    #[cfg(all(target_arch = "x86_64", not(plimsoll_portable)))]
    #[cold]
    fn detect() -> Self {
        let narrow = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("lzcnt");
        if !narrow {
            return Self::Portable;
        }
        let wide = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if wide { Self::Avx512 } else { Self::Avx2 }
    }

    #[cfg(not(all(target_arch = "x86_64", not(plimsoll_portable))))]
    #[cold]
    fn detect() -> Self {
        Self::Portable
    }
}

/// Runs a kernel with the widest vectors that this CPU has.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    enter(Level::best(), kernel)
}

/// Runs a kernel at a given level, or reports that this CPU lacks it.
///
/// For tests and benchmarks; results don't depend on the level.
#[inline]
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> Result<K::Output, LevelUnavailable> {
    if level > Level::best() {
        return Err(LevelUnavailable(level));
    }
    Ok(enter(level, kernel))
}

/// Runs a kernel on single numbers, with the CPU's fused multiply-add where it
/// has one. For work that is not worth a vector.
#[inline]
pub fn dispatch_scalar<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if Level::best() >= Level::Avx2 {
        // SAFETY: `Level::best` has found AVX2 and FMA.
        return unsafe { scalar_fma(kernel) };
    }
    kernel.run::<f64>()
}

/// The caller must not pass a level above [`Level::best`].
#[inline]
fn enter<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: both callers pass a level that `Level::best` has found.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(kernel) },
        _ => kernel.run::<f64>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma,popcnt,bmi1,lzcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<crate::avx512::Eight>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt,bmi1,lzcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<crate::avx2::Four>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt,bmi1,lzcnt")]
fn scalar_fma<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Width;
    impl Kernel for Width {
        type Output = usize;
        #[inline(always)]
        fn run<L: Lanes>(self) -> usize {
            L::LANES
        }
    }

    #[test]
    fn each_level_has_its_width() {
        for level in Level::available() {
            let expected = match level {
                Level::Portable => 1,
                Level::Avx2 => 4,
                Level::Avx512 => 8,
            };
            assert_eq!(dispatch_at(level, Width), Ok(expected));
        }
        assert_eq!(dispatch_scalar(Width), 1);
        assert_eq!(dispatch_at(Level::Portable, Width), Ok(1));
    }

    #[test]
    fn a_level_that_the_cpu_lacks_is_an_error() {
        if Level::best() < Level::Avx512 {
            assert_eq!(dispatch_at(Level::Avx512, Width), Err(LevelUnavailable(Level::Avx512)));
        }
        let text = LevelUnavailable(Level::Avx512).to_string();
        assert!(text.contains("Avx512") && text.contains("Level::best"));
    }
}
