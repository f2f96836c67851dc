//! The ledger: all balances, and the one way to change them.

use instruments::{Amount, Asset};

use crate::account::{AccountId, AssetIndex, BALANCE_MAX, Balance, LedgerAccount, VenueAccount};
use crate::posting::{ENTRIES_MAX, Entry, Posted, Posting};
use crate::refusal::Refusal;
use crate::transfer::{TransferKind, Transfers};

/// The most accounts that a ledger may have, so that the sum of all balances fits 128 bits.
pub const ACCOUNTS_MAX: u32 = 1 << 24;
/// The most assets that a ledger may have.
pub const ASSETS_MAX: u16 = 1024;

/// How large a ledger may grow. Memory for all of it is reserved when it is made: 48 bytes for
/// each account and asset, 64 for each transfer of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clients' accounts, up to [`ACCOUNTS_MAX`].
    pub accounts_max: u32,
    /// Assets, up to [`ASSETS_MAX`].
    pub assets_max: u16,
    /// Deposits remembered, and as many withdrawals.
    pub transfers_max: u32,
}

/// Double-entry balances of clients and venue in every asset, with deposits and withdrawals.
///
/// In each asset all balances sum to zero: an amount that one account gains is an amount that
/// others lose. [`Ledger::post`] refuses anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub(crate) limits: Limits,
    pub(crate) assets: Vec<AssetBooks>,
    pub(crate) accounts: u32,
    /// A row of `assets_max` balances per account.
    pub(crate) balances: Vec<Balance>,
    pub(crate) deposits: Transfers,
    pub(crate) withdrawals: Transfers,
}

/// One asset: the venue's accounts, and all that clients have of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AssetBooks {
    pub asset: Asset,
    pub venue: [Amount; VenueAccount::ALL.len()],
    /// Running total over all clients, kept entry by entry.
    pub clients: Amount,
}

impl Ledger {
    /// A ledger without accounts and assets.
    ///
    /// # Errors
    /// [`Refusal::LimitsTooLarge`].
    pub fn new(limits: Limits) -> Result<Self, Refusal> {
        if limits.accounts_max > ACCOUNTS_MAX || limits.assets_max > ASSETS_MAX {
            return Err(Refusal::LimitsTooLarge);
        }
        let rows = limits.accounts_max as usize;
        let cells = rows.checked_mul(usize::from(limits.assets_max));
        let mut balances = Vec::new();
        let reserved = cells.is_some_and(|cells| balances.try_reserve_exact(cells).is_ok());
        if !reserved {
            return Err(Refusal::LimitsTooLarge);
        }
        Ok(Self {
            limits,
            assets: Vec::with_capacity(usize::from(limits.assets_max)),
            accounts: 0,
            balances,
            deposits: Transfers::new(TransferKind::Deposit, limits.transfers_max)?,
            withdrawals: Transfers::new(TransferKind::Withdrawal, limits.transfers_max)?,
        })
    }

    /// Adds an asset, and says where it stands.
    ///
    /// # Errors
    /// [`Refusal::TooManyAssets`], [`Refusal::AssetExists`].
    pub fn add_asset(&mut self, asset: Asset) -> Result<AssetIndex, Refusal> {
        if self.index_of(asset).is_some() {
            return Err(Refusal::AssetExists(asset));
        }
        let full = Refusal::TooManyAssets(self.limits.assets_max);
        let place = u16::try_from(self.assets.len()).map_err(|_| full)?;
        if place >= self.limits.assets_max {
            return Err(full);
        }
        let venue = [Amount::ZERO; VenueAccount::ALL.len()];
        self.assets.push(AssetBooks { asset, venue, clients: Amount::ZERO });
        Ok(AssetIndex::new(place))
    }

    /// Opens the next account, with nothing in it.
    ///
    /// # Errors
    /// [`Refusal::TooManyAccounts`].
    pub fn open_account(&mut self) -> Result<AccountId, Refusal> {
        if self.accounts >= self.limits.accounts_max {
            return Err(Refusal::TooManyAccounts(self.limits.accounts_max));
        }
        let account = AccountId::new(self.accounts);
        self.accounts += 1;
        let cells = self.accounts as usize * usize::from(self.limits.assets_max);
        self.balances.resize(cells, Balance::default());
        Ok(account)
    }

