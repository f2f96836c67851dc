//! Liquidation as the engine keeps it: its rules, the cases that are open, the fund's layers.

mod case;
mod rules;
mod view;

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Underlying;
use risk::waterfall::fund::{FundLayers, PeakWatch};

pub(crate) use case::{Case, StandingBid};
pub use case::{CaseId, Outcome, Stage};
pub use rules::{AdlPolicy, FundGroup, LiquidationRules};
pub use view::{AdlOutlook, AdlOutlooks, CaseView, FundGroupView, FundView};

/// All of it. Nothing is liquidated until rules are set.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Liquidation {
    pub rules: Option<LiquidationRules>,
    /// Those that are open.
    pub cases: BTreeMap<CaseId, Case>,
    /// The number of the last one.
    pub last: u64,
    /// Layers of risk groups. What the fund holds beyond them, as the ledger has it, is shared:
    /// `shared` is zero here.
    pub fund: FundLayers<Underlying>,
    /// The fund's recent peak.
    pub watch: Option<PeakWatch>,
}
