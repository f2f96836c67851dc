//! Chain snapshots: one row per instrument, all of one time.

use instruments::{Asset, ContractKind, Instrument, OptionKind, Price, Timestamp};

use crate::FileError;
use crate::error::shown;
use crate::snapshot::{Builder, OptionQuote, Snapshot, option_terms};
use crate::table::{Column, Row, Table};
use crate::worth::greatest_worth;

/// Rows that a snapshot may have.
pub(crate) const ROWS_MAX: u64 = 200_000;

/// A volatility above this is taken for percent.
pub(crate) const VOLATILITY_MAX: f64 = 50.0;

/// How far a forward or mark may lie from the index, as a factor.
const FACTOR_MAX: i128 = 100;

/// Names of the columns, in the order in which they are written.
pub(crate) const COLUMNS: [&str; 15] = [
    "timestamp",
    "instrument_name",
    "option_type",
    "strike",
    "expiry_datetime",
    "bid_price",
    "ask_price",
    "mark_price",
    "futures_price",
    "implied_volatility",
    "delta",
    "vega",
    "open_interest",
    "index_price",
    "funding_8h",
];

struct Columns {
    time: Column,
    instrument: Column,
    kind: Column,
    strike: Column,
    expiry: Column,
    mark: Column,
    forward: Column,
    volatility: Column,
    index: Column,
    bid: Option<Column>,
    ask: Option<Column>,
    delta: Option<Column>,
    vega: Option<Column>,
    open_interest: Option<Column>,
    funding: Option<Column>,
    currency: Option<Column>,
}

impl Columns {
    fn of(table: &Table<'_>) -> Result<Self, FileError> {
        Ok(Self {
            time: table.needed("timestamp")?,
            instrument: table.needed("instrument_name")?,
            kind: table.needed("option_type")?,
            strike: table.needed("strike")?,
            expiry: table.needed("expiry_datetime")?,
            mark: table.needed("mark_price")?,
            forward: table.needed("futures_price")?,
            volatility: table.needed("implied_volatility")?,
            index: table.needed("index_price")?,
            bid: table.optional("bid_price"),
            ask: table.optional("ask_price"),
            delta: table.optional("delta"),
            vega: table.optional("vega"),
            open_interest: table.optional("open_interest"),
            funding: table.optional("funding_8h"),
            currency: table.optional("currency"),
        })
    }
}

/// Whether the header is that of a chain snapshot.
pub(crate) fn has_header(table: &Table<'_>) -> bool {
    table.optional("instrument_name").is_some()
}

/// Reads a snapshot.
pub(crate) fn read(mut table: Table<'_>, at: Option<Timestamp>) -> Result<Snapshot, FileError> {
    let columns = Columns::of(&table)?;
    let mut first: Option<(u64, Builder)> = None;
    while let Some(row) = table.next_row()? {
        let time = time(&row, columns.time)?;
        let (first_line, builder) = match &mut first {
            Some(first) => first,
            None => {
                check_asked(&row, columns.time, time, at)?;
                first.insert((row.line, Builder::at(time)))
            }
        };
        if time != builder.time {
            return Err(row.error(
                columns.time,
                format!("{time} is not {}, the time of line {first_line}", builder.time),
                "give one snapshot a file: split the file by its times",
            ));
        }
        match kind(&row, &columns) {
            "call" | "put" => option(&row, &columns, builder)?,
            "future" => future(&row, &columns, builder)?,
            "perpetual" => perpetual(&row, &columns, builder)?,
            "index" => index(&row, &columns, builder)?,
            other => {
                return Err(row.error(
                    columns.kind,
                    format!("`{}` is no kind of instrument", shown(other)),
                    "write call, put, future, perpetual or index",
                ));
            }
        }
    }
    match first {
        Some((_, builder)) => Ok(builder.finish()),
        None => Err(table.no_rows()),
    }
}

fn check_asked(
    row: &Row<'_>,
    column: Column,
    time: Timestamp,
    at: Option<Timestamp>,
) -> Result<(), FileError> {
    match at {
        Some(at) if at < time => Err(row.error(
            column,
            format!("the snapshot is of {time}, later than the time asked for, {at}"),
            "ask for a later time or give an earlier snapshot",
        )),
        _ => Ok(()),
    }
}

