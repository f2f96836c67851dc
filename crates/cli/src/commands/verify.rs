//! `plimsoll verify`: a journal from its first byte to the state that it gives.

use clap::Args;
use node::{Verification, Watched, verify};

use super::Answer;
use super::replay::state_fields;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::figures::hex;
use crate::journals::{JournalFolder, end_words};
use crate::progress::Progress;
use crate::render::render;

const EXAMPLES: &str = "\
Examples:
  plimsoll verify venue/journal
  plimsoll verify venue/journal --json | jq .problems
  plimsoll verify /backup/journal && echo sound

It works beside a node that writes to the journal, and writes nothing. What is wrong is listed and said
on standard error, with file and byte where it is damage; the exit code is 1 then.";

/// Check a journal: every byte, the chain, checkpoints, snapshots, conservation
///
/// Reads every byte of segments and snapshots, applies every command again, compares each checkpoint
/// and snapshot with the state, and audits the state on the way: per asset all ledger accounts sum to
/// zero, per instrument all positions do, holds are the open transfers, books and all that is derived
/// are what the records say.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArguments {
    /// The folder of the journal
    #[arg(value_name = "DIR")]
    folder: String,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Verifies the journal.
pub fn run(arguments: &VerifyArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let journal = JournalFolder::of(&arguments.folder)?;
    let mut progress = None;
    let mut found = verify(&journal.reader, &mut |watched| match (watched, &mut progress) {
        (Watched::Length(commands), _) => progress = Some(Progress::of("verifying", commands)),
        (Watched::Applied, Some(progress)) => progress.advance(1),
        (Watched::Applied, None) => {}
    })
    .map_err(|error| journal.failure(error))?;
    drop(progress);
    let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let document = document(&mut found, &problems);
    let failure = (!problems.is_empty()).then(|| {
        Failure::Check(format!("{} is not sound: {}", journal.path, problems.join("\n  ")))
    });
    Ok(Answer { failure, ..render(&document, output).into() })
}

fn document(found: &mut Verification, problems: &[String]) -> Document {
    let mut document = Document::default();
    if let Some(verified) = &found.journal {
        let read = &verified.read;
        let end = end_words(&verified.end).unwrap_or_else(|| "clean".to_owned());
        let fields = vec![
            ("first command", Cell::Count(read.first)),
            ("last command", Cell::Count(read.last)),
            ("segments", Cell::Count(read.segments)),
            ("batches", Cell::Count(read.batches)),
            ("bytes", Cell::Count(read.bytes)),
            ("chain", Cell::text(hex(&read.hash))),
            ("end", Cell::text(end)),
        ];
        document.fields("journal", fields);
    }
    let mut snapshots = Table::of(&["sequence", "state hash"]);
    for header in &found.snapshots {
        snapshots.row([Cell::Count(header.sequence), Cell::text(hex(&header.state))]);
    }
    if !snapshots.rows.is_empty() {
        document.table("snapshots", snapshots);
    }
    let mut fields = vec![
        ("commands applied", Cell::Count(found.report.commands)),
        ("checkpoints agreed", Cell::Count(found.report.checkpoints)),
        ("snapshots agreed", Cell::Count(found.snapshots.len() as u64)),
        ("audits passed", Cell::Count(found.audits)),
    ];
    let sound = problems.is_empty();
    if sound {
        fields.extend(state_fields(found.state.as_mut()));
    }
    fields.push(("sound", Cell::Flag(sound)));
    document.fields("verification", fields);
    if !sound {
        let mut table = Table::of(&["problem"]);
        problems.iter().for_each(|problem| table.row([Cell::text(problem)]));
        document.table("problems", table);
    }
    document
}
