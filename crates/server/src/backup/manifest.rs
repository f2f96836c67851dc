//! What a back-up holds.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use journal::Anchor;
use serde::{Deserialize, Serialize};

use super::error::BackupError;
use super::meter::Meter;
use super::{JOURNAL, SMALL, files};
use crate::auth::from_hexadecimal;

/// The file.
pub(super) const MANIFEST: &str = "manifest.json";
/// The version of its form.
pub(super) const VERSION: u32 = 1;

/// What a back-up holds, in `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this form: 1.
    pub version: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// When it was taken, by the machine's clock.
    pub taken: String,
    /// The last command.
    pub through: u64,
    /// Its time.
    pub time: String,
    /// The journal's chain value after it, in hexadecimal.
    pub chain: String,
    /// The epoch of the journal's last writer.
    pub epoch: u64,
    /// The state's record hash after it, in hexadecimal.
    pub state_hash: String,
    /// All files, by path.
    pub files: Vec<Entry>,
}

/// A file of a back-up. Small files are kept under their hashes, in the folder `small`, so that an earlier
/// manifest stays true until it is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its path within the folder, with slashes.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of a folder; `None` if there is none.
    ///
    /// # Errors
    /// If it can't be read, or is not what was written.
    pub fn read(folder: &Path) -> Result<Option<Self>, BackupError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BackupError::on(&path)(error)),
        };
        let wrong = |reason| BackupError::Manifest { path: path.display().to_string(), reason };
        let found: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if found.version != VERSION {
            let version = found.version;
            return Err(wrong(format!(
                "it has version {version}, and this program knows {VERSION}"
            )));
        }
        match found.files.iter().find(|entry| !is_within(&entry.path)) {
            Some(entry) => Err(wrong(format!("`{}` is no path within the folder", entry.path))),
            None => Ok(Some(found)),
        }
    }

    /// Puts it in place of an earlier one.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST);
        let mut text = serde_json::to_string_pretty(self).expect("plain records are JSON");
        text.push('\n');
        let written = files::write_private(&path, |file| file.write_all(text.as_bytes()));
        written.map_err(BackupError::on(&path))
    }

    /// Where the journal ends.
    pub(super) fn through(&self) -> Result<Anchor, BackupError> {
        let hash = from_hexadecimal(&self.chain);
        let hash = hash.ok_or_else(|| BackupError::Manifest {
            path: MANIFEST.to_owned(),
            reason: "`chain` is no hash".to_owned(),
        })?;
        Ok(Anchor { sequence: self.through, hash })
    }
}

/// Whether a path leads nowhere else.
fn is_within(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

impl Entry {
    /// A file as it is on the disk.
    pub(super) fn of(folder: &Path, path: &str, meter: &Meter<'_>) -> Result<Self, BackupError> {
        let read = |bytes| meter.add(bytes);
        let (sha256, bytes) = files::hash(&folder.join(path), u64::MAX, read)?;
        Ok(Self { path: path.to_owned(), bytes, sha256 })
    }

    /// Where it is.
    pub(super) fn place(&self, folder: &Path) -> PathBuf {
        match self.is_small() {
            true => folder.join(SMALL).join(&self.sha256),
            false => folder.join(&self.path),
        }
    }

    /// Whether it is there, and as long as it should be: the quick look at what was copied earlier.
    pub(super) fn is_there(&self, folder: &Path) -> Result<(), BackupError> {
        let place = self.place(folder);
        match fs::metadata(&place).is_ok_and(|metadata| metadata.len() >= self.bytes) {
            true => Ok(()),
            false => Err(BackupError::Damaged {
                path: place.display().to_string(),
                reason: "the file is missing or too short".to_owned(),
            }),
        }
    }

    /// Compares it with what is on the disk. A segment may be longer: a back-up that did not come to its
    /// end has added to it.
    pub(super) fn check(&self, folder: &Path, meter: &Meter<'_>) -> Result<(), BackupError> {
        let damaged = |reason: &str| {
            let path = self.place(folder).display().to_string();
            Err(BackupError::Damaged { path, reason: reason.to_owned() })
        };
        if !self.place(folder).is_file() {
            return damaged("the file is missing");
        }
        let most = if self.is_segment() { self.bytes } else { u64::MAX };
        let (sha256, bytes) = files::hash(&self.place(folder), most, |bytes| meter.add(bytes))?;
        match sha256 == self.sha256 && bytes == self.bytes {
            true => Ok(()),
            false => damaged("its hash is not that of the manifest"),
        }
    }

    /// Whether it is a segment of the journal.
    pub(super) fn is_segment(&self) -> bool {
        self.path.starts_with(JOURNAL) && self.path.ends_with(".journal")
    }

    /// Whether it is neither segment nor snapshot.
    pub(super) fn is_small(&self) -> bool {
        !self.is_segment() && !self.path.ends_with(".snapshot")
    }
}
