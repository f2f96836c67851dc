//! Rows of a CSV file by column name, with errors that say where.

use std::io::Read;

use instruments::{Price, SCALE};

use crate::FileError;
use crate::error::shown;
use crate::lines::Lines;
use crate::record::Record;

/// Columns that a header may have.
const COLUMNS_MAX: usize = 1_000;

/// A CSV file, plain or gzipped, with a header and rows of as many fields, read row by row.
///
/// ```
/// use plimsoll_marketdata::Table;
///
/// let mut table = Table::open("closes.csv", "day,close\n1,102.5\n".as_bytes(), 1_000)?;
/// let close = table.needed("close")?;
/// let row = table.next_row()?.expect("it has a row");
/// assert_eq!((row.line, row.number(close)?), (2, 102.5));
/// # Ok::<(), plimsoll_marketdata::FileError>(())
/// ```
pub struct Table<'r> {
    lines: Lines<'r>,
    header: Vec<String>,
    record: Record,
    rows: u64,
    rows_max: u64,
}

/// Index of a column of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column(usize);

/// One row.
#[derive(Clone, Copy)]
pub struct Row<'t> {
    file: &'t str,
    /// Its line, from one.
    pub line: u64,
    header: &'t [String],
    record: &'t Record,
}

impl<'r> Table<'r> {
    /// Reads the header. At most `rows_max` rows will be read.
    pub fn open(file: &str, source: impl Read + 'r, rows_max: u64) -> Result<Self, FileError> {
        let mut lines = Lines::open(file, source)?;
        if !lines.advance()? {
            let remedy = "give a CSV file with a header and rows";
            return Err(FileError::at(file, 1, "the file is empty", remedy));
        }
        let mut record = Record::new();
        record
            .read(lines.text())
            .map_err(|message| FileError::at(file, lines.number(), message, QUOTES_REMEDY))?;
        let header = (0..record.len()).map(|index| record.field(index).trim().to_owned()).collect();
        let table = Self { lines, header, record, rows: 0, rows_max };
        table.check_header()?;
        Ok(table)
    }

    /// The same table with another limit on rows.
    pub(crate) fn with_rows_max(self, rows_max: u64) -> Self {
        Self { rows_max, ..self }
    }

    fn check_header(&self) -> Result<(), FileError> {
        let error = |message: String, remedy: &str| {
            Err(FileError::at(self.lines.file(), self.lines.number(), message, remedy))
        };
        if self.header.len() > COLUMNS_MAX {
            let found = self.header.len();
            return error(
                format!("the header has {found} columns, more than the limit of {COLUMNS_MAX}"),
                "remove the columns that are not needed",
            );
        }
        let mut names: Vec<&str> = self.header.iter().map(String::as_str).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => error(
                format!("the header names the column `{}` twice", shown(pair[0])),
                "remove or rename one of them",
            ),
            None => Ok(()),
        }
    }

    /// The column names, in order.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &str {
        self.lines.file()
    }

    /// The line last read, from one.
    pub(crate) const fn line(&self) -> u64 {
        self.lines.number()
    }

    /// A column that may be missing.
    pub fn optional(&self, name: &str) -> Option<Column> {
        self.header.iter().position(|column| column == name).map(Column)
    }

    /// The column at a place, counted from nought.
    pub(crate) const fn place(index: usize) -> Column {
        Column(index)
    }

    /// A column that must be there.
    pub fn needed(&self, name: &str) -> Result<Column, FileError> {
        self.optional(name).ok_or_else(|| FileError {
            column: Some(name.to_owned()),
            ..FileError::at(
                self.lines.file(),
                self.lines.number(),
                "the header lacks this column",
                format!("add it; the header has {}", shown(&self.header.join(", "))),
            )
        })
    }

    /// The next row; `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, FileError> {
        if !self.lines.advance()? {
            return Ok(None);
        }
        if self.rows == self.rows_max {
            return Err(FileError::at(
                self.lines.file(),
                self.lines.number(),
                format!("the file has more than {} rows", self.rows_max),
                "split it, or remove what is not needed",
            ));
        }
        self.rows += 1;
        self.row().map(Some)
    }

    fn row(&mut self) -> Result<Row<'_>, FileError> {
        let (file, line) = (self.lines.file(), self.lines.number());
        self.record
            .read(self.lines.text())
            .map_err(|message| FileError::at(file, line, message, QUOTES_REMEDY))?;
        let (found, wanted) = (self.record.len(), self.header.len());
        if found != wanted {
            return Err(FileError::at(
                file,
                line,
                format!("the row has {found} fields where the header has {wanted}"),
                "write one field per column; put a field with a comma in double quotes",
            ));
        }
        Ok(Row { file, line, header: &self.header, record: &self.record })
    }

    /// The error of a file with a header and nothing else.
    pub fn no_rows(&self) -> FileError {
        FileError::at(
            self.lines.file(),
            1,
            "the file has a header and no rows",
            "add at least one row under the header",
        )
    }
}

