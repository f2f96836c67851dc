//! The sets from outside: what is published passes, what is changed is found, nothing panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod deribit;
mod derive_auction;
mod derive_pmrm2;
mod derive_srm;
mod files;
mod fuzz;
mod implied_volatility;
mod lognormal_es;
mod okx;
mod ore;
mod paradex;
mod paradex_package;
