//! The shape of a methodology of kind `scenario`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::volatility::TenorPower;

/// A methodology of kind `scenario`: portfolio margin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioRules {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// `scenario`.
    pub kind: String,
    /// One line on what it is.
    pub summary: String,
    /// Where the rules come from.
    pub source: String,
    /// Risk ticks per US dollar: what one lot gains or loses is rounded once to these.
    pub ticks_per_unit: i64,
    /// Whether no netting can raise the requirement; only then is the fast bound used.
    pub subadditive: bool,
    /// Underlyings that share joint scenarios; the history must hold all of them. An underlying
    /// outside stands alone, without offsets, and its coin is no collateral.
    pub universe: Vec<String>,
    /// The underlying whose range is the market's.
    pub market: String,
    /// MM as a share of what counts for it.
    pub maintenance_share: f64,
    /// How far ahead scenarios look.
    pub horizon: Horizon,
    /// How ranges follow volatility.
    pub ranges: RangeRules,
    /// What volatility does in scenarios.
    pub volatility: VolatilityRules,
    /// Blocks of scenarios.
    #[serde(rename = "block")]
    pub blocks: Vec<Block>,
    /// The requirement is the largest of these.
    #[serde(rename = "term")]
    pub terms: Vec<Term>,
    /// Charges beside the scenarios.
    pub addons: AddOns,
    /// How collateral is cut.
    pub haircut: HaircutRules,
    /// Parameters of each asset.
    #[serde(rename = "asset")]
    pub assets: Vec<AssetParameters>,
}

/// How far ahead scenarios look.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Horizon {
    /// Whole days of a historical return.
    pub days: u32,
}

/// Ranges: `R_u = multiple · σ*_u · √days`, with `σ* = max(σ_now, σ_floor)·(1+b)`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeRules {
    /// Standard deviations that the range covers.
    pub multiple: f64,
    /// Decay of the exponentially weighted variance.
    pub decay: f64,
    /// Days whose mean square starts the weighted variance.
    pub seed_days: u32,
    /// Buffer b in calm times.
    pub buffer: f64,
    /// σ_now over σ_floor at which the buffer has been released in full; it shrinks linearly from
    /// a ratio of one (EMIR RTS 153/2013, Art. 28).
    pub buffer_released_at: f64,
    /// Most that σ* may rise from one day to the next, as a share of itself.
    pub rise_per_day_max: f64,
    /// No range goes beyond this.
    pub range_max: f64,
}

/// What volatility does in scenarios.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatilityRules {
    /// Relative rise at the reference tenor.
    pub up: f64,
    /// Relative fall at the reference tenor.
    pub down: f64,
    /// Tenor in days at which `up` and `down` apply as they stand.
    pub reference_days: f64,
    /// Power of reference over tenor below the reference.
    pub power_short: f64,
    /// Power of reference over tenor above the reference.
    pub power_long: f64,
    /// Tenors are taken as at least this many days.
    pub tenor_days_min: f64,
    /// A shocked volatility is never below this.
    pub floor: f64,
    /// Rise of log volatility at the reference tenor per unit of log fall of the underlying, where
    /// a history has no volatilities.
    pub response_fall: f64,
    /// The same per unit of log rise.
    pub response_rise: f64,
    /// Largest |change of log volatility| that the response gives.
    pub response_max: f64,
}

impl VolatilityRules {
    /// How moves of volatility depend on tenor.
    pub(crate) const fn tenor_power(&self) -> TenorPower {
        TenorPower {
            reference_days: self.reference_days,
            short: self.power_short,
            long: self.power_long,
            days_min: self.tenor_days_min,
        }
    }
}

/// A block of scenarios and how its losses aggregate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its name, for terms and explanations.
    pub name: String,
    /// Which scenarios it holds.
    pub moves: Moves,
    /// How its losses become one number.
    pub aggregator: Aggregator,
    /// Days that pass in each scenario.
    #[serde(default)]
    pub days: f64,
}

