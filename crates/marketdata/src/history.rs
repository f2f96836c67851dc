//! Daily closes.

use std::io::Read;

use instruments::{Asset, Timestamp};
use risk::{History, HistoryDay};

use crate::FileError;
use crate::error::shown;
use crate::table::{Column, Row, Table};

/// Days that a file may have.
const ROWS_MAX: u64 = 100_000;

/// Closes are within these, in US dollars.
const CLOSE_MIN: f64 = 1e-8;
const CLOSE_MAX: f64 = 1e12;

const DATE_BYTES: usize = "2026-02-05".len();

/// Reads a history: a first column `date` and one column per asset, with a row per day and an
/// empty field where a close is missing. Closes are in US dollars, days strictly ascending.
///
/// # Errors
/// [`FileError`] at the first line that is wrong.
pub fn read_history(file: &str, source: impl Read) -> Result<History, FileError> {
    let mut table = Table::open(file, source, ROWS_MAX)?;
    let assets = assets(&table)?;
    let mut days: Vec<HistoryDay> = Vec::new();
    let mut last_line = 0;
    while let Some(row) = table.next_row()? {
        let date = date(&row)?;
        if let Some(last) = days.last().filter(|last| last.date >= date) {
            let date = row.text(DATE);
            let message = if last.date.to_string().starts_with(date) {
                format!("{date} is already on line {last_line}")
            } else {
                format!("{date} comes after a later day on line {last_line}")
            };
            return Err(row.error(DATE, message, "sort the days and keep one row of each"));
        }
        last_line = row.line;
        let closes = (1..=assets.len()).map(|index| {
            row.given(Some(Table::place(index))).map(|column| close(&row, column)).transpose()
        });
        days.push(HistoryDay { date, closes: closes.collect::<Result<_, _>>()? });
    }
    if days.is_empty() { Err(table.no_rows()) } else { Ok(History { assets, days }) }
}

const DATE: Column = Table::place(0);

fn assets(table: &Table<'_>) -> Result<Vec<Asset>, FileError> {
    let error =
        |message: String, remedy: &str| FileError::at(table.file(), table.line(), message, remedy);
    let (first, rest) = table.header().split_first().expect("a header has at least one column");
    if first != "date" {
        return Err(error(
            format!("the first column is `{}`, not `date`", shown(first)),
            "give a history file, as date,BTC,ETH",
        ));
    }
    if rest.is_empty() {
        return Err(error("the header names no asset".into(), "add a column such as BTC"));
    }
    let parse = |name: &String| {
        name.parse::<Asset>().map_err(|_| {
            error(
                format!("the column `{}` is not an asset's name", shown(name)),
                "name each column by its asset, as BTC",
            )
        })
    };
    rest.iter().map(parse).collect()
}

/// A close in US dollars.
fn close(row: &Row<'_>, column: Column) -> Result<f64, FileError> {
    let close = row.positive(column)?;
    if (CLOSE_MIN..=CLOSE_MAX).contains(&close) {
        return Ok(close);
    }
    let message = format!("a close of {close:e} US dollars is none that an asset has");
    Err(row.error(column, message, "write a price from 0.00000001 to a million million"))
}

fn date(row: &Row<'_>) -> Result<Timestamp, FileError> {
    let raw = row.text(DATE);
    let date = raw.parse().ok().filter(|_| raw.len() == DATE_BYTES);
    date.ok_or_else(|| {
        row.error(DATE, format!("`{}` is not a date", shown(raw)), "write it as 2026-02-05")
    })
}
