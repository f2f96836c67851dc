//! Tardis `options_chain` files: a day of updates, of which the last per option counts.

use std::collections::BTreeMap;

use instruments::{Instrument, OptionKind, Price, Timestamp, Underlying};

use crate::FileError;
use crate::chain::{contradiction, given_number, instrument, quoted_price, volatility};
use crate::error::shown;
use crate::snapshot::{Builder, OptionQuote, Snapshot, option_terms};
use crate::table::{Column, Row, Table};

/// Rows that a file may have: a busy day has tens of millions.
pub(crate) const ROWS_MAX: u64 = 1_000_000_000;

/// Options that a file may have.
const SYMBOLS_MAX: usize = 100_000;

/// How the file writes a volatility of one.
const PERCENT: f64 = 100.0;

const MICROSECONDS_PER_MILLISECOND: i64 = 1_000;

struct Columns {
    symbol: Column,
    time: Column,
    kind: Column,
    strike: Column,
    expiry: Column,
    bid: Column,
    ask: Column,
    mark: Column,
    volatility: Column,
    underlying_price: Column,
    open_interest: Option<Column>,
    delta: Option<Column>,
    vega: Option<Column>,
}

impl Columns {
    fn of(table: &Table<'_>) -> Result<Self, FileError> {
        Ok(Self {
            symbol: table.needed("symbol")?,
            time: table.needed("timestamp")?,
            kind: table.needed("type")?,
            strike: table.needed("strike_price")?,
            expiry: table.needed("expiration")?,
            bid: table.needed("bid_price")?,
            ask: table.needed("ask_price")?,
            mark: table.needed("mark_price")?,
            volatility: table.needed("mark_iv")?,
            underlying_price: table.needed("underlying_price")?,
            open_interest: table.optional("open_interest"),
            delta: table.optional("delta"),
            vega: table.optional("vega"),
        })
    }
}

/// Whether the header is that of an options_chain file.
pub(crate) fn has_header(table: &Table<'_>) -> bool {
    table.optional("symbol").is_some() && table.optional("mark_iv").is_some()
}

/// The last update of one option.
struct Update {
    time: Timestamp,
    /// The row's place among all rows, to order updates of one time.
    row: u64,
    /// The option and its underlying's price; `None` while the venue publishes no mark.
    quote: Option<(OptionQuote, Price)>,
}

/// One symbol of the file: `None` for a contract without listing convention.
type Symbol = Option<(Instrument, Option<Update>)>;

/// Reads the last update per option at or before `at`, or of the whole file.
pub(crate) fn read(mut table: Table<'_>, at: Option<Timestamp>) -> Result<Snapshot, FileError> {
    let columns = Columns::of(&table)?;
    let mut symbols: BTreeMap<String, Symbol> = BTreeMap::new();
    let mut last: Option<Timestamp> = None;
    let mut first: Option<Timestamp> = None;
    while let Some(row) = table.next_row()? {
        let time = microseconds(&row, columns.time)?;
        first = Some(first.map_or(time, |first: Timestamp| first.min(time)));
        let symbol = symbol(&row, &columns, &mut symbols)?;
        let Some((instrument, update)) = symbol else { continue };
        let quote = quote(&row, &columns, *instrument)?;
        if at.is_some_and(|at| time > at) {
            continue;
        }
        last = Some(last.map_or(time, |last: Timestamp| last.max(time)));
        if update.as_ref().is_none_or(|update| update.time <= time) {
            *update = Some(Update { time, row: row.line, quote });
        }
    }
    let Some(time) = last else {
        return Err(match (first, at) {
            (Some(first), Some(at)) => FileError::at(
                table.file(),
                table.line(),
                format!("the file has no update at or before {at}; its first is of {first}"),
                "ask for a later time",
            ),
            (Some(_), None) => nothing_left(&table, "an instrument that can be read"),
            (None, _) => table.no_rows(),
        });
    };
    build(symbols, at.unwrap_or(time)).ok_or_else(|| nothing_left(&table, "a live, marked option"))
}

fn nothing_left(table: &Table<'_>, what: &str) -> FileError {
    let message = format!("no row of the file has {what}");
    FileError::at(table.file(), table.line(), message, "give a file of another day or symbol")
}

