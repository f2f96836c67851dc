//! What can be wrong with the files that keys and tokens are kept in.

use std::io;
use std::path::{Path, PathBuf};

use super::text::NoRandomness;

/// Why keys or tokens can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// A file can't be read or written.
    #[error("{}: cannot be {action}: {source}; check the path and your rights there", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried, as a participle.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}; {remedy}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// There are sealed secrets and nothing to open them with.
    #[error(
        "{}: is missing, and {} holds secrets that are sealed under it; put it back, or set \
         PLIMSOLL_MASTER_KEY to the 64 digits that it held",
        master.display(),
        keys.display()
    )]
    MasterMissing {
        /// Where the master key would be.
        master: PathBuf,
        /// The file of keys.
        keys: PathBuf,
    },
    /// A sealed secret does not open.
    #[error(
        "{}: the secret of key {client_id} does not open under the master key of {master}: that is \
         not the key that it was sealed under, or the file was changed by hand; put the right \
         master key or the file back, or revoke that key with `plimsoll keys revoke` and make \
         another",
        keys.display()
    )]
    Sealed {
        /// The file of keys.
        keys: PathBuf,
        /// The key.
        client_id: String,
        /// Where the master key came from.
        master: String,
    },
    /// The environment holds what is no master key.
    #[error("PLIMSOLL_MASTER_KEY is not 64 hexadecimal digits; `openssl rand -hex 32` makes some")]
    MasterVariable,
    /// There is no such key.
    #[error("{}: there is no key {client_id}; `plimsoll keys list` shows all", keys.display())]
    UnknownKey {
        /// The file of keys.
        keys: PathBuf,
        /// The key.
        client_id: String,
    },
    /// A key can't be like that.
    #[error("{0}")]
    BadKey(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes, and no secret is made without; try again")]
    NoRandomness,
}

impl AuthError {
    /// A failure with a file.
    pub(super) fn file(
        path: &Path,
        action: &'static str,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, action, source }
    }
}

impl From<NoRandomness> for AuthError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}
