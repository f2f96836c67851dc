//! Portfolios and open orders.

use std::collections::BTreeMap;
use std::io::Read;

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding};
use risk::{Account, Market, OpenOrder, Position};

use crate::chain::instrument;
use crate::error::shown;
use crate::table::{Column, Row, Table};
use crate::{FileError, is_bounded_balance, is_bounded_position, is_plausible_price};

/// Rows that a portfolio or orders file may have.
const ROWS_MAX: u64 = 1_000_000;
/// Length of an account's name.
const NAME_BYTES_MAX: usize = 64;

/// Names of a portfolio file's columns, in the order in which they are written.
pub(crate) const COLUMNS: [&str; 4] = ["account", "instrument", "quantity", "entry_price"];

struct Columns {
    account: Column,
    instrument: Column,
    quantity: Column,
}

impl Columns {
    fn of(table: &Table<'_>) -> Result<Self, FileError> {
        Ok(Self {
            account: table.needed("account")?,
            instrument: table.needed("instrument")?,
            quantity: table.needed("quantity")?,
        })
    }
}

/// What a row of a portfolio holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holding {
    Collateral(Asset),
    Position(Instrument),
}

/// Reads a portfolio: rows of `account,instrument,quantity` and, if the file has the column,
/// `entry_price`. Accounts keep the order of their first rows.
///
/// An asset's name as instrument is a balance of collateral, a negative one a debt; balances are
/// taken as they stand, with premiums already paid. Any other instrument is a position, its
/// quantity in the instrument's own lot asset; its cost is its value at `entry_price`, or at the
/// market's mark where that is empty or missing, rounded up.
///
/// # Errors
/// [`FileError`] at the first line that is wrong: also one whose instrument the market does not
/// list or that has expired, and one that repeats the account and instrument of another.
pub fn read_portfolio(
    file: &str,
    source: impl Read,
    market: &Market,
) -> Result<Vec<Account>, FileError> {
    let mut table = Table::open(file, source, ROWS_MAX)?;
    let columns = Columns::of(&table)?;
    let entry_price = table.optional("entry_price");
    let mut accounts: Vec<Account> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines: BTreeMap<(usize, Holding), u64> = BTreeMap::new();
    while let Some(row) = table.next_row()? {
        let name = account_name(&row, columns.account)?;
        let place = *places.entry(name).or_insert_with_key(|name| {
            accounts.push(Account::named(name.clone()));
            accounts.len() - 1
        });
        let holding = holding(&row, columns.instrument, market)?;
        if let Some(other) = lines.insert((place, holding), row.line) {
            return Err(row.error(
                columns.instrument,
                format!("this account already holds it on line {other}"),
                "add the two rows up into one",
            ));
        }
        let entry = row.given(entry_price);
        let account = &mut accounts[place];
        match holding {
            Holding::Collateral(asset) => {
                let amount = balance(&row, &columns, entry)?;
                if !is_bounded_balance(market, asset, amount) {
                    return Err(too_large(&row, &columns));
                }
                account.balances.insert(asset, amount);
            }
            Holding::Position(instrument) => {
                let position = position(&row, &columns, entry, instrument, market)?;
                account.positions.insert(instrument, position);
            }
        }
    }
    if accounts.is_empty() { Err(table.no_rows()) } else { Ok(accounts) }
}

