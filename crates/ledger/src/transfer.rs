//! Deposits and withdrawals: what the ledger remembers of each, found by its id.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;

use instruments::Amount;

use crate::account::{AccountId, AssetIndex};
use crate::refusal::Refusal;

/// Identifies a deposit or a withdrawal; each of the two kinds has ids of its own. The caller
/// chooses them, and repeating a request with its id does nothing twice.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct TransferId(u64);

/// Into the venue or out of it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TransferKind {
    /// In: pending, then credited.
    Deposit = 0,
    /// Out: on hold, then confirmed.
    Withdrawal = 1,
}

/// How far a transfer is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TransferState {
    /// Announced or requested: the amount is pending or on hold.
    Open = 0,
    /// Credited or confirmed.
    Completed = 1,
    /// It was not made.
    Voided = 2,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferRequest {
    /// The id that the caller gives it.
    pub id: TransferId,
    /// The client.
    pub account: AccountId,
    /// Of which asset.
    pub asset: AssetIndex,
    /// How much, in 10⁻⁸; above zero.
    pub amount: Amount,
}

/// A deposit or a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What was asked for.
    pub request: TransferRequest,
    /// How far it is.
    pub state: TransferState,
    /// Sequence number of the command that opened it.
    pub opened: u64,
    /// Sequence number of the command that completed or voided it; 0 while it is open.
    pub settled: u64,
}

// What `Limits` says of memory.
const _: () = assert!(size_of::<Transfer>() == 64);

/// Whether a call did something, or found it done by an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It was done now, and posted.
    Done,
    /// The same had been asked before. Nothing was done, nothing posted.
    Repeated,
}

/// Transfers of one kind, in the order of their ids.
///
/// A sorted vector: ids mostly ascend, so that a new one goes to the end; room for all that the
/// limit allows is reserved at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfers {
    kind: TransferKind,
    limit: u32,
    rows: Vec<Transfer>,
    /// Ids below this one are not new.
    first_id: TransferId,
}

impl Transfers {
    pub fn new(kind: TransferKind, limit: u32) -> Result<Self, Refusal> {
        let mut rows = Vec::new();
        rows.try_reserve_exact(limit as usize).map_err(|_| Refusal::LimitsTooLarge)?;
        Ok(Self { kind, limit, rows, first_id: TransferId(0) })
    }

    pub fn rows(&self) -> &[Transfer] {
        &self.rows
    }

    pub fn first_id(&self) -> TransferId {
        self.first_id
    }

    /// Sets what [`Transfers::forget_before`] has brought it to before.
    pub fn set_first_id(&mut self, id: TransferId) {
        self.first_id = id;
    }

    pub fn get(&self, id: TransferId) -> Option<&Transfer> {
        self.place(id).ok().map(|place| &self.rows[place])
    }

    /// Where a request goes: `Ok(Some(place))` if it is new, `Ok(None)` if it repeats.
    pub fn admit(&self, request: &TransferRequest) -> Result<Option<usize>, Refusal> {
        let (kind, id, limit) = (self.kind, request.id, self.limit);
        match self.place(id) {
            Ok(place) if self.rows[place].request == *request => Ok(None),
            Ok(_) => Err(Refusal::IdTaken { kind, id }),
            Err(_) if id < self.first_id => Err(Refusal::ForgottenTransfer { kind, id }),
            Err(_) if self.rows.len() >= limit as usize => {
                Err(Refusal::TooManyTransfers { kind, limit })
            }
            Err(place) => Ok(Some(place)),
        }
    }

    /// Puts a new transfer in the place that [`Transfers::admit`] gave it.
    pub fn insert(&mut self, place: usize, transfer: Transfer) {
        self.rows.insert(place, transfer);
    }

    /// The place of an open transfer of `account`, to be brought to `state`; `None` if it is in
    /// that state already.
    pub fn settle(
        &self,
        id: TransferId,
        account: AccountId,
        state: TransferState,
    ) -> Result<Option<usize>, Refusal> {
        let kind = self.kind;
        let place = self.place(id).map_err(|_| match id < self.first_id {
            true => Refusal::ForgottenTransfer { kind, id },
            false => Refusal::UnknownTransfer { kind, id },
        })?;
        let transfer = &self.rows[place];
        if transfer.request.account != account {
            return Err(Refusal::AnothersTransfer { kind, id, account });
        }
        match transfer.state {
            TransferState::Open => Ok(Some(place)),
            found if found == state => Ok(None),
            found => Err(Refusal::AlreadySettled { kind, id, state: found }),
        }
    }

    pub fn set_state(&mut self, place: usize, state: TransferState, sequence: u64) {
        let transfer = &mut self.rows[place];
        assert!(transfer.state == TransferState::Open, "{} is settled once", transfer.request.id);
        transfer.state = state;
        transfer.settled = sequence;
    }

    /// Forgets settled transfers with ids below `id`. No id below it is new from then on.
    pub fn forget_before(&mut self, id: TransferId) {
        self.first_id = self.first_id.max(id);
        let first_id = self.first_id;
        self.rows.retain(|transfer| {
            transfer.state == TransferState::Open || transfer.request.id >= first_id
        });
    }

    fn place(&self, id: TransferId) -> Result<usize, usize> {
        self.rows.binary_search_by_key(&id, |transfer| transfer.request.id)
    }
}

impl TransferId {
    /// The id with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl TransferKind {
    /// The kind's code in records.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl TransferState {
    /// The state's code in records.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Open, Self::Completed, Self::Voided].into_iter().find(|state| state.code() == code)
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TransferKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
        })
    }
}

impl fmt::Display for TransferState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Voided => "voided",
        })
    }
}
