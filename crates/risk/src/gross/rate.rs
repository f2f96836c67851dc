//! A factor that is never below the number it stands for, applied in integers.

/// Bits of a rate's mantissa: a relative precision of 3·10⁻¹¹.
const MANTISSA_BITS: u32 = 36;
/// Bits of the largest number that a rate applies to and gives.
pub(super) const VALUE_BITS: u32 = 91;
/// What a rate is raised by before it is rounded up, to cover the rounding of its own making.
const MARGIN: f64 = 1.0 + 1e-12;

/// `mantissa / 2^shift`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rate {
    mantissa: u64,
    shift: u32,
}

impl Rate {
    /// The least rate of its precision that is not below `value`; `None` unless `value` lies
    /// between zero and 2^36.
    pub fn at_least(value: f64) -> Option<Self> {
        if value == 0.0 {
            return Some(Self::default());
        }
        let ceiling = (1_u64 << MANTISSA_BITS) as f64;
        let mut scaled = value * MARGIN;
        if !(value > 0.0 && scaled <= ceiling) {
            return None;
        }
        let mut shift = 0;
        // Numbers too small for the mantissa become the least that a rate can say.
        while scaled <= ceiling / 2.0 && shift < 126 {
            scaled *= 2.0;
            shift += 1;
        }
        Some(Self { mantissa: scaled.ceil() as u64, shift })
    }

    /// `value` times the rate, rounded up; `None` if either is too large.
    #[inline]
    pub fn of(self, value: u128) -> Option<u128> {
        if value >> VALUE_BITS != 0 {
            return None;
        }
        // Below 2^127, and with what rounds it up below 2^128: nothing to check.
        let product = match u64::try_from(value) {
            Ok(value) => u128::from(value) * u128::from(self.mantissa),
            Err(_) => value.wrapping_mul(u128::from(self.mantissa)),
        };
        let up = (1_u128 << self.shift).wrapping_sub(1);
        let scaled = product.wrapping_add(up) >> self.shift;
        (scaled >> VALUE_BITS == 0).then_some(scaled)
    }

    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }
}

/// A product that fits 128 bits. Almost always both factors have 64, and there is nothing to check.
#[inline]
pub(super) fn product(a: u128, b: u64) -> Option<u128> {
    match u64::try_from(a) {
        Ok(a) => Some(u128::from(a) * u128::from(b)),
        Err(_) => a.checked_mul(u128::from(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_numbers_and_nothing() {
        assert_eq!(Rate::at_least(0.0).unwrap().of(123), Some(0));
        assert_eq!(Rate::at_least(1.0).unwrap().of(1 << 60), Some((1 << 60) + (1 << 25)));
        assert_eq!(Rate::at_least(1e-60).unwrap().of(5), Some(1));
        assert!(Rate::at_least(f64::NAN).is_none() && Rate::at_least(-1.0).is_none());
        assert!(Rate::at_least(1e30).is_none());
        assert_eq!(Rate::at_least(1.0).unwrap().of(1 << 91), None);
    }

    proptest! {
        #[test]
        fn never_below_and_hardly_above(digits in 1_u64..1 << 52, down in 0_i32..90, value in 0_u128..1 << 60) {
            let rate = (0..down).fold(digits as f64 / 2e6, |rate, _| rate / 2.0);
            prop_assume!(rate < 6e10);
            let scaled = Rate::at_least(rate).unwrap().of(value).unwrap();
            // digits·value/(2e6·2^down), exactly.
            let exact = ethnum::U256::from(u128::from(digits)) * ethnum::U256::from(value);
            let divisor = ethnum::U256::from(2_000_000_u128) << down as u32;
            let times = ethnum::U256::from(scaled) * divisor;
            prop_assert!(times >= exact);
            prop_assert!(scaled == 0 || (scaled - 1) as f64 <= rate * value as f64 * (1.0 + 1e-10) + 1.0);
        }
    }
}
