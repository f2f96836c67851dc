//! The functions over single numbers: one lane of the vector ones.

use crate::{Kernel, Lanes, dispatch_scalar, vector};

/// Defines a function of one number as one lane of a vector function.
macro_rules! one_lane {
    ($(#[$doc:meta])* $name:ident, $($argument:ident),+) => {
        $(#[$doc])*
        #[inline]
        pub fn $name($($argument: f64),+) -> f64 {
            struct One($(one_lane!(@type $argument)),+);
            impl Kernel for One {
                type Output = f64;
                #[inline(always)]
                fn run<L: Lanes>(self) -> f64 {
                    let Self($($argument),+) = self;
                    let mut out = [0.0; crate::lanes::LANES_MAX];
                    vector::$name($(L::splat($argument)),+).store(&mut out);
                    out[0]
                }
            }
            dispatch_scalar(One($($argument),+))
        }
    };
    (@type $argument:ident) => { f64 };
}

one_lane! {
    /// e^x, within 1 unit in the last place where the result is normal.
    ///
    /// Zero below −745.14, infinite above 709.79, subnormal results rounded once
    /// more; exp(±0) = 1; exp(−∞) = 0, exp(∞) = ∞; NaN for NaN. Source: argument
    /// reduction by multiples of ln 2 (Cody and Waite 1980), then Taylor's series
    /// to r^13 on |r| ≤ ½·ln 2, whose remainder is below 2^-57.
    exp, x
}

one_lane! {
    /// The natural logarithm, within 1 unit in the last place.
    ///
    /// −∞ at ±0, NaN below zero and for NaN, ∞ at ∞, exact domain including
    /// subnormal numbers. Source: x = m·2^e with √½ ≤ m < √2, then the series of
    /// artanh by Sun's minimax coefficients (1993).
    ln, x
}

one_lane! {
    /// ln(a/b) for positive, finite, normal a, b and a/b, within 3 units in the
    /// last place, also where a and b nearly agree (there `ln(a / b)` keeps only
    /// the absolute accuracy of the rounded quotient).
    ///
    /// Meaningless outside that domain.
    ln_ratio, a, b
}

one_lane! {
    /// The standard normal density φ(x) = exp(−x²/2)/√(2π), within 3 units in
    /// the last place where the result is normal (|x| ≤ 37.5). NaN for NaN.
    normal_pdf, x
}

one_lane! {
    /// The standard normal distribution function Φ(x), within 8 units in the last
    /// place for x ≥ −37.5, deep tail included; below, where the result is
    /// subnormal, within 2^-1073. Φ(−∞) = 0, Φ(∞) = 1, NaN for NaN.
    ///
    /// Source: φ(x) times the [Mills ratio](mills) of |x|.
    normal_cdf, x
}

one_lane! {
    /// The Mills ratio M(x) = (1 − Φ(x))/φ(x), within 5 units in the last place for
    /// x ≥ 0; for x < 0 within 4, until it overflows to ∞ near −37.7. M(∞) = 0,
    /// NaN for NaN.
    ///
    /// Source: (x+5)·M(x) is one polynomial of degree 24 in (x−5)/(x+5); for
    /// x < 0, M(x) = 1/φ(x) − M(|x|).
    mills, x
}

/// x^y, within 1 unit in the last place; the special cases are those of IEEE 754
/// `pow`. The `libm` crate's: plain additions and multiplications, so the same
/// bits everywhere.
#[inline]
pub fn powf(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}
