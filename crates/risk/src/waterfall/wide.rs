//! Quotients of 256-bit integers, rounded once.

use ethnum::I256;

/// The quotient rounded down, by a divisor greater than zero. `None` if it does not fit.
pub(super) fn floor(numerator: I256, divisor: I256) -> Option<i128> {
    i128::try_from(floor_wide(numerator, divisor)?).ok()
}

/// The quotient rounded up, by a divisor greater than zero. `None` if it does not fit.
pub(super) fn ceil(numerator: I256, divisor: I256) -> Option<i128> {
    let floor = floor_wide(numerator, divisor)?;
    let exact = numerator.rem_euclid(divisor) == I256::ZERO;
    i128::try_from(if exact { floor } else { floor + I256::ONE }).ok()
}

fn floor_wide(numerator: I256, divisor: I256) -> Option<I256> {
    // Euclidean division by a positive divisor rounds down.
    (divisor > I256::ZERO).then(|| numerator.div_euclid(divisor))
}
