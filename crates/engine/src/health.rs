//! How a venue is doing, for those who watch over it: integers, and nothing that takes long to find.

use instruments::{Amount, Asset, Price, Timestamp};
use ledger::{AccountId, VenueAccount};

use crate::State;
use crate::asset::AssetState;
use crate::liquidation::{FundView, Stage};
use crate::prices::IndexStatus;
use crate::state::asset_index;

/// An account is near the line with less than this part of its maintenance requirement as equity, in
/// percent.
pub const NEAR_PERCENT: i128 = 125;

/// How a venue is doing after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The last command.
    pub sequence: u64,
    /// Its time.
    pub time: Timestamp,
    /// The open risk epoch.
    pub epoch: Option<EpochHealth>,
    /// Indexes, in the order in which assets were added; the US dollar has none.
    pub indexes: Vec<IndexHealth>,
    /// Cases that are open: the stage of each, and whether a stale index has stopped it.
    pub cases: Vec<(Stage, bool)>,
    /// The insurance fund, in cash.
    pub fund: FundView,
    /// What the insurance fund has of each asset.
    pub insurance: Vec<(Asset, Amount)>,
    /// Accounts that are open.
    pub accounts: u32,
    /// Orders that rest or wait.
    pub orders: usize,
}

/// How far a risk epoch is from being overdue, which is when only what lowers risk is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochHealth {
    /// Its number.
    pub number: u64,
    /// How old it is, in milliseconds.
    pub age_ms: i64,
    /// How old it may be.
    pub age_max_ms: i64,
    /// The furthest that an index has moved since it opened, in parts per million.
    pub move_ppm: u64,
    /// How far one may move.
    pub move_max_ppm: u64,
    /// Whether it is overdue.
    pub is_overdue: bool,
}

/// An index and its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexHealth {
    /// Whose.
    pub asset: Asset,
    /// The last price there was.
    pub price: Option<Price>,
    /// Whether it can be relied on.
    pub status: IndexStatus,
    /// Its confidence in parts per million.
    pub confidence_ppm: u32,
    /// How old the newest report is, in milliseconds; none without any.
    pub age_ms: Option<i64>,
    /// Sources that it has.
    pub sources: usize,
    /// Those of them whose last report is not too old.
    pub reporting: usize,
}

/// How accounts stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Accounts that have a position or a debt.
    pub exposed: usize,
    /// Those of them with equity below [`NEAR_PERCENT`] of their maintenance requirement.
    pub near: usize,
    /// Accounts that were below their initial margin when they were last reviewed.
    pub restricted: usize,
    /// Accounts of which nobody can say how they stand, since a price or an epoch is missing.
    pub unknown: usize,
}

impl State {
    /// How the venue is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        let priced = self.assets.iter().filter(|state| state.asset != Asset::USD);
        let insurance = self.assets.iter().enumerate().map(|(place, state)| {
            (state.asset, self.ledger.venue(VenueAccount::Insurance, asset_index(place)))
        });
        let cases = self.liquidation.cases.values();
        Health {
            sequence: self.sequence(),
            time: self.time(),
            epoch: self.epoch_health(),
            indexes: priced.map(|state| index_health(state, self.time())).collect(),
            cases: cases.map(|case| (case.stage, case.paused.is_some())).collect(),
            fund: self.insurance_fund(),
            insurance: insurance.collect(),
            accounts: self.accounts(),
            orders: self.orders.len(),
        }
    }

    /// How all accounts stand. It computes the margin of each that has any: not for the running engine, but
    /// for a second one beside it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let mut standing = Standing::default();
        for account in (0..self.accounts()).map(AccountId::new) {
            standing.restricted += usize::from(self.is_restricted(account) == Some(true));
            if !self.is_exposed(account) {
                continue;
            }
            standing.exposed += 1;
            match self.solvency(account) {
                Some(stands) => {
                    let near = stands.equity * 100 < stands.maintenance * NEAR_PERCENT;
                    standing.near += usize::from(near);
                }
                None => standing.unknown += 1,
            }
        }
        standing
    }

    fn epoch_health(&self) -> Option<EpochHealth> {
        let epoch = self.risk.epoch.as_ref()?;
        let moved = |(then, now): (&Option<Price>, &AssetState)| {
            let (then, now) = (then.as_ref()?.units(), now.price?.units());
            let distance = u128::from(now.abs_diff(then)) * 1_000_000;
            let then = u128::from(then.unsigned_abs()).max(1);
            u64::try_from(distance.div_ceil(then)).ok()
        };
        Some(EpochHealth {
            number: epoch.number,
            age_ms: self.market.time.since(epoch.opened),
            age_max_ms: self.rules.epoch_age_max_ms,
            move_ppm: epoch.prices.iter().zip(&self.assets).filter_map(moved).max().unwrap_or(0),
            move_max_ppm: u64::from(self.rules.epoch_move_max_ppm),
            is_overdue: self.epoch_is_beyond(1),
        })
    }
}

fn index_health(state: &AssetState, now: Timestamp) -> IndexHealth {
    let ages = || {
        let priced = state.reports.iter().filter(|report| report.price > Price::ZERO);
        priced.map(|report| now.since(report.time))
    };
    let most = i64::from(state.index_rules.age_max_ms);
    IndexHealth {
        asset: state.asset,
        price: state.price,
        status: state.status,
        confidence_ppm: state.confidence_ppm,
        age_ms: ages().min(),
        sources: state.sources.len(),
        reporting: ages().filter(|age| *age <= most).count(),
    }
}
