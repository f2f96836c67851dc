//! What earlier versions have left behind is opened, gives the same state, and is gone on with.
//!
//! `tests/fixtures/rules-N` is a data folder as the program wrote it whose rules had version N: a journal of
//! a seeded script in several segments with a snapshot between, and beside it the hash of the state. A change
//! that makes another version of rules or format adds a folder and touches none: run
//! `PLIMSOLL_WRITE_FIXTURE=1 cargo test -p plimsoll-node --test suite every_version`, which writes that of
//! the version that is there now, and list it below.

use std::fs;
use std::path::{Path, PathBuf};

use engine::Action;
use engine::rules::RULES_VERSION;
use journal::Disk;
use node::{JournalLog, JournalOptions, JournalReader, ManualClock, Node, Options, replay, verify};

use crate::world::{options, script};

/// Versions of rules that this program opens.
const FIXTURES: [u32; 1] = [1];
/// The script's seed.
const SEED: u64 = 7;
/// The variable that has the fixture of this version written.
const WRITE: &str = "PLIMSOLL_WRITE_FIXTURE";
/// Commands in the fixture, which keeps it small.
const COMMANDS: usize = 90;

fn fixture(rules: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/rules-{rules}"))
}

fn open(folder: &Path) -> Node {
    let journal = JournalOptions { segment_bytes: 1 << 14, epoch: 0 };
    let (log, _) = JournalLog::open(Disk::create(folder).unwrap(), journal).unwrap();
    let clock = ManualClock::at(script(SEED)[COMMANDS].0);
    Node::open(log, clock, Options { snapshot_every: 0, ..options() }, |_| {}).unwrap().0
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_version_has_a_fixture() {
    if std::env::var_os(WRITE).is_some() {
        write_the_fixture();
    }
    assert_eq!(FIXTURES.last(), Some(&RULES_VERSION), "run this test with {WRITE}=1, and list it");
    assert!(fixture(RULES_VERSION).is_dir());
}

#[test]
fn earlier_versions_give_the_state_that_they_had_and_go_on() {
    for rules in FIXTURES {
        let folder = tempfile::tempdir().unwrap();
        let written = fs::read_to_string(fixture(rules).join("state_hash")).unwrap();
        for entry in fs::read_dir(fixture(rules).join("journal")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let reader = JournalReader::new(Disk::existing(folder.path()));
        let found = verify(&reader, &mut |_| {}).unwrap();
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        assert_eq!(found.snapshots.len(), 1);
        for snapshots in [false, true] {
            let mut state = replay(&reader, u64::MAX, snapshots, &mut |_, _| {}).unwrap().state;
            let state = state.as_mut().unwrap();
            assert_eq!(hexadecimal(&state.record_hash()), written.trim(), "rules {rules}");
        }
        let node = open(folder.path());
        let last = found.journal.unwrap().read.last;
        let upgrade = Action::Upgrade { rules_version: RULES_VERSION };
        assert_eq!(node.submit(upgrade).unwrap().wait().unwrap().sequence, last + 1);
        for (_, action) in &script(SEED)[COMMANDS..] {
            node.submit(action.clone()).unwrap().wait().unwrap();
        }
        let hash = node.record_hash().unwrap();
        node.close().unwrap();
        let again = replay(&reader, u64::MAX, false, &mut |_, _| {}).unwrap();
        assert_eq!(again.state.unwrap().record_hash(), hash);
    }
}

fn write_the_fixture() {
    let folder = tempfile::tempdir().unwrap();
    let node = open(folder.path());
    for (place, (_, action)) in script(SEED)[..COMMANDS].iter().enumerate() {
        if place == COMMANDS / 2 {
            node.snapshot().unwrap();
        }
        node.submit(action.clone()).unwrap().wait().unwrap();
    }
    let hash = hexadecimal(&node.record_hash().unwrap());
    node.close().unwrap();
    let (from, to) = (Disk::existing(folder.path()), fixture(RULES_VERSION));
    // A copy has no more than was written: what is reserved behind it stays behind.
    let copying = journal::Copying { rules_known: 1..=RULES_VERSION, after: None, until: u64::MAX };
    let copy = Disk::create(to.join("journal")).unwrap();
    journal::copy_batches(&from, &copy, &copying).unwrap().unwrap();
    for sequence in journal::list_snapshots(&from).unwrap() {
        journal::copy_snapshot(&from, &copy, sequence).unwrap();
    }
    fs::write(to.join("state_hash"), format!("{hash}\n")).unwrap();
}
