//! Paths, folders, and files of another set.

use std::fs;
use std::path::PathBuf;

use plimsoll_conformance::{Set, check};

use crate::data::{check_error, file};

const CASE: &str =
    r#"{"mu": 0, "sigma": 0, "tau_years": 1, "lambda": 0.1, "rf_long": 0, "rf_short": 0}"#;
const QUOTE: &str = "F,K,T,s,c,P\n1,1,1,50,True,1\n";

fn refused(set: Set, paths: &[PathBuf], words: &str) {
    let error = set.read(paths).unwrap_err();
    check_error(&error);
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn folders_are_searched_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("b/c")).unwrap();
    for name in ["b/c/2.json", "b/1.json", "a.json", "notes.txt"] {
        fs::write(at(name), CASE).unwrap();
    }
    let files = Set::LognormalEs.read(&[at(""), at("a.json"), at("b/../b/1.json")]).unwrap();
    let names: Vec<_> = files.iter().map(|file| file.name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["a.json", "1.json", "2.json"]);
    // A file that is named is read whatever its name.
    assert_eq!(Set::LognormalEs.read(&[at("notes.txt")]).unwrap().len(), 1);
}

#[test]
#[cfg(unix)]
fn links_that_lead_back_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), CASE).unwrap();
    for name in ["x", "y", "z"] {
        std::os::unix::fs::symlink(folder.path(), folder.path().join(name)).unwrap();
    }
    assert_eq!(Set::LognormalEs.read(&[folder.path().to_owned()]).unwrap().len(), 1);
}

#[test]
fn paths_that_lead_nowhere_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for set in Set::ALL {
        refused(set, &[folder.path().to_owned()], "no file in this folder ends in");
        refused(set, &[folder.path().join("nothing")], "cannot be read");
    }
}

#[test]
fn files_of_another_set_are_told() {
    for (text, set, other) in [
        (CASE, Set::LognormalEs, Set::Ore),
        (CASE, Set::LognormalEs, Set::ImpliedVolatility),
        (QUOTE, Set::ImpliedVolatility, Set::LognormalEs),
        (QUOTE, Set::ImpliedVolatility, Set::Ore),
    ] {
        assert!(check(set, &[file("made", text)]).is_ok());
        let error = check(other, &[file("made", text)]).unwrap_err().to_string();
        let told = format!("made: this is of set `{}`, not `{}`", set.name(), other.name());
        assert!(error.starts_with(&told), "{error}");
    }
}

#[test]
fn nothing_is_no_success() {
    for set in Set::ALL {
        assert!(check(set, &[]).is_err());
        assert_eq!(Set::named(set.name()), Some(set));
        assert!(!set.summary().is_empty());
    }
    assert_eq!(Set::named("everything"), None);
}
