//! The shape of a methodology of kind `grid`: portfolio margin as venues publish it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scenario::Shape;
use crate::volatility::{TenorPower, multiplier, shocked};

/// A methodology of kind `grid`: stated scenarios per underlying, charges beside them, and how the
/// two make a requirement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridRules {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// `grid`.
    pub kind: String,
    /// One line on what it is.
    pub summary: String,
    /// Where the rules come from, with the date.
    pub source: String,
    /// What the source has and these rules have not.
    pub left_out: Vec<String>,
    /// From what and in which unit profit is counted.
    pub valuation: ValuationRules,
    /// How volatilities move.
    pub volatility: GridVolatility,
    /// What the value of an expiry's options is discounted with in scenarios.
    #[serde(default)]
    pub discount: Option<StaticDiscount>,
    /// How requirements become initial and maintenance margin.
    pub margin: MarginFactors,
    /// Parameters of each underlying; one without an entry is not margined.
    #[serde(rename = "underlying")]
    pub underlyings: Vec<UnderlyingRules>,
    /// Assets that may be held, and what is charged on them.
    #[serde(rename = "asset")]
    pub assets: Vec<CollateralRules>,
    /// Blocks of scenarios.
    #[serde(rename = "block")]
    pub blocks: Vec<GridBlock>,
    /// Charges beside the scenarios.
    #[serde(rename = "charge", default)]
    pub charges: Vec<Charge>,
    /// Candidates for the requirement: the largest counts.
    #[serde(rename = "term")]
    pub terms: Vec<GridTerm>,
}

/// From what and in which unit profit is counted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValuationRules {
    /// What an option's profit is measured from.
    pub baseline: Baseline,
    /// At which price a profit made in coin is converted.
    pub coin_profit: CoinProfit,
    /// What futures and perpetuals move with.
    pub futures: FuturesMove,
    /// How underlyings stand to each other.
    pub across: Across,
    /// Where it counts what a fill of an open order gains or loses at once.
    pub order_entry: OrderEntry,
}

/// Where it counts what a fill of an open order gains or loses against its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEntry {
    /// In the scenarios, gains too, damped as they are.
    InScenarios,
    /// Beside the requirement, losses and fees only: then no fill takes what was not reserved.
    Beside,
}

/// What an option's profit is measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The model's value at the market as it stands.
    Model,
    /// The mark price.
    Mark,
}

/// At which price a profit made in coin is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoinProfit {
    /// At today's index, as venues do that margin in coin.
    AtIndex,
    /// At the scenario's index, as venues do that margin in dollars.
    AtScenario,
}

/// What futures and perpetuals move with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FuturesMove {
    /// With their own mark: a move of 1 % is 1 % of it.
    Mark,
    /// With the index: a move of 1 % is 1 % of the index.
    Index,
}

/// How underlyings stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// Each is margined by itself and the requirements add up.
    Apart,
    /// All move in the same scenario; gains count by each underlying's `gain_share`.
    Together,
}

/// How volatilities move in a grid.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridVolatility {
    /// Tenor in days at which moves apply as they stand.
    pub reference_days: f64,
    /// Power of reference over tenor below the reference.
    pub power_short: f64,
    /// Power of reference over tenor above the reference.
    pub power_long: f64,
    /// Tenors are taken as at least this many days.
    pub tenor_days_min: f64,
    /// The moves by the names that scenarios use.
    pub moves: BTreeMap<String, Shape>,
}

impl GridVolatility {
    /// What a move multiplies the volatility of a tenor in years with, at moneyness ln(K/F). It may
    /// be negative, which counts as zero; `None` if there is no such move.
    #[must_use]
    pub fn multiplier(&self, name: &str, years: f64, moneyness: f64) -> Option<f64> {
        let factor = self.tenor_power().factor(years);
        self.moves.get(name).map(|shape| multiplier(*shape, factor, years, || moneyness))
    }

