//! Money of clients and of the venue.

use engine::Rejection;
use engine::command::{Capital, Transfer, TransferRef, TransferRequest};
use engine::event::{Event, TransferStep};
use instruments::{Amount, Asset};
use ledger::{
    AccountId, Accrual, Index, LedgerAccount, PostingKind, Refusal, TransferKind, TransferState,
    VenueAccount,
};
use risk::Confidence;

use super::ledger::{CUSTODY, INCOMING};
use super::records::amount;
use super::{Model, Outcome};

/// A deposit or withdrawal as the ledger keeps it.
type Kept = super::ledger::Transfer;

impl Model {
    pub(super) fn post(
        &mut self,
        kind: PostingKind,
        asset: Asset,
        lines: &[(LedgerAccount, i128)],
    ) -> Outcome {
        self.ledger.post(kind, asset, lines, &mut self.events).map_err(Rejection::Ledger)
    }

    /// Moves money from a client to a venue account, after interest on what was owed.
    pub(super) fn pay(
        &mut self,
        account: AccountId,
        venue: VenueAccount,
        asset: Asset,
        kind: PostingKind,
        units: i128,
    ) {
        if units != 0 {
            self.charge_interest(account, asset, self.ledger.available(account, asset));
            let lines =
                [(LedgerAccount::Available(account), -units), (LedgerAccount::Venue(venue), units)];
            self.post(kind, asset, &lines).expect("balances stay in bounds");
        }
    }

    /// Books interest that has accrued while so much was held.
    pub(super) fn charge_interest(&mut self, account: AccountId, asset: Asset, had: i128) {
        let index = self.asset_now(asset).interest;
        let own = self.account_mut(account).interest.entry(asset);
        let own = own.or_insert(Accrual::starting_at(Index::ZERO));
        own.advance(had.min(0), index).unwrap();
        let due = own.take().units();
        let lines = [
            (LedgerAccount::Available(account), due),
            (LedgerAccount::Venue(VenueAccount::Interest), -due),
        ];
        self.post(PostingKind::Interest, asset, &lines).expect("balances stay in bounds");
    }

    pub(super) fn announce_deposit(&mut self, request: &TransferRequest) -> Outcome {
        let TransferRequest { id, account, asset, amount } = *request;
        self.check_account(account)?;
        self.place_of(asset)?;
        let asked = kept(request);
        let mut step = TransferStep::AlreadyDone;
        if self
            .ledger
            .admit(TransferKind::Deposit, id, asked, self.limits.transfers_max)
            .map_err(Rejection::Ledger)?
        {
            let lines =
                [(INCOMING, -amount.units()), (LedgerAccount::Pending(account), amount.units())];
            self.post(PostingKind::DepositAnnounced, asset, &lines)?;
            self.ledger.set(TransferKind::Deposit, id, asked);
            step = TransferStep::DepositAnnounced;
        }
        self.events.push(Event::Transfer { id, account, step });
        Ok(())
    }

    pub(super) fn credit_deposit(&mut self, reference: TransferRef) -> Outcome {
        let TransferRef { account, .. } = reference;
        let step = TransferStep::DepositCredited;
        let before =
            self.settle(TransferKind::Deposit, reference, TransferState::Completed, step)?;
        if let Some((asset, had)) = before {
            self.charge_interest(account, asset, had);
            self.review(account);
        }
        Ok(())
    }

    pub(super) fn void_deposit(&mut self, reference: TransferRef) -> Outcome {
        let step = TransferStep::DepositVoided;
        self.settle(TransferKind::Deposit, reference, TransferState::Voided, step).map(|_| ())
    }

    pub(super) fn request_withdrawal(&mut self, request: &TransferRequest) -> Outcome {
        let TransferRequest { id, account, asset, amount } = *request;
        let kind = TransferKind::Withdrawal;
        self.check_account(account)?;
        self.place_of(asset)?;
        let asked = kept(request);
        let known = self.ledger.transfers.contains_key(&(true, id));
        let allowed = if known { Amount::ZERO } else { self.may_leave(account, asset)? };
        let mut step = TransferStep::AlreadyDone;
        if self
            .ledger
            .admit(kind, id, asked, self.limits.transfers_max)
            .map_err(Rejection::Ledger)?
        {
            let available = super::records::amount(self.ledger.available(account, asset));
            let refused = |refusal| Err(Rejection::Ledger(refusal));
            if amount > available {
                return refused(Refusal::MoreThanAvailable { asked: amount, available });
            }
            if amount > allowed {
                return refused(Refusal::MoreThanAllowed { asked: amount, allowed });
            }
            let lines = [
                (LedgerAccount::Available(account), -amount.units()),
                (LedgerAccount::Held(account), amount.units()),
            ];
            self.post(PostingKind::WithdrawalRequested, asset, &lines)?;
            self.ledger.set(kind, id, asked);
            step = TransferStep::WithdrawalRequested;
        }
        self.events.push(Event::Transfer { id, account, step });
        Ok(())
    }

    pub(super) fn confirm_withdrawal(&mut self, reference: TransferRef) -> Outcome {
        let step = TransferStep::WithdrawalConfirmed;
        self.settle(TransferKind::Withdrawal, reference, TransferState::Completed, step).map(|_| ())
    }

    pub(super) fn void_withdrawal(&mut self, reference: TransferRef) -> Outcome {
        let step = TransferStep::WithdrawalVoided;
        let before =
            self.settle(TransferKind::Withdrawal, reference, TransferState::Voided, step)?;
        if let Some((asset, had)) = before {
            self.charge_interest(reference.account, asset, had);
        }
        Ok(())
    }

