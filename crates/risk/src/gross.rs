//! The gross bound: an upper bound on initial margin in integers, without scenarios.
//!
//! A sub-additive requirement is never more than the sum of what its parts need alone. So what one
//! lot of each instrument and one unit of each coin needs, computed once per epoch, bounds every
//! account by a handful of products, and most orders can be admitted by it. What does not depend on
//! the epoch alone is bounded from the account's balances, marks and orders:
//!
//! - of a position and the orders on it, the longest it may become counts as long and the shortest
//!   as short, because in any scenario one lot loses on one side only;
//! - the cliff at an expiry needs nothing more: the requirement without the legs that expire is
//!   within the same sum;
//! - funding and unpaired short options are charges per lot of one side; roll, vega spread and the
//!   tenor twist are charges per lot of size, nothing netted;
//! - liquidity and concentration follow from the gross delta of each underlying, impact and all;
//! - feeds without confidence, lost pegs, wrong-way collateral, entries of orders and the cash that
//!   they move are computed as the full computation does, each part from its worse side.
//!
//! No bound exists (`None`) where one of these does not hold or a number is too large: then only
//! the full computation answers.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use plimsoll_risk as risk;
//! # use risk::{Confidence, Epoch, EpochInputs, GrossBalance, GrossPosition, GrossTable};
//! # let mut market = risk::Market::at("2026-02-05T16:00:00Z".parse()?);
//! # for (name, price) in [("BTC", "60000"), ("USDC", "1")] {
//! #     let asset: instruments::Asset = name.parse()?;
//! #     market.assets.insert(asset, risk::AssetMarket { price: price.parse()?, confidence: Confidence::FULL });
//! #     market.underlyings.insert(instruments::Underlying::of(asset), Default::default());
//! # }
//! # let core = risk::Methodology::built_in("core").expect("it ships");
//! # let venue_balances = BTreeMap::new();
//! # let inputs = EpochInputs { market: &market, history: None, venue_balances: &venue_balances };
//! let perpetual: instruments::Instrument = "BTC_USDC-PERPETUAL".parse()?;
//! let epoch = Epoch::open(&core, inputs, &[perpetual])?;
//! let table = GrossTable::of(&epoch, &[perpetual]).expect("core is sub-additive");
//! // One coin long at mark, and an account of dollars alone.
//! let position = GrossPosition {
//!     instrument: 0,
//!     lots: perpetual.lots_of("1")?.lots(),
//!     mark: "60000".parse()?,
//!     confidence: Confidence::FULL,
//! };
//! let balances: Vec<GrossBalance> = table
//!     .assets()
//!     .iter()
//!     .map(|asset| Ok(GrossBalance { price: market.price(*asset)?, ..GrossBalance::default() }))
//!     .collect::<Result<_, risk::RiskError>>()?;
//! let bound = table.bound(market.time, &balances, [position], []);
//! assert!(bound.expect("nothing is beyond its limits") > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod charge;
mod order;
mod rate;
mod realised;
mod sum;
mod table;
mod watch;

use instruments::{Amount, Asset, Price, Timestamp};

use crate::market::Confidence;
pub(crate) use table::loss_weight;

use rate::Rate;

/// Most assets and most underlyings of a table; an account's sums are kept on the stack.
const GROUPS_MAX: usize = 32;

/// What bounds the initial margin of accounts in one epoch: per instrument, underlying and asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrossTable {
    opened: Timestamp,
    /// In the order in which the table was asked for; `None` where no bound exists.
    instruments: Vec<Option<InstrumentTerms>>,
    underlyings: Vec<UnderlyingTerms>,
    /// See [`GrossTable::delta_max`].
    delta_max: u64,
    assets: Vec<Asset>,
    terms: Vec<AssetTerms>,
    /// Feeds below this confidence are charged, in parts per million.
    oracle_below: u32,
    oracle_rate: Rate,
    /// Ticks that 10⁻⁸ of an asset at a price of 10⁻⁸ is worth.
    worth: Rate,
    /// 10⁻⁸.
    per_scale: Rate,
    /// A loss on entry counts in every block of a term.
    entry_weight: u32,
    /// Maintenance margin's part of requirement and charges.
    maintenance_share: Rate,
    /// Whether charges that follow live marks or feeds are in it.
    charges_follow_marks: bool,
    /// Where tenor buckets end, in milliseconds to expiry.
    bucket_ends: Vec<i64>,
}

