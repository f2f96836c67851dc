//! The functions over vectors, for use inside a [`Kernel`](crate::Kernel).
//!
//! Each returns, in every lane, the bits that the function of the same name at
//! the crate's root returns for that lane's number.

use crate::lanes::{INTEGER_SHIFT, Lanes};

/// 1/ln 2.
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts: the first has zeros in its low bits, so that a multiple
/// of it by an exponent is exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// What [`LN2_HIGH`] lacks of ln 2.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1/(i+2)! for i from 0: exp(r) = 1 + r + r²·Σ cᵢ·rⁱ.
const EXP: [f64; 12] = [
    0.5,
    1.666_666_666_666_666_6e-1,
    4.166_666_666_666_666_4e-2,
    8.333_333_333_333_333e-3,
    1.388_888_888_888_889e-3,
    1.984_126_984_126_984e-4,
    2.480_158_730_158_73e-5,
    2.755_731_922_398_589_3e-6,
    2.755_731_922_398_589e-7,
    2.505_210_838_544_172e-8,
    2.087_675_698_786_81e-9,
    1.605_904_383_682_161_3e-10,
];

/// ln((1+s)/(1−s)) = 2s + s·z·Σ cᵢ·zⁱ with z = s², |s| ≤ 3 − 2√2: the minimax
/// coefficients of the freely distributable maths library (Sun, 1993).
const LN: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];

/// (x+5)·M(x) as a polynomial in t = (x−5)/(x+5), M the Mills ratio, over all
/// x ≥ 0: a Chebyshev fit of degree 24, expanded.
const MILLS: [f64; 25] = [
    1.928_081_047_153_157_8,
    -1.667_866_595_188_96,
    1.241_547_061_573_866_4,
    -7.859_110_755_465_453e-1,
    4.136_447_157_326_838e-1,
    -1.732_547_340_871_504_2e-1,
    5.212_550_241_227_879e-2,
    -7.503_282_820_678_739e-3,
    -1.999_961_974_984_280_6e-3,
    1.365_859_160_942_3e-3,
    -1.488_330_523_239_106_3e-4,
    -1.247_356_581_866_423_7e-4,
    4.181_458_586_826_226_8e-5,
    9.974_780_084_030_154e-6,
    -6.945_033_143_279_71e-6,
    -8.360_675_953_999_324e-7,
    1.093_663_360_197_438_8e-6,
    9.668_428_063_762_351e-8,
    -1.764_124_053_206_893_4e-7,
    -1.739_812_222_496_775_3e-8,
    2.817_201_768_394_673e-8,
    3.186_866_029_710_403_7e-9,
    -3.844_186_276_703_529e-9,
    -3.336_849_090_248_340_7e-10,
    3.125_609_180_390_04e-10,
];

/// 1/√(2π).
const INVERSE_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
/// √(2π).
const SQRT_2PI: f64 = 2.506_628_274_631_000_2;
/// Beyond this, φ is zero and 1/x² is lost in rounding; it keeps squares finite.
const DEVIATE_MAX: f64 = 1_024.0;

/// e^x; see [`crate::exp`].
#[inline(always)]
pub fn exp<L: Lanes>(x: L) -> L {
    let value = exp_of_number(x);
    L::select(x.eq(x), value, L::splat(f64::NAN))
}

/// e^x where x is not NaN.
#[inline(always)]
pub fn exp_of_number<L: Lanes>(x: L) -> L {
    // Past these ends the result is zero or infinite anyway.
    exp_in_range(x.max(L::splat(-750.0)).min(L::splat(710.0)))
}

/// e^x for x in [−750, 710]; meaningless outside.
#[inline(always)]
pub fn exp_in_range<L: Lanes>(x: L) -> L {
    let one = L::splat(1.0);
    let shift = L::splat(INTEGER_SHIFT);
    let k = x.mul_add(L::splat(LOG2_E), shift) - shift;
    let r = (-k).mul_add(L::splat(LN2_HIGH), x);
    let r = (-k).mul_add(L::splat(LN2_LOW), r);
    let c = EXP;
    let pair = |low: f64, high: f64| r.mul_add(L::splat(high), L::splat(low));
    let (r2, p01, p23, p45) = (r * r, pair(c[0], c[1]), pair(c[2], c[3]), pair(c[4], c[5]));
    let (p67, p89, p1011) = (pair(c[6], c[7]), pair(c[8], c[9]), pair(c[10], c[11]));
    let r4 = r2 * r2;
    let low = r2.mul_add(p23, p01);
    let middle = r2.mul_add(p67, p45);
    let high = r2.mul_add(p1011, p89);
    let q = r4.mul_add(r4.mul_add(high, middle), low);
    let y = one + r2.mul_add(q, r);
    y.times_power_of_two(k)
}

/// Σ cᵢ·zⁱ of the logarithm's series, times z.
#[inline(always)]
fn ln_series<L: Lanes>(z: L) -> L {
    let c = |i: usize| L::splat(LN[i]);
    let w = z * z;
    let even = w.mul_add(w.mul_add(w.mul_add(c(6), c(4)), c(2)), c(0));
    let odd = w.mul_add(w.mul_add(c(5), c(3)), c(1));
    z * z.mul_add(odd, even)
}

/// ln x for positive, finite, normal x; see [`crate::ln`].
#[inline(always)]
pub fn ln_of_normal<L: Lanes>(x: L) -> L {
    let (m, e) = x.split_exponent();
    ln_of_parts(m - L::splat(1.0), e)
}

