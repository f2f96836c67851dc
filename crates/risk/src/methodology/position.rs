//! Rules per position, for `cross` and `isolated` accounts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scenario::{AssetParameters, HaircutRules};

/// A methodology of kind `position`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionRules {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// `position`.
    pub kind: String,
    /// One line on what it is.
    pub summary: String,
    /// Where the rules come from.
    pub source: String,
    /// Risk ticks per US dollar.
    pub ticks_per_unit: i64,
    /// Options.
    pub options: OptionRules,
    /// How collateral is cut.
    pub haircut: HaircutRules,
    /// Futures and perpetuals, by underlying.
    pub futures: BTreeMap<String, FutureRules>,
    /// Parameters of each asset.
    #[serde(rename = "asset")]
    pub assets: Vec<AssetParameters>,
}

/// Futures and perpetuals: initial margin `(base + slope·size)·size·S`, maintenance half of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FutureRules {
    /// Initial margin of an infinitely small position, as a share of its notional.
    pub base: f64,
    /// Increase of that share per unit of the underlying.
    pub slope: f64,
    /// Maintenance margin as a share of initial margin.
    pub maintenance_share: f64,
}

/// Short options; long options are paid in full.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionRules {
    /// Initial margin of a short option at the money, as a share of the index, before its mark.
    pub short_base: f64,
    /// Floor of that share as the option goes out of the money.
    pub short_floor: f64,
    /// Maintenance margin of a short option as a share of the index, before its mark.
    pub maintenance: f64,
    /// Floor of a short put's maintenance margin as a share of its mark.
    pub put_maintenance_mark: f64,
}
