//! `plimsoll backup`: a venue's data folder, copied while the venue runs.

use std::path::PathBuf;

use clap::Args;
use server::backup::{BackedUp, Progress, Stage, back_up};

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document};
use crate::failure::Failure;
use crate::progress::Stages;

const EXAMPLES: &str = "\
Examples:
  plimsoll backup venue --to /backup/venue
  plimsoll backup venue --to /backup/venue --output json | jq -r .backup.through
  plimsoll verify /backup/venue/journal

It works beside a running venue. Journal, newest snapshots, keys and settings are copied, the history is not:
it is made again from the journal. What is in the folder already is not copied again. The copy holds the
master key, so keep it as safe as the venue. docs/operations.md says more.";

/// Copy a venue to a folder, also while it runs
///
/// Everything that was acknowledged before is in it. The copy is checked at once: every byte of what is
/// new, the chain from the end of the last back-up, and the state that it gives.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BackupArguments {
    /// The venue's data folder
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// The folder of the back-up: empty, missing, or with an earlier back-up of this venue
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Copies the venue.
pub fn run(arguments: &BackupArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let stages = Stages::default();
    let done = back_up(&arguments.data, &arguments.to, &|progress| show(&stages, progress))?;
    drop(stages);
    Ok(Answer::of(&document(done), output))
}

/// Shows how far a back-up or a restore is.
pub fn show(stages: &Stages, Progress { stage, done, of }: Progress) {
    let what = match stage {
        Stage::Copying => "copying the journal",
        Stage::Checking => "checking",
        Stage::Replaying => "replaying commands",
    };
    stages.reach(what, done, of);
}

fn document(done: BackedUp) -> Document {
    let BackedUp { manifest, copied, bytes, beside_venue } = done;
    let fields = vec![
        ("through", Cell::Count(manifest.through)),
        ("time", Cell::Text(manifest.time)),
        ("chain", Cell::Text(manifest.chain)),
        ("state hash", Cell::Text(manifest.state_hash)),
        ("files", Cell::Count(manifest.files.len() as u64)),
        ("files copied", Cell::Count(copied as u64)),
        ("bytes copied", Cell::Count(bytes)),
        ("beside a venue", Cell::Flag(beside_venue)),
    ];
    let mut document = Document::default();
    document.fields("backup", fields);
    document
}
