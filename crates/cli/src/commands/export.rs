//! `plimsoll export`: what happened, as tables for DuckDB, pandas and the like.

mod cases;
mod comma;
mod parquet_file;
mod rows;
mod tables;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use engine::{Command, Event};
use node::replay;
use tempfile::NamedTempFile;

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table as Drawn};
use crate::failure::Failure;
use crate::journals::JournalFolder;
use crate::progress::Progress;
use comma::CommaFile;
use parquet_file::ParquetFile;
use rows::Teller;
use tables::{Table, Value};

const EXAMPLES: &str = "\
Examples:
  plimsoll export venue/journal --format parquet --out tables
  plimsoll export venue/journal --format csv --tables fills,balances --out tables --from 1000001
  duckdb -c \"select instrument, sum(size * price) from 'tables/fills.parquet'
             where liquidity = 'taker' group by 1\"

One file per table, such as tables/fills.parquet. Rows of one command have its number in `sequence`, and
`event` counts what happened within it. docs/journals.md lists every column. The journal is read beside a
node that writes to it.";

/// Write what happened in a journal as tables: fills, orders, balances, margin, …
///
/// The commands are applied again, from the newest snapshot before the range on, and what they did is
/// written as one file per table. Figures are exact: decimals in CSV, DECIMAL(38, 8) in Parquet.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArguments {
    /// The folder of the journal
    #[arg(value_name = "DIR")]
    folder: String,
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
    let journal = JournalFolder::of(&arguments.folder)?;
    let until = journal.until(arguments.from, arguments.to)?;
    let mut files = Files::create(arguments)?;
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
            let told = teller.tell(command, events, &mut |table, row| files.row(table, row));
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

/// The files, which get their names when all of them are complete.
struct Files(Vec<TableFile>);

struct TableFile {
    table: Table,
    rows: u64,
    place: PathBuf,
    sink: Sink,
}

enum Sink {
    Comma(Box<CommaFile<Unnamed>>),
    Parquet(Box<ParquetFile<Unnamed>>),
}

/// A file that has no name yet, and goes away without one.
type Unnamed = BufWriter<NamedTempFile>;

impl Files {
    fn create(arguments: &ExportArguments) -> Result<Self, Failure> {
        let folder = &arguments.out;
        fs::create_dir_all(folder).map_err(cannot_create(folder))?;
        let chosen =
            |table: &Table| arguments.tables.is_empty() || arguments.tables.contains(table);
        let file = |table: Table| {
            let extension = if arguments.format == Format::Csv { "csv" } else { "parquet" };
            let place = folder.join(format!("{}.{extension}", table.name()));
            if place.is_dir() {
                let error = std::io::Error::other("it is there and is no plain file");
                return Err(cannot_create(&place)(error));
            }
            let unnamed = tempfile::Builder::new()
                .prefix(".plimsoll-")
                .make_in(folder, |path| File::create_new(path));
            let unnamed = BufWriter::new(unnamed.map_err(cannot_create(&place))?);
            let sink = match arguments.format {
                Format::Csv => CommaFile::new(unnamed, table).map(Box::new).map(Sink::Comma),
                Format::Parquet => {
                    ParquetFile::new(unnamed, table).map(Box::new).map(Sink::Parquet)
                }
            };
            let sink = sink.map_err(cannot_create(&place))?;
            Ok(TableFile { table, rows: 0, place, sink })
        };
        Table::value_variants()
            .iter()
            .filter(|table| chosen(table))
            .copied()
            .map(file)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn row(&mut self, table: Table, row: &[Value<'_>]) -> Result<(), Failure> {
        let Some(file) = self.0.iter_mut().find(|file| file.table == table) else { return Ok(()) };
        file.rows += 1;
        let written = match &mut file.sink {
            Sink::Comma(sink) => sink.row(row),
            Sink::Parquet(sink) => sink.row(row),
        };
        written.map_err(cannot_create(&file.place))
    }

    /// Gives the files their names, and says what is in them.
    fn finish(self) -> Result<Document, Failure> {
        let mut drawn = Drawn::of(&["table", "rows", "file"]);
        let mut complete = Vec::new();
        for TableFile { table, rows, place, sink } in self.0 {
            let finished = match sink {
                Sink::Comma(sink) => sink.finish(),
                Sink::Parquet(sink) => sink.finish(),
            };
            let finished = finished.and_then(|file| Ok(file.into_inner()?));
            complete.push((finished.map_err(cannot_create(&place))?, place.clone()));
            let shown = place.display().to_string();
            drawn.row([Cell::text(table.name()), Cell::Count(rows), Cell::Text(shown)]);
        }
        for (file, place) in complete {
            file.persist(&place).map_err(|error| cannot_create(&place)(error.error))?;
        }
        let mut document = Document { main: Some("export"), ..Document::default() };
        document.table("export", drawn);
        Ok(document)
    }
}

fn cannot_create(place: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = place.display().to_string();
    move |source| Failure::Create { path, source }
}
