//! Our margins against the package's own, on accounts that nobody has seen before.

mod accounts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use plimsoll_conformance::{Set, check};

/// The package as it was published, and nothing that it depends on: its margin needs none.
const REQUIREMENT: &str = "paradex_py==0.8.2 \
    --hash=sha256:36c16aa4f67c82ec89fd5f740607a7a1d3e1b3a75ffb85b2e440e8f70204b28a\n";
const FILES: usize = 5;
const ACCOUNTS_PER_FILE: usize = 100;

#[test]
fn fresh_accounts_are_margined_as_the_package_does() {
    let Some(python) = python_with_package() else { return };
    let seed = seed();
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
    println!("seed {seed}: PLIMSOLL_TEST_SEED={seed} repeats these accounts");
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..FILES * scale)
        .map(|index| {
            let path = folder.path().join(format!("{index}.json"));
            let accounts = accounts::accounts(seed.wrapping_add(index as u64), ACCOUNTS_PER_FILE);
            fs::write(&path, accounts.to_string()).unwrap();
            path
        })
        .collect();
    answer(&python, &paths).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    let report = check(Set::Paradex, &Set::Paradex.read(&paths).unwrap()).unwrap();
    let failing: Vec<_> = report.cases.iter().filter(|case| !case.passed()).take(3).collect();
    assert!(failing.is_empty(), "seed {seed}: {} fail, {failing:#?}", report.failed());
    assert_eq!(report.passed(), paths.len() * ACCOUNTS_PER_FILE);
}

/// A number of its own for each run, unless one is given.
fn seed() -> u64 {
    let given = std::env::var("PLIMSOLL_TEST_SEED").ok();
    let given = given.map(|text| text.parse().expect("PLIMSOLL_TEST_SEED is a whole number"));
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// A Python that has the package, installed once into the target folder. Without a network the test
/// is skipped, loudly, and fails where nothing may be skipped.
fn python_with_package() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("paradex_py-0.8.2");
    let python = place.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if answer(&python, &[]).is_ok() {
        return Some(python);
    }
    match install(&place, &python) {
        Ok(()) => {
            answer(&python, &[]).unwrap_or_else(|problem| panic!("{problem}"));
            Some(python)
        }
        Err(problem) => {
            let required = std::env::var("CI").as_deref() == Ok("true");
            assert!(!required, "paradex_py can't be installed: {problem}");
            eprintln!("SKIPPED: no paradex_py to compare with: {problem}");
            None
        }
    }
}

fn install(place: &Path, python: &Path) -> Result<(), String> {
    let system = if cfg!(windows) { "python" } else { "python3" };
    succeed(Command::new(system).args(["-m", "venv", "--clear"]).arg(place))?;
    let requirements = place.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT).map_err(|error| error.to_string())?;
    let options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"];
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install"]).args(options).args(["--retries", "1", "--timeout", "20"]);
    succeed(pip.arg("--requirement").arg(requirements))
}

/// Lets the package answer files of accounts.
fn answer(python: &Path, paths: &[PathBuf]) -> Result<(), String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    succeed(Command::new(python).arg(tests.join("paradex_package/answer.py")).args(paths))
}

/// Runs a command; if it fails, what it said.
fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}
