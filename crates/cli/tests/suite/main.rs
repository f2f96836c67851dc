//! The binary from outside: what it writes, where, and its exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod administration;
mod backups;
mod books;
mod chains;
mod clients;
mod commands;
mod comparison;
mod conformance;
mod errors;
mod extremes;
mod history;
mod journals;
mod keys;
mod kills;
mod liquidations;
mod load;
mod operations;
mod scripts;
mod simulations;

use std::path::Path;
use std::process::{Command, Output};

/// A run of the binary.
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    /// Standard output of a run that succeeded.
    #[track_caller]
    fn text(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out
    }

    /// Standard output as JSON.
    #[track_caller]
    fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.text()).expect("the output is JSON")
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.env_remove("NO_COLOR").env_remove("PLIMSOLL_MASTER_KEY");
    command
}

/// Runs with arguments set apart by blanks.
fn run(arguments: &str) -> Run {
    finish(command().args(arguments.split_whitespace()))
}

fn run_in(folder: &Path, arguments: &str) -> Run {
    finish(command().current_dir(folder).args(arguments.split_whitespace()))
}

fn finish(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}
