//! What can be wrong with the inputs of a price.

use numerics::LevelUnavailable;

/// Why a price or its Greeks can't be computed. `index` is the element of a
/// batch, 0 for a single option.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PricingError {
    /// The forward price is below 1e-100, above 1e100 or NaN.
    #[error("option {index}: the forward must be positive, within 1e±100, not {forward}")]
    Forward {
        /// The element of the batch.
        index: usize,
        /// What was given.
        forward: f64,
    },
    /// The strike is below 1e-100, above 1e100 or NaN.
    #[error("option {index}: the strike must be positive, within 1e±100, not {strike}")]
    Strike {
        /// The element of the batch.
        index: usize,
        /// What was given.
        strike: f64,
    },
    /// The volatility is negative, above 1e100 or NaN.
    #[error(
        "option {index}: the volatility must be at least 0 and at most 1e100, not {volatility}"
    )]
    Volatility {
        /// The element of the batch.
        index: usize,
        /// What was given.
        volatility: f64,
    },
    /// The time to expiry is negative, above 1e100 years or NaN.
    #[error(
        "option {index}: the time to expiry must be at least 0 and at most 1e100, not {time} years"
    )]
    Time {
        /// The element of the batch.
        index: usize,
        /// What was given, in years.
        time: f64,
    },
    /// The rate is infinite or NaN, or discounts by more than exp(±700).
    #[error("option {index}: the rate must be finite and rate·time within ±700, not {rate}")]
    Rate {
        /// The element of the batch.
        index: usize,
        /// What was given, per year.
        rate: f64,
    },
    /// Two slices of a batch differ in length.
    #[error("a batch of {expected} options has {found} {what}; give one per option")]
    Length {
        /// Which slice differs.
        what: &'static str,
        /// The number of options.
        expected: usize,
        /// The slice's length.
        found: usize,
    },
    /// The requested vector level is not available here.
    #[error(transparent)]
    Level(#[from] LevelUnavailable),
}

/// Checks that a slice of a batch has one element per option.
pub(crate) fn check_length(
    what: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), PricingError> {
    if expected == found { Ok(()) } else { Err(PricingError::Length { what, expected, found }) }
}
