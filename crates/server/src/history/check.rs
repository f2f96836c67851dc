//! A history beside the journal that it was made from.

use std::path::{Path, PathBuf};

use journal::{Directory, Disk};
use rusqlite::types::Value;
use rusqlite::{Connection, Error, Rows};

use super::catch_up::CatchUp;
use super::error::HistoryError;
use super::schema::{TABLES, Table};
use super::store::{Store, check_form, read_through, remove};
use super::{journal_of, place, reader, unsynced};

/// What a rebuilt history has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The last command that is in it.
    pub through: u64,
    /// The rows of each table.
    pub rows: Vec<(&'static str, u64)>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Up to which command history and journal were compared.
    pub through: u64,
    /// The rows of each table that agree.
    pub rows: Vec<(&'static str, u64)>,
    /// The first row that does not.
    pub difference: Option<Difference>,
}

/// A row that is not what the journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Of which table.
    pub table: &'static str,
    /// What is stored; nothing if the row is missing.
    pub stored: Option<String>,
    /// What should be; nothing if the row is too much.
    pub expected: Option<String>,
}

/// Makes the history of a venue's data folder anew from its journal. Nobody may be serving the venue.
///
/// # Errors
/// If somebody is, or the journal can't be read or the database not be written.
pub fn rebuild(data: &Path, progress: &mut dyn FnMut(u64)) -> Result<Rebuilt, HistoryError> {
    let journal = existing(data)?;
    let lock = Disk::existing(&journal).lock().map_err(HistoryError::file(&journal))?;
    let Some(_lock) = lock else {
        return Err(HistoryError::InUse(data.display().to_string()));
    };
    let path = place(data);
    let mut store = Store::begin_anew(&path)?;
    CatchUp::new(&journal).bring(&mut store, u64::MAX, progress)?;
    let through = store.through();
    store.close()?;
    let wrong = HistoryError::database(&path);
    let connection = reader::open(&path).map_err(&wrong)?;
    let rows = TABLES.iter().map(|table| {
        let count = format!("select count(*) from {}", table.name);
        let count: i64 = connection.query_row(&count, [], |row| row.get(0))?;
        Ok((table.name, count.unsigned_abs()))
    });
    Ok(Rebuilt { through, rows: rows.collect::<Result<_, Error>>().map_err(wrong)? })
}

/// Compares the history of a venue's data folder, row by row, with one that is made from its journal
/// beside it. The venue may be running.
///
/// # Errors
/// If either can't be read.
pub fn check(data: &Path, progress: &mut dyn FnMut(u64)) -> Result<Checked, HistoryError> {
    let journal = existing(data)?;
    let path = place(data);
    unsynced::check(&path)?;
    let wrong = HistoryError::database(&path);
    let stored = reader::open(&path).map_err(&wrong)?;
    check_form(&stored, &path)?;
    // Everything is read as of now, whatever is written meanwhile.
    stored.execute_batch("begin").map_err(&wrong)?;
    let through = read_through(&stored).map_err(&wrong)?;
    let beside = Beside(data.join("history-check.db"));
    let mut expected = Store::begin_anew(&beside.0)?;
    let reached = CatchUp::new(&journal).bring(&mut expected, through, progress)?;
    expected.close()?;
    if reached < through {
        let (path, what) = (path.display().to_string(), "it goes on where the journal has ended");
        return Err(HistoryError::Other { path, what: what.to_owned() });
    }
    let expected = reader::open(&beside.0).map_err(HistoryError::database(&beside.0))?;
    let mut checked = Checked { through, rows: Vec::new(), difference: None };
    for table in TABLES {
        let (rows, difference) = compare(table, &stored, &expected).map_err(&wrong)?;
        checked.rows.push((table.name, rows));
        if difference.is_some() {
            checked.difference = difference;
            break;
        }
    }
    Ok(checked)
}

/// A database that is there for a while only.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // It is in nobody's way if it stays.
        let _ = remove(&self.0);
    }
}

fn existing(data: &Path) -> Result<PathBuf, HistoryError> {
    let journal = journal_of(data);
    match journal.is_dir() {
        true => Ok(journal),
        false => {
            let what = "there is no journal; name the folder given to `plimsoll serve --data`";
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, what);
            Err(HistoryError::file(&journal)(source))
        }
    }
}

/// How many rows agree, and the first that does not.
fn compare(
    table: &Table,
    stored: &Connection,
    expected: &Connection,
) -> Result<(u64, Option<Difference>), Error> {
    let query = format!("select * from {} order by {}", table.name, table.key);
    let (mut stored, mut expected) = (stored.prepare(&query)?, expected.prepare(&query)?);
    let (mut stored, mut expected) = (stored.query([])?, expected.query([])?);
    let mut agree = 0;
    loop {
        let (one, other) = (next(table, &mut stored)?, next(table, &mut expected)?);
        match (one, other) {
            (None, None) => return Ok((agree, None)),
            (one, other) if one == other => agree += 1,
            (one, other) => {
                let text = |row: Option<Vec<Value>>| row.map(|row| shown(table, &row));
                let (stored, expected) = (text(one), text(other));
                let difference = Difference { table: table.name, stored, expected };
                return Ok((agree, Some(difference)));
            }
        }
    }
}

fn next(table: &Table, rows: &mut Rows<'_>) -> Result<Option<Vec<Value>>, Error> {
    let Some(row) = rows.next()? else { return Ok(None) };
    (0..table.columns.len()).map(|place| row.get(place)).collect::<Result<_, _>>().map(Some)
}

fn shown(table: &Table, row: &[Value]) -> String {
    let cell = |(column, value): (&super::schema::Column, &Value)| {
        let value = match value {
            Value::Null => "null".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Blob(bytes) => format!("{} bytes", bytes.len()),
        };
        format!("{}={value}", column.name)
    };
    table.columns.iter().zip(row).map(cell).collect::<Vec<_>>().join(" ")
}
