//! Why a figure of the waterfall could not be computed.

/// Why a figure of the waterfall could not be computed. None of these is the state of an account:
/// each says that a caller asked for what has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaterfallError {
    /// A figure is beyond what the arithmetic holds.
    #[error("{0} does not fit: it is beyond any real amount")]
    TooLarge(&'static str),
    /// A figure that counts from zero up is negative.
    #[error("{0} is negative: give it as zero or more")]
    Negative(&'static str),
    /// The account's equity is negative, so that no trade heals it.
    #[error(
        "equity is negative: an insolvent account trades by its own schedule, not by this rule"
    )]
    Insolvent,
    /// The account has equity to keep.
    #[error("value at mark is not negative: the fund pays for insolvent accounts only")]
    Solvent,
    /// The account requires no margin, so that nothing may force it to trade.
    #[error("the account requires no maintenance margin: there is nothing to liquidate for")]
    NoRequirement,
    /// Nothing is to be traded.
    #[error("the trade has no lots: give the signed lots to trade")]
    NoLots,
    /// No price above zero keeps the loss within what is allowed.
    #[error("no price keeps the loss within what is allowed: take a smaller slice, or auction it")]
    NoPrice,
    /// Something is to be split and nobody has a weight.
    #[error("nobody has a weight to split by: give at least one above zero")]
    NoWeight,
    /// The same key stands twice, which would make a tie depend on order.
    #[error("entries {first} and {second} have the same key: give each account once")]
    Duplicate {
        /// The earlier entry's index.
        first: usize,
        /// The later entry's index.
        second: usize,
    },
    /// A parameter is outside its range.
    #[error("{what} is out of range: it must be {wanted}")]
    Parameter {
        /// Which parameter.
        what: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// Exact arithmetic on an instrument failed.
    #[error(transparent)]
    Instrument(#[from] instruments::Error),
}
