//! `plimsoll history`: a venue's past, asked in SQL, checked and made anew.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use server::history::{self, Checked};

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::journals::JournalFolder;
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  plimsoll history sql venue \"select * from v_trades order by id desc limit 10\"
  plimsoll history sql venue --format csv \"select account, sum(fee) from v_fills group by 1\" > fees.csv
  plimsoll history check venue
  plimsoll history rebuild venue

The history is a SQLite database, DIR/history.db, that follows the journal; docs/history.md lists its tables
and views. The venue may be running, but for `rebuild`.";

/// Ask for a venue's past in SQL, check it against the journal, or make it anew
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct HistoryArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ask a question in SQL; nothing can be changed
    #[command(after_help = QUESTIONS)]
    Sql {
        /// The venue's data folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The question
        #[arg(value_name = "SQL")]
        question: String,
        /// How the answer is written; a table unless given, or as --output says
        #[arg(long, value_enum)]
        format: Option<Format>,
    },
    /// Compare it with the journal, row by row; exit code 1 if a row differs
    Check {
        /// The venue's data folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Make it anew from the journal of a venue that is not running
    Rebuild {
        /// The venue's data folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

const QUESTIONS: &str = "\
Views whose names begin with v_ have instruments by name, times as text, and prices and sizes as decimals;
the tables behind them have whole numbers: milliseconds, and prices in 0.00000001.

  plimsoll history sql venue \"select name, sql from sqlite_schema where type = 'view'\"
  plimsoll history sql venue \"select instrument, count(*), sum(size * price) from v_trades group by 1\"
  plimsoll history sql venue --format json \"select * from v_orders where label = 'mine'\"";

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading
    Table,
    /// For programs: a list with an object for each row
    Json,
    /// For spreadsheets
    Csv,
}

impl From<Format> for Output {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Csv => Self::Csv,
        }
    }
}

/// Does what is asked for.
pub fn run(arguments: &HistoryArguments, output: Output) -> Result<Answer, Failure> {
    match &arguments.action {
        Action::Sql { folder, question, format } => {
            let answer = history::query(folder, question)?;
            let output = format.map_or(output, Output::from);
            Ok(match output {
                Output::Json => json(&answer).into(),
                _ => Answer::of(&drawn(answer), output),
            })
        }
        Action::Check { folder } => {
            let mut progress = progress(folder, "checking")?;
            let checked = history::check(folder, &mut |done| progress.reach(done))?;
            drop(progress);
            Ok(told(&checked, output))
        }
        Action::Rebuild { folder } => {
            let mut progress = progress(folder, "rebuilding")?;
            let rebuilt = history::rebuild(folder, &mut |done| progress.reach(done))?;
            drop(progress);
            let document = summary("rebuilt through", rebuilt.through, &rebuilt.rows);
            Ok(Answer::of(&document, output))
        }
    }
}

fn progress(folder: &Path, what: &str) -> Result<Progress, Failure> {
    let journal = JournalFolder::of(&history::journal_of(folder).display().to_string())?;
    Ok(Progress::of(what, journal.last()?))
}

/// Rows as objects, one a line, whose numbers are numbers.
fn json(answer: &history::Answer) -> Vec<u8> {
    let value = |cell: &history::Cell| match cell {
        history::Cell::Missing => serde_json::Value::Null,
        history::Cell::Whole(number) => (*number).into(),
        history::Cell::Real(number) => (*number).into(),
        history::Cell::Text(text) => text.as_str().into(),
    };
    let row = |row: &Vec<history::Cell>| {
        let named = answer.columns.iter().cloned().zip(row.iter().map(value));
        serde_json::Value::Object(named.collect()).to_string()
    };
    let rows: Vec<String> = answer.rows.iter().map(row).collect();
    let body = if rows.is_empty() { String::new() } else { format!("\n{}\n", rows.join(",\n")) };
    format!("[{body}]\n").into_bytes()
}

fn drawn(answer: history::Answer) -> Document {
    let cell = |cell| match cell {
        history::Cell::Missing => Cell::Missing,
        history::Cell::Whole(number) => match u64::try_from(number) {
            Ok(number) => Cell::Count(number),
            Err(_) => Cell::Text(number.to_string()),
        },
        history::Cell::Real(number) => Cell::Real(number),
        history::Cell::Text(text) => Cell::Text(text),
    };
    let rows = answer.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
    let table = Table { columns: answer.columns, rows };
    let mut document = Document { main: Some("rows"), ..Document::default() };
    document.table("rows", table);
    document
}

fn summary(what: &'static str, through: u64, rows: &[(&'static str, u64)]) -> Document {
    let mut document = Document { main: Some("tables"), ..Document::default() };
    document.fields("history", vec![(what, Cell::Count(through))]);
    let mut drawn = Table::of(&["table", "rows"]);
    for (table, count) in rows {
        drawn.row([Cell::text(table), Cell::Count(*count)]);
    }
    document.table("tables", drawn);
    document
}

fn told(checked: &Checked, output: Output) -> Answer {
    let mut answer = Answer::of(&summary("agrees through", checked.through, &checked.rows), output);
    if let Some(difference) = &checked.difference {
        let nothing = || "nothing".to_owned();
        answer.failure = Some(Failure::Check(format!(
            "{}: the history has {}, and by the journal there is {}; `plimsoll history rebuild` \
             makes it anew",
            difference.table,
            difference.stored.clone().unwrap_or_else(nothing),
            difference.expected.clone().unwrap_or_else(nothing),
        )));
    }
    answer
}
