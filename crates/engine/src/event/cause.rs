//! What events say of steps and causes.

use book::{CancelReason as BookCancel, ReduceReason};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// A step of a deposit or withdrawal.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TransferStep {
    /// Custody has seen a deposit.
    DepositAnnounced,
    /// The client has it.
    DepositCredited,
    /// It did not come.
    DepositVoided,
    /// The amount is on hold.
    WithdrawalRequested,
    /// It has left custody.
    WithdrawalConfirmed,
    /// The client has it back.
    WithdrawalVoided,
    /// Nothing: the step had been taken before.
    AlreadyDone,
}

/// Why an order was cancelled.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// As the book says.
    Book(BookCancel),
    /// With others, by its account.
    CancelOrders,
    /// Its time is over.
    Expired,
    /// It may only reduce, and nothing is left to close.
    ReduceOnly,
    /// Another order of its group traded or ended.
    OneCancelsOther,
    /// The account is below initial margin, and the order adds to it or would make it worse.
    Restricted,
    /// Market-maker protection.
    Protection,
    /// The account's connection is lost.
    Disconnect,
    /// Its instrument expired.
    InstrumentExpired,
    /// A newer quote replaces it.
    Replaced,
    /// It was to be placed, and was refused.
    Refused,
    /// The order that would have triggered it ended.
    NotTriggered,
    /// A liquidation case opened for its account.
    Liquidation,
}

/// Why an order became smaller.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ReduceCause {
    /// As the book says.
    Book(ReduceReason),
    /// It may only reduce, and less is left to close.
    ReduceOnly,
}
