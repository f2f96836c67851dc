//! Rows of a book as they come: checked, and kept in few bytes.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding, SCALE_DECIMALS};
use risk::whole_book::{Book, BookAmount, SparseLots, unrealised_profit};
use risk::{Market, Position};

use super::figure::Figure;
use super::names::Names;
use super::{BOOK_ROWS_MAX, NamedBook};
use crate::error::shown;
use crate::portfolio::{brief, is_account_name, not_listed};
use crate::table::rounded_price;
use crate::{FileError, is_bounded_balance, is_bounded_position, is_plausible_price};

/// Profits are merged by account and asset when there are more than this, and twice what was left.
const PROFITS_MIN: usize = 1 << 20;

/// A row as a file states it.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookRow<'a> {
    /// Its line or row, from one.
    pub line: u64,
    pub account: &'a str,
    pub instrument: &'a str,
    pub quantity: Figure<'a>,
    pub entry: Figure<'a>,
}

/// What is wrong with a row, and in which column.
pub(super) struct Problem {
    column: &'static str,
    message: String,
    remedy: String,
}

fn problem(column: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem { column, message: message.into(), remedy: remedy.into() }
}

impl Problem {
    pub fn at(self, file: &str, line: u64) -> FileError {
        let column = Some(self.column.to_owned());
        FileError { column, ..FileError::at(file, line, self.message, self.remedy) }
    }
}

/// What a name in the column `instrument` stands for.
#[derive(Clone, Copy)]
enum Holding {
    Collateral(Asset),
    Position(u32),
}

/// An instrument held by some account.
struct Listed {
    instrument: Instrument,
    /// At mark, so many lots either way are known to be worth no more than the limit.
    bounded_lots: i64,
}

struct Balance {
    account: u32,
    asset: Asset,
    line: u32,
    amount: Amount,
}

/// Collects rows.
pub(super) struct Rows<'m> {
    file: String,
    market: &'m Market,
    accounts: Names,
    names: Names,
    /// By the number of the name.
    holdings: Vec<Holding>,
    columns: BTreeMap<Instrument, u32>,
    listed: Vec<Listed>,
    // A position's account, column, lots and line.
    account: Vec<u32>,
    column: Vec<u32>,
    lots: Vec<i64>,
    line: Vec<u32>,
    balances: Vec<Balance>,
    profits: Vec<BookAmount>,
    profits_max: usize,
    last_account: Option<u32>,
    rows: u64,
}

impl<'m> Rows<'m> {
    pub fn new(file: &str, market: &'m Market) -> Self {
        Self {
            file: file.to_owned(),
            market,
            accounts: Names::new(),
            names: Names::new(),
            holdings: vec![],
            columns: BTreeMap::new(),
            listed: vec![],
            account: vec![],
            column: vec![],
            lots: vec![],
            line: vec![],
            balances: vec![],
            profits: vec![],
            profits_max: PROFITS_MIN,
            last_account: None,
            rows: 0,
        }
    }

    /// Takes a row.
    pub fn push(&mut self, row: &BookRow<'_>) -> Result<(), FileError> {
        self.add(row).map_err(|problem| problem.at(&self.file, row.line))
    }

    fn add(&mut self, row: &BookRow<'_>) -> Result<(), Problem> {
        if self.rows == BOOK_ROWS_MAX {
            let message = format!("the file has more than {BOOK_ROWS_MAX} rows");
            return Err(problem("account", message, "split it"));
        }
        self.rows += 1;
        let account = self.account_number(row.account)?;
        let line = u32::try_from(row.line).unwrap_or(u32::MAX);
        match self.holding(row.instrument)? {
            Holding::Collateral(asset) => {
                let amount = self.balance(row, asset)?;
                self.balances.push(Balance { account, asset, line, amount });
            }
            Holding::Position(column) => {
                let lots = self.position(row, account, column)?;
                self.account.push(account);
                self.column.push(column);
                self.lots.push(lots.lots());
                self.line.push(line);
            }
        }
        Ok(())
    }

