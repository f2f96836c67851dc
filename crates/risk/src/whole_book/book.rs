//! The accounts of a book: positions, balances and profits.

use instruments::{Amount, Asset, Instrument};

use super::{SparseLots, WholeBookError};
use crate::account::{Account, Position};
use crate::market::Market;
use crate::{RiskError, equity};

/// Every account's positions and coins, without names and open orders.
///
/// Positions take 12 bytes each. What an account has of an asset is kept apart by what it holds or
/// owes and what it has gained on futures: margin counts the one only up to a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// By underlying, then by name; a position's column is an index into these.
    instruments: Vec<Instrument>,
    /// By column within each account, each column once.
    positions: SparseLots,
    amount_offsets: Vec<usize>,
    /// By asset within each account, each asset once.
    amounts: Vec<Holding>,
}

/// What one account has of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookAmount {
    /// The account's index.
    pub account: u32,
    /// The asset.
    pub asset: Asset,
    /// Its balance; negative is a debt.
    pub balance: Amount,
    /// Unrealised profit of futures and perpetuals settled in it, and accrued funding.
    pub profit: Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    pub asset: Asset,
    /// In 10⁻⁸.
    pub balance: i128,
    pub profit: i128,
}

/// Unrealised profit of a position at the market's mark, in its settlement asset, rounded down;
/// zero for an option, whose premium was paid when it traded.
///
/// # Errors
/// Whatever the market lacks for the instrument, or an amount beyond any real one.
pub fn unrealised_profit(
    market: &Market,
    instrument: &Instrument,
    position: &Position,
) -> Result<Amount, RiskError> {
    if instrument.is_option() {
        return Ok(Amount::ZERO);
    }
    equity::position_profit(market, instrument, position).map(Amount::from_units)
}

impl Book {
    /// A book from its parts: instruments by column, positions, and amounts in any order. Lots of an
    /// instrument that an account holds more than once, and amounts of one asset, add up.
    ///
    /// # Errors
    /// [`WholeBookError::Column`], [`WholeBookError::Shape`] for an amount of an account that does
    /// not exist, [`WholeBookError::LotsTooLarge`] and [`WholeBookError::TooLarge`] for sums that
    /// don't fit.
    pub fn new(
        instruments: Vec<Instrument>,
        positions: SparseLots,
        amounts: Vec<BookAmount>,
    ) -> Result<Self, WholeBookError> {
        if let Some((account, column)) = positions.column_beyond(instruments.len()) {
            return Err(WholeBookError::Column { account, column, rows: instruments.len() });
        }
        let (instruments, ranks) = ranked(instruments);
        let positions = positions.canonical(&ranks)?;
        let (amount_offsets, amounts) = by_account(positions.accounts(), amounts)?;
        Ok(Self { instruments, positions, amount_offsets, amounts })
    }

    /// The book of accounts as margin sees them at live marks.
    ///
    /// # Errors
    /// [`WholeBookError::Orders`] for an account with open orders; whatever the market lacks.
    pub fn of(market: &Market, accounts: &[Account]) -> Result<Self, WholeBookError> {
        let mut instruments: Vec<Instrument> =
            accounts.iter().flat_map(|account| account.positions.keys().copied()).collect();
        instruments.sort_unstable();
        instruments.dedup();
        let mut positions = SparseLots::new();
        let mut amounts = Vec::new();
        for (index, account) in accounts.iter().enumerate() {
            if !account.orders.is_empty() {
                return Err(WholeBookError::Orders { account: index });
            }
            positions.push(account.positions.iter().map(|(instrument, position)| {
                let column = instruments.binary_search(instrument).expect("collected above");
                (column as u32, position.quantity.lots())
            }));
            let account_index = u32::try_from(index).map_err(|_| WholeBookError::Shape)?;
            let amount = |asset: &Asset, balance, profit| BookAmount {
                account: account_index,
                asset: *asset,
                balance,
                profit,
            };
            let balances = account.balances.iter();
            amounts.extend(balances.map(|(asset, balance)| amount(asset, *balance, Amount::ZERO)));
            for (asset, profit) in equity::profits(market, account)? {
                amounts.push(amount(&asset, Amount::ZERO, Amount::from_units(profit)));
            }
        }
        Self::new(instruments, positions, amounts)
    }

    /// How many accounts.
    #[must_use]
    pub const fn accounts(&self) -> usize {
        self.positions.accounts()
    }

    /// Positions by account; columns are indices into [`Book::instruments`].
    #[must_use]
    pub const fn positions(&self) -> &SparseLots {
        &self.positions
    }

    /// Every instrument held.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// What all accounts hold of each asset, debts left out, as haircuts ask for it.
    ///
    /// # Errors
    /// [`RiskError::AmountTooLarge`].
    pub fn venue_balances(&self) -> Result<std::collections::BTreeMap<Asset, Amount>, RiskError> {
        let mut totals = std::collections::BTreeMap::<Asset, Amount>::new();
        for holding in self.amounts.iter().filter(|holding| holding.balance > 0) {
            let total = totals.entry(holding.asset).or_default();
            *total = total
                .checked_add(Amount::from_units(holding.balance))
                .ok_or(RiskError::AmountTooLarge(holding.asset))?;
        }
        Ok(totals)
    }

    /// Every asset of which some account has a balance.
    pub(super) fn holdings(&self) -> &[Holding] {
        &self.amounts
    }

    /// What one account has of each asset.
    pub(super) fn amounts(&self, account: usize) -> &[Holding] {
        &self.amounts[self.amount_offsets[account]..self.amount_offsets[account + 1]]
    }
}

/// Instruments in the order of a book, each once, and where each one given went.
fn ranked(given: Vec<Instrument>) -> (Vec<Instrument>, Vec<u32>) {
    let key = |instrument: &Instrument| (instrument.underlying(), *instrument);
    let mut sorted = given.clone();
    sorted.sort_unstable_by_key(key);
    sorted.dedup();
    let rank = |instrument: &Instrument| {
        let found = sorted.binary_search_by_key(&key(instrument), key);
        found.expect("a sorted copy holds the same") as u32
    };
    let ranks = given.iter().map(rank).collect();
    (sorted, ranks)
}

fn by_account(
    accounts: usize,
    mut amounts: Vec<BookAmount>,
) -> Result<(Vec<usize>, Vec<Holding>), WholeBookError> {
    if amounts.iter().any(|amount| amount.account as usize >= accounts) {
        return Err(WholeBookError::Shape);
    }
    amounts.sort_by_key(|amount| (amount.account, amount.asset));
    let (mut offsets, mut holdings) = (Vec::with_capacity(accounts + 1), Vec::<Holding>::new());
    let mut rest = amounts.into_iter().peekable();
    for account in 0..accounts {
        let first = holdings.len();
        offsets.push(first);
        while let Some(BookAmount { asset, balance, profit, .. }) =
            rest.next_if(|amount| amount.account as usize == account)
        {
            let too_large = WholeBookError::TooLarge { account };
            let (balance, profit) = (balance.units(), profit.units());
            match holdings[first..].last_mut().filter(|last| last.asset == asset) {
                Some(last) => {
                    let sum = |a: i128, b| a.checked_add(b).ok_or(too_large.clone());
                    (last.balance, last.profit) =
                        (sum(last.balance, balance)?, sum(last.profit, profit)?);
                }
                None => holdings.push(Holding { asset, balance, profit }),
            }
        }
    }
    offsets.push(holdings.len());
    Ok((offsets, holdings))
}
