//! The same bits at every level, and the operations that promise rests on.

use crate::cases;
use numerics::{Kernel, Lanes, Level, Mask, dispatch_at, vector};
use proptest::prelude::*;

/// All functions of one and two numbers, applied to columns.
struct Everything<'a> {
    a: &'a [f64],
    b: &'a [f64],
}

impl Kernel for Everything<'_> {
    type Output = Vec<Vec<f64>>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<Vec<f64>> {
        let mut columns = vec![vec![0.0; self.a.len()]; 18];
        for start in (0..self.a.len()).step_by(L::LANES) {
            let a = L::load_padded(&self.a[start..], 1.0);
            let b = L::load_padded(&self.b[start..], 1.0);
            let positive = a.abs().max(L::splat(f64::MIN_POSITIVE)).min(L::splat(1e100));
            let other = b.abs().max(L::splat(f64::MIN_POSITIVE)).min(L::splat(1e100));
            let (m, e) = positive.split_exponent();
            let small = L::select(b.abs().lt(L::splat(1000.0)), b, L::splat(7.25));
            let integer = small + L::splat(6_755_399_441_055_744.0);
            let integer = integer - L::splat(6_755_399_441_055_744.0);
            let results = [
                vector::exp(a),
                vector::ln(a),
                vector::ln_ratio(positive, other),
                vector::normal_pdf(a),
                vector::normal_cdf(a),
                vector::mills(a),
                vector::mills_of_two(positive, other).1,
                m,
                e,
                m.times_power_of_two(integer),
                positive.sqrt(),
                a.min(b),
                a.max(b),
                L::select(a.lt(b), a, -b),
                L::select(a.le(b) & !a.eq(b), a.abs(), b),
                positive / other,
                m.mul_add(small, e),
                integer.mul_add_whole(e, integer),
            ];
            for (result, column) in results.into_iter().zip(&mut columns) {
                result.store_prefix(&mut column[start..]);
            }
        }
        columns
    }
}

/// Doubles of every kind, ordinary ones most of the time.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -50.0..50.0,
        2 => -1000.0..1000.0,
        2 => any::<f64>(),
        1 => prop::sample::select(vec![
            0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324, -5e-324,
            f64::MIN_POSITIVE, f64::MAX, f64::MIN, 1.0, -1.0, 709.78, -745.13, -708.4,
        ]),
    ]
}

fn columns() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (1usize..40).prop_flat_map(|length| {
        (prop::collection::vec(number(), length), prop::collection::vec(number(), length))
    })
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn all_levels_give_the_same_bits((a, b) in columns()) {
        let bits = |columns: Vec<Vec<f64>>| -> Vec<Vec<u64>> {
            let canonical = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
            columns.into_iter().map(|column| column.into_iter().map(canonical).collect()).collect()
        };
        let portable = dispatch_at(Level::Portable, Everything { a: &a, b: &b }).unwrap();
        for (function, column) in [numerics::exp as fn(f64) -> f64, numerics::ln].iter().zip(&portable) {
            for (x, value) in a.iter().zip(column) {
                prop_assert_eq!(function(*x).to_bits(), value.to_bits());
            }
        }
        let portable = bits(portable);
        for level in Level::available() {
            let found = bits(dispatch_at(level, Everything { a: &a, b: &b }).unwrap());
            prop_assert_eq!(&found, &portable, "level {:?}", level);
        }
    }

    /// All levels rest on one rounding per multiply-add, also where the platform's
    /// library provides it.
    #[test]
    fn multiply_add_is_correctly_rounded(a in number(), b in number(), c in number(), mode in 0..4) {
        // The hard cases: an addend that cancels the product, or ties it.
        let c = match mode {
            0 => c,
            1 => -(a * b),
            2 => -(a * b) * (1.0 + f64::EPSILON),
            _ => (a * b) * 9_007_199_254_740_992.0,
        };
        let (fused, expected) = (f64::mul_add(a, b, c), libm::fma(a, b, c));
        prop_assert!(fused.to_bits() == expected.to_bits() || fused.is_nan() && expected.is_nan());
    }
}

struct Compress<'a> {
    values: &'a [f64],
    bound: f64,
}

impl Kernel for Compress<'_> {
    type Output = (Vec<f64>, usize, usize);

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let mut kept = vec![0.0; self.values.len() + L::LANES];
        let (mut count, mut any, mut bits) = (0, 0, 0);
        for chunk in self.values.chunks(L::LANES) {
            let vector = L::load_padded(chunk, f64::INFINITY);
            let mask = vector.lt(L::splat(self.bound));
            assert_eq!(mask.count(), mask.bits().count_ones() as usize);
            any += usize::from(mask.any()) * mask.count();
            bits += ((mask | !mask).bits() == (1 << L::LANES) - 1) as usize * chunk.len();
            count += vector.compress_store(mask, &mut kept[count..]);
        }
        assert_eq!(any, count);
        kept.truncate(count);
        (kept, count, bits)
    }
}

#[test]
fn compression_keeps_the_order() {
    let draws = numerics::SplitMix { seed: 3 };
    for length in 0..70 {
        let values: Vec<f64> = (0..length).map(|index| draws.u01(index)).collect();
        let expected: Vec<f64> = values.iter().copied().filter(|value| *value < 0.4).collect();
        for level in Level::available() {
            let (kept, count, bits) =
                dispatch_at(level, Compress { values: &values, bound: 0.4 }).unwrap();
            assert_eq!((&kept, count, bits), (&expected, expected.len(), values.len()));
        }
    }
}

#[test]
fn a_short_slice_is_refused() {
    struct Load;
    impl Kernel for Load {
        type Output = ();
        #[inline(always)]
        fn run<L: Lanes>(self) {
            L::load(&[1.0; 8][..L::LANES - 1]).store(&mut [0.0; 8]);
        }
    }
    for level in Level::available() {
        assert!(std::panic::catch_unwind(|| dispatch_at(level, Load)).is_err());
    }
}