/// Finds or makes the entry of a row's symbol.
fn symbol<'s>(
    row: &Row<'_>,
    columns: &Columns,
    symbols: &'s mut BTreeMap<String, Symbol>,
) -> Result<&'s mut Symbol, FileError> {
    let name = row.text(columns.symbol);
    if !symbols.contains_key(name) {
        if symbols.len() == SYMBOLS_MAX {
            return Err(row.error(
                columns.symbol,
                format!("the file has more than {SYMBOLS_MAX} symbols"),
                "split it by symbol",
            ));
        }
        let symbol = match name.parse::<Instrument>() {
            Err(instruments::Error::NoConvention(_)) => None,
            _ => Some((instrument(row, columns.symbol)?, None)),
        };
        symbols.insert(name.to_string(), symbol);
    }
    Ok(symbols.get_mut(name).expect("it was there or has just been inserted"))
}

/// What a row says, once its terms agree with its name; `None` without mark, volatility or
/// underlying price.
fn quote(
    row: &Row<'_>,
    columns: &Columns,
    instrument: Instrument,
) -> Result<Option<(OptionQuote, Price)>, FileError> {
    let Some((expiry, strike, kind)) = option_terms(&instrument) else {
        return Err(row.error(
            columns.symbol,
            format!("{instrument} is not an option"),
            "give a file of the data type options_chain",
        ));
    };
    let word = if kind == OptionKind::Call { "call" } else { "put" };
    if row.text(columns.kind) != word {
        return Err(contradiction(row, columns.kind, instrument));
    }
    if row.price(columns.strike)? != strike {
        return Err(contradiction(row, columns.strike, instrument));
    }
    if microseconds(row, columns.expiry)? != expiry {
        return Err(contradiction(row, columns.expiry, instrument));
    }
    let needed = [columns.mark, columns.volatility, columns.underlying_price];
    if needed.iter().any(|&column| row.text(column).is_empty()) {
        return Ok(None);
    }
    let option = OptionQuote {
        instrument,
        expiry,
        strike,
        kind,
        volatility: volatility(row, columns.volatility, PERCENT)?,
        mark: row.price(columns.mark)?,
        bid: quoted_price(row, Some(columns.bid))?,
        ask: quoted_price(row, Some(columns.ask))?,
        delta: given_number(row, columns.delta)?,
        vega: given_number(row, columns.vega)?,
        open_interest: given_number(row, columns.open_interest)?,
    };
    Ok(Some((option, row.positive_price(columns.underlying_price)?)))
}

fn microseconds(row: &Row<'_>, column: Column) -> Result<Timestamp, FileError> {
    let raw = row.text(column);
    let milliseconds =
        raw.parse::<i64>().ok().map(|micro| micro.div_euclid(MICROSECONDS_PER_MILLISECOND));
    milliseconds.map(Timestamp::from_milliseconds).ok_or_else(|| {
        let message = format!("`{}` is not a time", shown(raw));
        row.error(column, message, "write microseconds since 1970-01-01 UTC")
    })
}

/// The market at a time: the newest underlying price of each expiry is its forward, and that of
/// the nearest expiry the index. `None` if no live option is marked.
fn build(symbols: BTreeMap<String, Symbol>, time: Timestamp) -> Option<Snapshot> {
    let mut builder = Builder::at(time);
    let mut newest: BTreeMap<(Underlying, Timestamp), ((Timestamp, u64), Price)> = BTreeMap::new();
    for symbol in symbols.into_values() {
        let Some((instrument, update)) = symbol else {
            builder.left_out += 1;
            continue;
        };
        let is_alive = instrument.expiry().is_some_and(|expiry| expiry > time);
        let Some(update) = update.filter(|_| is_alive) else { continue };
        let Some((option, price)) = update.quote else {
            builder.left_out += 1;
            continue;
        };
        builder.option(option);
        let stamp = (update.time, update.row);
        let entry =
            newest.entry((instrument.underlying(), option.expiry)).or_insert((stamp, price));
        if stamp > entry.0 {
            *entry = (stamp, price);
        }
    }
    if builder.is_empty() {
        return None;
    }
    let mut indexed: Option<Underlying> = None;
    for ((underlying, expiry), (_, price)) in newest {
        builder.forward(underlying, expiry, price);
        // Keys come in order, so the first expiry of an underlying is its nearest.
        if indexed != Some(underlying) {
            builder.index(underlying.asset(), price);
            indexed = Some(underlying);
        }
    }
    Some(builder.finish())
}
