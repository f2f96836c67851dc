//! Money: postings and what they change, deposits, withdrawals, transfers.

use instruments::Amount;
use ledger::{
    AccountId, Effect, Entry, Ledger, LedgerAccount, Posted, Posting, PostingKind, Reference,
    TransferEnd, VenueAccount,
};

use super::Events;
use crate::command::{Capital, Transfer, TransferRef, TransferRequest};
use crate::credit::Credit;
use crate::event::{Event, TransferStep};
use crate::record_tree::{Kind, RecordTree};
use crate::state::asset_index;
use crate::watch::Watches;
use crate::{Rejection, State};

/// What a posting changes beside the ledger.
struct Noted<'a> {
    assets: &'a mut [crate::asset::AssetState],
    credits: &'a mut [Credit],
    watches: &'a mut Watches,
    records: &'a mut RecordTree,
    events: &'a mut Events,
}

impl Noted<'_> {
    fn note(&mut self, posted: &Posted<'_>) {
        let entries = posted.posting.entries().unwrap_or_default();
        for (place, (entry, balance)) in posted.lines().enumerate() {
            let state = &mut self.assets[usize::from(entry.asset.place())];
            let asset = state.asset;
            match entry.account {
                LedgerAccount::Available(account) => {
                    // An account may have several entries; its balance changes once.
                    let same = |other: &&Entry| {
                        (other.account, other.asset) == (entry.account, entry.asset)
                    };
                    if !entries[..place].iter().any(|other| same(&other)) {
                        let change: Amount = entries.iter().filter(same).map(|e| e.amount).sum();
                        let before = Amount::from_units(balance.units() - change.units());
                        state.debts = add(state.debts, debt(balance) - debt(before));
                        state.holdings = add(state.holdings, held(balance) - held(before));
                    }
                    self.records.mark_dirty(Kind::Account, account.number());
                    self.watches.touch(account);
                    if !keeps_credit(posted.posting.kind, entry.amount, balance) {
                        self.credits[account.number() as usize] = Credit::default();
                    }
                }
                LedgerAccount::Held(account) | LedgerAccount::Pending(account) => {
                    self.records.mark_dirty(Kind::Account, account.number());
                }
                LedgerAccount::Venue(_) => {}
            }
            self.records.mark_dirty(Kind::Asset, u32::from(entry.asset.place()));
            self.events.push(Event::Balance {
                account: entry.account,
                asset,
                kind: posted.posting.kind,
                change: entry.amount,
                balance,
            });
        }
    }
}

/// Whether an account's credit covers what was posted: what trades move, and what it has paid, as
/// long as it owes nothing.
fn keeps_credit(kind: PostingKind, change: Amount, balance: Amount) -> bool {
    let covered = match kind {
        PostingKind::Premium | PostingKind::Settlement | PostingKind::Fee => true,
        PostingKind::Funding => change <= Amount::ZERO,
        _ => false,
    };
    covered && balance >= Amount::ZERO
}

fn add(amount: Amount, units: i128) -> Amount {
    Amount::from_units(amount.units() + units)
}

fn debt(balance: Amount) -> i128 {
    (-balance.units()).max(0)
}

fn held(balance: Amount) -> i128 {
    balance.units().max(0)
}

impl State {
    /// Books a posting.
    pub(crate) fn post(
        &mut self,
        posting: &Posting,
        events: &mut Events,
    ) -> Result<(), ledger::Refusal> {
        let Self { ledger, assets, credits, watches, records, .. } = self;
        ledger.post(posting, |posted| {
            Noted { assets, credits, watches, records, events }.note(&posted);
        })
    }

    /// A posting of this command's.
    pub(crate) fn posting(&self, kind: PostingKind, value: u64) -> Posting {
        Posting::new(kind, Reference { sequence: self.sequence, value })
    }

    /// Moves an amount from a client's balance to a venue account, or back if negative. Interest
    /// on what was owed comes first.
    ///
    /// # Panics
    /// If a balance would leave its bounds, which limits exclude.
    pub(crate) fn pay(
        &mut self,
        account: AccountId,
        venue: VenueAccount,
        place: usize,
        kind: PostingKind,
        amount: Amount,
        events: &mut Events,
    ) {
        if amount == Amount::ZERO {
            return;
        }
        self.charge_interest(account, place, events);
        let posting = self.posting(kind, 0).with_move(
            LedgerAccount::Available(account),
            LedgerAccount::Venue(venue),
            asset_index(place),
            amount,
        );
        self.post(&posting, events).expect("limits on prices and sizes keep balances in bounds");
    }

    /// Books the interest that has accrued on an account's debt in an asset.
    pub(crate) fn charge_interest(
        &mut self,
        account: AccountId,
        place: usize,
        events: &mut Events,
    ) {
        self.charge_interest_on(account, place, self.available(account, place), events);
    }

