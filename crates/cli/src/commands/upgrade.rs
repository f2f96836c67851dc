//! `plimsoll upgrade`: a venue's data folder, ready for this version of the program.

use std::path::PathBuf;

use clap::Args;
use server::upgrade::{Upgraded, upgrade};

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document};
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  plimsoll backup venue --to /backup/venue && plimsoll upgrade venue
  plimsoll upgrade venue --json | jq .upgrade.rules_after

The venue is stopped meanwhile. Until it is upgraded it goes on under the rules that it has, and a program
that does not know its rules refuses to open it. docs/operations.md says more.";

/// Bring a stopped venue to this program's version of the rules
///
/// The journal is recovered, a snapshot is written, and where the venue's rules are older than this
/// program's the command that changes them is added to the journal: replay changes them at the same
/// place. A venue that has them already is left as it is, but for the snapshot.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct UpgradeArguments {
    /// The venue's data folder
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Upgrades the venue.
pub fn run(arguments: &UpgradeArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let Upgraded { through, snapshot, rules_before, rules_after, state_hash } =
        upgrade(&arguments.data)?;
    let fields = vec![
        ("through", Cell::Count(through)),
        ("snapshot", Cell::Count(snapshot)),
        ("rules before", Cell::Count(u64::from(rules_before))),
        ("rules after", Cell::Count(u64::from(rules_after))),
        ("state hash", Cell::Text(state_hash)),
    ];
    let mut document = Document::default();
    document.fields("upgrade", fields);
    Ok(Answer::of(&document, output))
}
