//! Published vectors, read as they are published and recomputed.
//!
//! A *set* is a kind of vector file with the part of Plimsoll that it tests. [`check`] reads the
//! files of one set, computes every quantity that they print and compares. Only inputs travel from
//! a file to the computation; what a file expects is looked at afterwards.
//!
//! ```
//! use plimsoll_conformance::{Set, VectorFile, check};
//!
//! let text = r#"{"mu": 0, "sigma": 0.5, "tau_years": 1, "lambda": 0.01,
//!     "rf_long": 0.76459, "rf_short": 2.38989, "tol": 1e-4}"#;
//! let file = VectorFile { name: "case.json".to_owned(), bytes: text.into() };
//! let report = check(Set::LognormalEs, &[file])?;
//! assert_eq!((report.passed(), report.failed()), (1, 0));
//! # Ok::<(), plimsoll_conformance::VectorError>(())
//! ```

#![deny(missing_docs)]

mod error;
mod files;
mod json;
mod outcome;
mod sets;

pub use error::VectorError;
pub use files::{VectorFile, collect};
pub use outcome::{Case, Mismatch, Report};
pub use sets::Set;

/// Recomputes every case in the given files. A file that is not of the set's format is refused as
/// a whole and reported beside the cases of the others.
///
/// # Errors
/// [`VectorError`] naming file and place if no file can be used.
pub fn check(set: Set, files: &[VectorFile]) -> Result<Report, VectorError> {
    let mut report = Report { cases: vec![], unusable: vec![] };
    // Profits and answers of one set go together; everywhere else a file stands by itself.
    let together = if set == Set::Ore { files.len().max(1) } else { 1 };
    for files in files.chunks(together) {
        match checked(set, files) {
            Ok(cases) => report.cases.extend(cases),
            Err(error) => report.unusable.push(error),
        }
    }
    match report.unusable.first() {
        Some(error) if report.cases.is_empty() => Err(error.clone()),
        None if report.cases.is_empty() => Err(nothing("")),
        _ => Ok(report),
    }
}

fn checked(set: Set, files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let cases = set
        .check(files)
        .and_then(|cases| if cases.is_empty() { Err(nothing(&files[0].name)) } else { Ok(cases) });
    cases.map_err(|error| of_another_set(set, files).unwrap_or(error))
}

fn nothing(name: &str) -> VectorError {
    VectorError::of_file(name, "there is nothing to check", "name a file with cases of the set")
}

/// The error of files that another set reads.
fn of_another_set(set: Set, files: &[VectorFile]) -> Option<VectorError> {
    let reads = |other: &Set| other.check(files).is_ok_and(|cases| !cases.is_empty());
    let other = Set::ALL.into_iter().filter(|other| *other != set).find(reads)?;
    let message = format!("this is of set `{}`, not `{}`", other.name(), set.name());
    Some(VectorError::of_file(&files.first()?.name, message, "name its set, or another file"))
}
