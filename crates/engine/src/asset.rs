//! One asset as the engine keeps it: its index, its expiries, what debts in it cost.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Price, Timestamp, Underlying};
use ledger::Index;
use risk::FixedCurve;

use crate::command::SourceWeight;
use crate::prices::{
    Breaker, BreakerRules, IndexRules, IndexStatus, InterestRules, Observation, SettlementAverage,
};

/// An asset.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct AssetState {
    pub asset: Asset,
    pub index_rules: IndexRules,
    pub sources: Vec<SourceWeight>,
    /// The last report of each source that has reported, in the order of the sources.
    pub reports: Vec<Observation>,
    /// The last index price there was.
    pub price: Option<Price>,
    pub confidence_ppm: u32,
    pub status: IndexStatus,
    pub breaker_rules: BreakerRules,
    pub breaker: Breaker,
    pub interest_rules: InterestRules,
    /// What a unit of debt has been charged since the beginning.
    pub interest: Index,
    pub interest_until: Timestamp,
    /// Σ of negative and of positive balances of clients; derived.
    #[borsh(skip)]
    pub debts: Amount,
    #[borsh(skip)]
    pub holdings: Amount,
    pub expiries: BTreeMap<Timestamp, ExpiryState>,
}

/// One expiry of an underlying.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct ExpiryState {
    /// How far the forward lies from the index, in 10⁻⁸.
    pub basis: i64,
    pub curve: FixedCurve,
    pub average: SettlementAverage,
}

impl AssetState {
    pub fn new(
        asset: Asset,
        interest_rules: InterestRules,
        breaker_rules: BreakerRules,
        now: Timestamp,
    ) -> Self {
        let is_dollar = asset == Asset::USD;
        Self {
            asset,
            index_rules: IndexRules::default(),
            sources: Vec::new(),
            reports: Vec::new(),
            price: is_dollar.then(|| Price::from_units(instruments::SCALE)),
            confidence_ppm: if is_dollar { 1_000_000 } else { 0 },
            status: if is_dollar { IndexStatus::Fresh } else { IndexStatus::Stale },
            breaker_rules,
            breaker: Breaker::default(),
            interest_rules,
            interest: Index::ZERO,
            interest_until: now,
            debts: Amount::ZERO,
            holdings: Amount::ZERO,
            expiries: BTreeMap::new(),
        }
    }

    pub fn underlying(&self) -> Underlying {
        Underlying::of(self.asset)
    }

    pub fn is_fresh(&self) -> bool {
        self.status == IndexStatus::Fresh
    }
}
