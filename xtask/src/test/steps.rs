//! The steps of `cargo xtask test`, and what each runs.

use std::path::Path;

use clap::ValueEnum;

use super::count::Count;
use super::state_hash;
use crate::process::{command, run, shown, stream, succeeds};
use crate::{Outcome, fuzz, tidy};

/// How many times more cases property tests try in a long run.
const LONG_SCALE: &str = "20";

/// One step; the order of the variants is the order of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// The format of the code
    Format,
    /// Lints, each a failure
    Clippy,
    /// The repository's own rules
    Tidy,
    /// Unit, integration and documentation tests
    Tests,
    /// The engine says the same in different builds
    Hash,
    /// The API documentation builds without a warning
    Docs,
    /// The fuzz targets compile
    Fuzz,
    /// The benches workspace compiles
    Benches,
}

impl Step {
    pub const ALL: &[Step] = &[
        Step::Format,
        Step::Clippy,
        Step::Tidy,
        Step::Tests,
        Step::Hash,
        Step::Docs,
        Step::Fuzz,
        Step::Benches,
    ];

    /// The name that `--only` takes.
    pub fn name(self) -> &'static str {
        match self {
            Step::Format => "format",
            Step::Clippy => "clippy",
            Step::Tidy => "tidy",
            Step::Tests => "tests",
            Step::Hash => "hash",
            Step::Docs => "docs",
            Step::Fuzz => "fuzz",
            Step::Benches => "benches",
        }
    }

    /// What the step checks, for its heading.
    pub fn title(self) -> &'static str {
        match self {
            Step::Format => "format of the code",
            Step::Clippy => "lints",
            Step::Tidy => "the repository's own rules",
            Step::Tests => "tests",
            Step::Hash => "state hash across builds",
            Step::Docs => "API documentation",
            Step::Fuzz => "fuzz targets compile",
            Step::Benches => "benches compile",
        }
    }

    /// Runs the step; test results are added to `count`.
    pub fn run(self, root: &Path, long: bool, count: &mut Count) -> Outcome {
        match self {
            Step::Format => format(root),
            Step::Clippy => clippy(root),
            Step::Tidy => tidy::run(root),
            Step::Tests => tests(root, long, count),
            Step::Hash => state_hash::run(root, long),
            Step::Docs => docs(root),
            Step::Fuzz => fuzz_compiles(root),
            Step::Benches => benches_compile(root),
        }
    }
}

fn format(root: &Path) -> Outcome {
    ensure_component(root, "fmt", "rustfmt")?;
    let outcome = run(command(root, "cargo", ["fmt", "--all", "--check"]));
    outcome.map_err(|message| format!("{message}; `cargo fmt --all` puts it right"))
}

fn clippy(root: &Path) -> Outcome {
    ensure_component(root, "clippy", "clippy")?;
    run(command(root, "cargo", ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn tests(root: &Path, long: bool, count: &mut Count) -> Outcome {
    let mut cargo = command(root, "cargo", ["test", "--workspace", "--no-fail-fast"]);
    if long {
        cargo.arg("--release");
        cargo.env("PLIMSOLL_LONG", "1").env("PLIMSOLL_TEST_SCALE", LONG_SCALE);
    }
    let shown = shown(&cargo);
    let succeeded = stream(cargo, |line| {
        println!("{line}");
        count.add(line);
    })?;
    match succeeded {
        true => Ok(()),
        false => {
            count.note_failure();
            Err(format!("`{shown}` failed; the failures are listed above"))
        }
    }
}

fn docs(root: &Path) -> Outcome {
    let mut cargo = command(root, "cargo", ["doc", "--no-deps", "--workspace"]);
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    run(cargo)
}

fn fuzz_compiles(root: &Path) -> Outcome {
    if fuzz::targets(root)?.is_empty() {
        println!("no fuzz targets yet");
        return Ok(());
    }
    run(command(
        root,
        "cargo",
        ["check", "--manifest-path", "fuzz/Cargo.toml", "--no-default-features"],
    ))
}

fn benches_compile(root: &Path) -> Outcome {
    if !root.join("benches/Cargo.toml").exists() {
        println!("no benches yet");
        return Ok(());
    }
    run(command(root, "cargo", ["check", "--manifest-path", "benches/Cargo.toml", "--all-targets"]))
}

/// Installs a component of the Rust toolchain if it is missing.
fn ensure_component(root: &Path, subcommand: &str, component: &str) -> Outcome {
    if succeeds(command(root, "cargo", [subcommand, "--version"])) {
        return Ok(());
    }
    println!("{component} is missing; adding it");
    let added = run(command(root, "rustup", ["component", "add", component]));
    added.map_err(|message| {
        format!("{message}\n{component} is needed: install it with your Rust toolchain")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_and_can_be_named() {
        assert_eq!(Step::ALL, Step::value_variants());
        for &step in Step::ALL {
            assert_eq!(Step::from_str(step.name(), false), Ok(step));
        }
    }
}
