//! A venue's history as tables.

use std::borrow::Cow;
use std::path::Path;

use instruments::{SCALE_DECIMALS, Timestamp, parse_fixed};
use server::history::{self, Cell, Past};

use super::ExportArguments;
use super::files::Files;
use super::tables::{Column, Kind, Value};
use crate::document::Document;
use crate::failure::Failure;

/// Writes every table of the history.
pub fn write(arguments: &ExportArguments) -> Result<Document, Failure> {
    let past = Past::open(Path::new(&arguments.folder))?;
    let tables = history::TABLES.iter().map(|table| {
        let columns = table.columns.iter().map(column).collect();
        (table.name, columns)
    });
    let mut files = Files::create(&arguments.out, arguments.format, tables.collect())?;
    for table in history::TABLES {
        past.rows_of::<Failure>(table, |row| {
            let cells = table.columns.iter().zip(&row);
            let values: Vec<Value<'_>> = cells.map(|(column, cell)| value(column, cell)).collect();
            files.row(table.name, &values)
        })?;
    }
    files.finish()
}

fn column(column: &history::Column) -> Column {
    let kind = match column.kind {
        history::Kind::Whole => Kind::Integer,
        history::Kind::Units | history::Kind::Decimal => Kind::Decimal,
        history::Kind::Time => Kind::Time,
        history::Kind::Flag => Kind::Flag,
        history::Kind::Text => Kind::Text,
    };
    Column { name: column.name, kind, optional: column.may_miss }
}

fn value<'a>(column: &history::Column, cell: &'a Cell) -> Value<'a> {
    match (column.kind, cell) {
        (history::Kind::Units, Cell::Whole(units)) => Value::Decimal((*units).into()),
        (history::Kind::Time, Cell::Whole(time)) => {
            Value::Time(Timestamp::from_milliseconds(*time))
        }
        (history::Kind::Flag, Cell::Whole(flag)) => Value::Flag(*flag != 0),
        (history::Kind::Whole, Cell::Whole(number)) => Value::Integer(*number),
        (history::Kind::Decimal, Cell::Text(text)) => {
            parse_fixed(text, SCALE_DECIMALS).map_or(Value::Missing, Value::Decimal)
        }
        (_, Cell::Text(text)) => Value::Text(Cow::Borrowed(text)),
        _ => Value::Missing,
    }
}
