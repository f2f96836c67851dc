//! `plimsoll methodology`: the rules themselves.

use clap::{Args, Subcommand};
use risk::Methodology;

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::{methodology, methodology_text, parse_methodology};

const EXAMPLES: &str = "\
Examples:
  plimsoll methodology list
  plimsoll methodology show core > mine.toml
  plimsoll methodology check mine.toml
  plimsoll methodology hash mine.toml";

/// Methodologies: list, show, check and hash them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MethodologyArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The methodologies that ship with Plimsoll
    List,
    /// The text of a methodology
    Show {
        /// A built-in name, or a file
        #[arg(value_name = "NAME|FILE")]
        name: String,
    },
    /// Check a methodology file; exits with code 1 if it is refused
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: String,
    },
    /// The hash of every parameter: comments and the order of keys don't change it
    Hash {
        /// A built-in name, or a file
        #[arg(value_name = "NAME|FILE")]
        name: String,
    },
}

/// Does what was asked for.
pub fn run(arguments: &MethodologyArguments, output: Output) -> Result<Answer, Failure> {
    match &arguments.action {
        Action::List => {
            let known = Methodology::built_in_names().into_iter().map(methodology);
            let known: Vec<Methodology> = known.collect::<Result<_, _>>()?;
            Ok(listed(&known, output))
        }
        Action::Check { file } => match check(file) {
            Ok(checked) => Ok(listed(&[checked], output)),
            Err(failure @ Failure::Methodology { .. }) => Err(Failure::Check(failure.to_string())),
            Err(failure) => Err(failure),
        },
        Action::Show { name } => show(name, output),
        Action::Hash { name } => {
            let hash = methodology(name)?.hash();
            if output == Output::Table {
                return Ok(format!("{hash}\n").into_bytes().into());
            }
            let mut document = Document::default();
            let fields = vec![("name", Cell::text(name)), ("hash", Cell::Text(hash))];
            document.fields("methodology", fields);
            Ok(Answer::of(&document, output))
        }
    }
}

/// Reads a file even if it is called like a built-in methodology.
fn check(file: &str) -> Result<Methodology, Failure> {
    parse_methodology(file, &methodology_text(file)?)
}

fn listed(methodologies: &[Methodology], output: Output) -> Answer {
    let mut table = Table::of(&["name", "version", "kind", "summary", "hash"]);
    for methodology in methodologies {
        table.row([
            Cell::text(methodology.name()),
            Cell::Count(u64::from(methodology.version())),
            Cell::text(methodology.kind()),
            Cell::text(methodology.summary()),
            Cell::Text(methodology.hash()),
        ]);
    }
    let mut document = Document { main: Some("methodologies"), ..Document::default() };
    document.table("methodologies", table);
    Answer::of(&document, output)
}

fn show(name: &str, output: Output) -> Result<Answer, Failure> {
    let text = methodology_text(name)?;
    if output == Output::Table {
        return Ok(text.into_bytes().into());
    }
    let mut document = Document::default();
    let fields = vec![("name", Cell::text(name)), ("text", Cell::Text(text))];
    document.fields("methodology", fields);
    Ok(Answer::of(&document, output))
}
