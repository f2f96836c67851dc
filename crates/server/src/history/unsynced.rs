//! What tells, after a loss of power, that a database was being written without syncs.
//!
//! A file beside the database has the machine's boot in which somebody began to write. Whoever finds it
//! in another boot knows that what the system held in memory is gone, and with it any part of the database.
//! Where a process alone ended, the boot is the same, and nothing is lost.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use journal::{Directory, Disk};

use super::error::HistoryError;

/// What the name of the file ends with, after the database's.
pub const ENDING: &str = "-unsynced";

/// This boot of the machine, as the system tells it; nothing where it tells none.
fn boot() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}

/// That all of a database is there.
///
/// # Errors
/// If the machine stopped while it was written, or that can't be found out.
pub fn check(database: &Path) -> Result<(), HistoryError> {
    let mark = place(database);
    match fs::read_to_string(&mark) {
        Ok(begun) if boot().is_some_and(|boot| boot == begun) => Ok(()),
        Ok(_) => Err(HistoryError::Other {
            path: database.display().to_string(),
            what: "the machine stopped while it was written, so any part of it may be missing"
                .into(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(HistoryError::file(&mark)(error)),
    }
}

/// Notes durably that a database is written without syncs from now on; says whether it may be.
///
/// # Errors
/// If the file can't be written.
pub fn begin(database: &Path) -> Result<bool, HistoryError> {
    let Some(boot) = boot() else { return Ok(false) };
    let mark = place(database);
    let write = || {
        let mut file = File::create(&mark)?;
        file.write_all(boot.as_bytes())?;
        file.sync_all()?;
        sync_folder(database)
    };
    write().map_err(HistoryError::file(&mark))?;
    Ok(true)
}

/// Makes a database durable that nobody writes to any more, and notes that it is.
///
/// # Errors
/// What the file system says.
pub fn end(database: &Path) -> Result<(), HistoryError> {
    let mark = place(database);
    if !mark.exists() {
        return Ok(());
    }
    let wrong = HistoryError::file(database);
    let sync = || {
        // One who reads may have kept the log beside it.
        for file in [database.to_owned(), beside(database, "-wal")] {
            match File::open(file) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        sync_folder(database)?;
        fs::remove_file(&mark)?;
        sync_folder(database)
    };
    sync().map_err(wrong)
}

/// Where the file is.
fn place(database: &Path) -> PathBuf {
    beside(database, ENDING)
}

/// A file whose name is a database's and more.
pub fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn sync_folder(database: &Path) -> io::Result<()> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    Disk::existing(folder.unwrap_or(Path::new("."))).sync()
}
