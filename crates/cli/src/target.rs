//! Files that a command writes: told apart before any work, and replaced as a whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A file that the run is going to write.
pub struct Target {
    /// As given.
    path: String,
    /// Where that is, links followed.
    place: PathBuf,
}

impl Target {
    /// Finds out where a file is to go, whether or not it is there yet.
    pub fn of(path: &str) -> Result<Self, Failure> {
        let failure = |source| Failure::Create { path: path.to_owned(), source };
        let place = match fs::canonicalize(path) {
            Ok(place) if place.is_file() => place,
            Ok(_) => return Err(failure(io::Error::other("it is there and is no plain file"))),
            Err(_) => {
                let name = Path::new(path).file_name();
                let name = name.ok_or_else(|| failure(io::ErrorKind::InvalidFilename.into()))?;
                fs::canonicalize(folder(Path::new(path))).map_err(failure)?.join(name)
            }
        };
        Ok(Self { path: path.to_owned(), place })
    }

    /// Refuses to replace a file that the run reads, or writes too.
    pub fn refuse_same(
        &self,
        option: &str,
        others: &[(&str, Option<&str>)],
    ) -> Result<(), Failure> {
        for (other, path) in others {
            let Some(path) = path else { continue };
            let is_same = Self::of(path).is_ok_and(|other| other.place == self.place);
            if is_same {
                return Err(Failure::Usage(format!(
                    "{option} {} is the file of {other} too and would replace it; name another",
                    self.path
                )));
            }
        }
        Ok(())
    }

    /// Writes a file of another name in the same folder and then moves it here, so that a run that is
    /// cut short leaves the one before; one that fails leaves nothing else.
    pub fn write(
        &self,
        content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let write = || {
            let beside = tempfile::Builder::new()
                .prefix(".plimsoll-")
                .make_in(folder(&self.place), |path| File::create_new(path))?;
            let mut out = BufWriter::new(beside.as_file());
            content(&mut out)?;
            out.flush()?;
            drop(out);
            beside.persist(&self.place).map_err(|error| error.error)
        };
        write().map(drop).map_err(|source| Failure::Create { path: self.path.clone(), source })
    }
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.csv");
        let target = Target::of(path.to_str().unwrap()).unwrap();
        let cut = |out: &mut BufWriter<&File>| {
            out.write_all(b"half of")?;
            Err(io::Error::other("the disk is full"))
        };
        assert!(target.write(cut).unwrap_err().to_string().contains("the disk is full"));
        assert!(names(folder.path()).is_empty());
        target.write(|out| out.write_all(b"first")).unwrap();
        target.write(|out| out.write_all(b"second")).unwrap();
        assert!(target.write(cut).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"second");
        // A file that can't be moved to its place does not stay beside it.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(target.write(|out| out.write_all(b"third")).is_err());
        assert_eq!(names(folder.path()), ["figures.csv"]);
    }
}
