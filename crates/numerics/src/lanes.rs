//! What a kernel may do with a vector of numbers.
//!
//! A kernel is written once, over a type `L: Lanes`, and runs with one, four
//! or eight numbers per vector. Each operation is either exact, or correctly
//! rounded by IEEE 754, or defined bit for bit here, so a lane holds the same
//! bits whatever the width. (A NaN's payload is outside that promise; functions
//! that can return NaN return [`f64::NAN`].)

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// Keeps [`Lanes`] and [`Mask`] closed: their soundness rests on this crate.
pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The widest vector's lane count; a buffer of this length holds any vector.
pub const LANES_MAX: usize = 8;

/// 1.5·2^52: adding it to |k| < 2^51 puts the integer nearest k in the low bits.
pub(crate) const INTEGER_SHIFT: f64 = 6_755_399_441_055_744.0;

/// The bits of √½, rounded down: splitting there keeps the mantissa around 1.
pub(crate) const SQRT_HALF_BITS: u64 = 0x3FE6_A09E_667F_3BCD;

/// One truth value per lane.
pub trait Mask:
    sealed::Sealed + Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self>
{
    /// Bit i is lane i's truth value; bits past the last lane are zero.
    fn bits(self) -> u32;

    /// Whether some lane is true.
    #[inline(always)]
    fn any(self) -> bool {
        self.bits() != 0
    }

    /// How many lanes are true.
    #[inline(always)]
    fn count(self) -> usize {
        self.bits().count_ones() as usize
    }
}

/// A vector of [`Lanes::LANES`] numbers.
///
/// Outside this crate only `f64`, the vector of one lane, can be named. The
/// wider ones reach a kernel through [`dispatch`](crate::dispatch) alone, which
/// has asked the CPU first; that is why every method here is safe to call.
/// Mark each function that is generic over `Lanes` `#[inline(always)]`, so that
/// it compiles for the features of the kernel it ends in.
pub trait Lanes:
    sealed::Sealed
    + Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// A truth value per lane.
    type Mask: Mask;

    /// How many numbers a vector holds.
    const LANES: usize;

    /// The same number in all lanes.
    fn splat(value: f64) -> Self;

    /// The first `LANES` numbers of the slice. Panics if it is shorter.
    fn load(slice: &[f64]) -> Self;

    /// The first `LANES` integers of the slice as numbers. Panics if it is shorter.
    fn load_integers(slice: &[i32]) -> Self;

    /// Writes to the first `LANES` places of the slice. Panics if it is shorter.
    fn store(self, slice: &mut [f64]);

    /// self·factor + addend with a single rounding.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// [`Self::mul_add`] where product and sum are whole numbers below 2^53 in magnitude: neither is
    /// rounded, so that nothing needs to be fused, and a CPU that can't does not have to imitate it.
    #[inline(always)]
    fn mul_add_whole(self, factor: Self, addend: Self) -> Self {
        self.mul_add(factor, addend)
    }

    /// The number without its sign.
    fn abs(self) -> Self;

    /// The correctly rounded square root.
    fn sqrt(self) -> Self;

    /// `if self < other { self } else { other }`: the second operand where
    /// either is NaN, and where both are zeros.
    fn min(self, other: Self) -> Self;

    /// `if self > other { self } else { other }`: the second operand where
    /// either is NaN, and where both are zeros.
    fn max(self, other: Self) -> Self;

    /// self < other; false where either is NaN.
    fn lt(self, other: Self) -> Self::Mask;

    /// self ≤ other; false where either is NaN.
    fn le(self, other: Self) -> Self::Mask;

    /// self = other; false where either is NaN, true for zeros of either sign.
    fn eq(self, other: Self) -> Self::Mask;

    /// `if_true` where the mask is true, `if_false` elsewhere.
    fn select(mask: Self::Mask, if_true: Self, if_false: Self) -> Self;

    /// self·2^k for an integral k in ±1,100 and |self| in [2^-64, 2^64], with
    /// a single rounding: infinite or subnormal where the result is.
    fn times_power_of_two(self, k: Self) -> Self;

    /// (m, e) with self = m·2^e, √½ ≤ m < √2 and e integral. The number must be
    /// positive, finite and normal.
    fn split_exponent(self) -> (Self, Self);

    /// Writes the lanes where the mask is true, in order, to the start of the
    /// slice and returns their count. Overwrites up to `LANES` places; panics
    /// if the slice is shorter.
    fn compress_store(self, mask: Self::Mask, slice: &mut [f64]) -> usize;

    /// The slice's first `LANES` numbers, or all of a shorter slice followed
    /// by padding.
    #[inline(always)]
    fn load_padded(slice: &[f64], padding: f64) -> Self {
        if slice.len() >= Self::LANES {
            return Self::load(slice);
        }
        let mut buffer = [padding; LANES_MAX];
        buffer[..slice.len()].copy_from_slice(slice);
        Self::load(&buffer)
    }

    /// Writes to the slice's first `LANES` places, or to all of a shorter slice.
    #[inline(always)]
    fn store_prefix(self, slice: &mut [f64]) {
        if slice.len() >= Self::LANES {
            return self.store(slice);
        }
        let mut buffer = [0.0; LANES_MAX];
        self.store(&mut buffer);
        let length = slice.len();
        slice.copy_from_slice(&buffer[..length]);
    }
}