    /// Brings a transfer to its end; gives its asset and what the account had of it, if that is
    /// done now.
    fn settle(
        &mut self,
        kind: TransferKind,
        TransferRef { id, account }: TransferRef,
        state: TransferState,
        step: TransferStep,
    ) -> Result<Option<(Asset, i128)>, Rejection> {
        let open = self.ledger.settling(kind, id, account, state).map_err(Rejection::Ledger)?;
        let Some(open) = open else {
            let step = TransferStep::AlreadyDone;
            self.events.push(Event::Transfer { id, account, step });
            return Ok(None);
        };
        let (asset, units) = (open.asset, open.amount);
        let had = self.ledger.available(account, asset);
        let [available, held, pending] = [
            LedgerAccount::Available(account),
            LedgerAccount::Held(account),
            LedgerAccount::Pending(account),
        ];
        let (posting, lines): (_, Vec<_>) = match step {
            TransferStep::DepositCredited => (
                PostingKind::DepositCredited,
                vec![(pending, -units), (INCOMING, units), (CUSTODY, -units), (available, units)],
            ),
            TransferStep::DepositVoided => {
                (PostingKind::DepositVoided, vec![(pending, -units), (INCOMING, units)])
            }
            TransferStep::WithdrawalConfirmed => {
                (PostingKind::WithdrawalConfirmed, vec![(held, -units), (CUSTODY, units)])
            }
            _ => (PostingKind::WithdrawalVoided, vec![(held, -units), (available, units)]),
        };
        self.post(posting, asset, &lines)?;
        self.ledger.set(kind, id, Kept { state, ..open });
        self.events.push(Event::Transfer { id, account, step });
        Ok(Some((asset, had)))
    }

    pub(super) fn transfer(&mut self, transfer: &Transfer) -> Outcome {
        let Transfer { from, to, asset, amount, .. } = *transfer;
        self.check_account(from)?;
        self.check_account(to)?;
        self.place_of(asset)?;
        let owner = |account: AccountId| self.account(account).owner.unwrap_or(account);
        if from == to || owner(from) != owner(to) {
            return Err(Rejection::OwnersDiffer { from, to });
        }
        if amount <= Amount::ZERO {
            return Err(Rejection::Ledger(Refusal::NotPositive(amount)));
        }
        let allowed = self.may_leave(from, asset)?;
        if amount > allowed {
            return Err(Rejection::Withdrawable { asked: amount, allowed });
        }
        let had = self.ledger.available(to, asset);
        let lines = [
            (LedgerAccount::Available(from), -amount.units()),
            (LedgerAccount::Available(to), amount.units()),
        ];
        self.post(PostingKind::Transfer, asset, &lines)?;
        self.charge_interest(to, asset, had);
        self.review(to);
        Ok(())
    }

    pub(super) fn move_capital(&mut self, capital: &Capital) -> Outcome {
        let Capital { account, asset, amount } = *capital;
        self.place_of(asset)?;
        match account {
            VenueAccount::Fees | VenueAccount::Interest | VenueAccount::Insurance => {}
            _ => return Err(Rejection::NotACapitalAccount),
        }
        let units = amount.units();
        let lines = [(CUSTODY, units.wrapping_neg()), (LedgerAccount::Venue(account), units)];
        if units == i128::MIN {
            return Err(Rejection::Ledger(Refusal::AmountTooLarge(amount)));
        }
        self.post(PostingKind::Capital, asset, &lines)
    }

    /// The most of an asset that may leave an account now.
    fn may_leave(&self, account: AccountId, asset: Asset) -> Result<Amount, Rejection> {
        let available = self.ledger.available(account, asset);
        let used = self.instruments_of(account);
        let owes = self.assets.iter().any(|a| self.ledger.available(account, a.asset) < 0);
        if used.is_empty() && !owes {
            return Ok(amount(available.max(0)));
        }
        let mut needed = vec![asset];
        for id in used {
            let instrument = self.listing(id).instrument;
            needed.extend([instrument.base(), instrument.settlement_asset(), instrument.quote()]);
        }
        for asset in needed {
            let found = self.asset_now(asset);
            let trusted = found.confidence_ppm >= self.rules.withdrawal_confidence_ppm;
            if found.status != engine::prices::IndexStatus::Fresh || !trusted {
                return Err(Rejection::WithdrawalsStopped(asset));
            }
        }
        let model = self.account(account).model;
        self.check_model(model)?;
        let market = self.market();
        let view = self.risk_account(account);
        let margin_of = |account: &risk::Account| self.margin_on(&market, account, model);
        let allowed =
            risk::withdrawable_by(margin_of, &market, &view, asset, Confidence::from_ppm(0));
        let allowed = allowed.map_err(|error| Rejection::Unmargined(error.to_string()))?;
        let matured = available - self.fresh_profit(account, asset);
        Ok(amount(allowed.units().min(matured).max(0)))
    }

    /// Profit of the running period and the one before it, each counted if it is one.
    pub(super) fn fresh_profit(&self, account: AccountId, asset: Asset) -> i128 {
        let Some(profits) = self.account(account).profits.get(&asset) else { return 0 };
        let period = |time: i64| time.div_euclid(self.rules.profit_maturity_ms);
        let of = |wanted: i64| {
            profits
                .iter()
                .filter(|(time, _)| period(**time) == wanted)
                .map(|(_, profit)| profit)
                .sum::<i128>()
        };
        of(period(self.time)).max(0) + of(period(self.time) - 1).max(0)
    }
}

fn kept(request: &TransferRequest) -> Kept {
    Kept {
        account: request.account,
        asset: request.asset,
        amount: request.amount.units(),
        state: TransferState::Open,
    }
}
