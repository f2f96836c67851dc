//! `plimsoll restore`: a data folder from a back-up, as of any command.

use std::path::PathBuf;

use clap::Args;
use instruments::Timestamp;
use server::backup::{Until, restore};

use super::backup::show;
use super::{Answer, keys};
use crate::arguments::{Output, time};
use crate::document::{Cell, Document};
use crate::failure::Failure;
use crate::progress::Stages;

const EXAMPLES: &str = "\
Examples:
  plimsoll restore /backup/venue --to venue
  plimsoll restore /backup/venue --to venue --until 1048576
  plimsoll restore /backup/venue --to venue --at 2026-02-05T16:00:00Z

Nothing is overwritten: DATA must not be there, or be empty. What the venue does next begins a new epoch of
its journal, so that it is told from the one that was backed up. Of an earlier point, keys that were made
later are revoked. docs/operations.md says more.";

/// Make a data folder of a back-up, as of its end or of any command before
///
/// Every file is compared with its hash in the manifest, and the journal that is made is read from its
/// first byte to the state that it gives.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RestoreArguments {
    /// The folder of the back-up
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The data folder to make
    #[arg(long, value_name = "DATA")]
    to: PathBuf,
    /// The last command to restore
    #[arg(long, value_name = "SEQ", conflicts_with = "at", value_parser = clap::value_parser!(u64).range(1..))]
    until: Option<u64>,
    /// Restore what had happened by this time, as 2026-02-05T16:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Makes the data folder.
pub fn run(arguments: &RestoreArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let until = match (arguments.until, arguments.at) {
        (Some(sequence), _) => Until::Command(sequence),
        (None, Some(time)) => Until::Time(time),
        (None, None) => Until::End,
    };
    let stages = Stages::default();
    let watch = |progress| show(&stages, progress);
    let done = restore(&arguments.folder, &arguments.to, until, &watch)?;
    drop(stages);
    let fields = vec![
        ("through", Cell::Count(done.through)),
        ("time", Cell::text(done.time)),
        ("state hash", Cell::Text(done.state_hash)),
        ("epoch", Cell::Count(done.epoch)),
        ("commands left out", Cell::Count(done.left_out)),
        ("keys revoked", Cell::Count(done.revoked.len() as u64)),
    ];
    let mut document = Document::default();
    document.fields("restore", fields);
    if !done.revoked.is_empty() {
        document.table("revoked keys", keys::table(&done.revoked));
    }
    Ok(Answer::of(&document, output))
}
