//! Four lanes by AVX2 and FMA.
//!
//! # Why this is sound
//! As in the AVX-512 module: the types are private to the crate and reach a
//! kernel in one place, `dispatch`, after the CPU was found to have the
//! features; memory is touched through slices whose length is checked first.
#![allow(unsafe_code)]

use crate::lanes::{INTEGER_SHIFT, Lanes, Mask, SQRT_HALF_BITS, sealed::Sealed};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// Evaluates intrinsics that only need the CPU to have their feature.
macro_rules! on_cpu {
    ($($body:tt)*) => {{
        // SAFETY: a value of this module's types, or their names, exist only
        // where `dispatch` has found AVX2 and FMA (see above).
        unsafe { $($body)* }
    }};
}

#[derive(Clone, Copy)]
pub(crate) struct Four(__m256d);

/// All bits of a lane set where true, clear where false.
#[derive(Clone, Copy)]
pub(crate) struct FourMask(__m256d);

impl Sealed for Four {}
impl Sealed for FourMask {}

/// For each mask of four lanes, the 32-bit halves of its lanes moved to the front.
const COMPRESS: [[i32; 8]; 16] = compress_table();

const fn compress_table() -> [[i32; 8]; 16] {
    let mut table = [[0; 8]; 16];
    let mut bits = 0;
    while bits < 16 {
        let (mut lane, mut place) = (0, 0);
        while lane < 4 {
            if bits & (1 << lane) != 0 {
                table[bits][2 * place] = 2 * lane;
                table[bits][2 * place + 1] = 2 * lane + 1;
                place += 1;
            }
            lane += 1;
        }
        bits += 1;
    }
    table
}

impl BitAnd for FourMask {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_and_pd(self.0, other.0)))
    }
}

impl BitOr for FourMask {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_or_pd(self.0, other.0)))
    }
}

impl Not for FourMask {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        on_cpu!(Self(_mm256_xor_pd(self.0, _mm256_castsi256_pd(_mm256_set1_epi64x(-1)))))
    }
}

impl Mask for FourMask {
    #[inline(always)]
    fn bits(self) -> u32 {
        on_cpu!(_mm256_movemask_pd(self.0)).cast_unsigned()
    }
}

impl Add for Four {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_add_pd(self.0, other.0)))
    }
}

impl Sub for Four {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_sub_pd(self.0, other.0)))
    }
}

impl Mul for Four {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_mul_pd(self.0, other.0)))
    }
}

impl Div for Four {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_div_pd(self.0, other.0)))
    }
}

impl Neg for Four {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        on_cpu!(Self(_mm256_xor_pd(self.0, _mm256_set1_pd(-0.0))))
    }
}

/// 2^k for integral k in [−1022, 1023].
#[inline(always)]
fn power_of_two(k: Four) -> Four {
    on_cpu!({
        let shifted = _mm256_castpd_si256(_mm256_add_pd(k.0, _mm256_set1_pd(INTEGER_SHIFT)));
        let biased = _mm256_add_epi64(shifted, _mm256_set1_epi64x(1023));
        Four(_mm256_castsi256_pd(_mm256_slli_epi64::<52>(biased)))
    })
}

impl Lanes for Four {
    type Mask = FourMask;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        on_cpu!(Self(_mm256_set1_pd(value)))
    }

    #[inline(always)]
    fn load(slice: &[f64]) -> Self {
        assert!(slice.len() >= Self::LANES);
        // SAFETY: four numbers are readable, as asserted; the CPU has AVX.
        unsafe { Self(_mm256_loadu_pd(slice.as_ptr())) }
    }

    #[inline(always)]
    fn load_integers(slice: &[i32]) -> Self {
        assert!(slice.len() >= Self::LANES);
        // SAFETY: four integers are readable, as asserted; the CPU has AVX.
        unsafe { Self(_mm256_cvtepi32_pd(_mm_loadu_si128(slice.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn store(self, slice: &mut [f64]) {
        assert!(slice.len() >= Self::LANES);
        // SAFETY: four numbers are writable, as asserted; the CPU has AVX.
        unsafe { _mm256_storeu_pd(slice.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        on_cpu!(Self(_mm256_fmadd_pd(self.0, factor.0, addend.0)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        on_cpu!(Self(_mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0)))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        on_cpu!(Self(_mm256_sqrt_pd(self.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_min_pd(self.0, other.0)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        on_cpu!(Self(_mm256_max_pd(self.0, other.0)))
    }

    #[inline(always)]
    fn lt(self, other: Self) -> FourMask {
        on_cpu!(FourMask(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0)))
    }

    #[inline(always)]
    fn le(self, other: Self) -> FourMask {
        on_cpu!(FourMask(_mm256_cmp_pd::<_CMP_LE_OQ>(self.0, other.0)))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> FourMask {
        on_cpu!(FourMask(_mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, other.0)))
    }

    #[inline(always)]
    fn select(mask: FourMask, if_true: Self, if_false: Self) -> Self {
        on_cpu!(Self(_mm256_blendv_pd(if_false.0, if_true.0, mask.0)))
    }

    #[inline(always)]
    fn times_power_of_two(self, k: Self) -> Self {
        // As in the portable vector: two halves, one rounding.
        let shift = Self::splat(INTEGER_SHIFT);
        let half = k.mul_add(Self::splat(0.5), shift) - shift;
        self * power_of_two(half) * power_of_two(k - half)
    }

    #[inline(always)]
    fn split_exponent(self) -> (Self, Self) {
        on_cpu!({
            let bits = _mm256_castpd_si256(self.0);
            let offset = _mm256_set1_epi64x(SQRT_HALF_BITS.cast_signed());
            let difference = _mm256_sub_epi64(bits, offset);
            // No arithmetic shift of 64-bit lanes: shift the high halves by 20
            // and copy their sign into the upper half.
            let high = _mm256_shuffle_epi32::<0b11_11_01_01>(difference);
            let low_word = _mm256_srai_epi32::<20>(high);
            let sign = _mm256_srai_epi32::<31>(high);
            let exponent = _mm256_blend_epi32::<0b1010_1010>(low_word, sign);
            let mantissa = _mm256_sub_epi64(bits, _mm256_slli_epi64::<52>(exponent));
            let shift = _mm256_set1_epi64x(INTEGER_SHIFT.to_bits().cast_signed());
            let shifted = _mm256_castsi256_pd(_mm256_add_epi64(exponent, shift));
            (
                Self(_mm256_castsi256_pd(mantissa)),
                Self(_mm256_sub_pd(shifted, _mm256_set1_pd(INTEGER_SHIFT))),
            )
        })
    }

    #[inline(always)]
    fn compress_store(self, mask: FourMask, slice: &mut [f64]) -> usize {
        let row = &COMPRESS[mask.bits() as usize];
        // SAFETY: the row holds 32 readable bytes; the CPU has AVX2.
        let order = unsafe { _mm256_loadu_si256(row.as_ptr().cast()) };
        on_cpu!(Self(_mm256_castsi256_pd(_mm256_permutevar8x32_epi32(
            _mm256_castpd_si256(self.0),
            order
        ))))
        .store(slice);
        mask.count()
    }
}