/// ln((1+f)·2^e) for 1+f in [√½, √2).
#[inline(always)]
fn ln_of_parts<L: Lanes>(f: L, e: L) -> L {
    let s = f / (f + L::splat(2.0));
    let series = ln_series(s * s);
    let half_square = f * f * L::splat(0.5);
    let tail = s.mul_add(half_square + series, e * L::splat(LN2_LOW));
    e.mul_add(L::splat(LN2_HIGH), f - (half_square - tail))
}

/// ln x; see [`crate::ln`].
#[inline(always)]
pub fn ln<L: Lanes>(x: L) -> L {
    let zero = L::splat(0.0);
    let infinity = L::splat(f64::INFINITY);
    let subnormal = x.lt(L::splat(f64::MIN_POSITIVE));
    let scaled = L::select(subnormal, x * L::splat(18_014_398_509_481_984.0), x);
    let (m, e) = scaled.split_exponent();
    let e = L::select(subnormal, e - L::splat(54.0), e);
    let value = ln_of_parts(m - L::splat(1.0), e);
    let finite = zero.lt(x) & x.lt(infinity);
    let pole = L::select(x.eq(zero), -infinity, L::splat(f64::NAN));
    L::select(finite, value, L::select(x.eq(infinity), infinity, pole))
}

/// ln(a/b) for positive, finite, normal a, b and a/b; see [`crate::ln_ratio`].
#[inline(always)]
pub fn ln_ratio<L: Lanes>(a: L, b: L) -> L {
    let (m, e) = (a / b).split_exponent();
    // Without an exponent a and b are within a factor of two, so a − b is exact.
    let near = e.eq(L::splat(0.0));
    let one = L::splat(1.0);
    let s = L::select(near, a - b, m - one) / L::select(near, a + b, m + one);
    let series = ln_series(s * s);
    let tail = s.mul_add(series, e * L::splat(LN2_LOW));
    e.mul_add(L::splat(LN2_HIGH), (s + s) + tail)
}

/// The polynomial of the Mills ratio in t = (x−5)/(x+5).
#[inline(always)]
fn mills_polynomial<L: Lanes>(t: L) -> L {
    let c = |i: usize| L::splat(MILLS[i]);
    let t2 = t * t;
    let t4 = t2 * t2;
    let t8 = t4 * t4;
    let quad = |i: usize| t2.mul_add(t.mul_add(c(i + 3), c(i + 2)), t.mul_add(c(i + 1), c(i)));
    let low = t4.mul_add(quad(4), quad(0));
    let middle = t4.mul_add(quad(12), quad(8));
    let high = t8.mul_add(c(24), t4.mul_add(quad(20), quad(16)));
    t8.mul_add(t8.mul_add(high, middle), low)
}

/// (1 − Φ(x))/φ(x) for x ≥ 0 (not for larger x than 2^512); see [`crate::mills`].
#[inline(always)]
pub fn mills_of_positive<L: Lanes>(x: L) -> L {
    let five = L::splat(5.0);
    let inverse = L::splat(1.0) / (x + five);
    mills_polynomial((x - five) * inverse) * inverse
}

/// Mills ratios of two non-negative numbers below 2^500 with one division.
#[inline(always)]
pub fn mills_of_two<L: Lanes>(a: L, b: L) -> (L, L) {
    let five = L::splat(5.0);
    let (a5, b5) = (a + five, b + five);
    let inverse = L::splat(1.0) / (a5 * b5);
    let (inverse_a, inverse_b) = (inverse * b5, inverse * a5);
    (
        mills_polynomial((a - five) * inverse_a) * inverse_a,
        mills_polynomial((b - five) * inverse_b) * inverse_b,
    )
}

/// exp(−x²/2), with the rounding of the square made good.
#[inline(always)]
fn gauss<L: Lanes>(x: L) -> L {
    let half = L::splat(-0.5);
    let x = x.abs().min(L::splat(DEVIATE_MAX));
    let square = x * x;
    let lost = x.mul_add(x, -square);
    let value = exp_in_range((square * half).max(L::splat(-750.0)));
    (lost * half).mul_add(value, value)
}

/// φ(x) where x is not NaN; see [`crate::normal_pdf`].
#[inline(always)]
pub fn normal_pdf_of_number<L: Lanes>(x: L) -> L {
    gauss(x) * L::splat(INVERSE_SQRT_2PI)
}

/// φ(x); see [`crate::normal_pdf`].
#[inline(always)]
pub fn normal_pdf<L: Lanes>(x: L) -> L {
    L::select(x.eq(x), normal_pdf_of_number(x), L::splat(f64::NAN))
}

/// Φ(x); see [`crate::normal_cdf`].
#[inline(always)]
pub fn normal_cdf<L: Lanes>(x: L) -> L {
    let magnitude = x.abs().min(L::splat(DEVIATE_MAX));
    let tail = normal_pdf_of_number(magnitude) * mills_of_positive(magnitude);
    let value = L::select(x.lt(L::splat(0.0)), tail, L::splat(1.0) - tail);
    L::select(x.eq(x), value, L::splat(f64::NAN))
}

/// (1 − Φ(x))/φ(x); see [`crate::mills`].
#[inline(always)]
pub fn mills<L: Lanes>(x: L) -> L {
    let magnitude = x.abs();
    let far = L::splat(f64::MAX).lt(magnitude);
    let positive = mills_of_positive(L::select(far, L::splat(0.0), magnitude));
    let positive = L::select(far, L::splat(0.0), positive);
    let value = L::select(x.lt(L::splat(0.0)), L::splat(SQRT_2PI) / gauss(x) - positive, positive);
    L::select(x.eq(x), value, L::splat(f64::NAN))
}