fn kind<'t>(row: &'t Row<'_>, columns: &Columns) -> &'t str {
    row.text(columns.kind)
}

pub(crate) fn time(row: &Row<'_>, column: Column) -> Result<Timestamp, FileError> {
    row.text(column).parse().map_err(|_| {
        let message = format!("`{}` is not a time", shown(row.text(column)));
        row.error(column, message, "write it as 2026-02-05T15:51:32Z")
    })
}

/// The instrument by its name.
pub(crate) fn instrument(row: &Row<'_>, column: Column) -> Result<Instrument, FileError> {
    let name = row.text(column);
    name.parse().map_err(|error: instruments::Error| {
        row.error(column, error.to_string(), "correct the name or remove the row")
    })
}

/// What every row with an expiry says beside its kind: index and forward, which the builder gets.
fn dated(
    row: &Row<'_>,
    columns: &Columns,
    instrument: Instrument,
    expiry: Timestamp,
    builder: &mut Builder,
) -> Result<(Price, Price), FileError> {
    check_expiry(row, columns, instrument, expiry, builder.time)?;
    check_currency(row, columns, instrument)?;
    builder.once(instrument, row, columns.instrument)?;
    let index = row.positive_price(columns.index)?;
    builder.index(instrument.base(), index);
    let forward = row.positive_price(columns.forward)?;
    check_near(row, columns.forward, forward, index)?;
    builder.forward(instrument.underlying(), expiry, forward);
    Ok((index, forward))
}

fn option(row: &Row<'_>, columns: &Columns, builder: &mut Builder) -> Result<(), FileError> {
    let instrument = instrument(row, columns.instrument)?;
    let Some((expiry, strike, kind)) = option_terms(&instrument) else {
        return Err(contradiction(row, columns.kind, instrument));
    };
    let word = if kind == OptionKind::Call { "call" } else { "put" };
    if row.text(columns.kind) != word {
        return Err(contradiction(row, columns.kind, instrument));
    }
    if row.price(columns.strike)? != strike {
        return Err(contradiction(row, columns.strike, instrument));
    }
    let (_, forward) = dated(row, columns, instrument, expiry, builder)?;
    let mark = row.price(columns.mark)?;
    // A tenth more, since rows of one snapshot are minutes apart.
    let most = greatest_worth(&instrument, forward).unwrap_or(mark);
    if i128::from(mark.units()) * 10 > i128::from(most.units()) * 11 {
        let message = format!("the mark {mark} is more than {instrument} can be worth, {most}");
        return Err(row.error(columns.mark, message, "correct it or remove the row"));
    }
    builder.option(OptionQuote {
        instrument,
        expiry,
        strike,
        kind,
        volatility: volatility(row, columns.volatility, 1.0)?,
        mark,
        bid: quoted_price(row, columns.bid)?,
        ask: quoted_price(row, columns.ask)?,
        delta: given_number(row, columns.delta)?,
        vega: given_number(row, columns.vega)?,
        open_interest: given_number(row, columns.open_interest)?,
    });
    Ok(())
}

fn future(row: &Row<'_>, columns: &Columns, builder: &mut Builder) -> Result<(), FileError> {
    let instrument = instrument(row, columns.instrument)?;
    let ContractKind::Future { expiry } = instrument.kind() else {
        return Err(contradiction(row, columns.kind, instrument));
    };
    let (index, _) = dated(row, columns, instrument, expiry, builder)?;
    if row.given(Some(columns.mark)).is_some() {
        let mark = row.positive_price(columns.mark)?;
        check_near(row, columns.mark, mark, index)?;
        builder.quote(instrument, mark, 0.0);
    }
    Ok(())
}

