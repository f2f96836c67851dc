//! Why something was not done.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset};
use serde::{Deserialize, Serialize};

use crate::account::{AccountId, AssetIndex, LedgerAccount};
use crate::posting::ENTRIES_MAX;
use crate::transfer::{TransferId, TransferKind, TransferState};

/// Why the ledger did not do what was asked. Nothing has changed then.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    thiserror::Error,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Refusal {
    /// A ledger was asked for that is larger than a ledger may be, or than memory allows.
    #[error(
        "a ledger has at most 2^24 accounts and 1024 assets, and takes 48 bytes of memory for each \
         pair of them (lower accounts_max, assets_max or transfers_max)"
    )]
    LimitsTooLarge,
    /// All accounts that the limits allow are open.
    #[error("all {0} accounts are open (raise accounts_max)")]
    TooManyAccounts(u32),
    /// The ledger has all the assets that its limits allow.
    #[error("the ledger has all its {0} assets (raise assets_max)")]
    TooManyAssets(u16),
    /// The asset has a place in the ledger already.
    #[error("{0} is in the ledger already (use the place it has)")]
    AssetExists(Asset),
    /// No such account has been opened.
    #[error("{0} is not open (open it first)")]
    UnknownAccount(AccountId),
    /// No such asset has been added.
    #[error("{0} is not in the ledger (add it first)")]
    UnknownAsset(AssetIndex),
    /// The posting has more than [`ENTRIES_MAX`] entries.
    #[error("{0} entries, but a posting has at most {ENTRIES_MAX} (make it several postings)")]
    TooManyEntries(usize),
    /// An entry's amount is beyond [`BALANCE_MAX`](crate::BALANCE_MAX).
    #[error("an entry of {0} is beyond 2^100 units (no balance can take it)")]
    AmountTooLarge(Amount),
    /// The entries in one asset do not sum to zero.
    #[error("the entries in {asset} sum to {sum}, not to zero (book the other side, too)")]
    Unbalanced {
        /// The asset.
        asset: Asset,
        /// What they sum to.
        sum: Amount,
    },
    /// Holds, pending and incoming deposits change by requests, confirmations and voidings only.
    #[error("{0} changes with deposits and withdrawals only (use their two phases)")]
    ReservedAccount(LedgerAccount),
    /// A balance would leave its bounds: below zero where that means nothing, as in the insurance
    /// fund or on hold, or beyond [`BALANCE_MAX`](crate::BALANCE_MAX).
    #[error("in {asset}, {account} would stand at {balance}, out of its bounds (post less)")]
    OutOfBounds {
        /// The account.
        account: LedgerAccount,
        /// The asset.
        asset: Asset,
        /// Where it would stand.
        balance: Amount,
    },
    /// A deposit or withdrawal of nothing, or of less.
    #[error("an amount of {0} cannot be transferred (it must be above zero)")]
    NotPositive(Amount),
    /// A withdrawal of more than the client has available.
    #[error("a withdrawal of {asked} where {available} is available (ask for less)")]
    MoreThanAvailable {
        /// What was asked for.
        asked: Amount,
        /// What the client has available.
        available: Amount,
    },
    /// A withdrawal of more than margin lets go.
    #[error("a withdrawal of {asked} where margin allows {allowed} (ask for less, or reduce risk)")]
    MoreThanAllowed {
        /// What was asked for.
        asked: Amount,
        /// What the caller said may be withdrawn.
        allowed: Amount,
    },
    /// The id belongs to a transfer of another account, asset or amount.
    #[error("{kind} {id} is another one (repeat it as it was, or take a new id)")]
    IdTaken {
        /// Deposit or withdrawal.
        kind: TransferKind,
        /// The id.
        id: TransferId,
    },
    /// The transfer is another account's.
    #[error("{kind} {id} is not of {account}")]
    AnothersTransfer {
        /// Deposit or withdrawal.
        kind: TransferKind,
        /// The id.
        id: TransferId,
        /// Whose it was said to be.
        account: AccountId,
    },
    /// There is no transfer with this id.
    #[error("{kind} {id} is not known (request it first)")]
    UnknownTransfer {
        /// Deposit or withdrawal.
        kind: TransferKind,
        /// The id.
        id: TransferId,
    },
    /// The id lies before those the ledger still remembers, so it may have been used.
    #[error("{kind} {id} is forgotten (it was settled long ago; new ones take higher ids)")]
    ForgottenTransfer {
        /// Deposit or withdrawal.
        kind: TransferKind,
        /// The id.
        id: TransferId,
    },
    /// The transfer has been settled the other way.
    #[error("{kind} {id} is {state} already")]
    AlreadySettled {
        /// Deposit or withdrawal.
        kind: TransferKind,
        /// The id.
        id: TransferId,
        /// How it was settled.
        state: TransferState,
    },
    /// The ledger remembers as many transfers of this kind as its limits allow.
    #[error("the ledger remembers {limit} {kind}s, its limit (forget settled ones)")]
    TooManyTransfers {
        /// Deposit or withdrawal.
        kind: TransferKind,
        /// The limit.
        limit: u32,
    },
}