    fn account_number(&mut self, name: &str) -> Result<u32, Problem> {
        // Rows of an account mostly stand together.
        if let Some(last) = self.last_account.filter(|last| self.accounts.name(*last) == name) {
            return Ok(last);
        }
        let number = match self.accounts.number(name) {
            Some(number) => number,
            None => {
                is_account_name(name)
                    .map_err(|(message, remedy)| problem("account", message, remedy))?;
                self.accounts.add(name)
            }
        };
        self.last_account = Some(number);
        Ok(number)
    }

    fn holding(&mut self, name: &str) -> Result<Holding, Problem> {
        if let Some(number) = self.names.number(name) {
            return Ok(self.holdings[number as usize]);
        }
        let holding = self.new_holding(name)?;
        self.names.add(name);
        self.holdings.push(holding);
        Ok(holding)
    }

    fn new_holding(&mut self, name: &str) -> Result<Holding, Problem> {
        let of = |message: String, remedy: &str| problem("instrument", message, remedy);
        if !name.contains(['-', '_']) {
            let asset: Asset = name.parse().map_err(|_| {
                let message = format!("`{}` is no asset's name", shown(name));
                of(message, "write an asset such as USDC or an instrument")
            })?;
            self.market.price(asset).map_err(|error| {
                let (message, remedy) = not_listed(error);
                of(message, remedy)
            })?;
            return Ok(Holding::Collateral(asset));
        }
        let instrument: Instrument = name.parse().map_err(|_| {
            let message = format!("`{}` is no instrument's name", shown(name));
            of(message, "write a name such as BTC-27MAR26-100000-C")
        })?;
        self.market.check_listed(&instrument).map_err(|error| {
            let (message, remedy) = not_listed(error);
            of(message, remedy)
        })?;
        let next = self.listed.len() as u32;
        let column = *self.columns.entry(instrument).or_insert(next);
        if column == next {
            self.listed.push(Listed { instrument, bounded_lots: 0 });
        }
        Ok(Holding::Position(column))
    }

    fn balance(&self, row: &BookRow<'_>, asset: Asset) -> Result<Amount, Problem> {
        if row.entry != Figure::Missing {
            let remedy = "leave the field empty, null in Parquet";
            return Err(problem("entry_price", "collateral has no entry price", remedy));
        }
        let amount = match row.quantity {
            Figure::Missing => Err(missing()),
            Figure::Units(units) => Ok(Amount::from_units(i128::from(units))),
            Figure::Text(text) => text.parse().map_err(|error: instruments::Error| {
                let remedy = "write an amount of the asset such as 12.5, negative for a debt";
                problem("quantity", brief(&error), remedy)
            }),
        }?;
        if is_bounded_balance(self.market, asset, amount) { Ok(amount) } else { Err(too_large()) }
    }

    /// The lots of a position, whose profit is added to the account's.
    fn position(
        &mut self,
        row: &BookRow<'_>,
        account: u32,
        column: u32,
    ) -> Result<Quantity, Problem> {
        let listed = &mut self.listed[column as usize];
        let instrument = listed.instrument;
        let quantity = lots(row.quantity, &instrument)?;
        if row.entry == Figure::Missing {
            // Taken at mark there is no profit yet, and worth grows with lots.
            if quantity.lots().abs() > listed.bounded_lots {
                for side in [quantity, -quantity] {
                    at_mark(self.market, &instrument, side)?;
                }
                listed.bounded_lots = quantity.lots().abs();
            }
            return Ok(quantity);
        }
        let price = entry_price(row.entry, &instrument)?;
        if !is_plausible_price(self.market, &instrument, price) {
            return Err(implausible(row.entry, &instrument));
        }
        let cost = instrument.value(quantity, price, Rounding::Ceil).map_err(|error| {
            problem("quantity", error.to_string(), "correct the quantity or the price")
        })?;
        let position = Position { quantity, cost };
        if !is_bounded_position(self.market, &instrument, position) {
            return Err(too_large());
        }
        let profit = unrealised_profit(self.market, &instrument, &position).map_err(|error| {
            problem("instrument", error.to_string(), "correct the row or the market file")
        })?;
        self.add_profit(account, instrument.settlement_asset(), profit);
        Ok(quantity)
    }