    /// Books all entries of a posting and hands it to `sink` with the new balances, or books
    /// nothing. A posting without entries is booked by doing nothing; `sink` does not see it.
    ///
    /// The order of the entries does not matter: bounds are those of the balances when all are
    /// booked.
    ///
    /// # Errors
    /// [`Refusal::TooManyEntries`], [`Refusal::ReservedAccount`], [`Refusal::UnknownAccount`],
    /// [`Refusal::UnknownAsset`], [`Refusal::AmountTooLarge`], [`Refusal::Unbalanced`],
    /// [`Refusal::OutOfBounds`].
    ///
    /// # Panics
    /// If an asset's accounts no longer sum to zero, which no posting can bring about.
    pub fn post(
        &mut self,
        posting: &Posting,
        sink: impl FnOnce(Posted<'_>),
    ) -> Result<(), Refusal> {
        let is_reserved = |entry: &&Entry| match entry.account {
            LedgerAccount::Held(_) | LedgerAccount::Pending(_) => true,
            LedgerAccount::Venue(account) => account == VenueAccount::Incoming,
            LedgerAccount::Available(_) => false,
        };
        match posting.entries().unwrap_or_default().iter().find(is_reserved) {
            Some(entry) => Err(Refusal::ReservedAccount(entry.account)),
            None => self.book(posting, sink),
        }
    }

    /// [`Ledger::post`], to any account.
    pub(crate) fn book(
        &mut self,
        posting: &Posting,
        sink: impl FnOnce(Posted<'_>),
    ) -> Result<(), Refusal> {
        let entries = posting.entries().ok_or(Refusal::TooManyEntries(posting.count()))?;
        if entries.is_empty() {
            return Ok(());
        }
        entries.iter().try_for_each(|entry| self.check_entry(entry))?;
        self.check_balanced(entries)?;
        for entry in entries {
            self.add(entry.account, entry.asset, entry.amount);
        }
        if let Err(refusal) = entries.iter().try_for_each(|entry| self.check_bounds(entry)) {
            for entry in entries {
                self.add(entry.account, entry.asset, -entry.amount);
            }
            return Err(refusal);
        }
        self.assert_conservation(entries);
        let mut balances = [Amount::ZERO; ENTRIES_MAX];
        for (balance, entry) in balances.iter_mut().zip(entries) {
            *balance = self.balance_of(entry.account, entry.asset);
        }
        sink(Posted { posting, balances });
        Ok(())
    }

    fn check_entry(&self, entry: &Entry) -> Result<(), Refusal> {
        if entry.asset.column() >= self.assets.len() {
            return Err(Refusal::UnknownAsset(entry.asset));
        }
        if let LedgerAccount::Available(account)
        | LedgerAccount::Held(account)
        | LedgerAccount::Pending(account) = entry.account
        {
            self.check_account(account)?;
        }
        match (-BALANCE_MAX..=BALANCE_MAX).contains(&entry.amount) {
            true => Ok(()),
            false => Err(Refusal::AmountTooLarge(entry.amount)),
        }
    }

    pub(crate) fn check_account(&self, account: AccountId) -> Result<(), Refusal> {
        match account.number() < self.accounts {
            true => Ok(()),
            false => Err(Refusal::UnknownAccount(account)),
        }
    }

    fn check_balanced(&self, entries: &[Entry]) -> Result<(), Refusal> {
        for (place, entry) in entries.iter().enumerate() {
            // Entries before this one have been summed with the first of their asset.
            if entries[..place].iter().any(|earlier| earlier.asset == entry.asset) {
                continue;
            }
            let of_asset = entries[place..].iter().filter(|other| other.asset == entry.asset);
            let sum: Amount = of_asset.map(|entry| entry.amount).sum();
            if sum != Amount::ZERO {
                let asset = self.assets[entry.asset.column()].asset;
                return Err(Refusal::Unbalanced { asset, sum });
            }
        }
        Ok(())
    }

    fn check_bounds(&self, entry: &Entry) -> Result<(), Refusal> {
        let allowed = match entry.account {
            LedgerAccount::Venue(account) => account.allows(self.venue(account, entry.asset)),
            LedgerAccount::Available(account)
            | LedgerAccount::Held(account)
            | LedgerAccount::Pending(account) => self.balance(account, entry.asset).is_allowed(),
        };
        match allowed {
            true => Ok(()),
            false => Err(Refusal::OutOfBounds {
                account: entry.account,
                asset: self.assets[entry.asset.column()].asset,
                balance: self.balance_of(entry.account, entry.asset),
            }),
        }
    }

    /// Adds to one balance, and to the clients' total. Up to [`ENTRIES_MAX`] amounts within
    /// [`BALANCE_MAX`] on balances within it cannot overflow.
    fn add(&mut self, account: LedgerAccount, asset: AssetIndex, amount: Amount) {
        let balance = match account {
            LedgerAccount::Available(account) => &mut self.balance_mut(account, asset).available,
            LedgerAccount::Held(account) => &mut self.balance_mut(account, asset).held,
            LedgerAccount::Pending(account) => &mut self.balance_mut(account, asset).pending,
            LedgerAccount::Venue(account) => {
                let venue = &mut self.assets[asset.column()].venue;
                return increase(&mut venue[usize::from(account.code())], amount);
            }
        };
        increase(balance, amount);
        increase(&mut self.assets[asset.column()].clients, amount);
    }

    pub(crate) fn balance_mut(&mut self, account: AccountId, asset: AssetIndex) -> &mut Balance {
        let cell = self.cell(account, asset);
        &mut self.balances[cell]
    }

    /// Invariant `conservation`, for the assets of these entries.
    fn assert_conservation(&self, entries: &[Entry]) {
        for (place, entry) in entries.iter().enumerate() {
            if place > 0 && entries[place - 1].asset == entry.asset {
                continue;
            }
            let books = &self.assets[entry.asset.column()];
            assert!(
                books.sum() == Amount::ZERO,
                "conservation: {} does not sum to zero",
                books.asset
            );
        }
    }

    pub(crate) fn cell(&self, account: AccountId, asset: AssetIndex) -> usize {
        account.row() * usize::from(self.limits.assets_max) + asset.column()
    }
}

impl AssetBooks {
    /// All ledger accounts together; zero, unless the ledger is broken.
    pub fn sum(&self) -> Amount {
        self.venue.into_iter().chain([self.clients]).sum()
    }
}

fn increase(balance: &mut Amount, amount: Amount) {
    *balance = Amount::from_units(balance.units() + amount.units());
}
