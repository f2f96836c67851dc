use crate::{ln, ln_ratio, mills, normal_cdf};

/// The number z with Φ(z) = p, for p from 0 to 1.
///
/// The error is below 2e-15 + 4e-16·|z|, over all positive p down to the least. −∞ at 0, ∞ at 1,
/// NaN for NaN and outside. Source: Hastings (1955), sheet 68, as the start; three steps of Halley
/// on the logarithm of the tail, whose slope is one over the [Mills ratio](mills).
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    // 1 − p is exact from one half on.
    if p <= 0.5 { -upper_point(p) } else { upper_point(1.0 - p) }
}

/// The x ≥ 0 with 1 − Φ(x) = `tail`, a number of at most one half.
fn upper_point(tail: f64) -> f64 {
    if tail == 0.0 {
        return f64::INFINITY;
    }
    let root = (-2.0 * ln(tail)).sqrt();
    let numerator = 2.515_517 + root * (0.802_853 + root * 0.010_328);
    let denominator = 1.0 + root * (1.432_788 + root * (0.189_269 + root * 0.001_308));
    let mut x = (root - numerator / denominator).max(0.0);
    for _ in 0..STEPS {
        let (gap, mills) = (excess(x, tail), mills(x));
        x += 2.0 * gap * mills / (2.0 + gap * (1.0 - x * mills));
    }
    x
}

const STEPS: usize = 3;

/// ln((1 − Φ(x))/tail).
fn excess(x: f64, tail: f64) -> f64 {
    const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_7;
    if tail > 1e-290 {
        return ln_ratio(normal_cdf(-x), tail);
    }
    // Nearer to zero the distribution function loses digits, its logarithm does not.
    ln(mills(x)) - 0.5 * x * x - LN_SQRT_2_PI - ln(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_are_met() {
        // The true values to 20 digits.
        for (p, z) in [
            (5e-324, -38.467_405_617_144_346_f64),
            (1e-300, -37.047_096_299_361_2),
            (1e-290, -36.420_731_673_208),
            (1e-20, -9.262_340_089_798_408),
            (0.01, -2.326_347_874_040_841),
            (0.3, -0.524_400_512_708_041),
            (0.499_999_999, -2.506_628_342_884_532_7e-9),
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_053_9),
            (1.0 - f64::EPSILON / 2.0, 8.209_536_151_601_387),
        ] {
            let found = normal_quantile(p);
            assert!((found - z).abs() <= 2e-15 + 4e-16 * z.abs(), "{p}: {found} {z}");
        }
    }

    #[test]
    fn edges_are_answered() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        for p in [-1e-300, 1.000_001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(normal_quantile(p).is_nan());
        }
    }

    proptest::proptest! {
        #![proptest_config(crate::test_cases(2_000))]

        #[test]
        fn the_distribution_function_is_inverted(exponent in -280.0..-0.31_f64) {
            let p = crate::powf(10.0, exponent);
            let z = normal_quantile(p);
            let error = (normal_cdf(z) / p - 1.0).abs();
            proptest::prop_assert!(error <= 4e-15 + 1e-15 * z * z, "{p} {z} {error}");
            // By symmetry, where 1 − p still says p.
            if p > 1e-3 {
                let mirrored = normal_quantile(1.0 - p);
                proptest::prop_assert!((z + mirrored).abs() <= 1e-12, "{p} {z} {mirrored}");
            }
        }
    }
}
