//! How much of the past is kept in memory. What is older is in the history.

/// Entries of each list, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Trades, lines of the log and ended orders of an account.
    pub account: usize,
    /// Trades of an instrument.
    pub trades: usize,
    /// Minutes in which an instrument traded. A day's figures are made of them.
    pub minutes: usize,
    /// Funding rates of a perpetual.
    pub funding: usize,
    /// Deposits, withdrawals and transfers of an account.
    pub transfers: usize,
    /// Settlements: of the venue, and of an account.
    pub settlements: usize,
    /// Events of cases.
    pub cases: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            account: 1_000,
            trades: 1_000,
            minutes: 2_880,
            funding: 1_000,
            transfers: 1_000,
            settlements: 1_000,
            cases: 1_000,
        }
    }
}