    fn add_profit(&mut self, account: u32, asset: Asset, profit: Amount) {
        if profit == Amount::ZERO {
            return;
        }
        self.profits.push(BookAmount { account, asset, balance: Amount::ZERO, profit });
        if self.profits.len() > self.profits_max {
            merge_profits(&mut self.profits);
            self.profits_max = PROFITS_MIN.max(2 * self.profits.len());
        }
    }

    /// The book of all rows.
    pub fn finish(mut self) -> Result<NamedBook, FileError> {
        if self.rows == 0 {
            let remedy = "give a book with at least one row";
            return Err(FileError::at(&self.file, 1, "the book has no rows", remedy));
        }
        let accounts = self.accounts.len();
        let offsets = self.group(accounts);
        self.refuse_repeated(&offsets)?;
        let file = self.file;
        drop((self.line, self.account));
        merge_profits(&mut self.profits);
        let balances = self.balances.into_iter().map(|balance| BookAmount {
            account: balance.account,
            asset: balance.asset,
            balance: balance.amount,
            profit: Amount::ZERO,
        });
        self.profits.extend(balances);
        let instruments = self.listed.iter().map(|listed| listed.instrument).collect();
        let positions = SparseLots::from_parts(offsets, self.column, self.lots);
        let book = positions.and_then(|lots| Book::new(instruments, lots, self.profits));
        let book = book.map_err(|error| {
            FileError::at(&file, 1, error.to_string(), "remove or correct that account")
        })?;
        Ok(NamedBook { accounts: self.accounts.into_names(), book, rows: self.rows })
    }

    /// Brings the positions of each account together, in the order of their rows; returns where each
    /// account's begin.
    fn group(&mut self, accounts: usize) -> Vec<usize> {
        let mut offsets = vec![0; accounts + 1];
        for account in &self.account {
            offsets[*account as usize + 1] += 1;
        }
        for account in 0..accounts {
            offsets[account + 1] += offsets[account];
        }
        if !self.account.is_sorted() {
            let count = self.account.len();
            let (mut column, mut lots, mut line) = (vec![0; count], vec![0; count], vec![0; count]);
            let mut next = offsets.clone();
            for (from, account) in self.account.iter().enumerate() {
                let to = &mut next[*account as usize];
                column[*to] = self.column[from];
                lots[*to] = self.lots[from];
                line[*to] = self.line[from];
                *to += 1;
            }
            (self.column, self.lots, self.line) = (column, lots, line);
        }
        offsets
    }

    /// An account holds an instrument or a balance once. The first row that repeats one is refused.
    fn refuse_repeated(&mut self, offsets: &[usize]) -> Result<(), FileError> {
        let mut first: Option<(u32, u32, u32, String)> = None;
        let mut note = |line: u32, other: u32, account: u32, name: String| {
            if first.as_ref().is_none_or(|first| line < first.0) {
                first = Some((line, other, account, name));
            }
        };
        let mut held: Vec<(u32, u32)> = Vec::new();
        for (account, span) in offsets.windows(2).enumerate() {
            held.clear();
            let lines = self.line[span[0]..span[1]].iter().copied();
            held.extend(self.column[span[0]..span[1]].iter().copied().zip(lines));
            held.sort_unstable();
            for pair in held.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                let instrument = self.listed[pair[0].0 as usize].instrument;
                note(pair[1].1, pair[0].1, account as u32, instrument.to_string());
            }
        }
        self.balances.sort_by_key(|balance| (balance.account, balance.asset, balance.line));
        let same = |pair: &&[Balance]| {
            (pair[0].account, pair[0].asset) == (pair[1].account, pair[1].asset)
        };
        for pair in self.balances.windows(2).filter(same) {
            note(pair[1].line, pair[0].line, pair[1].account, pair[1].asset.to_string());
        }
        let Some((line, other, account, name)) = first else { return Ok(()) };
        let account = shown(self.accounts.name(account));
        let message = format!("account `{account}` already holds {name} in row {other}");
        Err(problem("instrument", message, "add the two rows up into one")
            .at(&self.file, u64::from(line)))
    }
}

