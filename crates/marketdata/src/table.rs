//! Rows of a CSV file by column name, with errors that say where.

use std::io::Read;
use std::ops::Range;

use instruments::{Price, SCALE};

use crate::FileError;
use crate::error::shown;
use crate::lines::Lines;

/// Columns that a header may have.
const COLUMNS_MAX: usize = 1_000;

/// A file with a header and rows of as many fields.
pub(crate) struct Table<'r> {
    lines: Lines<'r>,
    header: Vec<String>,
    fields: Vec<Field>,
    rows: u64,
    rows_max: u64,
}

/// Where a field stands in its line, and whether it was quoted.
#[derive(Clone, Debug, PartialEq)]
struct Field {
    range: Range<usize>,
    doubled_quotes: bool,
}

/// Index of a column of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column(usize);

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'t> {
    file: &'t str,
    /// Its line, from one.
    pub(crate) line: u64,
    text: &'t str,
    header: &'t [String],
    fields: &'t [Field],
}

impl<'r> Table<'r> {
    /// Reads the header. At most `rows_max` rows will be read.
    pub(crate) fn open(
        file: &str,
        source: impl Read + 'r,
        rows_max: u64,
    ) -> Result<Self, FileError> {
        let mut lines = Lines::open(file, source)?;
        if !lines.advance()? {
            let remedy = "give a CSV file with a header and rows";
            return Err(FileError::at(file, 1, "the file is empty", remedy));
        }
        let text = lines.text();
        let mut fields = Vec::new();
        let split = split(text, &mut fields);
        let header: Vec<String> =
            fields.iter().map(|field| field_text(text, field).trim().to_owned()).collect();
        split.map_err(|message| FileError::at(file, lines.number(), message, QUOTES_REMEDY))?;
        let table = Self { lines, header, fields: Vec::new(), rows: 0, rows_max };
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
    pub(crate) fn header(&self) -> &[String] {
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
    pub(crate) fn optional(&self, name: &str) -> Option<Column> {
        self.header.iter().position(|column| column == name).map(Column)
    }

    /// The column at a place, counted from nought.
    pub(crate) const fn place(index: usize) -> Column {
        Column(index)
    }

    /// A column that must be there.
    pub(crate) fn needed(&self, name: &str) -> Result<Column, FileError> {
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
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, FileError> {
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
        self.fields.clear();
        let text = self.lines.text();
        let (file, line) = (self.lines.file(), self.lines.number());
        split(text, &mut self.fields)
            .map_err(|message| FileError::at(file, line, message, QUOTES_REMEDY))?;
        let (found, wanted) = (self.fields.len(), self.header.len());
        if found != wanted {
            return Err(FileError::at(
                file,
                line,
                format!("the row has {found} fields where the header has {wanted}"),
                "write one field per column; put a field with a comma in double quotes",
            ));
        }
        Ok(Row { file, line, text, header: &self.header, fields: &self.fields })
    }

    /// The error of a file with a header and nothing else.
    pub(crate) fn no_rows(&self) -> FileError {
        FileError::at(
            self.lines.file(),
            1,
            "the file has a header and no rows",
            "add at least one row under the header",
        )
    }
}

const QUOTES_REMEDY: &str = "write a double quote only around a whole field, and twice inside it";

/// Splits a line at its commas. A field may stand in double quotes, with quotes inside doubled.
fn split(text: &str, fields: &mut Vec<Field>) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let mut start = 0;
    loop {
        let (field, end) = if bytes.get(start) == Some(&b'"') {
            quoted(bytes, start)?
        } else {
            plain(bytes, start)?
        };
        fields.push(field);
        match bytes.get(end) {
            None => return Ok(()),
            Some(b',') => start = end + 1,
            Some(_) => return Err("there is text between a closing quote and the next comma"),
        }
    }
}

fn plain(bytes: &[u8], start: usize) -> Result<(Field, usize), &'static str> {
    let rest = &bytes[start..];
    let end = start + rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len());
    if bytes[start..end].contains(&b'"') {
        return Err("there is a double quote inside a field without quotes");
    }
    Ok((Field { range: start..end, doubled_quotes: false }, end))
}

fn quoted(bytes: &[u8], start: usize) -> Result<(Field, usize), &'static str> {
    let mut at = start + 1;
    let mut doubled_quotes = false;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(quote) = rest.iter().position(|&byte| byte == b'"') else {
            return Err("a quoted field does not end on its line");
        };
        if rest.get(quote + 1) == Some(&b'"') {
            doubled_quotes = true;
            at += quote + 2;
        } else {
            let end = at + quote;
            return Ok((Field { range: start + 1..end, doubled_quotes }, end + 1));
        }
    }
}

fn field_text<'t>(text: &'t str, field: &Field) -> std::borrow::Cow<'t, str> {
    let raw = &text[field.range.clone()];
    if field.doubled_quotes { raw.replace("\"\"", "\"").into() } else { raw.into() }
}

/// Writes a field so that [`split`] reads it back.
pub(crate) fn written(field: &str) -> std::borrow::Cow<'_, str> {
    if field.contains([',', '"']) || field.is_empty() {
        format!("\"{}\"", field.replace('"', "\"\"")).into()
    } else {
        field.into()
    }
}

impl Row<'_> {
    /// A field as it stands.
    pub(crate) fn raw(&self, column: Column) -> &str {
        &self.text[self.fields[column.0].range.clone()]
    }

    /// A field with doubled quotes undone.
    pub(crate) fn text(&self, column: Column) -> std::borrow::Cow<'_, str> {
        field_text(self.text, &self.fields[column.0])
    }

    /// Whether a field of a column that may be missing says something.
    pub(crate) fn given(&self, column: Option<Column>) -> Option<Column> {
        column.filter(|&column| !self.raw(column).is_empty())
    }

    /// An error of one field.
    pub(crate) fn error(
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
    pub(crate) fn number(&self, column: Column) -> Result<f64, FileError> {
        let raw = self.raw(column);
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
        let what = format!("{} is not greater than zero", shown(self.raw(column)));
        Err(self.error(column, what, "correct it or remove the row"))
    }

    /// A price of zero or more; decimals beyond the eighth are rounded.
    pub(crate) fn price(&self, column: Column) -> Result<Price, FileError> {
        let raw = self.raw(column);
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
        let what = format!("the price {} is not greater than zero", shown(self.raw(column)));
        Err(self.error(column, what, "correct it or remove the row"))
    }
}

/// The nearest price to a number, if there is one.
pub(crate) fn rounded_price(number: f64) -> Option<Price> {
    let units = (number * SCALE as f64).round();
    (units.abs() < i64::MAX as f64).then(|| Price::from_units(units as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Vec<String>, &'static str> {
        let mut fields = Vec::new();
        split(text, &mut fields)?;
        Ok(fields.iter().map(|field| field_text(text, field).into_owned()).collect())
    }

    #[test]
    fn splits_fields_with_and_without_quotes() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(fields(text).unwrap(), expected, "{text}");
        };
        check("a,b,c", &["a", "b", "c"]);
        check("a,,", &["a", "", ""]);
        check("\"a,b\",c", &["a,b", "c"]);
        check("\"say \"\"hi\"\"\",\"\"", &["say \"hi\"", ""]);
        for bad in ["\"a", "a\"b,c", "\"a\"b,c", "\"\"\"", "a,\"b"] {
            assert!(fields(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for field in ["a", "a b", "a,b", "a\"b", "", "\"", ",\","] {
            assert_eq!(fields(&written(field)).unwrap(), [field]);
        }
    }
}
