//! Files of the operating system.

mod spare;

use std::fs::{self, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::{Directory, File};
use spare::Spare;

/// The file whose lock makes a folder one writer's own.
const LOCK: &str = "lock";

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct Disk {
    folder: PathBuf,
    spare: Arc<Spare>,
}

impl Disk {
    /// A folder, made if it is missing.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(folder: impl AsRef<Path>) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let disk = Self::existing(folder);
        if let Some(parent) = disk.folder.canonicalize()?.parent() {
            sync_folder(parent)?;
        }
        Ok(disk)
    }

    /// A folder that is there already, as for reading; nothing is made.
    #[must_use]
    pub fn existing(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().to_owned(), spare: Arc::default() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn at(&self, name: &str, options: &fs::OpenOptions) -> io::Result<DiskFile> {
        Ok(DiskFile { file: options.open(self.folder.join(name))?, cursor: 0 })
    }
}

impl Directory for Disk {
    type File = DiskFile;
    type Lock = fs::File;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            // A name that is no text is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<DiskFile> {
        self.at(name, fs::OpenOptions::new().read(true).write(true).create(true).truncate(true))
    }

    fn foresee(&self, length: u64) {
        self.spare.prepare(&self.folder, length);
    }

    fn create_foreseen(&self, name: &str, length: u64) -> Option<DiskFile> {
        let is_there = self.spare.take(&self.folder.join(name), length);
        is_there.then(|| self.open_to_write(name).ok()).flatten()
    }

    fn open(&self, name: &str) -> io::Result<DiskFile> {
        self.at(name, fs::OpenOptions::new().read(true))
    }

    fn open_to_write(&self, name: &str) -> io::Result<DiskFile> {
        self.at(name, fs::OpenOptions::new().read(true).write(true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        sync_folder(&self.folder)
    }

    fn lock(&self) -> io::Result<Option<fs::File>> {
        let options = &mut fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(self.folder.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A file on disk.
#[derive(Debug)]
pub struct DiskFile {
    file: fs::File,
    /// Where the operating system reads or writes next, so that what follows on needs no seek.
    cursor: u64,
}

impl DiskFile {
    fn seek(&mut self, offset: u64) -> io::Result<()> {
        if self.cursor != offset {
            self.cursor = self.file.seek(SeekFrom::Start(offset))?;
        }
        Ok(())
    }
}

/// No place that can be sought, so that the next access seeks.
const NOWHERE: u64 = u64::MAX;

impl File for DiskFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.seek(offset)?;
        self.cursor = NOWHERE;
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.cursor = offset + filled as u64;
        Ok(filled)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(offset)?;
        self.cursor = NOWHERE;
        self.file.write_all(bytes)?;
        self.cursor = offset + bytes.len() as u64;
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn preallocate(&mut self, length: u64) -> io::Result<()> {
        if self.length()? < length {
            reserve(&self.file, length)?;
        }
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Elsewhere a folder is no file that could be synced: renaming is the file system's own affair.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn reserve(file: &fs::File, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;

    match fallocate(file, FallocateFlags::empty(), 0, length) {
        // A file system that cannot reserve gives the length at least.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(length),
        done => Ok(done?),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(file: &fs::File, length: u64) -> io::Result<()> {
    file.set_len(length)
}
