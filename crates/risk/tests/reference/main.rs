//! Margins computed a second time: by hand on small accounts, and by an independent model in
//! plain floating point.
#![allow(clippy::unwrap_used)]

mod addons;
mod admission;
mod cliff;
mod collateral;
mod euler;
mod grid;
mod history;
mod model;
mod orders;
mod position;
mod requirement;
mod scenarios;
mod shortfall;
mod standard;
mod world;
