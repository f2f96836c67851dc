//! Everything that must hold, computed again from the balances themselves.

use instruments::{Amount, Asset};

use crate::account::{AccountId, AssetIndex, LedgerAccount, VenueAccount};
use crate::ledger::Ledger;
use crate::transfer::{TransferKind, TransferState};

/// What does not hold in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Inconsistency {
    /// The accounts of an asset do not sum to zero.
    #[error("conservation: all accounts in {asset} sum to {sum}, not to zero")]
    NotConserved {
        /// The asset.
        asset: Asset,
        /// What they sum to.
        sum: Amount,
    },
    /// The running total over clients is not the sum of their balances.
    #[error("conservation: clients have {sum} of {asset}, but their running total is {total}")]
    RunningTotal {
        /// The asset.
        asset: Asset,
        /// What their balances sum to.
        sum: Amount,
        /// What the running total says.
        total: Amount,
    },
    /// A balance stands out of its bounds.
    #[error("bounds: in {asset}, {account} stands at {balance}, out of its bounds")]
    OutOfBounds {
        /// The account.
        account: LedgerAccount,
        /// The asset.
        asset: Asset,
        /// Its balance.
        balance: Amount,
    },
    /// What is held or pending is not the sum of the client's open transfers, or what is incoming
    /// not the sum of all that is pending.
    #[error("holds: in {asset}, {account} does not equal its open transfers by {difference}")]
    Holds {
        /// The account: held, pending or incoming.
        account: LedgerAccount,
        /// The asset.
        asset: Asset,
        /// The balance less the open transfers.
        difference: Amount,
    },
}

impl Ledger {
    /// Recomputes the invariants `conservation`, `bounds` and `holds` over all accounts. For tests,
    /// auditors and after reading a snapshot: it visits every balance.
    ///
    /// # Errors
    /// The first [`Inconsistency`] found.
    pub fn check(&self) -> Result<(), Inconsistency> {
        for (index, asset) in self.assets() {
            self.check_bounds_of(index, asset)?;
            self.check_sum_of(index, asset)?;
        }
        self.check_holds()
    }

    fn check_bounds_of(&self, index: AssetIndex, asset: Asset) -> Result<(), Inconsistency> {
        for account in VenueAccount::ALL {
            let balance = self.venue(account, index);
            if !account.allows(balance) {
                let account = LedgerAccount::Venue(account);
                return Err(Inconsistency::OutOfBounds { account, asset, balance });
            }
        }
        for account in self.accounts() {
            let balance = self.balance(account, index);
            if !balance.is_allowed() {
                let (account, balance) = if balance.held < Amount::ZERO {
                    (LedgerAccount::Held(account), balance.held)
                } else if balance.pending < Amount::ZERO {
                    (LedgerAccount::Pending(account), balance.pending)
                } else {
                    (LedgerAccount::Available(account), balance.available)
                };
                return Err(Inconsistency::OutOfBounds { account, asset, balance });
            }
        }
        Ok(())
    }

    /// Balances are within bounds here, so that sums fit.
    fn check_sum_of(&self, index: AssetIndex, asset: Asset) -> Result<(), Inconsistency> {
        let clients: Amount =
            self.accounts().map(|account| self.balance(account, index).total()).sum();
        let venue: Amount =
            VenueAccount::ALL.into_iter().map(|account| self.venue(account, index)).sum();
        let sum = [clients, venue].into_iter().sum();
        let total = self.clients_total(index);
        if sum != Amount::ZERO {
            return Err(Inconsistency::NotConserved { asset, sum });
        }
        if total != clients {
            return Err(Inconsistency::RunningTotal { asset, sum: clients, total });
        }
        Ok(())
    }

    fn check_holds(&self) -> Result<(), Inconsistency> {
        self.check_holds_of(TransferKind::Withdrawal, LedgerAccount::Held)?;
        self.check_holds_of(TransferKind::Deposit, LedgerAccount::Pending)?;
        for (index, asset) in self.assets() {
            let pending = self.accounts().map(|account| self.balance(account, index).pending);
            let incoming = self.venue(VenueAccount::Incoming, index);
            let difference = pending.chain([incoming]).sum();
            if difference != Amount::ZERO {
                let account = LedgerAccount::Venue(VenueAccount::Incoming);
                return Err(Inconsistency::Holds { account, asset, difference });
            }
        }
        Ok(())
    }

    fn check_holds_of(
        &self,
        kind: TransferKind,
        pocket: fn(AccountId) -> LedgerAccount,
    ) -> Result<(), Inconsistency> {
        let mut rest = vec![Amount::ZERO; self.balances.len()];
        for (index, _) in self.assets() {
            for account in self.accounts() {
                rest[self.cell(account, index)] = self.balance_of(pocket(account), index);
            }
        }
        let open = self.transfers(kind).iter().filter(|found| found.state == TransferState::Open);
        for transfer in open {
            let request = transfer.request;
            let rest = &mut rest[self.cell(request.account, request.asset)];
            // A sum that does not fit is as wrong as any other.
            *rest = rest.checked_sub(request.amount).unwrap_or(-crate::BALANCE_MAX);
        }
        for (index, asset) in self.assets() {
            for account in self.accounts() {
                let difference = rest[self.cell(account, index)];
                if difference != Amount::ZERO {
                    let account = pocket(account);
                    return Err(Inconsistency::Holds { account, asset, difference });
                }
            }
        }
        Ok(())
    }
}