/// Which scenarios a block holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Moves {
    /// A grid of moves of the whole market, each underlying by its ratio of ranges, and tails.
    Together {
        /// Points over ± the market's range, an odd number.
        points: u32,
        /// Volatility moves that each point is combined with.
        volatility: Vec<VolatilityMove>,
        /// Far moves with their damping, volatility up.
        #[serde(default)]
        tails: Vec<Tail>,
    },
    /// Each underlying alone over the part of its range that correlation does not explain.
    Alone {
        /// Points over the range, an odd number.
        points: u32,
        /// Volatility moves that each point is combined with.
        volatility: Vec<VolatilityMove>,
    },
    /// The most recent joint returns, rescaled to today's volatility.
    Recent {
        /// How many at most.
        days: u32,
        /// How few are still enough.
        days_min: u32,
    },
    /// The joint returns of the most violent period.
    Stressed {
        /// How many consecutive ones.
        days: u32,
        /// Whether they are scaled up where today is more volatile than the day they come from.
        scale_up: bool,
    },
    /// Scenarios written out one by one.
    List {
        /// The scenarios.
        scenarios: Vec<StressList>,
    },
}

/// A volatility move of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolatilityMove {
    /// Down by `volatility.down`.
    Down,
    /// Unchanged.
    Same,
    /// Up by `volatility.up`.
    Up,
}

/// A far move with its damping.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// Relative move of the market, above −1.
    #[serde(rename = "move")]
    pub relative_move: f64,
    /// What the scenario's profit and loss is multiplied with.
    pub weight: f64,
}

/// One scenario written out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StressList {
    /// Its name.
    pub name: String,
    /// Relative move of each underlying named; the rest stand still.
    #[serde(default)]
    pub moves: BTreeMap<String, f64>,
    /// What volatilities do.
    #[serde(default)]
    pub volatility: Shape,
    /// Change of the annualised basis: forwards move by `exp(basis·τ)` more.
    #[serde(default)]
    pub basis: f64,
    /// Days that pass.
    #[serde(default)]
    pub days: f64,
    /// What its profit and loss is multiplied with.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// How volatilities move in a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// Not at all.
    #[default]
    None,
    /// Multiplied by `1 + amount·(reference/tenor)^power`.
    Multiply {
        /// Relative change at the reference tenor.
        amount: f64,
        /// The shocked volatility is never below this.
        #[serde(default)]
        floor: f64,
    },
    /// The smile tilts: multiplied by `1 + x·cap/k*` within ±cap, x = ln(K/F).
    LinearSkew(SkewShape),
    /// The smile bends: the same with x = |ln(K/F)|.
    AbsoluteSkew(SkewShape),
}

/// A skew: `cap = base·√τ + cap0`, `k* = max(k_min, √τ·width·(k0 + k1·√τ))`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkewShape {
    /// Growth of the cap with the square root of time to expiry.
    pub base: f64,
    /// Cap of the relative change of volatility at no time to expiry.
    pub cap0: f64,
    /// Least log-moneyness at which the cap is reached.
    pub k_min: f64,
    /// Width of the smile.
    pub width: f64,
    /// Log-moneyness of the cap per root of time.
    pub k0: f64,
    /// Its growth with the root of time.
    pub k1: f64,
    /// Sign and size of the tilt: 1 as it stands, −1 the other way.
    pub direction: f64,
}

/// How a block's losses become one number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Aggregator {
    /// The worst loss of the whole portfolio.
    Worst,
    /// The worst loss where gains on one underlying offset losses on another only in part.
    WorstWithOffset {
        /// Share of each underlying's gain that counts, in parts per million.
        offset_ppm: u32,
    },
    /// The root of the sum of squares of each underlying's worst loss.
    RootSumSquares,
    /// The mean of the k worst, k = ⌈N·(1−α)⌉.
    ExpectedShortfall {
        /// α in parts per million.
        alpha_ppm: u32,
    },
}