const QUOTES_REMEDY: &str = "write a double quote only around a whole field, and twice inside it";

impl Row<'_> {
    /// A field, quotes undone.
    pub fn text(&self, column: Column) -> &str {
        self.record.field(column.0)
    }

    /// Whether a field of a column that may be missing says something.
    pub(crate) fn given(&self, column: Option<Column>) -> Option<Column> {
        column.filter(|&column| !self.text(column).is_empty())
    }

    /// An error of one field.
    pub fn error(
        &self,
        column: Column,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> FileError {
        let column = Some(self.header[column.0].clone());
        FileError { column, ..self.line_error(message, remedy) }
    }

    /// An error of the whole line.
    pub(crate) fn line_error(
        &self,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> FileError {
        FileError::at(self.file, self.line, message, remedy)
    }

    /// A finite number.
    pub fn number(&self, column: Column) -> Result<f64, FileError> {
        let raw = self.text(column);
        let number = raw.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| {
            let what = if raw.is_empty() {
                "the field is empty".to_owned()
            } else {
                format!("`{}` is not a finite number", shown(raw))
            };
            self.error(column, what, "write a decimal number such as 0.0125")
        })
    }

    /// A finite number greater than zero.
    pub(crate) fn positive(&self, column: Column) -> Result<f64, FileError> {
        let number = self.number(column)?;
        if number > 0.0 {
            return Ok(number);
        }
        let what = format!("{} is not greater than zero", shown(self.text(column)));
        Err(self.error(column, what, "correct it or remove the row"))
    }

    /// A price of zero or more; decimals beyond the eighth are rounded.
    pub(crate) fn price(&self, column: Column) -> Result<Price, FileError> {
        let raw = self.text(column);
        let price = match raw.parse::<Price>() {
            Ok(price) => Some(price),
            Err(_) => rounded_price(self.number(column)?),
        };
        match price {
            Some(price) if price >= Price::ZERO => Ok(price),
            Some(_) => Err(self.error(
                column,
                format!("the price {} is negative", shown(raw)),
                "correct it or remove the row",
            )),
            None => Err(self.error(
                column,
                format!("the price {} is too large", shown(raw)),
                "prices are below 90 billion; correct it or remove the row",
            )),
        }
    }

    /// A price greater than zero.
    pub(crate) fn positive_price(&self, column: Column) -> Result<Price, FileError> {
        let price = self.price(column)?;
        if price > Price::ZERO {
            return Ok(price);
        }
        let what = format!("the price {} is not greater than zero", shown(self.text(column)));
        Err(self.error(column, what, "correct it or remove the row"))
    }
}

/// The nearest price to a number, if there is one.
pub(crate) fn rounded_price(number: f64) -> Option<Price> {
    let units = (number * SCALE as f64).round();
    (units.abs() < i64::MAX as f64).then(|| Price::from_units(units as i64))
}
