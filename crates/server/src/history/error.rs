//! What can be wrong with a history.

use std::path::Path;

/// Why a history can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The database.
    #[error("{path}: {source}")]
    Database {
        /// Where it is.
        path: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// It is not one of ours, or of another version.
    #[error(
        "{path}: {what}; `plimsoll history rebuild` makes it anew from the journal, and so does the \
         venue when it is started"
    )]
    Other {
        /// Where it is.
        path: String,
        /// What it is instead.
        what: String,
    },
    /// A file can't be read, made or taken away.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The journal can't be read.
    #[error("{path}: {source}")]
    Journal {
        /// Where it is.
        path: String,
        /// What is wrong.
        source: Box<node::NodeError>,
    },
    /// A venue writes to it.
    #[error("{0}: a venue is running on it, which keeps its history itself; stop it first")]
    InUse(String),
    /// The question is none, or none that may be asked.
    #[error("{0}")]
    Query(String),
}

impl HistoryError {
    pub(super) fn database(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Database { path: path.clone(), source }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { path, source }
    }

    pub(super) fn journal(path: &Path) -> impl FnOnce(node::NodeError) -> Self {
        let path = path.display().to_string();
        move |source| Self::Journal { path, source: Box::new(source) }
    }

    /// Whether the database has to be made anew.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Database { source, .. } => is_damage(source),
            Self::Other { .. } => true,
            _ => false,
        }
    }
}

/// Whether an error of SQLite says that the file is not as it was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    let code = error.sqlite_error_code();
    let shape = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    );
    shape
        || matches!(
            code,
            Some(Code::DatabaseCorrupt | Code::NotADatabase | Code::ConstraintViolation)
        )
}