/// One candidate for the requirement: a weighted sum of blocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Its name in explanations.
    pub name: String,
    /// Weights by block, in parts per million.
    pub weights: BTreeMap<String, u32>,
}

/// Charges beside the scenarios. Each says whether it counts for maintenance too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddOns {
    /// Add-ons that count for maintenance margin, by name.
    pub maintenance: Vec<String>,
    /// Basis risk between expiries: yearly rate per dollar of delta.
    pub roll_rate: f64,
    /// Least charge per dollar of delta.
    pub roll_min: f64,
    /// Charge on the index value of each unpaired short option.
    pub unpaired_rate: f64,
    /// Coefficient Y of the square-root law of market impact.
    pub impact: f64,
    /// Share of daily volume at which a position can be closed.
    pub participation: f64,
    /// Days to close from which concentration is charged.
    pub concentration_days: f64,
    /// Confidence below which a feed is charged.
    pub oracle_threshold: f64,
    /// Charge per dollar of delta at no confidence.
    pub oracle_rate: f64,
    /// Non-parallel moves of the volatility term structure.
    pub tenor_twist: TenorTwist,
    /// The cliff when offsetting legs expire.
    pub expiry_cliff: Expiry,
}

/// Non-parallel moves of the volatility term structure.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenorTwist {
    /// Upper ends of the tenor buckets in days, ascending; one more bucket lies beyond.
    pub bucket_days: Vec<f64>,
    /// Move of volatility in each bucket, in absolute terms (0.05 is five points).
    pub shocks: Vec<f64>,
    /// Share of the smaller of two adjacent opposite charges that is netted.
    pub netting: f64,
}

/// The cliff when offsetting legs expire.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expiry {
    /// Hours before expiry over which the charge is phased in.
    pub hours: f64,
}

/// How collateral is cut: `h = 1 − exp(−[Y·σ_d·√(N/ADV) + ½spread + peg])`, and in `cross` and
/// `isolated` accounts also `z·σ·√τ`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaircutRules {
    /// Coefficient Y of the square-root law of market impact.
    pub impact: f64,
    /// Standard deviations z of price risk outside `portfolio` accounts.
    pub price_multiple: f64,
    /// Days τ over which that price risk is taken.
    pub price_days: f64,
}

/// What kind of asset a collateral is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// Money itself.
    Fiat,
    /// A token that promises one US dollar.
    Stable,
    /// Anything with a price of its own.
    Coin,
}

/// Parameters of one asset.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetParameters {
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: AssetKind,
    /// Least daily volatility that ranges assume.
    pub volatility_floor: f64,
    /// Mean correlation with the market, ρ̄.
    #[serde(default)]
    pub market_correlation: f64,
    /// Average daily volume over all venues, in US dollars.
    pub volume_usd: f64,
    /// Half the bid–ask spread, as a share of price.
    pub half_spread: f64,
    /// Half the bid–ask spread of option volatility, in absolute terms.
    #[serde(default)]
    pub volatility_half_spread: f64,
    /// Least haircut.
    #[serde(default)]
    pub haircut_min: f64,
    /// Most that one account's holding counts for, in US dollars.
    pub collateral_max_usd: f64,
    /// Price below which a stablecoin has lost its peg.
    #[serde(default)]
    pub peg_threshold: f64,
    /// Charge per dollar owed and dollar lost.
    #[serde(default)]
    pub peg_factor: f64,
    /// Correlation of collateral outside the scenarios with the portfolio's losses.
    #[serde(default)]
    pub wrong_way_correlation: f64,
}

impl AssetParameters {
    /// The asset itself.
    #[must_use]
    pub fn asset(&self) -> instruments::Asset {
        self.name.parse().expect("asset names are checked when the methodology is read")
    }
}
