//! Vector files: named on the command line one by one, or by folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::VectorError;

/// The largest vector file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// As much of a file as tells its kind, in bytes.
const START_BYTES: u64 = 1 << 17;
/// How deep folders are searched.
const DEPTH_MAX: usize = 16;

/// A file in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorFile {
    /// Its path as given or found.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Reads files, and of folders every file with one of the given endings, in the order of names. A
/// file that is named twice is read once.
///
/// # Errors
/// [`VectorError`] for a path that can't be read, and for a folder without such a file.
pub fn collect(paths: &[PathBuf], endings: &[&str]) -> Result<Vec<VectorFile>, VectorError> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let mut found = Vec::new();
        if path.is_dir() {
            search(path, endings, DEPTH_MAX, &mut found)?;
            if found.is_empty() {
                let message = format!("no file in this folder ends in {}", endings.join(" or "));
                let remedy = "name a folder that holds vector files of this set";
                return Err(VectorError::of_file(&shown(path), message, remedy));
            }
        } else {
            found.push(path.clone());
        }
        for path in found {
            if seen.insert(identity(&path)) {
                files.push(read(&path)?);
            }
        }
    }
    Ok(files)
}

/// The files in the folders of given files that are not among them.
pub(crate) fn beside(given: &[VectorFile], ending: &str) -> Vec<PathBuf> {
    let paths = || given.iter().map(|file| Path::new(&file.name));
    let known: BTreeSet<PathBuf> = paths().map(identity).collect();
    let folders: BTreeSet<&Path> = paths().filter_map(Path::parent).collect();
    let mut found = Vec::new();
    for folder in folders {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = entries(here).unwrap_or_default().into_iter();
        let names = entries.filter_map(|path| path.file_name().map(|name| folder.join(name)));
        found.extend(names.filter(|path| path.is_file() && shown(path).ends_with(ending)));
    }
    found.retain(|path| !known.contains(&identity(path)));
    found
}

/// The start of a file, if it can be read.
pub(crate) fn start(path: &Path) -> Option<VectorFile> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(START_BYTES).read_to_end(&mut bytes).ok()?;
    Some(VectorFile { name: shown(path), bytes })
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<VectorFile, VectorError> {
    let unreadable = |error| unreadable(path, &error);
    let mut bytes = Vec::new();
    let source = File::open(path).map_err(unreadable)?;
    source.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("a vector file has at most {FILE_BYTES_MAX} bytes");
        return Err(VectorError::of_file(&shown(path), message, "split it"));
    }
    Ok(VectorFile { name: shown(path), bytes })
}

fn search(
    folder: &Path,
    endings: &[&str],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), VectorError> {
    for path in entries(folder).map_err(|error| unreadable(folder, &error))? {
        let is_link = path.is_symlink();
        if path.is_dir() {
            // A link to a folder may lead back to where it stands.
            if depth > 0 && !is_link {
                search(&path, endings, depth - 1, found)?;
            }
        } else if path.is_file() && endings.iter().any(|ending| shown(&path).ends_with(ending)) {
            found.push(path);
        }
    }
    Ok(())
}

/// What a folder holds, in the order of names.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The same for every way to write a path.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn unreadable(path: &Path, error: &io::Error) -> VectorError {
    let remedy = "check the path and that you may read it";
    VectorError::of_file(&shown(path), format!("cannot be read: {error}"), remedy)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
