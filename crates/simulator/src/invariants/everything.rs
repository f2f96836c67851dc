//! Everything of everybody.

use std::collections::BTreeMap;

use engine::State;
use instruments::{Amount, Asset};
use ledger::{AccountId, LedgerAccount, VenueAccount};

use super::{Broken, Follower, ensure};

/// How much of equity was in use as initial margin, over all accounts, each time that everybody was
/// margined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MarginUse {
    /// How often that was.
    pub looks: u64,
    /// Mean of initial margin over equity.
    pub mean: f64,
    /// The most.
    pub most: f64,
    /// The most accounts below initial margin at once.
    pub below_most: u64,
    /// The most accounts with negative equity at once.
    pub negative_most: u64,
    /// All that they were short of together, in US dollars, the most at once.
    pub deficit_most: Amount,
}

/// Checks the engine's own audit, the record hash, all balances, positions and books, funding, and
/// margins everybody.
pub(super) fn check(
    state: &mut State,
    follower: &Follower,
    counts: &mut BTreeMap<&'static str, u64>,
    margin_use: &mut MarginUse,
) -> Result<(), Broken> {
    let mut count = |invariant: &'static str, checks: u64| {
        *counts.entry(invariant).or_default() += checks;
    };
    state.audit().map_err(|problem| Broken::new("audit", problem))?;
    count("audit", u64::from(state.accounts()));
    state.audit_credits().map_err(|problem| Broken::new("fast bound", problem))?;
    count("fast bound", u64::from(state.accounts()));
    let hash = state.record_hash();
    ensure(hash == state.record_hash_from_scratch(), "record hash", || {
        "it is not that of the records".to_owned()
    })?;
    count("record hash", 1);
    count("conservation", follower.check_all(state)?);
    holds(state)?;
    count("holds", u64::from(state.accounts()));
    funding(state, follower)?;
    count("no-hidden-debt", 1);
    margin_use.look(state);
    Ok(())
}

/// What withdrawals hold is what stands in the ledger for those that are on their way.
fn holds(state: &State) -> Result<(), Broken> {
    let mut expected: BTreeMap<(AccountId, u16), i128> = BTreeMap::new();
    for transfer in state.ledger().transfers(ledger::TransferKind::Withdrawal) {
        if transfer.state == ledger::TransferState::Open {
            let key = (transfer.request.account, transfer.request.asset.place());
            *expected.entry(key).or_default() += transfer.request.amount.units();
        }
    }
    for account in (0..state.accounts()).map(AccountId::new) {
        for (index, _) in state.ledger().assets() {
            let held = state.ledger().held(account, index).units();
            let wanted = expected.get(&(account, index.place())).copied().unwrap_or(0);
            ensure(held == wanted, "holds", || {
                format!("{account} has {held} on hold, and asked for {wanted}")
            })?;
        }
    }
    Ok(())
}

/// What funding has paid and what has accrued to be paid sum to zero, but for fractions of units. In
/// assets that somebody owes, accrued interest stands beside it, so that it can only be more.
fn funding(state: &State, follower: &Follower) -> Result<(), Broken> {
    let mut left: BTreeMap<Asset, i128> = BTreeMap::new();
    for ((asset, account), balance) in follower.balances() {
        if *account == LedgerAccount::Venue(VenueAccount::Funding) {
            *left.entry(*asset).or_default() += balance;
        }
    }
    let mut is_owed: BTreeMap<Asset, bool> = BTreeMap::new();
    let mut fractions = i128::from(state.instruments());
    for account in (0..state.accounts()).map(AccountId::new) {
        let Some(view) = state.account(account) else { continue };
        fractions += view.positions.len() as i128;
        for (asset, balance) in &view.balances {
            *is_owed.entry(*asset).or_default() |= *balance < Amount::ZERO;
        }
        for (asset, due) in &view.accrued {
            *left.entry(*asset).or_default() -= due.units();
        }
    }
    for (asset, left) in left {
        let owed = is_owed.get(&asset).copied().unwrap_or(false);
        ensure(left >= 0 && (owed || left <= fractions), "no-hidden-debt", || {
            format!("funding of {asset} paid and accrued leaves {left} units")
        })?;
    }
    Ok(())
}

impl MarginUse {
    fn look(&mut self, state: &State) {
        let (mut equity, mut initial) = (0.0, 0.0);
        let (mut below, mut negative, mut deficit) = (0, 0, 0);
        for account in (0..state.accounts()).map(AccountId::new) {
            let Ok(margin) = state.margin(account) else { continue };
            let units = margin.equity.total.units();
            equity += units.max(0) as f64;
            initial += margin.initial.units() as f64;
            below += u64::from(margin.excess() < Amount::ZERO);
            negative += u64::from(units < 0);
            deficit += (-units).max(0);
        }
        if equity <= 0.0 {
            return;
        }
        let share = initial / equity;
        self.looks += 1;
        self.mean += (share - self.mean) / self.looks as f64;
        self.most = self.most.max(share);
        self.below_most = self.below_most.max(below);
        self.negative_most = self.negative_most.max(negative);
        self.deficit_most = self.deficit_most.max(Amount::from_units(deficit));
    }
}