    /// A yearly volatility after a move, not below the move's floor; `None` if there is no such
    /// move.
    #[must_use]
    pub fn moved(&self, name: &str, volatility: f64, years: f64, moneyness: f64) -> Option<f64> {
        let factor = self.tenor_power().factor(years);
        let shape = self.moves.get(name)?;
        Some(shocked(*shape, volatility, factor, years, || moneyness))
    }

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

/// The value V of all options of an expiry counts in a scenario as `V·long`, with
/// `long = long_base·exp(−τ(r·long_rate_multiple + long_rate_add))`, if it is positive, else as
/// `V·min(exp(rτ), short)` with `short = short_base·exp(τ(r·short_rate_multiple + short_rate_add))`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticDiscount {
    /// Factor of a positive value.
    pub long_base: f64,
    /// Share of the rate in its discount.
    pub long_rate_multiple: f64,
    /// Yearly addition to the rate in its discount.
    pub long_rate_add: f64,
    /// Factor of a negative value.
    pub short_base: f64,
    /// Share of the rate in its growth.
    pub short_rate_multiple: f64,
    /// Yearly addition to the rate in its growth.
    pub short_rate_add: f64,
}

/// `initial margin = (initial + max(0, peg_threshold − stable price)·peg_factor)·R + charges`,
/// `maintenance margin = maintenance·R + charges`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarginFactors {
    /// Factor of initial margin.
    pub initial: f64,
    /// Factor of maintenance margin.
    pub maintenance: f64,
    /// Price below which the settlement stablecoin has lost its peg.
    #[serde(default)]
    pub peg_threshold: f64,
    /// Increase of the initial factor per dollar below it.
    #[serde(default)]
    pub peg_factor: f64,
}

impl MarginFactors {
    /// The factor of initial margin at a price of the settlement stablecoin.
    #[must_use]
    pub fn initial_at(&self, stable_price: f64) -> f64 {
        self.initial + (self.peg_threshold - stable_price).max(0.0) * self.peg_factor
    }
}

/// Parameters of one underlying.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnderlyingRules {
    /// Its base asset.
    pub name: String,
    /// What the moves of scenarios are shares of; 1 where they are stated as they are.
    #[serde(default = "one")]
    pub range: f64,
    /// Share of its gains that offsets losses.
    #[serde(default = "one")]
    pub gain_share: f64,
    /// Charge `roll`: yearly move of the basis.
    #[serde(default)]
    pub roll_rate: f64,
    /// Charge `roll`: least move of the basis.
    #[serde(default)]
    pub roll_min: f64,
    /// Charge `minimum`: share of gross notional.
    #[serde(default)]
    pub minimum_rate: f64,
}

/// An asset that may be held. It counts at its full value in equity; the rates are charges.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollateralRules {
    /// Its name.
    pub name: String,
    /// Share of its value in initial margin.
    #[serde(default)]
    pub initial: f64,
    /// Share of its value in maintenance margin.
    #[serde(default)]
    pub maintenance: f64,
    /// Whether its price moves in the scenarios of its own underlying.
    #[serde(default)]
    pub in_scenarios: bool,
}

/// A block of scenarios.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridBlock {
    /// Its name, for terms and explanations.
    pub name: String,
    /// How expiries stand to each other.
    #[serde(default)]
    pub expiries: Expiries,
    /// The scenarios.
    pub scenarios: Vec<GridScenario>,
}

/// How expiries of one underlying stand to each other in a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiries {
    /// Their profits add up.
    #[default]
    Net,
    /// What each gains counts as a loss of that size, as if the smile moved the other way. Options
    /// are valued at today's price, whatever the scenario's move.
    Absolute,
}

/// One scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridScenario {
    /// Relative move of the underlying, in shares of its range.
    #[serde(rename = "move", default)]
    pub relative_move: f64,
    /// Name of the move of volatility; none if it stays.
    #[serde(default)]
    pub volatility: Option<String>,
    /// What profit and loss is multiplied with.
    #[serde(default = "one")]
    pub weight: f64,
}

