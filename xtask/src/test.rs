//! `cargo xtask test`: everything that can be checked, one step after another.
//!
//! The run stops at the first step that fails, names it, and says how to run
//! that step alone. The last line counts the tests: `N passed, N failed`.

mod count;
mod state_hash;
mod steps;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Outcome;
use count::Count;
use steps::Step;

#[derive(Args)]
pub struct Arguments {
    /// Run property and simulation tests at full length, in the release profile
    #[arg(long)]
    pub long: bool,
    /// Run one step only
    #[arg(long, value_name = "STEP")]
    pub only: Option<Step>,
}

struct Finished {
    step: Step,
    took: Duration,
    outcome: Outcome,
}

/// Runs the steps in order and prints a summary. Nothing is printed after the
/// count, so that it is the last line of a log.
pub fn run(root: &Path, arguments: &Arguments) -> ExitCode {
    let steps = match arguments.only {
        Some(step) => vec![step],
        None => Step::ALL.to_vec(),
    };
    let mut count = Count::default();
    let mut finished = Vec::new();
    for step in steps {
        heading(step.title());
        let start = Instant::now();
        let outcome = step.run(root, arguments.long, &mut count);
        let failed = outcome.is_err();
        finished.push(Finished { step, took: start.elapsed(), outcome });
        if failed {
            break;
        }
    }
    summary(&finished, arguments.long);
    let failed = finished.iter().any(|finished| finished.outcome.is_err());
    if finished.iter().any(|finished| finished.step == Step::Tests) {
        println!("{count}");
    }
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

fn heading(title: &str) {
    println!("\n──── {title} {}", "─".repeat(60_usize.saturating_sub(title.chars().count())));
}

fn summary(finished: &[Finished], long: bool) {
    heading("summary");
    for Finished { step, took, outcome } in finished {
        let verdict = match outcome {
            Ok(()) => "ok",
            Err(_) => "FAILED",
        };
        println!("{:<9}{:>7.1} s   {verdict}", step.name(), took.as_secs_f64());
        if let Err(message) = outcome {
            let long = if long { " --long" } else { "" };
            println!("\n{message}");
            println!("To run this step alone: cargo xtask test{long} --only {}\n", step.name());
        }
    }
}
