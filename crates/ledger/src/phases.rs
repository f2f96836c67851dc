//! Deposits and withdrawals in two phases: requested, then completed or voided.

use instruments::Amount;

use crate::account::{AccountId, LedgerAccount, VenueAccount};
use crate::ledger::Ledger;
use crate::posting::{Posted, Posting, PostingKind, Reference};
use crate::refusal::Refusal;
use crate::transfer::{
    Effect, Transfer, TransferId, TransferKind, TransferRequest, TransferState, Transfers,
};

const CUSTODY: LedgerAccount = LedgerAccount::Venue(VenueAccount::Custody);
const INCOMING: LedgerAccount = LedgerAccount::Venue(VenueAccount::Incoming);

/// How a deposit or withdrawal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEnd {
    /// A deposit is confirmed: what was pending is available.
    CreditDeposit,
    /// A deposit did not come after all: nothing is pending any more.
    VoidDeposit,
    /// A withdrawal has left custody: what was on hold is gone.
    ConfirmWithdrawal,
    /// A withdrawal will not be made: what was on hold is available again.
    VoidWithdrawal,
}

impl TransferEnd {
    /// What it ends.
    #[must_use]
    pub const fn kind(self) -> TransferKind {
        match self {
            Self::CreditDeposit | Self::VoidDeposit => TransferKind::Deposit,
            Self::ConfirmWithdrawal | Self::VoidWithdrawal => TransferKind::Withdrawal,
        }
    }

    fn state(self) -> TransferState {
        match self {
            Self::CreditDeposit | Self::ConfirmWithdrawal => TransferState::Completed,
            Self::VoidDeposit | Self::VoidWithdrawal => TransferState::Voided,
        }
    }

    fn posting(self, request: &TransferRequest, sequence: u64) -> Posting {
        let TransferRequest { id, account, asset, amount } = *request;
        let [available, held, pending] =
            [LedgerAccount::Available, LedgerAccount::Held, LedgerAccount::Pending]
                .map(|pocket| pocket(account));
        let posting = |kind| Posting::new(kind, reference(sequence, id));
        match self {
            Self::CreditDeposit => posting(PostingKind::DepositCredited)
                .with_move(pending, INCOMING, asset, amount)
                .with_move(CUSTODY, available, asset, amount),
            Self::VoidDeposit => {
                posting(PostingKind::DepositVoided).with_move(pending, INCOMING, asset, amount)
            }
            Self::ConfirmWithdrawal => {
                posting(PostingKind::WithdrawalConfirmed).with_move(held, CUSTODY, asset, amount)
            }
            Self::VoidWithdrawal => {
                posting(PostingKind::WithdrawalVoided).with_move(held, available, asset, amount)
            }
        }
    }
}

