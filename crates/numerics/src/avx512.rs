//! Eight lanes by AVX-512.
//!
//! # Why this is sound
//! Each method uses instructions that the CPU may lack. The vector type is
//! private to the crate, implements the sealed [`Lanes`], and is handed to a
//! kernel in one place, `dispatch`, after the CPU was found to have the
//! features. So code that runs a method here runs on such a CPU. Memory is
//! touched through slices whose length is checked first.
#![allow(unsafe_code)]

use crate::lanes::{INTEGER_SHIFT, Lanes, Mask, SQRT_HALF_BITS, sealed::Sealed};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// Evaluates intrinsics that only need the CPU to have their feature.
macro_rules! on_cpu {
    ($($body:tt)*) => {{
        // SAFETY: a value of this module's types, or their names, exist only
        // where `dispatch` has found AVX-512 F, DQ and VL (see above).
        unsafe { $($body)* }
    }};
}

#[derive(Clone, Copy)]
pub(crate) struct Eight(__m512d);

#[derive(Clone, Copy)]
pub(crate) struct EightMask(__mmask8);

impl Sealed for Eight {}
impl Sealed for EightMask {}

impl BitAnd for EightMask {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for EightMask {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for EightMask {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl Mask for EightMask {
    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self.0)
    }
}

impl Add for Eight {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        on_cpu!(Self(_mm512_add_pd(self.0, other.0)))
    }
}

impl Sub for Eight {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        on_cpu!(Self(_mm512_sub_pd(self.0, other.0)))
    }
}

impl Mul for Eight {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        on_cpu!(Self(_mm512_mul_pd(self.0, other.0)))
    }
}

impl Div for Eight {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        on_cpu!(Self(_mm512_div_pd(self.0, other.0)))
    }
}

impl Neg for Eight {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        on_cpu!(Self(_mm512_castsi512_pd(_mm512_xor_si512(
            _mm512_castpd_si512(self.0),
            _mm512_set1_epi64(i64::MIN)
        ))))
    }
}

impl Lanes for Eight {
    type Mask = EightMask;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        on_cpu!(Self(_mm512_set1_pd(value)))
    }

    #[inline(always)]
    fn load(slice: &[f64]) -> Self {
        assert!(slice.len() >= Self::LANES);
        // SAFETY: eight numbers are readable, as asserted; the CPU has AVX-512.
        unsafe { Self(_mm512_loadu_pd(slice.as_ptr())) }
    }

    #[inline(always)]
    fn load_integers(slice: &[i32]) -> Self {
        assert!(slice.len() >= Self::LANES);
        // SAFETY: eight integers are readable, as asserted; the CPU has AVX-512.
        unsafe { Self(_mm512_cvtepi32_pd(_mm256_loadu_si256(slice.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn store(self, slice: &mut [f64]) {
        assert!(slice.len() >= Self::LANES);
        // SAFETY: eight numbers are writable, as asserted; the CPU has AVX-512.
        unsafe { _mm512_storeu_pd(slice.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        on_cpu!(Self(_mm512_fmadd_pd(self.0, factor.0, addend.0)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        on_cpu!(Self(_mm512_abs_pd(self.0)))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        on_cpu!(Self(_mm512_sqrt_pd(self.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        on_cpu!(Self(_mm512_min_pd(self.0, other.0)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        on_cpu!(Self(_mm512_max_pd(self.0, other.0)))
    }

    #[inline(always)]
    fn lt(self, other: Self) -> EightMask {
        on_cpu!(EightMask(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0)))
    }

    #[inline(always)]
    fn le(self, other: Self) -> EightMask {
        on_cpu!(EightMask(_mm512_cmp_pd_mask::<_CMP_LE_OQ>(self.0, other.0)))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> EightMask {
        on_cpu!(EightMask(_mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, other.0)))
    }

    #[inline(always)]
    fn select(mask: EightMask, if_true: Self, if_false: Self) -> Self {
        on_cpu!(Self(_mm512_mask_blend_pd(mask.0, if_false.0, if_true.0)))
    }

    #[inline(always)]
    fn times_power_of_two(self, k: Self) -> Self {
        on_cpu!(Self(_mm512_scalef_pd(self.0, k.0)))
    }

    #[inline(always)]
    fn split_exponent(self) -> (Self, Self) {
        on_cpu!({
            let bits = _mm512_castpd_si512(self.0);
            let offset = _mm512_set1_epi64(SQRT_HALF_BITS.cast_signed());
            let exponent = _mm512_srai_epi64::<52>(_mm512_sub_epi64(bits, offset));
            let mantissa = _mm512_sub_epi64(bits, _mm512_slli_epi64::<52>(exponent));
            let shift = _mm512_set1_epi64(INTEGER_SHIFT.to_bits().cast_signed());
            let shifted = _mm512_castsi512_pd(_mm512_add_epi64(exponent, shift));
            (
                Self(_mm512_castsi512_pd(mantissa)),
                Self(_mm512_sub_pd(shifted, _mm512_set1_pd(INTEGER_SHIFT))),
            )
        })
    }

    #[inline(always)]
    fn compress_store(self, mask: EightMask, slice: &mut [f64]) -> usize {
        // Compressing in a register and storing all of it is many times faster
        // than the compressing store on some CPUs.
        on_cpu!(Self(_mm512_maskz_compress_pd(mask.0, self.0))).store(slice);
        mask.count()
    }
}
