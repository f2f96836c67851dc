//! The database as its only writer sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use super::error::HistoryError;
use super::record::Record;
use super::schema::{APPLICATION, VERSION, script};
use super::tally::Tally;
use super::unsynced;

/// How long one who reads may be in the way.
const BUSY: Duration = Duration::from_secs(10);
/// Pages of the log beside the database before they are moved into it: few, for what has to be synced at
/// once holds up the journal's own syncs on the same disk.
const CHECKPOINT_PAGES: u32 = 300;
/// Kibibytes of pages in memory.
const CACHE_KIB: i32 = 32_768;
/// Statements that are kept ready.
const STATEMENTS: usize = 64;
/// What is beside a database, besides what tells that it was written: that goes last.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", unsynced::ENDING];

/// A database that is open to be written.
pub struct Store {
    path: PathBuf,
    connection: Connection,
    through: u64,
}

impl Store {
    /// Opens a database, or begins one.
    ///
    /// # Errors
    /// If it is no database of ours, may not be whole, or can't be used.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        unsynced::check(path)?;
        let wrong = HistoryError::database(path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(&wrong)?;
        let prepare = |connection: &Connection| {
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "normal")?;
            connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            let is_empty = "select count(*) = 0 from sqlite_schema";
            if connection.query_row(is_empty, [], |row| row.get(0))? {
                connection.execute_batch(&format!("begin;\n{}commit;", script()))?;
            }
            Ok(())
        };
        prepare(&connection).map_err(&wrong)?;
        check_form(&connection, path)?;
        if unsynced::begin(path)? {
            // What a loss of power takes is taken from the journal again.
            connection.pragma_update(None, "synchronous", "off").map_err(&wrong)?;
        }
        let through = read_through(&connection).map_err(&wrong)?;
        Ok(Self { path: path.to_owned(), connection, through })
    }

    /// Takes away what is there, if anything is, and begins an empty database.
    ///
    /// # Errors
    /// If files can't be removed or made.
    pub fn begin_anew(path: &Path) -> Result<Self, HistoryError> {
        remove(path)?;
        Self::open(path)
    }

    /// The last command whose records it has.
    #[must_use]
    pub const fn through(&self) -> u64 {
        self.through
    }

    /// Writes records, each with the command that made it, and that all up to a command are there.
    /// Those that it has already are passed over. All is written or nothing.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn write<'r>(
        &mut self,
        records: impl IntoIterator<Item = &'r (u64, Record)>,
        through: u64,
    ) -> Result<(), HistoryError> {
        if through <= self.through {
            return Ok(());
        }
        let wrong = HistoryError::database(&self.path);
        let before = self.through;
        let new = records.into_iter().filter(|(sequence, _)| *sequence > before);
        let write = || {
            let kind = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(&self.connection, kind)?;
            if read_through(&transaction)? != before {
                return Ok(false);
            }
            let mut tally = Tally::default();
            for (_, record) in new {
                tally.add(record);
                super::rows::write(&transaction, record)?;
            }
            tally.write(&transaction)?;
            set_through(&transaction, through)?;
            transaction.commit()?;
            Ok(true)
        };
        match write().map_err(wrong)? {
            true => self.through = through,
            // One who ended has written to the last.
            false => return Err(HistoryError::InUse(self.path.display().to_string())),
        }
        Ok(())
    }

    /// Moves everything into the one file, durably.
    ///
    /// # Errors
    /// What SQLite or the file system says.
    pub fn close(self) -> Result<(), HistoryError> {
        let wrong = HistoryError::database(&self.path);
        self.connection.close().map_err(|(_, error)| wrong(error))?;
        unsynced::end(&self.path)
    }
}

/// Whether a database is one of ours, and of this version.
///
/// # Errors
/// If it is not.
pub fn check_form(connection: &Connection, path: &Path) -> Result<(), HistoryError> {
    let wrong = HistoryError::database(path);
    let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) =
        (read("application_id").map_err(&wrong)?, read("user_version").map_err(&wrong)?);
    let other = |what: String| HistoryError::Other { path: path.display().to_string(), what };
    match (application, version) {
        (APPLICATION, VERSION) => Ok(()),
        (APPLICATION, other_version) => Err(other(format!(
            "its tables are of version {other_version}, and this program's of version {VERSION}"
        ))),
        _ => Err(other("it is not a venue's history".to_owned())),
    }
}

/// The last command whose records a database has.
///
/// # Errors
/// What SQLite says.
pub fn read_through(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let read = "select value from meta where name = 'through'";
    let through: i64 = connection.query_row(read, [], |row| row.get(0))?;
    Ok(u64::try_from(through).unwrap_or(0))
}

fn set_through(transaction: &Transaction<'_>, through: u64) -> Result<(), rusqlite::Error> {
    let mut set = transaction.prepare_cached("update meta set value = ? where name = 'through'")?;
    set.execute(params![super::words::whole(through)]).map(drop)
}

/// Takes a database away.
///
/// # Errors
/// If a file can't be removed.
pub fn remove(path: &Path) -> Result<(), HistoryError> {
    for name in BESIDE.map(|ending| unsynced::beside(path, ending)) {
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(HistoryError::file(&name)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
