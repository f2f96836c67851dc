//! Unmodified clients in other languages against the binary: the suites in crates/server/tests/clients.
//!
//! What they need is installed once, into a cache folder. Where that can't be done the suites are
//! skipped, which fails if CI=true.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::command;

/// How long a suite may take.
const SUITE_LIMIT: Duration = Duration::from_secs(300);
/// How long an installation may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);
/// How long the venue may take to say where it is.
const START_LIMIT: Duration = Duration::from_secs(60);
const DEMO: [&str; 5] = ["--demo", "--accounts", "20", "--instruments", "120"];

#[test]
fn ccxt_does_everything_over_rest() {
    let _turn = turn();
    let Some(python) = python() else { return };
    let venue = Venue::start();
    venue.pass(Command::new(python).arg(clients().join("test_rest.py")));
}

#[test]
fn ccxt_watches_over_websocket() {
    let _turn = turn();
    let Some(python) = python() else { return };
    let venue = Venue::start();
    venue.pass(Command::new(python).arg(clients().join("test_ws.py")));
}

#[test]
fn ccxt_finds_everything_acknowledged_after_a_kill() {
    let _turn = turn();
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut suite = Command::new(python);
    suite.arg(clients().join("test_restart.py")).env("TMPDIR", folder.path());
    pass(suite.env("PLIMSOLL_BINARY", env!("CARGO_BIN_EXE_plimsoll")), folder.path());
}

#[test]
fn a_liquidator_wins_the_auction_of_a_long_in_the_crash_of_5_february() {
    let _turn = turn();
    let Some(data) = super::chains::data() else { return };
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut suite = Command::new(python);
    suite.arg(clients().join("test_crash.py")).env("TMPDIR", folder.path());
    suite.env("PLIMSOLL_BINARY", env!("CARGO_BIN_EXE_plimsoll")).env("PLIMSOLL_DATA", data);
    pass(&mut suite, folder.path());
}

#[test]
fn the_examples_explain_themselves() {
    let _turn = turn();
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let page = examples.join("../docs/bots.md");
    let page = fs::read_to_string(page).unwrap();
    for entry in examples.read_dir().unwrap() {
        let program = entry.unwrap().path();
        let name = program.file_name().unwrap().to_str().unwrap();
        assert!(page.contains(name), "docs/bots.md tells of {name}");
        pass(Command::new(&python).arg(&program).arg("--help"), folder.path());
        // Without a key it says what is missing, and does nothing.
        let mut keyless = Command::new(&python);
        keyless.arg(&program).env_remove("CLIENT_ID").env("CLIENT_SECRET", "do not show me");
        let said = finish(&mut keyless, folder.path(), INSTALL_LIMIT).unwrap_err();
        assert!(said.contains("is not set") && !said.contains("Traceback"), "{said}");
    }
}

#[test]
fn ccxt_for_javascript_trades_and_watches() {
    let _turn = turn();
    let Some(modules) = node_modules() else { return };
    let venue = Venue::start();
    let mut suite = Command::new("node");
    suite.arg(clients().join("test_rest.mjs")).env("PLIMSOLL_NODE_MODULES", modules);
    venue.pass(&mut suite);
}

#[test]
fn the_quickstart_leads_to_a_first_order() {
    let _turn = turn();
    let Some(python) = python() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/quickstart.md");
    let page = fs::read_to_string(page).unwrap();
    let pinned = fs::read_to_string(clients().join("requirements.txt")).unwrap();
    let ccxt = pinned.lines().find(|line| line.starts_with("ccxt==")).unwrap();
    assert!(page.contains(ccxt), "the page installs what is tested");
    let program = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    let venue = Venue::start();
    let file = venue.folder.path().join("first.py");
    fs::write(&file, program.unwrap()).unwrap();
    let mut first = Command::new(python);
    for (name, key) in
        [("VENUE", "rest"), ("CLIENT_ID", "client_id"), ("CLIENT_SECRET", "client_secret")]
    {
        first.env(name, venue.place[key].as_str().unwrap());
    }
    pass(first.arg(file), venue.folder.path());
}

#[test]
fn schemathesis_finds_no_server_error() {
    let _turn = turn();
    let Some(python) = environment("schemathesis.txt") else { return };
    let venue = Venue::start_with(&[
        "--request-rate=100000",
        "--request-burst=100000",
        "--matching-rate=100000",
        "--matching-burst=100000",
    ]);
    let word = |key: &str| venue.place[key].as_str().unwrap();
    let login = format!("{}:{}", word("client_id"), word("client_secret"));
    let document = format!("{}/openapi.json", word("rest"));
    let mut run = Command::new(python);
    run.args(["-m", "schemathesis.cli", "run", &document]);
    run.args(["--url", word("rest"), "--auth", &login]);
    run.args(["--checks", "not_a_server_error", "--phases", "coverage,fuzzing"]);
    run.args(["--max-examples", "10", "--seed", "1", "--no-color"]);
    pass(run.current_dir(venue.folder.path()), venue.folder.path());
}

/// One venue at a time: none starves another.
pub(super) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/tests/clients")
}

/// A venue with a demo, killed when it goes out of scope.
pub(super) struct Venue {
    process: Child,
    pub(super) place: Value,
    pub(super) folder: TempDir,
}

impl Venue {
    fn start() -> Self {
        Self::start_with(&[])
    }

