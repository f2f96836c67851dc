//! Published vectors, if they are at hand: in `$PLIMSOLL_DATA`, or beside the repository.

use std::path::{Path, PathBuf};

use plimsoll_conformance::{Report, Set, VectorError, VectorFile, check};

/// The folder of a set's published vectors. Its absence is loud, and an error where nothing may be
/// skipped.
pub fn published(set: Set) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    let folder = data.join("vectors").join(set.name());
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", folder.display());
    eprintln!("SKIPPED: no vectors, because {} is missing", folder.display());
    None
}

/// The published files of a set; none where they are not at hand.
pub fn published_files(set: Set) -> Vec<VectorFile> {
    published(set).map_or_else(Vec::new, |folder| set.read(&[folder]).unwrap())
}

/// Checks that every published case of a set passes, and that there are so many.
#[track_caller]
pub fn check_published(set: Set, cases: usize) {
    let files = published_files(set);
    if files.is_empty() {
        return;
    }
    let report = check(set, &files).unwrap();
    let failing: Vec<_> = report.cases.iter().filter(|case| !case.passed()).collect();
    assert!(failing.is_empty(), "{failing:#?}");
    assert_eq!(report.passed(), cases);
}

/// A file made in a test.
pub fn file(name: &str, text: &str) -> VectorFile {
    VectorFile { name: name.to_owned(), bytes: text.into() }
}

/// The error of one file, as it is printed.
#[track_caller]
pub fn refused(set: Set, text: &str) -> String {
    let error = check(set, &[file("made", text)]).unwrap_err();
    check_error(&error);
    error.to_string()
}

/// An error names the file, says what is wrong and what to do, in little room.
#[track_caller]
pub fn check_error(error: &VectorError) {
    assert!(!error.message.is_empty() && error.remedy.len() > 8, "{error}");
    assert!(error.to_string().len() < 600, "{error}");
}

/// The names of the failing cases and, of each, how many quantities differ.
pub fn failing(report: &Report) -> Vec<(String, usize)> {
    let failing = report.cases.iter().filter(|case| !case.passed());
    failing.map(|case| (case.name.clone(), case.mismatches.len())).collect()
}
