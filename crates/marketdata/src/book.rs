//! Whole books: positions and balances of up to millions of accounts, as Parquet or CSV.

use std::fs::File;
use std::io::Read;

use risk::Market;
use risk::whole_book::Book;

use crate::FileError;

mod comma;
mod figure;
mod footer;
mod guard;
mod names;
mod parquet;
mod rows;
mod thresholds;
mod write;

pub use guard::is_guarded;
pub use thresholds::{BookThresholds, ThresholdsError};
pub use write::{write_book_csv, write_book_parquet};

/// Rows that a book may have.
pub const BOOK_ROWS_MAX: u64 = 250_000_000;

/// First bytes of every Parquet file, and its last.
const MAGIC: &[u8; 4] = b"PAR1";

/// A book with the names of its accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedBook {
    /// Names in the order of their first rows.
    pub accounts: Vec<String>,
    /// Positions and balances of each.
    pub book: Book,
    /// Rows that the file has.
    pub rows: u64,
}

/// How many of a file's first bytes [`is_parquet`] needs.
pub const PARQUET_START_BYTES: usize = MAGIC.len();

/// Whether a file that begins with these bytes begins as Parquet files do.
#[must_use]
pub fn is_parquet(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Reads a book from CSV, plain or gzipped: rows of `account,instrument,quantity` and, if the file
/// has the column, `entry_price`, which mean what they mean in a portfolio file
/// ([`read_portfolio`](crate::read_portfolio)). Rows of an account need not stand together.
///
/// # Errors
/// [`FileError`] at the first line that is wrong; of an account that holds an instrument twice, once
/// all lines have been read.
pub fn read_book_csv(
    file: &str,
    source: impl Read,
    market: &Market,
) -> Result<NamedBook, FileError> {
    comma::read(file, source, market)
}

/// Reads a book from Parquet: columns as in CSV, row group by row group. Names are strings, plain or
/// from a dictionary, or whole numbers; quantities and prices are numbers or strings. `progress` is
/// told how many of how many rows are read.
///
/// # Errors
/// [`FileError`], its line a row counted from one; a damaged file is one too.
pub fn read_book_parquet(
    file: &str,
    source: File,
    market: &Market,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<NamedBook, FileError> {
    parquet::read(file, source, market, progress)
}

/// Reads a book from the bytes of a Parquet file.
///
/// # Errors
/// As [`read_book_parquet`].
pub fn read_book_parquet_bytes(
    file: &str,
    bytes: Vec<u8>,
    market: &Market,
) -> Result<NamedBook, FileError> {
    parquet::read(file, bytes::Bytes::from(bytes), market, &mut |_, _| ())
}
