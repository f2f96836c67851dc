//! A venue lived through in hours of simulated time: seeded prices or real ones, a thousand accounts
//! that trade, and what can go wrong going wrong, with every invariant checked all the way.
//!
//! [`simulate`] founds a venue on a [node], lets agents trade on it step by step, and checks
//! [`Invariants`] after every command on a second engine, the *twin*, which takes what the node has
//! released and must answer alike. With faults, the node's storage fails again and again; what it
//! recovers to must be where its twin is, which never stopped. What breaks is given back as a short
//! script of commands ([`Shrunk`]).
//!
//! ```
//! use plimsoll_simulator::{Options, simulate};
//!
//! let options = Options { hours: 1, accounts: 20, commands: Some(2_000), ..Options::default() };
//! let report = simulate(&options, &mut |_| {}, None)?;
//! assert!(report.fills > 0 && report.checks_made() > report.commands);
//! assert_eq!(simulate(&options, &mut |_| {}, None)?.state_hash, report.state_hash);
//! # Ok::<(), plimsoll_simulator::SimulationError>(())
//! ```
//!
//! What the world is like, and what is checked when, is told in the book, in
//! `docs/concepts/simulator.md`.

#![deny(missing_docs)]

mod agents;
pub mod bots;
mod crash;
mod daily;
mod draws;
mod drive;
mod epochs;
mod error;
mod faults;
mod habits;
mod invariants;
mod liquidation;
mod live;
mod market;
mod options;
mod oracle;
mod people;
mod report;
mod script;
mod shrink;
mod simulation;
mod twin;
mod venue;
mod world;

pub use crash::Crash;
pub use error::SimulationError;
pub use invariants::{Broken, Cadence, ExtraCheck, Invariants, MarginUse};
pub use liquidation::MakeBot;
pub use live::{LiveMarket, LiveOptions, LiveStep, TRANSFERS_FROM};
pub use options::{Bidding, FineSteps, Leverage, LiquidationSetup, Options, RealData};
pub use report::{FaultCounts, Layer, LayerCases, Report, Waterfall};
pub use shrink::Shrunk;
pub use simulation::{Told, check, simulate, simulate_with_bot};
