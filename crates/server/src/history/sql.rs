//! Questions of analysts.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::error::HistoryError;
use super::schema::Table;
use super::store::check_form;
use super::{place, reader, unsynced};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// None.
    Missing,
    /// A whole number.
    Whole(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text.
    Text(String),
}

/// What a question gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// Asks the history of a venue's data folder in SQL. Nothing can be changed that way, and the venue may be
/// running.
///
/// # Errors
/// What is wrong with the question or the database.
pub fn query(data: &Path, question: &str) -> Result<Answer, HistoryError> {
    let path = place(data);
    let wrong = |error: rusqlite::Error| HistoryError::Query(error.to_string());
    let connection = open(data)?;
    let mut statement = connection.prepare(question).map_err(wrong)?;
    if !statement.readonly() {
        let text = "only questions can be asked: the history follows from the journal";
        return Err(HistoryError::Query(text.to_owned()));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut answer = Answer { columns, rows: Vec::new() };
    let wrong = HistoryError::database(&path);
    let mut rows = statement.query([]).map_err(&wrong)?;
    while let Some(row) = rows.next().map_err(&wrong)? {
        let cells = (0..answer.columns.len()).map(|place| row.get_ref(place).map(cell));
        answer.rows.push(cells.collect::<Result<_, _>>().map_err(&wrong)?);
    }
    Ok(answer)
}

/// A venue's history as it was when it was opened, whatever is written meanwhile.
#[derive(Debug)]
pub struct Past {
    path: PathBuf,
    connection: Connection,
}

impl Past {
    /// Opens the history of a venue's data folder.
    ///
    /// # Errors
    /// What is wrong with the database.
    pub fn open(data: &Path) -> Result<Self, HistoryError> {
        let (path, connection) = (place(data), open(data)?);
        connection.execute_batch("begin").map_err(HistoryError::database(&path))?;
        Ok(Self { path, connection })
    }

    /// Shows every row of a table, in order.
    ///
    /// # Errors
    /// What is wrong with the database, and what `seen` says.
    pub fn rows_of<E: From<HistoryError>>(
        &self,
        table: &Table,
        mut seen: impl FnMut(Vec<Cell>) -> Result<(), E>,
    ) -> Result<(), E> {
        let wrong = HistoryError::database(&self.path);
        let question = format!("select * from {} order by {}", table.name, table.key);
        let mut statement = self.connection.prepare(&question).map_err(&wrong)?;
        let mut rows = statement.query([]).map_err(&wrong)?;
        while let Some(row) = rows.next().map_err(&wrong)? {
            let cells = (0..table.columns.len()).map(|place| row.get_ref(place).map(cell));
            seen(cells.collect::<Result<_, _>>().map_err(&wrong)?)?;
        }
        Ok(())
    }
}

fn open(data: &Path) -> Result<Connection, HistoryError> {
    let path = place(data);
    if !path.is_file() {
        let what = "there is no history; name the folder given to `plimsoll serve --data`, or make \
                    the history with `plimsoll history rebuild`";
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, what);
        return Err(HistoryError::file(&path)(source));
    }
    unsynced::check(&path)?;
    let connection = reader::open(&path).map_err(HistoryError::database(&path))?;
    check_form(&connection, &path)?;
    Ok(connection)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Missing,
        ValueRef::Integer(number) => Cell::Whole(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Text(format!("{} bytes", bytes.len())),
    }
}
