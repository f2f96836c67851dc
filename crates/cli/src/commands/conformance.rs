//! `plimsoll conformance`: published vectors, recomputed.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use conformance::{Case, Report, Set, VectorError};

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::figures::grouped;
use crate::inputs::warn;
use crate::render::render;

const EXAMPLES: &str = "\
Examples:
  plimsoll conformance derive-pmrm2 vectors/derive-pmrm2
  plimsoll conformance implied-volatility A.csv B.csv
  plimsoll conformance ore historical-pnl.csv
  plimsoll conformance paradex accounts.json --output json | jq '.failing_cases[].case'

The error is in the measure of the set's tolerance; the book says which, and where to find vectors.
A file of set `ore` may be named alone: its profits or answers are looked for beside it.";

/// Recompute vectors that venues and packages published, and compare
///
/// Lists every quantity of a case that differs. Ends with exit code 0 if all cases agree, 1 if one
/// differs, 2 if a file is not of the set's format.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ConformanceArguments {
    /// What the files are
    #[arg(value_parser = set())]
    set: Set,
    /// Vector files, or folders of them, which are searched to the bottom
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

fn set() -> impl TypedValueParser<Value = Set> {
    let value = |set: Set| PossibleValue::new(set.name()).help(set.summary());
    PossibleValuesParser::new(Set::ALL.map(value))
        .map(|name| Set::named(&name).expect("the parser takes names of sets only"))
}

/// Recomputes every case.
pub fn run(arguments: &ConformanceArguments, output: Output) -> Result<Answer, Failure> {
    let set = arguments.set;
    let failure = |source| Failure::Vectors { set: set.name(), source };
    let files = set.read(&arguments.paths).map_err(failure)?;
    let report = conformance::check(set, &files).map_err(failure)?;
    let compared = grouped(&report.compared().to_string());
    let closing = format!("{} passed, {} failed", report.passed(), report.failed());
    let mut text = render(&document(set, files.len(), &report, output), output);
    if output == Output::Table {
        if !text.is_empty() {
            text.push(b'\n');
        }
        let ending = format!("{compared} quantities compared\n{closing}\n");
        text.extend_from_slice(ending.as_bytes());
    }
    let differs = format!("cases differ from what their files expect: {closing}");
    let differs = (report.failed() > 0).then_some(Failure::Check(differs));
    Ok(Answer { failure: unusable(report.unusable, set).or(differs), ..text.into() })
}

/// The last file that could not be used; the others are said as warnings.
fn unusable(mut errors: Vec<VectorError>, set: Set) -> Option<Failure> {
    let source = errors.pop()?;
    errors.iter().for_each(|error| warn(&error.to_string()));
    Some(Failure::Vectors { set: set.name(), source })
}

fn document(set: Set, files: usize, report: &Report, output: Output) -> Document {
    let mut document = Document { main: Some(FAILING), ..Document::default() };
    if output != Output::Table || report.failed() > 0 {
        document.table(FAILING, failing(&report.cases));
    }
    if output != Output::Table {
        let fields = vec![
            ("set", Cell::text(set.name())),
            ("files", Cell::Count(files as u64)),
            ("passed", Cell::Count(report.passed() as u64)),
            ("failed", Cell::Count(report.failed() as u64)),
            ("compared", Cell::Count(report.compared() as u64)),
        ];
        document.fields("run", fields);
    }
    document
}

const FAILING: &str = "failing cases";

fn failing(cases: &[Case]) -> Table {
    let mut table =
        Table::of(&["file", "case", "quantity", "expected", "got", "error", "tolerance"]);
    for case in cases.iter().filter(|case| !case.passed()) {
        let [file, name] = [&case.file, &case.name].map(Cell::text);
        if case.mismatches.is_empty() {
            let nothing = [Cell::text("nothing to compare"), Cell::Missing, Cell::Missing];
            let [quantity, expected, got] = nothing;
            table.row([file, name, quantity, expected, got, Cell::Missing, Cell::Missing]);
            continue;
        }
        for mismatch in &case.mismatches {
            table.row([
                file.clone(),
                name.clone(),
                Cell::text(&mismatch.quantity),
                Cell::Real(mismatch.expected),
                Cell::Real(mismatch.got),
                Cell::Real(mismatch.error),
                Cell::Real(mismatch.tolerance),
            ]);
        }
    }
    table
}