/// A charge beside the scenarios.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Its name, for terms and explanations.
    pub name: String,
    /// What it is.
    pub of: ChargeKind,
    /// How often it counts in initial margin, if no term holds it.
    #[serde(default)]
    pub initial: f64,
    /// How often it counts in maintenance margin, if no term holds it.
    #[serde(default)]
    pub maintenance: f64,
}

/// What is charged, each per underlying. S is the index, Δ a sum of signed deltas in units of the
/// underlying.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChargeKind {
    /// `Σ_e max(0, −worst change of the expiry's options over the moves)·(add + multiple·τ_e)`.
    Basis {
        /// Relative moves.
        moves: Vec<f64>,
        /// Part of the worst change.
        add: f64,
        /// Part of it per year.
        multiple: f64,
    },
    /// `(hedged·H + unhedged·U)·S`: U is the larger side of Δ less the other, H the rest of it.
    DeltaFloor {
        /// Rate on hedged delta.
        hedged: f64,
        /// Rate on unhedged delta.
        unhedged: f64,
    },
    /// `|net size of perpetuals|·S`.
    Perpetuals,
    /// `Σ max(0, −(calls + puts))·S` over strikes and expiries.
    ShortStrikes,
    /// Value of collateral by the rates of its `[[asset]]`; `initial` and `maintenance` multiply.
    Collateral,
    /// `(1 − c)·rate` of the notional of each group of legs whose least confidence c is below the
    /// threshold: perpetuals net, options gross per expiry, collateral by its value.
    Confidence {
        /// Confidence from which nothing is charged.
        threshold: f64,
        /// Charge per unit of notional at no confidence.
        rate: f64,
    },
    /// `Σ_e |Δ_e|·P·max(roll_rate·τ_e, roll_min)`, perpetuals at τ = 0.
    Roll {
        /// The price P.
        price: ChargePrice,
    },
    /// `max(0, Σ size·S·rate over 8 hours)` of perpetuals: what funding is expected to cost.
    Funding {
        /// What the payments of resting orders are multiplied with.
        orders: f64,
    },
    /// Cost of closing: futures `rate·size·mark`, options `min(rate·S, option_cap·mark)·size`.
    Fees {
        /// Rate of futures and perpetuals.
        futures: f64,
        /// Rate of options.
        options: f64,
        /// Most that is charged on an option, as a share of its mark.
        option_cap: f64,
    },
    /// What options lose as the days pass, if they do.
    Theta {
        /// Days.
        days: f64,
    },
    /// `Σ |size|·P·minimum_rate` of everything but long options.
    Minimum {
        /// The price P.
        price: ChargePrice,
    },
}

/// At which price a charge takes futures and perpetuals; options are taken at the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargePrice {
    /// The index.
    Index,
    /// Their mark.
    Mark,
}

/// One candidate for the requirement of an underlying: the sum of blocks and charges.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridTerm {
    /// Its name in explanations.
    pub name: String,
    /// Names of blocks, of which the worst loss counts, and of charges.
    pub parts: Vec<String>,
}

/// What a term's part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TermPart {
    /// The worst loss of the block in this place.
    Block(usize),
    /// The charge in this place.
    Charge(usize),
}

impl GridRules {
    /// The parts of a term, by their places.
    pub(crate) fn parts(&self, term: &GridTerm) -> Vec<TermPart> {
        let block = |name: &String| self.blocks.iter().position(|block| &block.name == name);
        let charge = |name: &String| self.charges.iter().position(|charge| &charge.name == name);
        let part = |name: &String| {
            block(name).map(TermPart::Block).or_else(|| charge(name).map(TermPart::Charge))
        };
        term.parts.iter().filter_map(part).collect()
    }
}

fn one() -> f64 {
    1.0
}
