//! `cargo xtask tidy`: rules about the repository itself.
//!
//! Each rule is a module with `check(&Repo) -> Vec<Violation>`. A check only
//! reads a [`Repo`], which holds all files in memory, so every rule is tested
//! by planting a violation in a small made-up repository.

mod decisions;
mod dependencies;
mod determinism;
mod fuzz_targets;
mod leftovers;
mod length;
mod links;
mod manifest;
mod markdown;
mod methodologies;
mod order;
mod pages;
mod repo;
mod source;

use std::fmt;
use std::path::Path;

use crate::Outcome;
use repo::Repo;

/// One broken rule: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path from the root of the repository.
    pub file: String,
    /// Line from 1 on.
    pub line: usize,
    pub message: String,
    pub remedy: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, message, remedy } = self;
        write!(formatter, "{file}:{line}: {message}\n    {remedy}")
    }
}

type Check = fn(&Repo) -> Vec<Violation>;

const CHECKS: &[(&str, Check)] = &[
    ("a crate uses only crates below it", order::check),
    ("same input, same bits", determinism::check),
    ("files and functions that one can take in", length::check),
    ("links lead somewhere", links::check),
    ("every page has a title and is reachable", pages::check),
    ("dependencies are pinned", dependencies::check),
    ("every dependency and decision has its page", decisions::check),
    ("nothing is left over", leftovers::check),
    ("methodologies are named and versioned", methodologies::check),
    ("every fuzz target is built", fuzz_targets::check),
];

/// Runs all checks and prints what they find.
pub fn run(root: &Path) -> Outcome {
    let repo = Repo::read(root)?;
    let mut found = 0;
    for (rule, check) in CHECKS {
        let mut violations = check(&repo);
        violations.sort();
        match violations.len() {
            0 => println!("ok      {rule}"),
            count => println!("{count:<4}×   {rule}"),
        }
        for violation in &violations {
            println!("{violation}");
        }
        found += violations.len();
    }
    match found {
        0 => Ok(()),
        _ => Err(format!("tidy: {found} to put right, listed above")),
    }
}
