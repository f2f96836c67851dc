//! Naive balances: one map from account and asset to an amount.

use std::collections::BTreeMap;

use engine::Event;
use instruments::{Amount, Asset};
use ledger::{
    AccountId, AssetIndex, BALANCE_MAX, LedgerAccount, PostingKind, Refusal, TransferId,
    TransferKind, TransferState, VenueAccount,
};

/// What a posting adds to whom.
pub type Line = (LedgerAccount, i128);

#[derive(Clone, Default)]
pub struct NaiveLedger {
    /// In the order in which they were added.
    pub assets: Vec<Asset>,
    pub accounts: u32,
    pub balances: BTreeMap<(Asset, LedgerAccount), i128>,
    pub transfers: BTreeMap<(bool, TransferId), Transfer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub account: AccountId,
    pub asset: Asset,
    pub amount: i128,
    pub state: TransferState,
}

pub const CUSTODY: LedgerAccount = LedgerAccount::Venue(VenueAccount::Custody);
pub const INCOMING: LedgerAccount = LedgerAccount::Venue(VenueAccount::Incoming);

impl NaiveLedger {
    pub fn balance(&self, account: LedgerAccount, asset: Asset) -> i128 {
        self.balances.get(&(asset, account)).copied().unwrap_or(0)
    }

    pub fn available(&self, account: AccountId, asset: Asset) -> i128 {
        self.balance(LedgerAccount::Available(account), asset)
    }

    pub fn index_of(&self, asset: Asset) -> Option<AssetIndex> {
        let place = self.assets.iter().position(|known| *known == asset)?;
        Some(AssetIndex::new(u16::try_from(place).unwrap()))
    }

    /// Books all lines or none.
    pub fn post(
        &mut self,
        kind: PostingKind,
        asset: Asset,
        lines: &[Line],
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let lines: Vec<Line> = lines.iter().copied().filter(|(_, amount)| *amount != 0).collect();
        assert_eq!(lines.iter().map(|(_, amount)| amount).sum::<i128>(), 0, "{kind:?} {lines:?}");
        if let Some((_, amount)) =
            lines.iter().find(|(_, amount)| amount.abs() > BALANCE_MAX.units())
        {
            return Err(Refusal::AmountTooLarge(Amount::from_units(*amount)));
        }
        let mut after = self.clone_balances(&lines, asset);
        for (account, amount) in &lines {
            *after.get_mut(account).unwrap() += amount;
        }
        for (account, _) in &lines {
            if !self.allowed(*account, asset, &after) {
                let balance = Amount::from_units(after[account]);
                return Err(Refusal::OutOfBounds { account: *account, asset, balance });
            }
        }
        for (account, balance) in &after {
            self.balances.insert((asset, *account), *balance);
        }
        events.extend(lines.iter().map(|(account, amount)| Event::Balance {
            account: *account,
            asset,
            kind,
            change: Amount::from_units(*amount),
            balance: Amount::from_units(after[account]),
        }));
        Ok(())
    }

    fn clone_balances(&self, lines: &[Line], asset: Asset) -> BTreeMap<LedgerAccount, i128> {
        lines.iter().map(|(account, _)| (*account, self.balance(*account, asset))).collect()
    }

    fn allowed(
        &self,
        account: LedgerAccount,
        asset: Asset,
        after: &BTreeMap<LedgerAccount, i128>,
    ) -> bool {
        let most = BALANCE_MAX.units();
        let found = |account| after.get(&account).copied().unwrap_or(self.balance(account, asset));
        match account {
            LedgerAccount::Venue(venue) => match venue {
                VenueAccount::Custody | VenueAccount::Incoming => {
                    (-most..=0).contains(&found(account))
                }
                VenueAccount::Rounding | VenueAccount::Insurance => {
                    (0..=most).contains(&found(account))
                }
                _ => (-most..=most).contains(&found(account)),
            },
            LedgerAccount::Available(id) | LedgerAccount::Held(id) | LedgerAccount::Pending(id) => {
                let [available, held, pending] = [
                    found(LedgerAccount::Available(id)),
                    found(LedgerAccount::Held(id)),
                    found(LedgerAccount::Pending(id)),
                ];
                available >= -most
                    && held >= 0
                    && pending >= 0
                    && [available, held, pending, available + held + pending]
                        .iter()
                        .all(|part| *part <= most)
            }
        }
    }

    /// Whether a request is new (`true`), a repeat (`false`), or refused.
    pub fn admit(
        &self,
        kind: TransferKind,
        id: TransferId,
        asked: Transfer,
        limit: u32,
    ) -> Result<bool, Refusal> {
        if asked.amount <= 0 {
            return Err(Refusal::NotPositive(Amount::from_units(asked.amount)));
        }
        match self.transfers.get(&(kind == TransferKind::Withdrawal, id)) {
            None if self.count(kind) >= limit as usize => {
                Err(Refusal::TooManyTransfers { kind, limit })
            }
            None => Ok(true),
            Some(found) if Transfer { state: asked.state, ..*found } == asked => Ok(false),
            Some(_) => Err(Refusal::IdTaken { kind, id }),
        }
    }

    fn count(&self, kind: TransferKind) -> usize {
        let wanted = kind == TransferKind::Withdrawal;
        self.transfers.keys().filter(|(withdrawal, _)| *withdrawal == wanted).count()
    }

    /// An open transfer of the account, or `None` if it is in this state already.
    pub fn settling(
        &self,
        kind: TransferKind,
        id: TransferId,
        account: AccountId,
        state: TransferState,
    ) -> Result<Option<Transfer>, Refusal> {
        let found = self.transfers.get(&(kind == TransferKind::Withdrawal, id));
        let found = *found.ok_or(Refusal::UnknownTransfer { kind, id })?;
        if found.account != account {
            return Err(Refusal::AnothersTransfer { kind, id, account });
        }
        match found.state {
            TransferState::Open => Ok(Some(found)),
            same if same == state => Ok(None),
            state => Err(Refusal::AlreadySettled { kind, id, state }),
        }
    }

    pub fn set(&mut self, kind: TransferKind, id: TransferId, transfer: Transfer) {
        self.transfers.insert((kind == TransferKind::Withdrawal, id), transfer);
    }
}
