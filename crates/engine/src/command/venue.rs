//! Commands of the venue: assets, accounts, instruments, methodologies.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Asset, Instrument, Timestamp, Underlying};
use ledger::AccountId;
use risk::MarginModel;
use serde::{Deserialize, Serialize};

use crate::InstrumentId;
use crate::change::Change;
use crate::prices::{BreakerRules, IndexRules, InterestRules};
use crate::rules::{InstrumentTerms, MarketState};

use super::SourceWeight;

/// Adds an asset to the ledger. One that is not the US dollar has an index.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddAsset {
    /// Its ticker.
    pub asset: Asset,
    /// What a debt in it costs.
    #[serde(default)]
    pub interest: InterestRules,
    /// When a move of its index halts the markets that depend on it.
    #[serde(default)]
    pub breaker: BreakerRules,
}

/// Names the sources of an asset's index and their weights; reports of others are refused.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSources {
    /// The asset.
    pub asset: Asset,
    /// How the index is made of reports.
    #[serde(default)]
    pub rules: IndexRules,
    /// The sources.
    pub sources: Vec<SourceWeight>,
}

/// Opens an account; its number is the next one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// For a subaccount, the main account of its owner.
    #[serde(default)]
    pub owner: Option<AccountId>,
    /// How it is margined.
    pub margin_model: MarginModel,
}

/// Lists an instrument; its number is the next one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListInstrument {
    /// What is listed.
    pub instrument: Instrument,
    /// Its terms.
    pub terms: InstrumentTerms,
    /// Whether it opens with a call period.
    #[serde(default)]
    pub call: bool,
}

/// Opens or closes markets.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMarketState {
    /// Which markets.
    pub scope: MarketScope,
    /// Their state from now on.
    pub state: MarketState,
}

/// Which markets a command is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum MarketScope {
    /// All of them.
    All,
    /// Those on an underlying.
    Underlying(Underlying),
    /// One.
    Instrument(InstrumentId),
}

/// Publishes a methodology: `scenario` for `portfolio` accounts, `position` for `cross` and
/// `isolated` ones.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMethodology {
    /// The whole text of the methodology's file, so that replay needs nothing else.
    pub text: String,
    /// Until when maintenance margin is the lower of the old one and the new.
    pub notice_ends: Timestamp,
}

/// Announces a change of parameters, which the first tick at or after its time makes. What it
/// names must not be announced already, and is checked now and once more when it is made.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announce {
    /// When it is made.
    pub effective_at: Timestamp,
    /// What changes.
    pub change: Change,
}

/// Changes an account's margin model.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeMarginModel {
    /// The account.
    pub account: AccountId,
    /// The model that is wanted.
    pub margin_model: MarginModel,
    /// Only say what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// Makes a retry harmless.
    #[serde(default)]
    pub request: Option<u64>,
}
