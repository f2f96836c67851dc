//! A naive ledger: maps of whole numbers, copied before every command and put back on refusal.
//! Refusals go by the names of their kinds.

use std::collections::BTreeMap;

use plimsoll_ledger::{
    AccountId, AssetIndex, Effect, LedgerAccount, TransferId, TransferKind, TransferState,
    VenueAccount,
};

const MOST: i128 = 1 << 100;

pub type Line = (LedgerAccount, AssetIndex, i128);
type Outcome = Result<Effect, &'static str>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    pub accounts: u32,
    pub assets: u16,
    pub transfers_max: usize,
    pub balances: BTreeMap<(LedgerAccount, AssetIndex), i128>,
    pub transfers: BTreeMap<(TransferKind, TransferId), Remembered>,
    pub first_ids: BTreeMap<TransferKind, TransferId>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remembered {
    pub account: AccountId,
    pub asset: AssetIndex,
    pub amount: i128,
    pub state: TransferState,
}

impl Reference {
    pub fn balance(&self, account: LedgerAccount, asset: AssetIndex) -> i128 {
        self.balances.get(&(account, asset)).copied().unwrap_or(0)
    }

    pub fn post(&mut self, lines: &[Line]) -> Outcome {
        let lines: Vec<Line> = lines.iter().copied().filter(|line| line.2 != 0).collect();
        if lines.len() > 8 {
            return Err("TooManyEntries");
        }
        let incoming = LedgerAccount::Venue(VenueAccount::Incoming);
        let reserved = |line: &Line| {
            matches!(line.0, LedgerAccount::Held(_) | LedgerAccount::Pending(_))
                || line.0 == incoming
        };
        if lines.iter().any(reserved) {
            return Err("ReservedAccount");
        }
        self.book(&lines)
    }

    fn book(&mut self, lines: &[Line]) -> Outcome {
        for &(account, asset, amount) in lines {
            if asset.place() >= self.assets {
                return Err("UnknownAsset");
            }
            if owner(account).is_some_and(|owner| owner.number() >= self.accounts) {
                return Err("UnknownAccount");
            }
            if !(-MOST..=MOST).contains(&amount) {
                return Err("AmountTooLarge");
            }
        }
        let mut sums = BTreeMap::new();
        for &(_, asset, amount) in lines {
            *sums.entry(asset).or_insert(0) += amount;
        }
        if sums.values().any(|&sum| sum != 0) {
            return Err("Unbalanced");
        }
        let before = self.balances.clone();
        for &(account, asset, amount) in lines {
            *self.balances.entry((account, asset)).or_insert(0) += amount;
        }
        if lines.iter().any(|&(account, asset, _)| !self.is_within_bounds(account, asset)) {
            self.balances = before;
            return Err("OutOfBounds");
        }
        Ok(Effect::Done)
    }

    fn is_within_bounds(&self, account: LedgerAccount, asset: AssetIndex) -> bool {
        let balance = self.balance(account, asset);
        if let Some(owner) = owner(account) {
            let [available, held, pending] =
                [LedgerAccount::Available, LedgerAccount::Held, LedgerAccount::Pending]
                    .map(|pocket| self.balance(pocket(owner), asset));
            let total = available + held + pending;
            return available >= -MOST
                && [held, pending].iter().all(|part| (0..=MOST).contains(part))
                && available <= MOST
                && total <= MOST;
        }
        match account {
            LedgerAccount::Venue(
                VenueAccount::Custody | VenueAccount::Incoming | VenueAccount::Deficit,
            ) => (-MOST..=0).contains(&balance),
            LedgerAccount::Venue(
                VenueAccount::Rounding | VenueAccount::Insurance | VenueAccount::Bids,
            ) => (0..=MOST).contains(&balance),
            _ => (-MOST..=MOST).contains(&balance),
        }
    }

