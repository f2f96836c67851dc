//! The exact computation for a venue that numbers its instruments and assets.
//!
//! [`DenseEpoch::initial`] gives what [`crate::Assessment::initial`] gives, to the unit, for most
//! accounts: those that hold anything but long options alone, with nothing that has expired, while every
//! feed is trusted and every stablecoin at its peg. Of others it says nothing, and the general
//! computation has to.
//!
//! Nothing is looked up by name, all that moves an account's profits is added in one pass over the
//! scenarios, and what stays the same from one order of an account to its next is not added again
//! ([`DenseSums`]). All are sums of whole ticks below 2^51, so that it makes no difference in which order
//! they are added, or taken out.

mod entries;
mod kernel;
mod margin;
mod sums;
mod table;

use instruments::{Amount, Price, Timestamp};

use crate::exposure::Exposure;
use crate::requirement::Fraction;
use crate::settlement::{Flow, Lots};
use entries::Entered;
pub use margin::DenseStanding;
pub use sums::DenseSums;
pub use table::DenseEpoch;

/// An account where instruments and assets are numbers.
#[derive(Clone, Debug, Default)]
pub struct DenseAccount {
    /// What it has of each asset of the epoch, in their order; it has no others.
    pub balances: Vec<DenseBalance>,
    /// Its positions, by instrument ascending.
    pub positions: Vec<DensePosition>,
    /// Its open orders, by id ascending.
    pub orders: Vec<DenseOrder>,
}

/// What an account has of an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DenseBalance {
    /// Its balance.
    pub balance: Amount,
    /// Funding and interest accrued and not yet booked.
    pub accrued: Amount,
    /// The asset's index price in US dollars.
    pub price: Price,
}

/// A position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DensePosition {
    /// The instrument's number.
    pub instrument: u32,
    /// Signed lots.
    pub lots: i64,
    /// What was paid for it, as [`crate::Position::cost`].
    pub cost: Amount,
    /// The instrument's mark.
    pub mark: Price,
}

/// An open order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseOrder {
    /// Its number, by which it is known again.
    pub id: u64,
    /// The instrument's number.
    pub instrument: u32,
    /// Signed lots; a bid is positive.
    pub lots: i64,
    /// The limit price.
    pub limit: Price,
    /// What filling all of it would cost in fees at most, in the settlement asset.
    pub fee: Amount,
    /// The instrument's mark.
    pub mark: Price,
}

/// Room to compute in, one for all accounts.
#[derive(Clone, Debug, Default)]
pub struct DenseRoom {
    /// Coins by asset, profit and balances, in 10⁻⁸.
    coins: Vec<i128>,
    /// Worth of collateral by asset, in 10⁻⁸ US dollars.
    counted: Vec<i128>,
    flows: Vec<Flow>,
    futures: Vec<Lots<u32>>,
    /// Whether an asset's coin surely counts.
    coin_counts: Vec<bool>,
    entered: Vec<Entered>,
    exposure: Exposure,
    /// The place of each leg of the epoch among those that the account has, plus one.
    legs: Vec<u8>,
    /// Expiries near enough to be charged for.
    near: Vec<Timestamp>,
    parts: Vec<sums::Part>,
    profits: Vec<f64>,
    losses: Vec<Fraction>,
    /// How much of each asset counts at most, at the price that it was computed at.
    counted_max: Vec<(Price, i128)>,
}
