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
    /// What the source has and these rules don't.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// Risk ticks per US dollar.
    pub ticks_per_unit: i64,
    /// The price that the notional of futures and perpetuals is taken at.
    pub notional_at: NotionalAt,
    /// Options.
    pub options: OptionRules,
    /// Futures and perpetuals, by underlying.
    pub futures: BTreeMap<String, FutureRules>,
    /// The most that the options of one expiry can lose caps what they need together.
    #[serde(default)]
    pub expiry_cap: Option<ExpiryCap>,
    /// The charge for prices that are little trusted.
    #[serde(default)]
    pub oracle: Option<OracleRules>,
    /// The charge when the stablecoin of settlement is worth less than a dollar.
    #[serde(default)]
    pub peg: Option<PegRules>,
    /// The provision for the fees of closing.
    #[serde(default)]
    pub fees: Option<FeeRules>,
    /// How collateral is cut by its risk; the alternative to `collateral`.
    #[serde(default)]
    pub haircut: Option<HaircutRules>,
    /// Share of each asset's worth that counts; the alternative to `haircut`.
    #[serde(default)]
    pub collateral: BTreeMap<String, f64>,
    /// Parameters of each asset, for `haircut`.
    #[serde(rename = "asset", default)]
    pub assets: Vec<AssetParameters>,
}

/// The price that a notional is taken at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotionalAt {
    /// The underlying's index price.
    Index,
    /// The contract's own mark price.
    Mark,
}

/// Futures and perpetuals of one underlying.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FutureRules {
    /// For initial margin.
    pub initial: FutureRate,
    /// For maintenance margin.
    pub maintenance: FutureRate,
}

/// A future or perpetual needs `(rate + slope·size)·size·price`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FutureRate {
    /// What an infinitely small position needs, as a share of its notional.
    pub rate: f64,
    /// Increase of that share per unit of the underlying.
    #[serde(default)]
    pub slope: f64,
}

/// Options.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionRules {
    /// Whether a short option's requirement holds its mark and a long one is paid in full, so that
    /// option value is no part of equity; otherwise it is.
    pub mark_inside: bool,
    /// A short put's initial margin is at least this many times its maintenance margin.
    #[serde(default)]
    pub put_over_maintenance: f64,
    /// For initial margin.
    pub initial: OptionRates,
    /// For maintenance margin.
    pub maintenance: OptionRates,
}

/// What an option needs per unit of the underlying, with S the index:
///
/// - short: `max(short_rate − OTM/S, short_floor)·S`; of a put at least `put_mark_floor·mark` and at
///   most `put_cap·S`; the mark comes on top if it is inside;
/// - long: `min(long_mark·mark, long_rate·S)`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionRates {
    /// Share of the index at the money and in it.
    pub short_rate: f64,
    /// Floor of that share as the option goes out of the money.
    pub short_floor: f64,
    /// Floor of a short put as a share of its mark.
    #[serde(default)]
    pub put_mark_floor: f64,
    /// Cap of a short put as a share of the index.
    #[serde(default)]
    pub put_cap: Option<f64>,
    /// Share of its mark that a long option needs.
    #[serde(default)]
    pub long_mark: f64,
    /// Cap of that as a share of the index.
    #[serde(default)]
    pub long_rate: f64,
}

/// The options of one expiry need no more than they can lose by it: the worst of their payoffs at
/// each strike and at zero, and for each call sold beyond those held a multiple of the forward.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpiryCap {
    /// Multiple of the forward per unpaired short call, for initial margin.
    pub unpaired_initial: f64,
    /// The same for maintenance margin.
    pub unpaired_maintenance: f64,
}

/// Below the threshold a price's confidence c costs `(1 − c)·rate` of the notional that rests on
/// it, in initial margin: short options of an expiry, a perpetual, a coin held as collateral.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleRules {
    /// Confidence below which a feed is charged.
    pub threshold: f64,
    /// Charge per dollar of notional at no confidence.
    pub rate: f64,
}

/// Below the threshold the stablecoin's price p costs `(threshold − p)·rate` of the notional of
/// short options and perpetuals, in initial margin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PegRules {
    /// The stablecoin.
    pub asset: String,
    /// Price below which it is charged for.
    pub threshold: f64,
    /// Charge per dollar of notional and dollar lost.
    pub rate: f64,
}

/// The provision for the fees of closing: a share of a future's notional, `min(rate·S, cap·mark)`
/// per unit of an option.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeRules {
    /// Fee of a future or perpetual as a share of its notional.
    pub future: f64,
    /// Fee of an option as a share of the index.
    pub option: f64,
    /// Cap of an option's fee as a share of its mark.
    pub option_cap: f64,
}