    /// A deposit, or a withdrawal of no more than `allowed`.
    pub fn request(
        &mut self,
        kind: TransferKind,
        id: TransferId,
        (account, asset, amount): (AccountId, AssetIndex, i128),
        allowed: i128,
    ) -> Outcome {
        if account.number() >= self.accounts {
            return Err("UnknownAccount");
        }
        if asset.place() >= self.assets {
            return Err("UnknownAsset");
        }
        if amount <= 0 {
            return Err("NotPositive");
        }
        if let Some(found) = self.transfers.get(&(kind, id)) {
            let same = (found.account, found.asset, found.amount) == (account, asset, amount);
            return if same { Ok(Effect::Repeated) } else { Err("IdTaken") };
        }
        if self.first_ids.get(&kind).is_some_and(|&first| id < first) {
            return Err("ForgottenTransfer");
        }
        let count = self.transfers.keys().filter(|(of, _)| *of == kind).count();
        if count >= self.transfers_max {
            return Err("TooManyTransfers");
        }
        let (from, to) = match kind {
            TransferKind::Deposit => {
                (LedgerAccount::Venue(VenueAccount::Incoming), LedgerAccount::Pending(account))
            }
            TransferKind::Withdrawal => {
                (LedgerAccount::Available(account), LedgerAccount::Held(account))
            }
        };
        if kind == TransferKind::Withdrawal {
            if amount > self.balance(from, asset) {
                return Err("MoreThanAvailable");
            }
            if amount > allowed {
                return Err("MoreThanAllowed");
            }
        }
        self.book(&[(from, asset, amount.wrapping_neg()), (to, asset, amount)])?;
        let state = TransferState::Open;
        self.transfers.insert((kind, id), Remembered { account, asset, amount, state });
        Ok(Effect::Done)
    }

    pub fn settle(
        &mut self,
        kind: TransferKind,
        id: TransferId,
        account: AccountId,
        state: TransferState,
    ) -> Outcome {
        let Some(found) = self.transfers.get(&(kind, id)).copied() else {
            let forgotten = self.first_ids.get(&kind).is_some_and(|&first| id < first);
            return Err(if forgotten { "ForgottenTransfer" } else { "UnknownTransfer" });
        };
        if found.account != account {
            return Err("AnothersTransfer");
        }
        if found.state != TransferState::Open {
            return if found.state == state { Ok(Effect::Repeated) } else { Err("AlreadySettled") };
        }
        let custody = LedgerAccount::Venue(VenueAccount::Custody);
        let incoming = LedgerAccount::Venue(VenueAccount::Incoming);
        let [available, held, pending] =
            [LedgerAccount::Available, LedgerAccount::Held, LedgerAccount::Pending]
                .map(|pocket| pocket(account));
        let moves = match (kind, state) {
            (TransferKind::Deposit, TransferState::Completed) => {
                vec![(pending, incoming), (custody, available)]
            }
            (TransferKind::Deposit, _) => vec![(pending, incoming)],
            (TransferKind::Withdrawal, TransferState::Completed) => vec![(held, custody)],
            (TransferKind::Withdrawal, _) => vec![(held, available)],
        };
        let lines = moves.into_iter().flat_map(|(from, to)| {
            [(from, found.asset, -found.amount), (to, found.asset, found.amount)]
        });
        self.book(&lines.collect::<Vec<_>>())?;
        self.transfers.get_mut(&(kind, id)).unwrap().state = state;
        Ok(Effect::Done)
    }

    pub fn forget(&mut self, kind: TransferKind, id: TransferId) {
        let first = self.first_ids.entry(kind).or_default();
        *first = (*first).max(id);
        let first = *first;
        self.transfers.retain(|&(of, id), found| {
            of != kind || id >= first || found.state == TransferState::Open
        });
    }
}

fn owner(account: LedgerAccount) -> Option<AccountId> {
    match account {
        LedgerAccount::Available(owner)
        | LedgerAccount::Held(owner)
        | LedgerAccount::Pending(owner) => Some(owner),
        LedgerAccount::Venue(_) => None,
    }
}
