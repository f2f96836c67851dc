//! The arithmetic of the default waterfall: forced trades, auctions, the insurance fund,
//! auto-deleveraging and the capped cut of unsettled profits.
//!
//! Each function here is small, pure and exact. Money is an `i128`, or a `u128` where it can't be
//! negative, in the smallest unit of whatever asset the caller settles in; sizes are whole lots; a
//! [`Share`] is a part of one in 10⁻¹⁸. Products are taken in 256 bits and every division says which
//! way it rounds. Nothing here knows of accounts, books and time: who acts on these figures, when,
//! is the engine's part. What each formula means: `docs/methodology/waterfall.md`.
//!
//! ```
//! use plimsoll_risk::waterfall::auction::AuctionState;
//! use plimsoll_risk::waterfall::{Share, allowed_loss};
//!
//! // 90 of equity against a requirement of 100: a trade that frees 40 may cost 36 against mark.
//! assert_eq!(allowed_loss(90, 100, 60)?, 36);
//!
//! // At a discount of 10 %, 25/106 of it must be sold to restore 1.15 times the requirement.
//! let state = AuctionState { equity: 90, value: 90, maintenance: 100, paid_in: 0 };
//! let share = state.restoring_share(Share::from_ppb(150_000_000), Share::from_ppb(100_000_000))?;
//! assert_eq!(share.to_string(), "0.235849056603773585");
//! # Ok::<(), plimsoll_risk::waterfall::WaterfallError>(())
//! ```

pub mod adl;
pub mod auction;
mod capped_cut;
mod error;
pub mod fund;
mod share;
mod solvency;
mod split;
mod wide;
mod zero_price;

pub use capped_cut::{Cut, capped_cut};
pub use error::WaterfallError;
pub use share::Share;
pub use solvency::Solvency;
pub use split::{AMOUNT_MAX, Claim, Filled, largest_remainder, water_fill};
pub use zero_price::{allowed_loss, worst_price};
