//! Restores of a venue that an earlier program left.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use ledger::AccountId;
use tempfile::TempDir;

use super::{Progress, Stage, Until, back_up, restore};
use crate::auth::{KeyFile, KeyInfo};

/// A data folder with keys of clients and operators, made before and after a time.
fn venue() -> (TempDir, PathBuf) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/tests/fixtures/rules-1/journal");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("venue");
    fs::create_dir_all(data.join("journal")).unwrap();
    fs::create_dir_all(data.join("admin")).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data.join("journal").join(entry.file_name())).unwrap();
    }
    (folder, data)
}

fn key(folder: &Path, name: &str, account: u32, created_ms: i64) {
    let scopes = "account:read".parse().unwrap();
    KeyFile::of(folder).create(AccountId::new(account), name, &scopes, created_ms).unwrap();
}

fn live(folder: &Path) -> Vec<String> {
    let all = KeyFile::of(folder).list().unwrap().into_iter();
    all.filter(|key| key.revoked_ms.is_none()).map(|key| key.name).collect()
}

fn names(keys: &[KeyInfo]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

#[test]
fn a_venue_that_is_restored_to_an_earlier_point_has_no_later_keys() {
    let (folder, data) = venue();
    let copy = folder.path().join("copy");
    let to = |name: &str| folder.path().join(name);
    let manifest = back_up(&data, &copy, &|_| {}).unwrap().manifest;
    let point = manifest.through - 1;
    let time = restore(&copy, &to("first"), Until::Command(point), &|_| {}).unwrap().time;
    let time = time.milliseconds();
    for (folder, before, after) in [
        (data.clone(), "client", "later client"),
        (data.join("admin"), "operator", "later operator"),
    ] {
        key(&folder, before, 0, time);
        key(&folder, after, 0, time + 1);
    }
    key(&data, "of nobody yet", 1_000_000, time);
    fs::write(data.join("tokens.json"), "tokens").unwrap();
    back_up(&data, &copy, &|_| {}).unwrap();

    let early = restore(&copy, &to("early"), Until::Command(point), &|_| {}).unwrap();
    assert_eq!(names(&early.revoked), ["later client", "of nobody yet", "later operator"]);
    assert_eq!(live(&to("early")), ["client"]);
    assert_eq!(live(&to("early").join("admin")), ["operator"]);
    assert!(!to("early").join("tokens.json").exists());

    let all = restore(&copy, &to("all"), Until::End, &|_| {}).unwrap();
    assert_eq!(names(&all.revoked), [""; 0]);
    assert_eq!(live(&to("all")), ["client", "later client", "of nobody yet"]);
    assert_eq!(fs::read(to("all").join("tokens.json")).unwrap(), b"tokens");
}

#[test]
fn who_watches_is_told_how_far_a_back_up_and_a_restore_are() {
    let (folder, data) = venue();
    let copy = folder.path().join("copy");
    let told = RefCell::new(Vec::<Progress>::new());
    let watch = |progress| told.borrow_mut().push(progress);
    // What is done in each stage, one after another.
    let stages = || {
        let told = told.take();
        let of_one = told.chunk_by(|a, b| a.stage == b.stage && a.of == b.of && a.done <= b.done);
        of_one.map(|all| *all.last().unwrap()).collect::<Vec<_>>()
    };
    let through = back_up(&data, &copy, &watch).unwrap().manifest.through;
    let of = |stages: &[Progress]| stages.iter().map(|one| one.stage).collect::<Vec<_>>();
    let backed_up = stages();
    assert_eq!(of(&backed_up), [Stage::Copying, Stage::Checking, Stage::Replaying]);
    restore(&copy, &folder.path().join("all"), Until::Command(through - 1), &watch).unwrap();
    let restored = stages();
    let expected = [Stage::Checking, Stage::Copying, Stage::Checking, Stage::Replaying];
    assert_eq!(of(&restored), expected);
    for last in backed_up.iter().chain(&restored) {
        assert!(last.done > 0, "{last:?}");
        if last.stage == Stage::Replaying {
            assert_eq!(last.done, last.of);
        }
    }
}
