//! Withdrawals that wait for custody.

use engine::command::{Action, TransferRef};
use ledger::{AccountId, TransferId, TransferKind, TransferState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SubmitReply, submitted};
use crate::call::Call;
use crate::error::RpcError;
use crate::number::Decimal;
use crate::params::{Nothing, Whole};
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("admin/get_withdrawals", Account, Free, get_withdrawals, Nothing => Vec<WithdrawalRow>, "Withdrawals that wait to be approved or voided, by their ids"),
        method!("admin/approve_withdrawal", AccountWrite, Free, approve, TransferParams => SubmitReply, "A withdrawal has left custody: what was on hold is gone"),
        method!("admin/void_withdrawal", AccountWrite, Free, void, TransferParams => SubmitReply, "A withdrawal will not be made: what was on hold is free again"),
    ]
}

/// A withdrawal that waits.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WithdrawalRow {
    /// Its id.
    id: u64,
    /// The account.
    account: u32,
    /// Of which asset.
    asset: String,
    /// How much is on hold.
    amount: Decimal,
    /// The command that asked for it.
    sequence: u64,
}

async fn get_withdrawals(call: &Call, _: Nothing) -> Result<Vec<WithdrawalRow>, RpcError> {
    let open = call.service.look(|state| {
        let ledger = state.ledger();
        let all = ledger.transfers(TransferKind::Withdrawal).iter();
        let open = all.filter(|one| one.state == TransferState::Open);
        open.map(|one| WithdrawalRow {
            id: one.request.id.number(),
            account: one.request.account.number(),
            asset: ledger
                .asset(one.request.asset)
                .map(|asset| asset.to_string())
                .unwrap_or_default(),
            amount: one.request.amount.into(),
            sequence: one.opened,
        })
        .collect()
    });
    open.await
}

/// Which withdrawal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferParams {
    /// Its id.
    id: Whole,
    /// Whose it is.
    account: Whole,
}

impl TransferParams {
    fn of(&self) -> Result<TransferRef, RpcError> {
        let wrong = |name| move |_| RpcError::invalid(name, "must be the one that is listed");
        let id = u64::try_from(self.id.0).map_err(wrong("id"))?;
        let account = u32::try_from(self.account.0).map_err(wrong("account"))?;
        Ok(TransferRef { id: TransferId::new(id), account: AccountId::new(account) })
    }
}

async fn approve(call: &Call, params: TransferParams) -> Result<SubmitReply, RpcError> {
    submitted(call, Action::ConfirmWithdrawal(params.of()?)).await
}

async fn void(call: &Call, params: TransferParams) -> Result<SubmitReply, RpcError> {
    submitted(call, Action::VoidWithdrawal(params.of()?)).await
}