/// Reads open orders, rows of `account,instrument,quantity,limit_price` and, if the file has the
/// column, `fee`, into the accounts of a portfolio. The fee is what filling all of the order costs
/// at most, in the settlement asset. An account may have several orders of one instrument.
///
/// # Errors
/// [`FileError`] at the first line that is wrong, as for [`read_portfolio`]; also one of an account
/// that the portfolio does not have.
pub fn read_orders(
    file: &str,
    source: impl Read,
    market: &Market,
    mut accounts: Vec<Account>,
) -> Result<Vec<Account>, FileError> {
    let mut table = Table::open(file, source, ROWS_MAX)?;
    let columns = Columns::of(&table)?;
    let limit = table.needed("limit_price")?;
    let fee = table.optional("fee");
    let places: BTreeMap<String, usize> =
        accounts.iter().enumerate().map(|(place, account)| (account.name.clone(), place)).collect();
    let mut is_empty = true;
    while let Some(row) = table.next_row()? {
        is_empty = false;
        let name = account_name(&row, columns.account)?;
        let Some(&place) = places.get(&name) else {
            return Err(row.error(
                columns.account,
                format!("the portfolio has no account `{}`", shown(&name)),
                "correct the name, or give the account a balance in the portfolio",
            ));
        };
        let Holding::Position(instrument) = holding(&row, columns.instrument, market)? else {
            return Err(row.error(
                columns.instrument,
                "an asset is no instrument to order",
                "name an instrument such as BTC-PERPETUAL",
            ));
        };
        let quantity = lots(&row, &columns, instrument)?;
        let column = limit;
        let limit = row.positive_price(column)?;
        if !is_plausible_price(market, &instrument, limit) {
            return Err(implausible(&row, column, &instrument));
        }
        let cost = instrument.value(quantity, limit, Rounding::Ceil).ok();
        let filled = cost.map(|cost| Position { quantity, cost });
        if !filled.is_some_and(|filled| is_bounded_position(market, &instrument, filled)) {
            return Err(too_large(&row, &columns));
        }
        let fee = row.given(fee).map_or(Ok(Amount::ZERO), |column| {
            fee_of(&row, column, market, instrument.settlement_asset())
        })?;
        accounts[place].orders.push(OpenOrder { instrument, quantity, limit, fee });
    }
    if is_empty { Err(table.no_rows()) } else { Ok(accounts) }
}

fn fee_of(
    row: &Row<'_>,
    column: Column,
    market: &Market,
    asset: Asset,
) -> Result<Amount, FileError> {
    let usable = |fee: &Amount| *fee >= Amount::ZERO && is_bounded_balance(market, asset, *fee);
    let fee = row.text(column).parse::<Amount>().ok().filter(usable);
    fee.ok_or_else(|| {
        let message = format!("`{}` is not an amount of zero or more", shown(row.text(column)));
        row.error(column, message, "write it in the settlement asset, as 0.0005")
    })
}

fn account_name(row: &Row<'_>, column: Column) -> Result<String, FileError> {
    let name = row.text(column);
    match is_account_name(name) {
        Ok(()) => Ok(name.to_owned()),
        Err((message, remedy)) => Err(row.error(column, message, remedy)),
    }
}

/// Whether an account may have this name; else what is wrong, and the remedy.
pub(crate) fn is_account_name(name: &str) -> Result<(), (String, String)> {
    let printable = !name.chars().any(char::is_control) && name.trim() == name;
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && printable {
        return Ok(());
    }
    Err((
        format!("`{}` is not an account's name", shown(name)),
        format!("write 1 to {NAME_BYTES_MAX} bytes without control characters or outer spaces"),
    ))
}

/// The collateral or the listed instrument of a row.
fn holding(row: &Row<'_>, column: Column, market: &Market) -> Result<Holding, FileError> {
    let name = row.text(column);
    if !name.contains(['-', '_']) {
        let asset: Asset = name.parse().map_err(|error: instruments::Error| {
            row.error(column, error.to_string(), "write an asset such as USDC or an instrument")
        })?;
        market.price(asset).map_err(|error| {
            let (message, remedy) = not_listed(error);
            row.error(column, message, remedy)
        })?;
        return Ok(Holding::Collateral(asset));
    }
    let instrument = instrument(row, column)?;
    market.check_listed(&instrument).map_err(|error| {
        let (message, remedy) = not_listed(error);
        row.error(column, message, remedy)
    })?;
    Ok(Holding::Position(instrument))
}

