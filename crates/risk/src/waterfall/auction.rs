//! Auctions of a whole portfolio in vertical slices, so that hedges stay whole.
//!
//! The discount at which a slice may be sold grows by a published [`Schedule`]; sealed bids are
//! [cleared](clear) at the least discount whose bids cover what must be sold there. What must be sold
//! follows from [`AuctionState::restoring_share`], made exact by [`least_slice`]. An insolvent
//! account's taker is paid by the fund, by [`TakeOver`]. The form of the formulas is Derive's
//! (derivexyz/v2-core, 2024), with the portfolio's equity after haircuts in the place of its value.

mod bundle;
mod clearing;
mod insolvent;
mod reserve;
mod slice;
mod state;

pub use bundle::Bundle;
pub use clearing::{AuctionTerms, Bid, Cleared, Fill, clear};
pub use insolvent::TakeOver;
pub use reserve::{Schedule, reserve_duration_ms};
pub use slice::{Slice, least_slice, slice_cost, slice_lots};
pub use state::{AuctionState, FEE_MAX, fund_fee};
