//! `plimsoll export`: what happened, as tables for DuckDB, pandas and the like.

mod cases;
mod comma;
mod files;
mod parquet_file;
mod past;
mod rows;
mod tables;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use engine::{Command, Event};
use node::replay;

use super::Answer;
use crate::arguments::Output;
use crate::failure::Failure;
use crate::journals::JournalFolder;
use crate::progress::Progress;
use files::Files;
use rows::Teller;
use tables::Table;

const EXAMPLES: &str = "\
Examples:
  plimsoll export venue/journal --format parquet --out tables
  plimsoll export venue/journal --format csv --tables fills,balances --out tables --from 1000001
  plimsoll export venue --history --format parquet --out tables
  duckdb -c \"select instrument, sum(size * price) from 'tables/fills.parquet'
             where liquidity = 'taker' group by 1\"

One file per table, such as tables/fills.parquet. Rows of one command have its number in `sequence`, and
`event` counts what happened within it. docs/journals.md lists every column. The journal is read beside a
node that writes to it. With --history the tables are those of docs/history.md, without a replay.";

/// Write what happened in a journal as tables: fills, orders, balances, margin, …
///
/// The commands are applied again, from the newest snapshot before the range on, and what they did is
/// written as one file per table. Figures are exact: decimals in CSV, DECIMAL(38, 8) in Parquet.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArguments {
    /// The folder of the journal; with --history the venue's data folder
    #[arg(value_name = "DIR")]
    folder: String,
    /// Write a venue's history as it is stored, in place of what a replay of the journal says
    #[arg(long, conflicts_with_all = ["tables", "from", "to"])]
    history: bool,
    /// How the files are written
    #[arg(long, value_enum)]
    format: Format,
    /// The folder for the files, made if it is missing
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// The tables to write; all unless given
    #[arg(long, value_enum, value_delimiter = ',', value_name = "TABLE,…")]
    tables: Vec<Table>,
    /// The first command of the range
    #[arg(long, value_name = "SEQ", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// The last command of the range; the last of the journal unless given
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text, with a line of names first
    Csv,
    /// Columns with types, compressed by Zstandard
    Parquet,
}

/// Writes the tables.
pub fn run(arguments: &ExportArguments, output: Output) -> Result<Answer, Failure> {
    if arguments.history {
        return Ok(Answer::of(&past::write(arguments)?, output));
    }
    let journal = JournalFolder::of(&arguments.folder)?;
    let until = journal.until(arguments.from, arguments.to)?;
    let chosen = |table: &&Table| arguments.tables.is_empty() || arguments.tables.contains(table);
    let tables = Table::value_variants().iter().filter(chosen);
    let tables = tables.map(|table| (table.name(), table.columns())).collect();
    let mut files = Files::create(&arguments.out, arguments.format, tables)?;
    let mut progress = Progress::of("exporting", until);
    let failure = |error| journal.failure(error);
    let mut replayed = replay(&journal.reader, arguments.from - 1, true, &mut |command, _| {
        progress.reach(command.sequence);
    })
    .map_err(failure)?;
    let mut teller = Teller::of(replayed.state.as_ref());
    let mut failed = None;
    let seen = &mut |command: &Command, events: &[Event]| {
        if failed.is_none() {
            let told = teller.tell(command, events, &mut |table, row| files.row(table.name(), row));
            failed = told.err();
        }
        progress.reach(command.sequence);
    };
    replayed.go_on(&journal.reader, until, seen).map_err(failure)?;
    if let Some(failed) = failed {
        return Err(failed);
    }
    drop(progress);
    Ok(Answer::of(&files.finish()?, output))
}