/// Why a market can't value a name, and the remedy.
pub(crate) fn not_listed(error: risk::RiskError) -> (String, &'static str) {
    let remedy = "correct the name, give a market file that has it, or remove the row";
    match error {
        risk::RiskError::Expired { instrument, expiry } => (
            format!("{instrument} expired at {expiry}, not after the market's time"),
            "settle it and remove the row, or give an earlier market",
        ),
        risk::RiskError::UnknownInstrument(instrument) => {
            (format!("the market does not list {instrument}"), remedy)
        }
        risk::RiskError::NoPrice(asset) => (format!("the market has no price of {asset}"), remedy),
        other => (other.to_string(), remedy),
    }
}

fn balance(row: &Row<'_>, columns: &Columns, entry: Option<Column>) -> Result<Amount, FileError> {
    if let Some(entry) = entry {
        return Err(row.error(entry, "collateral has no entry price", "leave the field empty"));
    }
    row.text(columns.quantity).parse().map_err(|error: instruments::Error| {
        let remedy = "write an amount of the asset such as 12.5, negative for a debt";
        row.error(columns.quantity, brief(&error), remedy)
    })
}

/// An error of a number without the hostile part of its text.
pub(crate) fn brief(error: &instruments::Error) -> String {
    match error {
        instruments::Error::Number { text, reason } => format!("`{}`: {reason}", shown(text)),
        instruments::Error::NotWholeLots { text, lot, unit } => {
            format!("`{}` is not a whole number of lots of {lot} {unit}", shown(text))
        }
        other => other.to_string(),
    }
}

fn lots(row: &Row<'_>, columns: &Columns, instrument: Instrument) -> Result<Quantity, FileError> {
    let lots = instrument.lots_of(row.text(columns.quantity)).map_err(|error| {
        let (lot, unit) = (instrument.size_of(Quantity::from_lots(1)), instrument.lot_asset());
        let remedy = format!("write a size in {unit}, a multiple of {lot}, negative for a short");
        row.error(columns.quantity, brief(&error), remedy)
    })?;
    if lots == Quantity::ZERO {
        return Err(row.error(columns.quantity, "the quantity is zero", "remove the row"));
    }
    Ok(lots)
}

fn position(
    row: &Row<'_>,
    columns: &Columns,
    entry: Option<Column>,
    instrument: Instrument,
    market: &Market,
) -> Result<Position, FileError> {
    let quantity = lots(row, columns, instrument)?;
    let price: Price = match entry {
        Some(column) if instrument.is_option() => row.price(column)?,
        Some(column) => row.positive_price(column)?,
        None => market.mark(&instrument).map_err(|error| {
            row.error(columns.instrument, error.to_string(), "give an entry_price")
        })?,
    };
    if let Some(column) = entry
        && !is_plausible_price(market, &instrument, price)
    {
        return Err(implausible(row, column, &instrument));
    }
    // A position taken at mark has no profit yet, to the last unit.
    let rounding = if entry.is_some() { Rounding::Ceil } else { Rounding::Floor };
    let cost = instrument.value(quantity, price, rounding).map_err(|error| {
        row.error(columns.quantity, error.to_string(), "correct the quantity or the price")
    })?;
    let position = Position { quantity, cost };
    if !is_bounded_position(market, &instrument, position) {
        return Err(too_large(row, columns));
    }
    Ok(position)
}

fn implausible(row: &Row<'_>, column: Column, instrument: &Instrument) -> FileError {
    let unit = match (instrument.is_option(), instrument.settlement_asset()) {
        (true, asset) => asset,
        (false, _) => instrument.quote(),
    };
    let message = format!("the price {} is no price of {instrument}", shown(row.text(column)));
    row.error(column, message, format!("write the price in {unit}, near the market's"))
}

fn too_large(row: &Row<'_>, columns: &Columns) -> FileError {
    let limit = crate::WORTH_USD_MAX;
    row.error(
        columns.quantity,
        format!("the row is worth more than the limit of {limit} US dollars"),
        "correct the quantity or the price",
    )
}
