//! Private files and folders of a back-up.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use ring::digest::{Context, SHA256};

use super::SMALL;
use super::error::BackupError;
use super::manifest::{MANIFEST, Manifest};
use crate::auth::hexadecimal;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 1 << 18;
/// Folders of the data folder that have small files, itself among them.
const WITH_SMALL_FILES: [&str; 2] = ["", "admin"];

/// The file whose lock makes the folder of a back-up one writer's own.
pub(super) const LOCK: &str = "lock";

/// Claims the folder of a back-up for as long as the file lives, and closes it to others; it is made if it
/// is missing. One with other things in it is left as it is.
pub(super) fn claim(folder: &Path) -> Result<File, BackupError> {
    let named = || folder.display().to_string();
    let has = |name| folder.join(name).exists();
    if folder.is_dir() && !has(MANIFEST) && !is_empty(folder, LOCK)? {
        let locked = File::open(folder.join(LOCK)).map(|file| file.try_lock());
        return Err(match locked {
            Ok(Err(TryLockError::WouldBlock)) => BackupError::Busy(named()),
            _ => BackupError::NotEmpty(named()),
        });
    }
    fs::create_dir_all(folder).map_err(BackupError::on(folder))?;
    let closed = close_to_others(folder);
    closed.map_err(|source| BackupError::OpenToOthers { path: named(), source })?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(folder.join(LOCK)).map_err(BackupError::on(folder))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::Busy(named())),
        Err(TryLockError::Error(error)) => Err(BackupError::on(folder)(error)),
    }
}

/// Makes a folder that its owner alone may look into, if it is missing.
pub(super) fn make_private(folder: &Path) -> Result<(), BackupError> {
    create_private(folder).map_err(BackupError::on(folder))
}

/// The same, with what the operating system says.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).and_then(|()| close_to_others(folder))
}

#[cfg(unix)]
fn close_to_others(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match fs::metadata(folder)?.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => fs::set_permissions(folder, fs::Permissions::from_mode(0o700)),
    }
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether a folder has nothing in it but one file, if that is there.
pub(super) fn is_empty(folder: &Path, but: &str) -> Result<bool, BackupError> {
    for entry in fs::read_dir(folder).map_err(BackupError::on(folder))? {
        if entry.map_err(BackupError::on(folder))?.file_name() != but {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Copies a file to one that its owner alone may read, which gets its name when it is durable.
pub(super) fn copy_private(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut file = File::open(from).map_err(BackupError::on(from))?;
    write_private(to, |new| io::copy(&mut file, new).map(drop)).map_err(BackupError::on(to))
}

/// Writes a file that its owner alone may read, and gives it its name when it is durable.
pub(crate) fn write_private(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = Path::new(&name);
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(beside)?;
    write(&mut file)?;
    file.flush()?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes durable which files a folder has.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) && folder != Path::new("") {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// The SHA-256 of a file's first bytes, in hexadecimal, and how many they are. `read` hears how many more
/// were read.
pub(super) fn hash(
    path: &Path,
    most: u64,
    read: impl Fn(u64),
) -> Result<(String, u64), BackupError> {
    let work = || {
        let mut file = File::open(path)?.take(most);
        let mut context = Context::new(&SHA256);
        let (mut buffer, mut length) = (vec![0; BUFFER_BYTES], 0);
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => {
                    context.update(&buffer[..count]);
                    length += count as u64;
                    read(count as u64);
                }
            }
        }
        Ok((hexadecimal(context.finish().as_ref()), length))
    };
    work().map_err(BackupError::on(path))
}

/// The files of a data folder that are neither journal nor made from it, by their paths within it.
pub(super) fn small_files(data: &Path) -> Result<Vec<String>, BackupError> {
    let mut found = Vec::new();
    for part in WITH_SMALL_FILES {
        let folder = data.join(part);
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(BackupError::on(&folder))? {
            let entry = entry.map_err(BackupError::on(&folder))?;
            let kind = entry.file_type().map_err(BackupError::on(&entry.path()))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if kind.is_file() && is_wanted(&name) {
                found.push(if part.is_empty() { name } else { format!("{part}/{name}") });
            }
        }
    }
    Ok(found)
}

/// Locks, files that are not finished, and the history are made anew.
fn is_wanted(name: &str) -> bool {
    let is_made_anew = name.starts_with("history") || name == "lock" || name == MANIFEST;
    !is_made_anew && !name.ends_with(".lock") && !name.ends_with(".new")
}

/// Copies a small file to where a back-up keeps it; gives its hash, its length, and whether it was not
/// there before.
pub(super) fn keep_small(from: &Path, folder: &Path) -> Result<(String, u64, bool), BackupError> {
    let small = folder.join(SMALL);
    make_private(&small)?;
    let incoming = small.join("incoming");
    copy_private(from, &incoming)?;
    let (sha256, bytes) = hash(&incoming, u64::MAX, |_| {})?;
    let place = small.join(&sha256);
    let is_new = !place.exists();
    let named = fs::rename(&incoming, &place).and_then(|()| sync_folder(&small));
    named.map_err(BackupError::on(&place))?;
    Ok((sha256, bytes, is_new))
}

/// Does away with small files that a back-up no longer names.
pub(super) fn remove_others(folder: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let small = folder.join(SMALL);
    if !small.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&small).map_err(BackupError::on(&small))? {
        let path = entry.map_err(BackupError::on(&small))?.path();
        if !manifest.files.iter().any(|entry| entry.place(folder) == path) {
            fs::remove_file(&path).map_err(BackupError::on(&path))?;
        }
    }
    Ok(())
}