    /// Books the interest that has accrued while an account had so much of an asset.
    pub(super) fn charge_interest_on(
        &mut self,
        account: AccountId,
        place: usize,
        had: Amount,
        events: &mut Events,
    ) {
        let index = self.assets[place].interest;
        let own = &mut self.account_mut(account).assets[place];
        if own.interest.index() == index {
            return;
        }
        own.interest.advance(had.units().min(0), index).expect("a balance is within 2^100 units");
        let due = own.interest.take();
        self.touch_account(account);
        if due != Amount::ZERO {
            let posting = self.posting(PostingKind::Interest, 0).with_move(
                LedgerAccount::Available(account),
                LedgerAccount::Venue(VenueAccount::Interest),
                asset_index(place),
                Amount::from_units(-due.units()),
            );
            self.post(&posting, events).expect("interest on a balance in bounds stays there");
        }
    }

    pub(crate) fn announce_deposit(
        &mut self,
        request: &TransferRequest,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let asked = self.ledger_request(request)?;
        let (sequence, step) = (self.sequence, TransferStep::DepositAnnounced);
        self.transfer_step(asked.id, asked.account, step, events, |ledger, sink| {
            ledger.announce_deposit(asked, sequence, sink)
        })
    }

    pub(crate) fn request_withdrawal(
        &mut self,
        request: &TransferRequest,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let asked = self.ledger_request(request)?;
        let known = self.ledger.transfer(ledger::TransferKind::Withdrawal, asked.id).is_some();
        // What repeats an earlier request is answered without asking margin again.
        let allowed = match known {
            true => Amount::ZERO,
            false => self.may_leave(asked.account, usize::from(asked.asset.place()))?,
        };
        let (sequence, step) = (self.sequence, TransferStep::WithdrawalRequested);
        self.transfer_step(asked.id, asked.account, step, events, |ledger, sink| {
            ledger.request_withdrawal(asked, allowed, sequence, sink)
        })?;
        if !known {
            self.count_principal(asked.account, usize::from(asked.asset.place()), -asked.amount);
        }
        Ok(())
    }

    /// A deposit or withdrawal ends.
    pub(crate) fn end_transfer(
        &mut self,
        end: TransferEnd,
        reference: TransferRef,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let TransferRef { id, account } = reference;
        let (step, gives) = match end {
            TransferEnd::CreditDeposit => (TransferStep::DepositCredited, true),
            TransferEnd::VoidDeposit => (TransferStep::DepositVoided, false),
            TransferEnd::ConfirmWithdrawal => (TransferStep::WithdrawalConfirmed, false),
            TransferEnd::VoidWithdrawal => (TransferStep::WithdrawalVoided, true),
        };
        let had = if gives { self.had_before(end.kind(), reference) } else { None };
        let sequence = self.sequence;
        self.transfer_step(id, account, step, events, |ledger, sink| {
            ledger.end_transfer(end, id, account, sequence, sink)
        })?;
        if let Some((place, had, amount)) = had {
            self.count_principal(account, place, amount);
            self.charge_interest_on(account, place, had, events);
            if end == TransferEnd::CreditDeposit {
                self.review(account, events);
                self.look_again(account, events);
            }
        }
        Ok(())
    }

    pub(crate) fn transfer(
        &mut self,
        transfer: &Transfer,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let Transfer { from, to, asset, amount, .. } = *transfer;
        self.check_account(from)?;
        self.check_account(to)?;
        let place = self.asset_place(asset)?;
        if from == to || !self.is_of_same_owner(from, to) {
            return Err(Rejection::OwnersDiffer { from, to });
        }
        if amount <= Amount::ZERO {
            return Err(Rejection::Ledger(ledger::Refusal::NotPositive(amount)));
        }
        let allowed = self.may_leave(from, place)?;
        if amount > allowed {
            return Err(Rejection::Withdrawable { asked: amount, allowed });
        }
        let had = self.available(to, place);
        let posting = self.posting(PostingKind::Transfer, 0).with_move(
            LedgerAccount::Available(from),
            LedgerAccount::Available(to),
            asset_index(place),
            amount,
        );
        self.post(&posting, events).map_err(Rejection::Ledger)?;
        // What was brought in goes first: profit does not become principal on its way.
        let principal = amount.min(self.principal(from, place).max(Amount::ZERO));
        self.count_principal(from, place, -principal);
        self.count_principal(to, place, principal);
        self.charge_interest_on(to, place, had, events);
        self.review(to, events);
        self.look_again(to, events);
        Ok(())
    }

    pub(crate) fn move_capital(
        &mut self,
        capital: &Capital,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let Capital { account, asset, amount } = *capital;
        let place = self.asset_place(asset)?;
        let own = [VenueAccount::Fees, VenueAccount::Interest, VenueAccount::Insurance];
        if !own.contains(&account) {
            return Err(Rejection::NotACapitalAccount);
        }
        if account == VenueAccount::Insurance && amount < Amount::ZERO {
            self.check_capital_out(place, amount)?;
        }
        let posting = self.posting(PostingKind::Capital, 0).with_move(
            LedgerAccount::Venue(VenueAccount::Custody),
            LedgerAccount::Venue(account),
            asset_index(place),
            amount,
        );
        self.post(&posting, events).map_err(Rejection::Ledger)
    }

