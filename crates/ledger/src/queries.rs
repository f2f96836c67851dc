//! Questions to a ledger.

use instruments::{Amount, Asset};

use crate::account::{AccountId, AssetIndex, Balance, LedgerAccount, VenueAccount};
use crate::ledger::{Ledger, Limits};
use crate::transfer::{Transfer, TransferId, TransferKind, Transfers};

/// One line of a proof of sum: see [`Ledger::listing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListingLine {
    /// The account.
    pub account: LedgerAccount,
    /// Its balance, in 10⁻⁸.
    pub balance: Amount,
    /// The sum of all balances up to and with this one.
    pub sum: Amount,
}

impl Ledger {
    /// What a client has of an asset; nothing of what is unknown.
    #[must_use]
    #[inline]
    pub fn balance(&self, account: AccountId, asset: AssetIndex) -> Balance {
        if account.number() >= self.accounts || asset.column() >= self.assets.len() {
            return Balance::default();
        }
        self.balances[self.cell(account, asset)]
    }

    /// Asks for the memory of what a client has of an asset, before it is needed.
    #[inline]
    pub fn prefetch(&self, account: AccountId, asset: AssetIndex) {
        if let Some(balance) = self.balances.get(self.cell(account, asset)) {
            numerics::prefetch(balance);
        }
    }

    /// What a client may use of an asset; negative is a debt.
    #[must_use]
    pub fn available(&self, account: AccountId, asset: AssetIndex) -> Amount {
        self.balance(account, asset).available
    }

    /// What a client's requested withdrawals hold of an asset.
    #[must_use]
    pub fn held(&self, account: AccountId, asset: AssetIndex) -> Amount {
        self.balance(account, asset).held
    }

    /// The balance of one of the venue's accounts; nothing of an unknown asset.
    #[must_use]
    #[inline]
    pub fn venue(&self, account: VenueAccount, asset: AssetIndex) -> Amount {
        let books = self.assets.get(asset.column());
        books.map_or(Amount::ZERO, |books| books.venue[usize::from(account.code())])
    }

    /// The balance of any account of the ledger; nothing of what is unknown.
    #[must_use]
    #[inline]
    pub fn balance_of(&self, account: LedgerAccount, asset: AssetIndex) -> Amount {
        match account {
            LedgerAccount::Available(account) => self.balance(account, asset).available,
            LedgerAccount::Held(account) => self.balance(account, asset).held,
            LedgerAccount::Pending(account) => self.balance(account, asset).pending,
            LedgerAccount::Venue(account) => self.venue(account, asset),
        }
    }

    /// All that clients have of an asset together, debts taken off: minus the venue's accounts.
    #[must_use]
    pub fn clients_total(&self, asset: AssetIndex) -> Amount {
        self.assets.get(asset.column()).map_or(Amount::ZERO, |books| books.clients)
    }

    /// Everything that a client has, in the order of the assets; assets of which there is nothing
    /// are left out.
    pub fn balances(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (AssetIndex, Balance)> + use<'_> {
        let assets = self.asset_indices().map(move |asset| (asset, self.balance(account, asset)));
        assets.filter(|(_, balance)| !balance.is_empty())
    }

    /// Everybody who has any of an asset, with a running sum that ends at zero: the venue's
    /// accounts in the order of their codes, then clients in the order of their numbers, available
    /// before held before pending. Who adds up the lines has proven the sum.
    pub fn listing(&self, asset: AssetIndex) -> impl Iterator<Item = ListingLine> + use<'_> {
        let venue = VenueAccount::ALL.into_iter().map(LedgerAccount::Venue);
        let clients = self.accounts().flat_map(|account| {
            [
                LedgerAccount::Available(account),
                LedgerAccount::Held(account),
                LedgerAccount::Pending(account),
            ]
        });
        let lines =
            venue.chain(clients).map(move |account| (account, self.balance_of(account, asset)));
        let lines = lines.filter(|&(_, balance)| balance != Amount::ZERO);
        lines.scan(Amount::ZERO, |sum, (account, balance)| {
            *sum = [*sum, balance].into_iter().sum();
            Some(ListingLine { account, balance, sum: *sum })
        })
    }

    /// All open accounts, in the order in which they were opened.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.accounts).map(AccountId::new)
    }

    /// All assets, in the order in which they were added.
    pub fn assets(&self) -> impl Iterator<Item = (AssetIndex, Asset)> + use<'_> {
        self.asset_indices().zip(self.assets.iter().map(|books| books.asset))
    }

    /// The asset in a place.
    #[must_use]
    pub fn asset(&self, index: AssetIndex) -> Option<Asset> {
        self.assets.get(index.column()).map(|books| books.asset)
    }

    /// The place of an asset. Looks at one asset after the other: for the edges, not for each
    /// command.
    #[must_use]
    pub fn index_of(&self, asset: Asset) -> Option<AssetIndex> {
        self.assets().find(|&(_, found)| found == asset).map(|(index, _)| index)
    }

    /// How large the ledger may grow.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// A deposit or withdrawal that the ledger remembers.
    #[must_use]
    pub fn transfer(&self, kind: TransferKind, id: TransferId) -> Option<&Transfer> {
        self.table(kind).get(id)
    }

    /// All deposits or withdrawals that the ledger remembers, in the order of their ids.
    #[must_use]
    pub fn transfers(&self, kind: TransferKind) -> &[Transfer] {
        self.table(kind).rows()
    }

    pub(crate) fn table(&self, kind: TransferKind) -> &Transfers {
        match kind {
            TransferKind::Deposit => &self.deposits,
            TransferKind::Withdrawal => &self.withdrawals,
        }
    }

    fn asset_indices(&self) -> impl Iterator<Item = AssetIndex> + use<> {
        let count = u16::try_from(self.assets.len()).expect("no more assets than ASSETS_MAX");
        (0..count).map(AssetIndex::new)
    }
}
