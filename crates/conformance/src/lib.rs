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

/// Recomputes every case in the given files.
///
/// # Errors
/// [`VectorError`] naming file and place if a file is not of the set's format, or if there is
/// nothing to check.
pub fn check(set: Set, files: &[VectorFile]) -> Result<Report, VectorError> {
    let cases = set.check(files).and_then(|cases| match files.first() {
        Some(_) if !cases.is_empty() => Ok(cases),
        file => {
            let (name, message) = (file.map_or("", |file| &file.name), "there is nothing to check");
            Err(VectorError::of_file(name, message, "name a file with cases of the set"))
        }
    });
    let cases = cases.map_err(|error| of_another_set(set, files).unwrap_or(error))?;
    Ok(Report { cases })
}

/// The error of files that another set reads.
fn of_another_set(set: Set, files: &[VectorFile]) -> Option<VectorError> {
    let reads = |other: &Set| other.check(files).is_ok_and(|cases| !cases.is_empty());
    let other = Set::ALL.into_iter().filter(|other| *other != set).find(reads)?;
    let message = format!("this is of set `{}`, not `{}`", other.name(), set.name());
    Some(VectorError::of_file(&files.first()?.name, message, "name its set, or another file"))
}