    pub(super) fn start_with(options: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), options)
    }

    /// Kills it, and starts it once more in the same folder.
    pub(super) fn again(mut self, options: &[&str]) -> Self {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        drop(self);
        Self::start_in(folder, options)
    }

    /// Kills it; gives the folder.
    pub(super) fn killed(mut self) -> TempDir {
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Stops it as the system does, and waits until it has ended; gives the folder.
    pub(super) fn stopped(mut self) -> TempDir {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    pub(super) fn start_in(folder: TempDir, options: &[&str]) -> Self {
        let mut serve = command();
        serve.args(["serve", "--output", "json", "--listen", "127.0.0.1:0", "--data"]);
        serve.arg(folder.path().join("data")).args(DEMO).args(options);
        let mut process = serve.stdout(Stdio::piped()).spawn().unwrap();
        let out = process.stdout.take().unwrap();
        let (line, first) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            BufReader::new(out).read_line(&mut text).map(|_| line.send(text))
        });
        let place = first.recv_timeout(START_LIMIT).ok();
        let place = place.and_then(|text| serde_json::from_str(&text).ok());
        let venue = Self { process, place: place.unwrap_or_default(), folder };
        assert!(venue.place.is_object(), "the venue did not say where it is");
        venue
    }

    /// Runs a suite on it.
    #[track_caller]
    fn pass(&self, suite: &mut Command) {
        for (name, key) in [
            ("PLIMSOLL_REST", "rest"),
            ("PLIMSOLL_WS", "ws"),
            ("PLIMSOLL_CLIENT_ID", "client_id"),
            ("PLIMSOLL_CLIENT_SECRET", "client_secret"),
        ] {
            suite.env(name, self.place[key].as_str().unwrap());
        }
        pass(suite, self.folder.path());
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn pass(suite: &mut Command, folder: &Path) {
    // Nothing is written beside the sources.
    suite.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PLIMSOLL_MASTER_KEY");
    if let Err(text) = finish(suite, folder, SUITE_LIMIT) {
        panic!("{text}");
    }
}

/// Runs to the end, or to the limit; what it wrote is the error of a run that failed.
fn finish(command: &mut Command, folder: &Path, limit: Duration) -> Result<(), String> {
    let path = folder.join("output");
    let output = File::create(&path).unwrap();
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    // A group of its own, so that what it starts can be ended with it.
    let mut process = command.process_group(0).spawn().map_err(|error| error.to_string())?;
    let end = Instant::now() + limit;
    let status = loop {
        match process.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > end => break None,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    if status.is_none() {
        let group = format!("-{}", process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = process.wait();
    }
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let mut text = Vec::new();
    File::open(&path).unwrap().read_to_end(&mut text).unwrap();
    let how = status.map_or(format!("not done within {limit:?}"), |status| status.to_string());
    Err(format!("{command:?}: {how}\n{}", String::from_utf8_lossy(&text)))
}

/// The interpreter of an environment with ccxt; none, loudly, where it can't be had.
fn python() -> Option<PathBuf> {
    environment("requirements.txt")
}

/// The interpreter of an environment with what a file lists; none, loudly, where it can't be had.
fn environment(list: &str) -> Option<PathBuf> {
    let wanted = clients().join(list);
    let made = made("python", &[&wanted], |folder, scratch| {
        let mut venv = Command::new("python3");
        finish(venv.args(["-m", "venv"]).arg(folder), scratch, INSTALL_LIMIT)?;
        let mut install = Command::new(folder.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        finish(install.arg(&wanted), scratch, INSTALL_LIMIT)
    });
    made.map(|folder| folder.join("bin/python"))
}

/// The folder into which ccxt for JavaScript is installed; none, loudly, where it can't be had.
fn node_modules() -> Option<PathBuf> {
    let wanted = ["package.json", "package-lock.json"].map(|name| clients().join(name));
    made("node", &[&wanted[0], &wanted[1]], |folder, scratch| {
        fs::create_dir(folder).map_err(|error| error.to_string())?;
        for file in &wanted {
            fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
        }
        let mut install = Command::new("npm");
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        finish(&mut install, scratch, INSTALL_LIMIT)
    })
}

/// A folder of the cache, made if it is not there: its name says what it is made of.
fn made(
    kind: &str,
    from: &[&PathBuf],
    make: impl FnOnce(&Path, &Path) -> Result<(), String>,
) -> Option<PathBuf> {
    let bytes: Vec<u8> = from.iter().flat_map(|path| fs::read(path).unwrap()).collect();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = cache.or_else(home).unwrap_or_else(std::env::temp_dir).join("plimsoll");
    let folder = cache.join(format!("{kind}-{:08x}", crc32c::crc32c(&bytes)));
    if folder.exists() {
        return Some(folder);
    }
    let scratch = tempfile::tempdir().unwrap();
    let part = cache.join(format!("{kind}-part-{}", std::process::id()));
    let made = fs::create_dir_all(&cache).map_err(|error| error.to_string());
    let made = made.and_then(|()| make(&part, scratch.path()));
    // Somebody else may have made it meanwhile: theirs is as good.
    let done = made.is_ok() && (fs::rename(&part, &folder).is_ok() || folder.exists());
    let _ = fs::remove_dir_all(&part);
    if done {
        return Some(folder);
    }
    let why = made.err().unwrap_or_else(|| format!("{} can't be made", folder.display()));
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    eprintln!("SKIPPED: clients can't be installed, so nothing is tested with them: {why}");
    None
}