/// Adds up profits of the same account and asset.
fn merge_profits(profits: &mut Vec<BookAmount>) {
    profits.sort_by_key(|amount| (amount.account, amount.asset));
    profits.dedup_by(|later, kept| {
        let same = (later.account, later.asset) == (kept.account, kept.asset);
        // Each is worth less than a limit far below what overflows; what does stays apart, and the
        // book says so.
        match kept.profit.checked_add(later.profit).filter(|_| same) {
            Some(sum) => {
                kept.profit = sum;
                true
            }
            None => false,
        }
    });
}

fn lots(quantity: Figure<'_>, instrument: &Instrument) -> Result<Quantity, Problem> {
    let read = match quantity {
        Figure::Missing => return Err(missing()),
        Figure::Units(units) if units % instrument.lot_size() == 0 => {
            Ok(Quantity::from_lots(units / instrument.lot_size()))
        }
        Figure::Units(units) => {
            let text = instruments::format_fixed(i128::from(units), SCALE_DECIMALS);
            instrument.lots_of(&text)
        }
        Figure::Text(text) => instrument.lots_of(text),
    };
    let lots = read.map_err(|error| {
        let (lot, unit) = (instrument.size_of(Quantity::from_lots(1)), instrument.lot_asset());
        let remedy = format!("write a size in {unit}, a multiple of {lot}, negative for a short");
        problem("quantity", brief(&error), remedy)
    })?;
    if lots == Quantity::ZERO {
        return Err(problem("quantity", "the quantity is zero", "remove the row"));
    }
    Ok(lots)
}

/// Whether a position taken at mark is of a size that accounts can have.
fn at_mark(market: &Market, instrument: &Instrument, quantity: Quantity) -> Result<(), Problem> {
    let of = |error: String| problem("instrument", error, "give an entry_price");
    let mark = market.mark(instrument).map_err(|error| of(error.to_string()))?;
    let cost = instrument.value(quantity, mark, Rounding::Floor).map_err(|error| {
        problem("quantity", error.to_string(), "correct the quantity or the price")
    })?;
    let position = Position { quantity, cost };
    if is_bounded_position(market, instrument, position) { Ok(()) } else { Err(too_large()) }
}

/// A price of zero or more, or for a future of more than zero; decimals beyond the eighth are
/// rounded.
fn entry_price(entry: Figure<'_>, instrument: &Instrument) -> Result<Price, Problem> {
    let price = match entry {
        Figure::Missing => None,
        Figure::Units(units) => Some(Price::from_units(units)),
        Figure::Text(text) => text.parse::<Price>().ok().or_else(|| {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.and_then(rounded_price)
        }),
    };
    let least = if instrument.is_option() { Price::ZERO } else { Price::from_units(1) };
    price.filter(|price| *price >= least).ok_or_else(|| {
        let message = format!("`{}` is no price of {instrument}", entry.shown());
        problem(
            "entry_price",
            message,
            "write a price, or leave it out (null) to count from the mark",
        )
    })
}

fn implausible(entry: Figure<'_>, instrument: &Instrument) -> Problem {
    let unit = match (instrument.is_option(), instrument.settlement_asset()) {
        (true, asset) => asset,
        (false, _) => instrument.quote(),
    };
    let message = format!("the price {} is no price of {instrument}", entry.shown());
    problem("entry_price", message, format!("write the price in {unit}, near the market's"))
}

fn missing() -> Problem {
    problem("quantity", "the quantity is missing", "write a number, or remove the row")
}

fn too_large() -> Problem {
    let limit = crate::WORTH_USD_MAX;
    let message = format!("the row is worth more than the limit of {limit} US dollars");
    problem("quantity", message, "correct the quantity or the price")
}