/// Each posting has the sequence number given and the transfer's id as its reference.
impl Ledger {
    /// Custody has seen a deposit: the amount is pending.
    ///
    /// # Errors
    /// [`Refusal::NotPositive`], [`Refusal::IdTaken`], [`Refusal::ForgottenTransfer`],
    /// [`Refusal::TooManyTransfers`], and those of [`Ledger::post`].
    pub fn announce_deposit(
        &mut self,
        request: TransferRequest,
        sequence: u64,
        sink: impl FnOnce(Posted<'_>),
    ) -> Result<Effect, Refusal> {
        let Some(place) = self.admit(TransferKind::Deposit, &request)? else {
            return Ok(Effect::Repeated);
        };
        let TransferRequest { id, account, asset, amount } = request;
        let posting = Posting::new(PostingKind::DepositAnnounced, reference(sequence, id))
            .with_move(INCOMING, LedgerAccount::Pending(account), asset, amount);
        self.book(&posting, sink)?;
        self.deposits.insert(place, opened(request, sequence));
        Ok(Effect::Done)
    }

    /// A client asks for a withdrawal: the amount is on hold. `allowed` is what may leave the
    /// account now; how much that is the caller knows, who knows margin.
    ///
    /// # Errors
    /// [`Refusal::NotPositive`], [`Refusal::MoreThanAvailable`], [`Refusal::MoreThanAllowed`],
    /// [`Refusal::IdTaken`], [`Refusal::ForgottenTransfer`], [`Refusal::TooManyTransfers`], and
    /// those of [`Ledger::post`].
    pub fn request_withdrawal(
        &mut self,
        request: TransferRequest,
        allowed: Amount,
        sequence: u64,
        sink: impl FnOnce(Posted<'_>),
    ) -> Result<Effect, Refusal> {
        let Some(place) = self.admit(TransferKind::Withdrawal, &request)? else {
            return Ok(Effect::Repeated);
        };
        let TransferRequest { id, account, asset, amount: asked } = request;
        let available = self.available(account, asset);
        if asked > available {
            return Err(Refusal::MoreThanAvailable { asked, available });
        }
        if asked > allowed {
            return Err(Refusal::MoreThanAllowed { asked, allowed });
        }
        let (from, to) = (LedgerAccount::Available(account), LedgerAccount::Held(account));
        let posting = Posting::new(PostingKind::WithdrawalRequested, reference(sequence, id))
            .with_move(from, to, asset, asked);
        self.book(&posting, sink)?;
        self.withdrawals.insert(place, opened(request, sequence));
        Ok(Effect::Done)
    }

    /// A deposit or withdrawal ends. Which one is known by kind and id; `account` must be its own.
    ///
    /// # Errors
    /// [`Refusal::UnknownTransfer`], [`Refusal::ForgottenTransfer`],
    /// [`Refusal::AnothersTransfer`], [`Refusal::AlreadySettled`] if it has ended the other way, and
    /// [`Refusal::OutOfBounds`] if custody would hold more than [`BALANCE_MAX`](crate::BALANCE_MAX)
    /// or less than nothing.
    pub fn end_transfer(
        &mut self,
        end: TransferEnd,
        id: TransferId,
        account: AccountId,
        sequence: u64,
        sink: impl FnOnce(Posted<'_>),
    ) -> Result<Effect, Refusal> {
        let (kind, state) = (end.kind(), end.state());
        let table = self.table(kind);
        let Some(place) = table.settle(id, account, state)? else {
            return Ok(Effect::Repeated);
        };
        let posting = end.posting(&table.rows()[place].request, sequence);
        self.book(&posting, sink)?;
        self.table_mut(kind).set_state(place, state, sequence);
        Ok(Effect::Done)
    }

    /// Forgets settled transfers of a kind with ids below `id`, to make room. From then on no id
    /// below it is accepted as new, so that none is ever used twice.
    pub fn forget_transfers(&mut self, kind: TransferKind, id: TransferId) {
        self.table_mut(kind).forget_before(id);
    }

    /// Where a request goes in its table; `None` if it repeats an earlier one.
    fn admit(
        &self,
        kind: TransferKind,
        request: &TransferRequest,
    ) -> Result<Option<usize>, Refusal> {
        self.check_account(request.account)?;
        if self.asset(request.asset).is_none() {
            return Err(Refusal::UnknownAsset(request.asset));
        }
        if request.amount <= Amount::ZERO {
            return Err(Refusal::NotPositive(request.amount));
        }
        self.table(kind).admit(request)
    }

    pub(crate) fn table_mut(&mut self, kind: TransferKind) -> &mut Transfers {
        match kind {
            TransferKind::Deposit => &mut self.deposits,
            TransferKind::Withdrawal => &mut self.withdrawals,
        }
    }
}

fn opened(request: TransferRequest, sequence: u64) -> Transfer {
    Transfer { request, state: TransferState::Open, opened: sequence, settled: 0 }
}

fn reference(sequence: u64, id: TransferId) -> Reference {
    Reference { sequence, value: id.number() }
}
