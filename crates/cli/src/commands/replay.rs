//! `plimsoll replay`: from a journal to the state, and its hash.

use clap::Args;
use engine::State;
use node::{Replayed, replay};

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document};
use crate::failure::Failure;
use crate::figures::hex;
use crate::inputs::warn;
use crate::journals::JournalFolder;
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  plimsoll replay venue/journal
  plimsoll replay venue/journal --to 1000000 --json | jq -r .replay.state_hash
  plimsoll replay venue/journal --snapshot

The journal is read beside a node that writes to it, and nothing is written.";

/// Apply the commands of a journal again, and say the hash of the state
///
/// Every checkpoint on the way is compared. A journal that is damaged, or that gives another state
/// than the engine had that wrote it, ends with exit code 2 and the file and byte or the command.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArguments {
    /// The folder of the journal
    #[arg(value_name = "DIR")]
    folder: String,
    /// The last command to apply; the last of the journal unless given
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// Begin with the newest snapshot not after it, rather than with the first command
    #[arg(long)]
    snapshot: bool,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Replays the journal.
pub fn run(arguments: &ReplayArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let journal = JournalFolder::of(&arguments.folder)?;
    let until = journal.until(1, arguments.to)?;
    let mut progress = Progress::of("replaying", until);
    let mut events = 0;
    let mut replayed = replay(&journal.reader, until, arguments.snapshot, &mut |command, told| {
        events += told.len() as u64;
        progress.reach(command.sequence);
    })
    .map_err(|error| journal.failure(error))?;
    drop(progress);
    for damaged in &replayed.report.damaged {
        warn(&format!("{}: {damaged}", journal.path));
    }
    if arguments.to.is_none()
        && let Some(unfinished) = journal.unfinished()?
    {
        warn(&format!("{}: {unfinished}", journal.path));
    }
    Ok(Answer::of(&document(&mut replayed, events), output))
}

fn document(replayed: &mut Replayed, events: u64) -> Document {
    let report = &replayed.report;
    let count = |number: Option<u64>| number.map_or(Cell::Missing, Cell::Count);
    let mut fields = vec![
        ("from snapshot", count(report.snapshot)),
        ("commands applied", Cell::Count(report.commands)),
        ("events", Cell::Count(events)),
        ("checkpoints agreed", Cell::Count(report.checkpoints)),
    ];
    fields.extend(state_fields(replayed.state.as_mut()));
    let mut document = Document::default();
    document.fields("replay", fields);
    document
}

/// Where a state is, and its hash; nothing of a journal without commands.
pub fn state_fields(state: Option<&mut State>) -> Vec<(&'static str, Cell)> {
    let Some(state) = state else {
        return vec![
            ("sequence", Cell::Count(0)),
            ("time", Cell::Missing),
            ("state hash", Cell::Missing),
        ];
    };
    vec![
        ("sequence", Cell::Count(state.sequence())),
        ("time", Cell::text(state.time())),
        ("state hash", Cell::text(hex(&state.record_hash()))),
    ]
}
