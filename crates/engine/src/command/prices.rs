//! Commands that bring prices, volatilities and risk epochs.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Price, Timestamp, Underlying};
use risk::FixedCurve;
use serde::{Deserialize, Serialize};

use crate::InstrumentId;

/// A source of an index and its weight.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SourceWeight {
    /// The source's number.
    pub source: u16,
    /// Its weight, from 1 on.
    pub weight: u32,
}

/// A source's price of an asset, in US dollars.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PriceReport {
    /// The asset.
    pub asset: Asset,
    /// Who reports.
    pub source: u16,
    /// The price.
    pub price: Price,
    /// When the source saw it.
    pub observed: Timestamp,
}

/// Forwards and volatilities of an underlying's expiries, replacing those before.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// The underlying.
    pub underlying: Underlying,
    /// Its expiries, ascending.
    pub expiries: Vec<SurfaceExpiry>,
}

/// One expiry of a surface.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurfaceExpiry {
    /// When it settles.
    pub expiry: Timestamp,
    /// The forward; its distance from the index is kept as the index moves.
    pub forward: Price,
    /// Volatility by strike.
    pub volatility: FixedCurve,
}

/// Daily closes in US dollars.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryCloses {
    /// The assets, one per column.
    pub assets: Vec<Asset>,
    /// The days, ascending.
    pub days: Vec<ClosesDay>,
}

/// One day's closes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosesDay {
    /// Midnight UTC at the day's start.
    pub date: Timestamp,
    /// One close per asset; none where it is missing.
    pub closes: Vec<Option<Price>>,
}

/// Opens a risk epoch with the methodologies in force.
///
/// Workers take the market from the engine's published view, compute the arrays beside it and send
/// both here. By hand both may be left out: then the live market is taken and nothing compared.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenEpoch {
    /// The market that the arrays were computed from.
    #[serde(default)]
    pub market: Option<EpochMarket>,
    /// The hash of the arrays, as [`risk::Epoch::arrays_hash`] gives it.
    #[serde(default)]
    pub arrays_hash: Option<String>,
    /// What the venue's accounts hold of each asset for haircuts: a published figure that follows
    /// large deposits with notice.
    #[serde(default)]
    pub holdings: Vec<(Asset, Amount)>,
}

/// A market in whole numbers: what [`crate::State::epoch_market`] gives.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochMarket {
    /// The sequence number up to which it holds.
    pub sequence: u64,
    /// Index prices in US dollars with their confidence in parts per million.
    pub prices: Vec<(Asset, Price, u32)>,
    /// Forwards and volatilities.
    pub surfaces: Vec<Surface>,
    /// Marks of the listed instruments, with the funding that a long is expected to pay over 8
    /// hours in parts per billion.
    pub quotes: Vec<(InstrumentId, Price, i64)>,
    /// Its time.
    pub time: Timestamp,
}