/// What one lot adds to the bound at most, in ticks rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrossUnit {
    /// Per lot that the position may be long: requirement and funding.
    pub long: u64,
    /// Per lot that it may be short: requirement, funding and unpaired short options.
    pub short: u64,
    /// Per lot of the larger of both: roll, vega spread and tenor twist.
    pub size: u64,
    /// |Δ|·S per lot of the larger of both, for charges that grow with an underlying's sum.
    pub delta: u64,
    /// What one lot's size is worth at the index: the most that |Δ|·S is, up to rounding.
    pub notional: u64,
}

/// What an account holds of one instrument. Its profit, unless it is an option, is part of the
/// balance's `accrued`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrossPosition {
    /// The instrument's place in the list that the table was made from.
    pub instrument: u32,
    /// Signed lots held.
    pub lots: i64,
    /// The live mark.
    pub mark: Price,
    /// The least live confidence of the feeds that the instrument uses; see
    /// [`crate::Market::leg_confidence`].
    pub confidence: Confidence,
}

/// One instrument that an account has orders on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrossLeg {
    /// What is held of it.
    pub position: GrossPosition,
    /// Unrealised profit at the live mark, in the settlement asset; of an option not used. Zero if
    /// it is part of the balance's `accrued`.
    pub profit: Amount,
    /// At least and at most that profit, wherever it is counted; used where orders may realise it.
    pub realisable: [Amount; 2],
    /// Open orders to buy.
    pub bids: GrossOrders,
    /// Open orders to sell.
    pub asks: GrossOrders,
}

/// Open orders of one account on one side of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrossOrders {
    /// Lots still open, not negative.
    pub lots: i64,
    /// How many orders.
    pub count: u32,
    /// The limit that gives away most: the highest to buy, the lowest to sell.
    pub nearest: Price,
    /// The limit that gives away least: the lowest to buy, the highest to sell.
    pub farthest: Price,
    /// Σ |fee| of all fills, in the settlement asset.
    pub fees: Amount,
}

/// What an account has of one asset, and its live price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrossBalance {
    /// The balance; negative is a debt.
    pub balance: Amount,
    /// Funding accrued and not yet settled, and profit that no leg states.
    pub accrued: Amount,
    /// By how much `accrued` may be more than it says; not negative.
    pub uncertain: Amount,
    /// Live index price in US dollars.
    pub price: Price,
}

/// One instrument of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InstrumentTerms {
    unit: GrossUnit,
    kind: Kind,
    lot_size: u64,
    underlying: usize,
    /// The settlement asset.
    asset: usize,
    /// From here on it can't be margined.
    expiry: Option<Timestamp>,
    /// Whether time alone raises no charge on it as long as the table says anything.
    steady: bool,
}

/// How an instrument turns prices into cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A future or perpetual sized in its base asset.
    Linear,
    /// A future or perpetual sized in dollars and settled in coin.
    Inverse,
    /// An option, linear or inverse.
    Option,
}

/// One underlying of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct UnderlyingTerms {
    half_spread: Rate,
    /// Y·σ_d.
    impact: Rate,
    /// 2^56 over the daily volume in ticks.
    per_volume: Rate,
    range: Rate,
    /// √(1/(participation·threshold days)).
    concentration: Rate,
}

/// One asset of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AssetTerms {
    /// Whether holdings of it bring price risk into scenarios.
    joint: bool,
    /// Requirement of 10⁻⁸ of it, held and owed.
    long: Rate,
    short: Rate,
    /// The most that 10⁻⁸ of it gains and loses in any scenario, in ticks.
    rise: Rate,
    fall: Rate,
    /// Below this price it could lose more than all of it; then orders in it have no bound.
    price_min: i64,
    /// Share of a holding that does not count.
    haircut: Rate,
    /// What a debt weighs beyond its worth.
    debt_extra: Rate,
    holding_max_ticks: u128,
    /// The peg of a stablecoin in 10⁻⁸, zero for others; the charge per unit owed and unit lost.
    peg: i64,
    peg_factor: Rate,
    /// Correlation with losses of what no scenario moves.
    wrong_way: Rate,
}
