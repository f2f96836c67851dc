use crate::{Asset, Timestamp};

/// Why a number written in decimal could not be taken exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// The text is empty or has characters other than digits, one sign and one decimal point.
    #[error("not a plain decimal number (write digits with an optional sign and point, as -12.5)")]
    Malformed,
    /// More decimals than the type holds; taking it would lose money silently.
    #[error("more than {0} decimals (round it before it comes here)")]
    TooPrecise(u32),
    /// The number does not fit the type.
    #[error("the number is too large")]
    TooLarge,
    /// The number must be greater than zero.
    #[error("the number must be greater than zero")]
    NotPositive,
}

/// Everything that can go wrong with instruments and their arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number in text form was refused.
    #[error("`{text}`: {reason}")]
    Number {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        reason: NumberError,
    },
    /// A result does not fit its integer type. Limits on sizes and prices keep admitted
    /// positions far from here.
    #[error("the result does not fit: reduce the quantity or the price")]
    Overflow,
    /// A price of zero or less where a division by it or a logarithm is needed.
    #[error("the price must be greater than zero")]
    PriceNotPositive,
    /// The text is not the name of an asset.
    #[error("`{0}` is not an asset name (1 to 12 capital letters or digits)")]
    AssetName(String),
    /// The text is not the name of an instrument.
    #[error(
        "`{name}` is not an instrument name: {reason} (names look like BTC-PERPETUAL, \
         BTC-27MAR26, BTC-27MAR26-100000-C, BTC_USDC-27MAR26-100000-P or BTC_USDC)"
    )]
    InstrumentName {
        /// The text as given.
        name: String,
        /// Which part is wrong.
        reason: &'static str,
    },
    /// No lot size is known for the contract; its terms must be given in full.
    #[error("no listing convention for {0}: its lot size is unknown")]
    NoConvention(String),
    /// A quantity that is not a whole number of lots.
    #[error("`{text}` is not a whole number of lots of {lot} {unit}")]
    NotWholeLots {
        /// The quantity as given.
        text: String,
        /// The lot size.
        lot: String,
        /// The asset in which the lot is stated.
        unit: Asset,
    },
    /// A point in time that the calendar does not hold.
    #[error("`{0}` is not a time (write it as 2026-02-05T15:51:32Z)")]
    Time(String),
    /// An operation that needs an expiry was asked of an instrument without one.
    #[error("{0} does not expire")]
    NoExpiry(String),
    /// The instrument's expiry lies at or before the given time.
    #[error("{name} expired at {expiry}")]
    Expired {
        /// The instrument.
        name: String,
        /// When it expired.
        expiry: Timestamp,
    },
}
