//! A counter-based generator with the same numbers in any language.

/// Draws by index: the i-th draw of a seed needs no draw before it.
///
/// The mixing function is SplitMix64's (Steele, Lea, Flood 2014). For sample
/// data, tests and benchmarks; not for secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitMix {
    /// Distinguishes one stream of draws from another.
    pub seed: u64,
}

impl SplitMix {
    /// Draw `index`, uniform over all 64-bit integers.
    #[inline]
    pub fn u64(self, index: u64) -> u64 {
        let steps = index.wrapping_add(1);
        let mut z = self.seed.wrapping_add(steps.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Draw `index`, uniform over the multiples of 2^-53 in [0, 1).
    #[inline]
    pub fn u01(self, index: u64) -> f64 {
        (self.u64(index) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the published SplitMix64 with seed 1234567.
    #[test]
    fn the_published_sequence() {
        let draws = SplitMix { seed: 1_234_567 };
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
        ];
        for (index, value) in (0..).zip(expected) {
            assert_eq!(draws.u64(index), value);
        }
    }

    #[test]
    fn unit_draws_stay_below_one() {
        let draws = SplitMix { seed: 7 };
        let mean = (0..10_000).map(|index| draws.u01(index)).sum::<f64>() / 10_000.0;
        assert!((0..10_000).all(|index| (0.0..1.0).contains(&draws.u01(index))));
        assert!((mean - 0.5).abs() < 0.02);
    }
}
