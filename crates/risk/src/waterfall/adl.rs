//! Auto-deleveraging: what no market takes over is closed against those who gained.
//!
//! The deficit of a case is [split over its legs](split_residual); each leg is a [`Need`] of so many
//! lots that bring so much money short. Those on the other side are [`Candidate`]s, who give up no more
//! than [`capacity`]. [`allocate`] says who gives up how many lots under a [`Policy`], [`refill`] does
//! so until everybody touched still stands, and [`charge`] splits the money to the unit.

mod need;
mod outlook;
mod policy;
mod refill;

pub use need::{Need, capacity, charge, split_residual};
pub use outlook::{Outlook, outlook};
pub use policy::{Allocation, Candidate, Policy, allocate};
pub use refill::refill;
