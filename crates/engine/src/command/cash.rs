//! Commands that move money.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset};
use ledger::{AccountId, TransferId, VenueAccount};
use serde::{Deserialize, Serialize};

/// A deposit or withdrawal. Its id makes a retry harmless.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// Its id; deposits and withdrawals have their own.
    pub id: TransferId,
    /// The account.
    pub account: AccountId,
    /// Of which asset.
    pub asset: Asset,
    /// How much, above zero.
    pub amount: Amount,
}

/// A deposit or withdrawal by its id.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct TransferRef {
    /// Its id.
    pub id: TransferId,
    /// The account.
    pub account: AccountId,
}

/// Money moves between a main account and its subaccounts, or between these.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Who gives.
    pub from: AccountId,
    /// Who gets.
    pub to: AccountId,
    /// Of which asset.
    pub asset: Asset,
    /// How much, above zero.
    pub amount: Amount,
    /// Makes a retry harmless, for the giving account.
    #[serde(default)]
    pub request: Option<u64>,
}

/// The venue's own money: into one of its accounts from outside if positive, out if negative.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Capital {
    /// Fees, interest or insurance.
    pub account: VenueAccount,
    /// Of which asset.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
}