fn perpetual(row: &Row<'_>, columns: &Columns, builder: &mut Builder) -> Result<(), FileError> {
    let instrument = instrument(row, columns.instrument)?;
    if instrument.kind() != ContractKind::Perpetual {
        return Err(contradiction(row, columns.kind, instrument));
    }
    check_currency(row, columns, instrument)?;
    builder.once(instrument, row, columns.instrument)?;
    let index = row.positive_price(columns.index)?;
    builder.index(instrument.base(), index);
    builder.perpetual(instrument.underlying());
    let mark = match row.given(Some(columns.mark)) {
        Some(mark) => row.positive_price(mark)?,
        None => index,
    };
    check_near(row, columns.mark, mark, index)?;
    let funding = match row.given(columns.funding) {
        Some(column) => {
            let funding = row.number(column)?;
            if funding.abs() > 1.0 {
                let message = format!("a funding of {funding} per 8 hours is not between -1 and 1");
                return Err(row.error(column, message, "write 0.0001 for 0.01 %"));
            }
            funding
        }
        None => 0.0,
    };
    builder.quote(instrument, mark, funding);
    Ok(())
}

fn index(row: &Row<'_>, columns: &Columns, builder: &mut Builder) -> Result<(), FileError> {
    let name = row.text(columns.instrument);
    let asset: Asset = name.parse().map_err(|error: instruments::Error| {
        row.error(columns.instrument, error.to_string(), "write an asset such as USDC")
    })?;
    if asset == Asset::USD {
        return Err(row.error(
            columns.instrument,
            "US dollars are what prices are stated in",
            "remove the row",
        ));
    }
    builder.index(asset, row.positive_price(columns.index)?);
    Ok(())
}

/// A price that follows the index is not in another unit than it.
fn check_near(row: &Row<'_>, column: Column, price: Price, index: Price) -> Result<(), FileError> {
    let [price_units, index_units] = [price, index].map(|price| i128::from(price.units()));
    if price_units.max(index_units) <= FACTOR_MAX * price_units.min(index_units) {
        return Ok(());
    }
    Err(row.error(
        column,
        format!("{price} is more than {FACTOR_MAX} times away from the index, {index}"),
        "state both in US dollars",
    ))
}

fn check_expiry(
    row: &Row<'_>,
    columns: &Columns,
    instrument: Instrument,
    expiry: Timestamp,
    now: Timestamp,
) -> Result<(), FileError> {
    if time(row, columns.expiry)? != expiry {
        return Err(contradiction(row, columns.expiry, instrument));
    }
    if expiry <= now {
        return Err(row.error(
            columns.expiry,
            format!("{instrument} expired at {expiry}, not after the snapshot's time {now}"),
            "remove the row",
        ));
    }
    Ok(())
}

fn check_currency(
    row: &Row<'_>,
    columns: &Columns,
    instrument: Instrument,
) -> Result<(), FileError> {
    match row.given(columns.currency) {
        Some(column) if row.text(column) != instrument.base().name() => {
            Err(contradiction(row, column, instrument))
        }
        _ => Ok(()),
    }
}

/// The error of a field that says something else than the instrument's name.
pub(crate) fn contradiction(row: &Row<'_>, column: Column, instrument: Instrument) -> FileError {
    row.error(
        column,
        format!("`{}` contradicts the name {instrument}", shown(row.text(column))),
        "correct one of the two",
    )
}

/// A volatility per √year; `percent` is how the file writes 1.
pub(crate) fn volatility(row: &Row<'_>, column: Column, one: f64) -> Result<f64, FileError> {
    let volatility = row.positive(column)? / one;
    // Dividing a tiny number may leave nothing.
    if volatility > 0.0 && volatility <= VOLATILITY_MAX {
        return Ok(volatility);
    }
    Err(row.error(
        column,
        format!("a volatility of {volatility} per year is none that a market has"),
        format!("write {} for 65 %", 0.65 * one),
    ))
}

/// A best bid or ask; empty or zero says that there is none.
pub(crate) fn quoted_price(
    row: &Row<'_>,
    column: Option<Column>,
) -> Result<Option<Price>, FileError> {
    let Some(column) = row.given(column) else { return Ok(None) };
    let price = row.price(column)?;
    Ok((price > Price::ZERO).then_some(price))
}

/// A number that may be missing.
pub(crate) fn given_number(
    row: &Row<'_>,
    column: Option<Column>,
) -> Result<Option<f64>, FileError> {
    row.given(column).map(|column| row.number(column)).transpose()
}