    /// Whether two accounts belong to one owner.
    pub(crate) fn is_of_same_owner(&self, one: AccountId, other: AccountId) -> bool {
        let owner = |account: AccountId| self.account_ref(account).owner.unwrap_or(account);
        owner(one) == owner(other)
    }

    /// The most of an asset that may leave an account now. While a loss is outstanding that nobody has
    /// covered, profit stays: no more than what was brought in.
    fn may_leave(&self, account: AccountId, place: usize) -> Result<Amount, Rejection> {
        let free = self.free_to_leave(account, place)?;
        Ok(match self.has_uncovered_loss() {
            true => free.min(self.principal(account, place)).max(Amount::ZERO),
            false => free,
        })
    }

    /// Whether losses stand that nobody has covered: more, at index, than the fund shares in cash. What an
    /// estate owed in coins, and the fund was given the worth of, is no loss.
    fn has_uncovered_loss(&self) -> bool {
        let worth = |place: usize| {
            let owed = -self.ledger.venue(VenueAccount::Deficit, asset_index(place));
            if owed <= Amount::ZERO {
                return Some(0);
            }
            let price = self.market.price(self.assets[place].asset).ok()?;
            Some(owed.worth(price, instruments::Rounding::Ceil).ok()?.units())
        };
        let owed: Option<i128> = (0..self.assets.len()).map(worth).sum();
        owed.is_none_or(|owed| owed > self.shared_fund_in_dollars())
    }

    /// What of an asset was brought into an account, less what was taken out; negative where that is
    /// more.
    fn principal(&self, account: AccountId, place: usize) -> Amount {
        let own = self.account_ref(account).assets.get(place);
        own.map_or(Amount::ZERO, |own| own.principal)
    }

    fn count_principal(&mut self, account: AccountId, place: usize, change: Amount) {
        let own = &mut self.account_mut(account).assets[place].principal;
        *own = add(*own, change.units());
    }

    /// The most of an asset that margin and the age of profit let go.
    fn free_to_leave(&self, account: AccountId, place: usize) -> Result<Amount, Rejection> {
        let state = self.account_ref(account);
        let asset = self.assets[place].asset;
        if state.is_idle() && !self.owes(account) {
            return Ok(self.available(account, place).max(Amount::ZERO));
        }
        let needed = std::iter::once(place)
            .chain(self.instruments_of(account).into_iter().flat_map(|id| self.depends_on(id)));
        for place in needed {
            let state = &self.assets[place];
            let least = self.rules.withdrawal_confidence_ppm;
            if !state.is_fresh() || state.confidence_ppm < least {
                return Err(Rejection::WithdrawalsStopped(state.asset));
            }
        }
        let epoch = self.epoch_for(state.model)?;
        let view = self.view(account);
        let allowed = epoch
            .withdrawable(&self.market, &view, state.model, asset)
            .map_err(|error| Rejection::Unmargined(error.to_string()))?;
        let fresh = state
            .assets
            .get(place)
            .map_or(Amount::ZERO, |own| own.fresh.at(self.time, self.rules.profit_maturity_ms));
        let matured = Amount::from_units(self.available(account, place).units() - fresh.units());
        Ok(allowed.min(matured).max(Amount::ZERO))
    }

    /// Whether it has a debt in any asset.
    pub(crate) fn owes(&self, account: AccountId) -> bool {
        (0..self.assets.len()).any(|place| self.available(account, place) < Amount::ZERO)
    }

    fn ledger_request(
        &self,
        request: &TransferRequest,
    ) -> Result<ledger::TransferRequest, Rejection> {
        self.check_account(request.account)?;
        let place = self.asset_place(request.asset)?;
        let TransferRequest { id, account, amount, .. } = *request;
        Ok(ledger::TransferRequest { id, account, asset: asset_index(place), amount })
    }

    /// The asset of a transfer that is still open, what its account has of it, and its amount.
    fn had_before(
        &self,
        kind: ledger::TransferKind,
        TransferRef { id, account }: TransferRef,
    ) -> Option<(usize, Amount, Amount)> {
        let open = self.ledger.transfer(kind, id).filter(|transfer| {
            transfer.state == ledger::TransferState::Open && transfer.request.account == account
        })?;
        let place = usize::from(open.request.asset.place());
        Some((place, self.available(account, place), open.request.amount))
    }

    /// Lets the ledger take a step of a deposit or withdrawal, and says so.
    fn transfer_step(
        &mut self,
        id: ledger::TransferId,
        account: AccountId,
        step: TransferStep,
        events: &mut Events,
        take: impl FnOnce(&mut Ledger, &mut dyn FnMut(Posted<'_>)) -> Result<Effect, ledger::Refusal>,
    ) -> Result<(), Rejection> {
        let Self { ledger, assets, credits, watches, records, .. } = self;
        let mut noted = Noted { assets, credits, watches, records, events };
        let effect = take(ledger, &mut |posted| noted.note(&posted)).map_err(Rejection::Ledger)?;
        let step = match effect {
            Effect::Done => step,
            Effect::Repeated => TransferStep::AlreadyDone,
        };
        events.push(Event::Transfer { id, account, step });
        Ok(())
    }
}
