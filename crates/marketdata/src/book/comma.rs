//! Books as CSV.

use std::io::Read;

use risk::Market;

use super::figure::Figure;
use super::rows::{BookRow, Rows};
use super::{BOOK_ROWS_MAX, NamedBook};
use crate::FileError;
use crate::table::Table;

pub(super) fn read(file: &str, source: impl Read, market: &Market) -> Result<NamedBook, FileError> {
    let mut table = Table::open(file, source, BOOK_ROWS_MAX)?;
    let account = table.needed("account")?;
    let instrument = table.needed("instrument")?;
    let quantity = table.needed("quantity")?;
    let entry = table.optional("entry_price");
    let mut rows = Rows::new(file, market);
    while let Some(row) = table.next_row()? {
        rows.push(&BookRow {
            line: row.line,
            account: row.text(account),
            instrument: row.text(instrument),
            quantity: Figure::of_text(row.text(quantity)),
            entry: entry.map_or(Figure::Missing, |entry| Figure::of_text(row.text(entry))),
        })?;
    }
    rows.finish()
}
