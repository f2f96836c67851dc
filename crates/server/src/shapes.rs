//! Results as the dialect writes them.

pub mod holdings;
pub mod instruments;
pub mod market;
pub mod notice;
pub mod orders;
pub mod portfolio;
pub mod position_margin;
pub mod risk;
pub mod trades;
