//! The insurance fund: layers, draws with their provenance, and when its fall calls for early
//! auto-deleveraging.

mod layers;
mod peak;

pub use layers::{Contribution, Draw, FundLayers, GroupLayer, fee_parts, size_target};
pub use peak::{EarlyDeleveraging, PeakWatch, WINDOW_MS};
