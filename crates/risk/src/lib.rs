//! Given a market and a portfolio: what margin it needs, and why.
//!
//! A [`Methodology`] is data. Opened on a [`Market`] it becomes an [`Epoch`]: scenarios, and for
//! each instrument a [`RiskArray`], the profit of one lot in every scenario, rounded once to
//! integer ticks. A portfolio's vector is the integer sum of its arrays, so it does not depend on
//! order, machine or history of changes. From the vector come the requirement, initial and
//! maintenance margin, and an [`Explanation`] that adds up to the tick.
//!
//! ```
//! use std::collections::BTreeMap;
//! use plimsoll_risk as risk;
//! use risk::{Account, AssetMarket, Confidence, EpochInputs, Market, Methodology, UnderlyingMarket};
//!
//! // Bitcoin at 60,000 dollars, and an account with one coin that is short one coin of perpetuals.
//! let bitcoin: instruments::Asset = "BTC".parse()?;
//! let market = Market {
//!     time: "2026-02-05T16:00:00Z".parse()?,
//!     assets: BTreeMap::from([(bitcoin, AssetMarket { price: "60000".parse()?, confidence: Confidence::FULL })]),
//!     underlyings: BTreeMap::from([(instruments::Underlying::of(bitcoin), UnderlyingMarket::default())]),
//!     quotes: BTreeMap::new(),
//! };
//! let perpetual: instruments::Instrument = "BTC-PERPETUAL".parse()?;
//! let mut account = Account::named("hedged");
//! account.balances.insert(bitcoin, "1".parse()?);
//! account.trade(perpetual, perpetual.lots_of("-60000")?, "60000".parse()?)?;
//!
//! let core = Methodology::built_in("core").expect("it ships");
//! let venue_balances = BTreeMap::new();
//! let inputs = EpochInputs { market: &market, history: None, venue_balances: &venue_balances };
//! let epoch = risk::Epoch::open(&core, inputs, &[perpetual])?;
//! let margin = risk::margin(&epoch, &market, &account)?;
//! assert!(margin.initial >= margin.maintenance);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate knows nothing of files, orders matching or time passing: its results are a pure
//! function of their arguments, with the same bits on every machine.

mod account;
pub mod addons;
mod admission;
mod array;
mod cap;
mod cliff;
mod curve;
mod dense;
mod epoch;
mod equity;
mod error;
mod euler;
mod explain;
mod exposure;
mod fixed;
mod flat;
mod greeks;
pub mod grid;
mod gross;
mod haircut;
mod hash;
mod historical;
mod history;
mod lognormal;
mod margin;
mod market;
mod matrix;
pub mod methodology;
mod orders;
mod portfolio;
pub mod position;
mod pretrade;
mod ranges;
mod requirement;
mod room;
mod scenario;
mod settlement;
mod valuation;
mod vector;
mod volatility;
pub mod waterfall;
pub mod whole_book;
mod withdrawal;

pub use account::{Account, MarginModel, OpenOrder, Position, Traded};
pub use addons::AddOn;
pub use admission::{
    Admission, Refusal, Standing, UnitRequirement, account_after_fill, admit, admit_exactly,
    fast_bound, heals, margin_after_fill,
};
pub use array::{RiskArray, Sensitivity};
pub use curve::{Crossing, CurveInputs, HealthCurve, HealthPoint, Line, health_curve};
pub use dense::{
    DenseAccount, DenseBalance, DenseEpoch, DenseOrder, DensePosition, DenseRoom, DenseStanding,
    DenseSums,
};
pub use epoch::{Epoch, EpochInputs};
pub use equity::{CollateralLine, Equity, ProfitLine};
pub use error::RiskError;
pub use euler::Component;
pub use explain::{Explanation, GreeksLine, Part, ScenarioLine, add_position, explain};
pub use fixed::{FixedCurve, FixedError};
pub use flat::{FlatEntry, FlatMap};
pub use greeks::{Greeks, per_lot};
pub use grid::{Grid, GridDetail};
pub use gross::{GrossBalance, GrossLeg, GrossOrders, GrossPosition, GrossTable, GrossUnit};
pub use haircut::{Haircut, Haircuts};
pub use hash::{market as market_hash, portfolio as portfolio_hash};
pub use historical::HistoricalProfits;
pub use history::{History, HistoryDay};
pub use lognormal::{LogNormalForward, ShortfallFactors};
pub use margin::{Assessment, InitialMargin, Margin, MarginDetail, ScenarioDetail, margin};
pub use market::{AssetMarket, Confidence, ExpiryMarket, Market, Quote, UnderlyingMarket};
pub use matrix::Matrix;
pub use methodology::{Methodology, MethodologyError};
pub use portfolio::PortfolioVector;
pub use position::{ByPosition, PositionDetail, PositionMargin};
pub use pretrade::PreTrade;
pub use ranges::{Range, Ranges};
pub use requirement::{BlockLoss, Fraction, Profits, Requirement, TermValue};
pub use room::Room;
pub use scenario::{BlockSpan, Move, Scenario, ScenarioSet, TermBlocks, VolatilityShock};
pub use valuation::Valuation;
pub use vector::Ticks;
pub use withdrawal::{withdrawable, withdrawable_by};
