//! Project chores, in one place: `cargo xtask test`, `tidy`, `bench` and `fuzz`.
//!
//! A chore is a module with one entry function. `tidy` checks the repository
//! itself, one small module a rule; `test` runs all there is to check, in the
//! order in which a mistake is cheapest to find.

mod bench;
mod fuzz;
mod process;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a chore returns; the message says what went wrong and what to do.
type Outcome<T = ()> = Result<T, String>;

/// Project chores for Plimsoll.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every check of the project: format, lints, tidy, tests, docs, fuzz and bench builds
    Test(test::Arguments),
    /// Check the repository itself: dependency order, determinism, links, pins, leftovers
    Tidy,
    /// Measure Plimsoll, and write docs/benchmarks.md
    Bench(bench::Arguments),
    /// Fuzz each parser for a while (needs nightly Rust and cargo-fuzz)
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    let root = repository_root();
    let outcome = match Arguments::parse().chore {
        Chore::Test(arguments) => return test::run(&root, &arguments),
        Chore::Tidy => tidy::run(&root),
        Chore::Bench(arguments) => bench::run(&root, &arguments),
        Chore::Fuzz(arguments) => fuzz::run(&root, &arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder above this crate's.
fn repository_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies one folder below the root").to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn root_holds_the_workspace() {
        assert!(repository_root().join("crates").is_dir());
    }
}
