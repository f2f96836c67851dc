//! Why a venue can't be backed up or restored.

use std::io;
use std::path::Path;

use journal::ReadError;

use crate::auth::AuthError;

/// Why a venue can't be backed up or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to copy.
    #[error(
        "{0}: no venue's journal is here; name the data folder that `plimsoll serve` was given"
    )]
    NoVenue(String),
    /// The folder has something else.
    #[error("{0}: there are files here and no back-up; choose an empty folder, or remove them")]
    NotEmpty(String),
    /// Somebody else is at it.
    #[error("{0}: another back-up is under way into this folder; wait for its end")]
    Busy(String),
    /// Others may look into the folder.
    #[error(
        "{path}: others may look into this folder, which gets the keys, and its rights can't be changed: {source}; `chmod 700` it, or choose another folder"
    )]
    OpenToOthers {
        /// The folder.
        path: String,
        /// Why they can't be changed.
        source: io::Error,
    },
    /// There is no back-up.
    #[error("{0}: no back-up is here: there is no manifest.json")]
    NoBackup(String),
    /// The manifest can't be read.
    #[error(
        "{path}: {reason}; put back the file as `plimsoll backup` wrote it, or begin a new back-up"
    )]
    Manifest {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A file of the back-up is not as it was written.
    #[error("{path}: {reason}; take another back-up, or begin a new one in an empty folder")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The back-up is of another venue, or of one that was restored since.
    #[error(
        "{0}: the back-up here is of another venue, or of this one before it was restored; choose another folder"
    )]
    OtherVenue(String),
    /// Nobody says whether the end is durable.
    #[error(
        "{0}: a venue holds the journal and has written nothing for ten seconds; see that it goes on, or stop it"
    )]
    Unsettled(String),
    /// The copy is not what was copied.
    #[error("{what} differs between the venue and its copy; check the disks, and back up anew")]
    Differs {
        /// What differs.
        what: &'static str,
    },
    /// The data folder is there already.
    #[error(
        "{0} is there already, and nothing is overwritten; name a folder that is not there, or move it away"
    )]
    Exists(String),
    /// The point lies outside of the back-up.
    #[error("{asked}: the back-up has commands 1 to {last}, from {first_time} to {last_time}")]
    NotInBackup {
        /// What was asked for.
        asked: String,
        /// The last command.
        last: u64,
        /// The time of the first.
        first_time: String,
        /// The time of the last.
        last_time: String,
    },
    /// No snapshot could be written.
    #[error("a snapshot can't be written: {0}")]
    Snapshot(String),
    /// The journal can't be read.
    #[error("the journal: {0}")]
    Journal(#[from] ReadError),
    /// Keys can't be read or revoked.
    #[error(transparent)]
    Keys(#[from] AuthError),
    /// The journal can't be gone on with.
    #[error(transparent)]
    Node(#[from] node::NodeError),
}

impl BackupError {
    /// The error of an operation on a file.
    pub(crate) fn on(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.display().to_string(), source }
    }

    /// A journal that lacks the point to which its copy has come is not the one that was copied.
    pub(super) fn not_its_copy(error: ReadError, folder: &Path) -> Self {
        match error {
            ReadError::Anchor { .. } | ReadError::Behind { .. } => {
                Self::OtherVenue(folder.display().to_string())
            }
            error => error.into(),
        }
    }
}