impl sealed::Sealed for f64 {}
impl sealed::Sealed for bool {}

impl Mask for bool {
    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self)
    }
}

/// 2^k for an integral k in [−1022, 1023].
#[inline(always)]
fn power_of_two(k: f64) -> f64 {
    f64::from_bits((k + INTEGER_SHIFT).to_bits().wrapping_add(1023) << 52)
}

impl Lanes for f64 {
    type Mask = bool;
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn load(slice: &[f64]) -> f64 {
        slice[0]
    }

    #[inline(always)]
    fn load_integers(slice: &[i32]) -> f64 {
        f64::from(slice[0])
    }

    #[inline(always)]
    fn store(self, slice: &mut [f64]) {
        slice[0] = self;
    }

    #[inline(always)]
    fn mul_add(self, factor: f64, addend: f64) -> f64 {
        f64::mul_add(self, factor, addend)
    }

    #[inline(always)]
    fn mul_add_whole(self, factor: f64, addend: f64) -> f64 {
        self * factor + addend
    }

    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }

    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }

    #[inline(always)]
    fn min(self, other: f64) -> f64 {
        if self < other { self } else { other }
    }

    #[inline(always)]
    fn max(self, other: f64) -> f64 {
        if self > other { self } else { other }
    }

    #[inline(always)]
    fn lt(self, other: f64) -> bool {
        self < other
    }

    #[inline(always)]
    fn le(self, other: f64) -> bool {
        self <= other
    }

    #[inline(always)]
    fn eq(self, other: f64) -> bool {
        self == other
    }

    #[inline(always)]
    fn select(mask: bool, if_true: f64, if_false: f64) -> f64 {
        if mask { if_true } else { if_false }
    }

    #[inline(always)]
    fn times_power_of_two(self, k: f64) -> f64 {
        // Two halves: neither power leaves the normal range, and only the
        // second product can round.
        let half = k.mul_add(0.5, INTEGER_SHIFT) - INTEGER_SHIFT;
        self * power_of_two(half) * power_of_two(k - half)
    }

    #[inline(always)]
    fn split_exponent(self) -> (f64, f64) {
        let bits = self.to_bits();
        let exponent = bits.wrapping_sub(SQRT_HALF_BITS).cast_signed() >> 52;
        let mantissa = bits.wrapping_sub(exponent.cast_unsigned() << 52);
        let shifted = exponent.cast_unsigned().wrapping_add(INTEGER_SHIFT.to_bits());
        (f64::from_bits(mantissa), f64::from_bits(shifted) - INTEGER_SHIFT)
    }

    #[inline(always)]
    fn compress_store(self, mask: bool, slice: &mut [f64]) -> usize {
        slice[0] = self;
        usize::from(mask)
    }
}
