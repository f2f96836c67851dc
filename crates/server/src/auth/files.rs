//! Small private files: read whole, replaced whole.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::AuthError;

/// What a file holds; none if it is not there.
pub(super) fn read(path: &Path) -> Result<Option<String>, AuthError> {
    present(fs::read_to_string(path)).map_err(AuthError::file(path, "read"))
}

/// Writes a file of another name and moves it here, so that whoever reads sees one or the other
/// whole, also after a crash.
///
/// The other name is always the same: callers see to it that there is one writer at a time.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), AuthError> {
    let beside = path.with_extension("json.new");
    let write = || {
        // One that was left behind may have other rights.
        present(fs::remove_file(&beside))?;
        write_new(&beside, content)?;
        fs::rename(&beside, path)?;
        sync_folder(path)
    };
    write().map_err(AuthError::file(path, "written"))
}

/// Makes a file that nobody else can read, and that was not there.
pub(super) fn create(path: &Path, content: &[u8]) -> Result<(), AuthError> {
    let write = || {
        write_new(path, content)?;
        sync_folder(path)
    };
    write().map_err(AuthError::file(path, "made"))
}

/// Waits until no other process holds the lock; it ends when the file is dropped.
pub(super) fn lock(path: &Path) -> Result<File, AuthError> {
    let lock = || {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = private(&mut options).open(path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(AuthError::file(path, "locked"))
}

/// Whether others than the owner may read or write the file.
#[cfg(unix)]
pub(super) fn is_open_to_others(path: &Path) -> Result<bool, AuthError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).map_err(AuthError::file(path, "read"))?;
    Ok(metadata.permissions().mode() & 0o077 != 0)
}

/// Whether others than the owner may read or write the file, where the system has such rights.
#[cfg(not(unix))]
pub(super) fn is_open_to_others(_: &Path) -> Result<bool, AuthError> {
    Ok(false)
}

/// By what one version of a file is told from another; none if there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Option<(SystemTime, u64)>);

/// How long after a change another might leave the same time behind.
const UNSETTLED: Duration = Duration::from_secs(1);

impl Stamp {
    /// The stamp of what is there now.
    pub fn of(path: &Path) -> Result<Self, AuthError> {
        let stamp = |metadata: Metadata| Ok((metadata.modified()?, metadata.len()));
        let found = present(fs::metadata(path).and_then(stamp));
        found.map(Self).map_err(AuthError::file(path, "looked at"))
    }

    /// Whether a later change is sure to have another stamp: clocks of file systems are coarse.
    pub fn is_settled(self) -> bool {
        self.0.is_none_or(|(modified, _)| {
            SystemTime::now().duration_since(modified).is_ok_and(|age| age > UNSETTLED)
        })
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A new name is safe once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) && folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
