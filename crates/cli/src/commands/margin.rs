//! `plimsoll margin`: one line per account.

mod book;

use clap::Args;
use instruments::Amount;
use risk::Margin;

use super::Answer;
use crate::arguments::{DataArguments, Output, RuleArguments};
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::{Data, Rules};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  plimsoll margin
  plimsoll margin --model cross
  plimsoll margin --market chain.csv --portfolio book.csv --history closes.csv
  plimsoll margin --portfolio book.csv --output json | jq '.accounts[].initial_margin'
  plimsoll margin --market chain.csv --history closes.csv --book book.parquet --out margin.parquet";

/// Margin of every account: equity, initial and maintenance margin, and what binds
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MarginArguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    rules: RuleArguments,
    /// Exit with code 1 if an account is below its initial margin
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    book: book::BookArguments,
}

/// Margins every account.
pub fn run(arguments: &MarginArguments, output: Output) -> Result<Answer, Failure> {
    let rules = Rules::load(&arguments.rules)?;
    if let Some(path) = &arguments.book.book {
        return book::run(path, &arguments.book, &arguments.data, &rules, output);
    }
    let data = Data::load(&arguments.data)?;
    data.warn_without_history(&rules.methodology);
    let valuation = data.open(&rules.methodology, &[])?;
    let mut progress = Progress::of("margining accounts", data.accounts.len() as u64);
    let mut table = Table::of(&[
        "account",
        "equity",
        "initial margin",
        "maintenance margin",
        "excess",
        "status",
        "binding term",
        "binding scenario",
    ]);
    let mut below = Vec::new();
    for account in &data.accounts {
        let margin = data.margin(&valuation, account, rules.model)?;
        progress.advance(1);
        if margin.excess() < Amount::ZERO {
            below.push(account.name.clone());
        }
        let (term, scenario) = margin.binding();
        table.row([
            Cell::text(&account.name),
            Cell::Usd(margin.equity.total),
            Cell::Usd(margin.initial),
            Cell::Usd(margin.maintenance),
            Cell::Usd(margin.excess()),
            Cell::text(status(&margin)),
            Cell::Text(term),
            Cell::Text(scenario),
        ]);
    }
    let mut document = Document { main: Some("accounts"), ..Document::default() };
    document.table("accounts", table);
    document.fields("run", run_fields(&data, &rules));
    let failed = arguments.check && !below.is_empty();
    let failure = failed.then(|| {
        let names = below.join(", ");
        Failure::Check(format!("below initial margin: {names}; add collateral or reduce risk"))
    });
    Ok(Answer { failure, ..Answer::of(&document, output) })
}

/// What the figures of a run rest on.
pub fn run_fields(data: &Data, rules: &Rules) -> Vec<(&'static str, Cell)> {
    vec![
        ("market time", Cell::text(data.snapshot.market.time)),
        ("methodology", Cell::text(rules.methodology.name())),
        ("methodology version", Cell::Count(u64::from(rules.methodology.version()))),
        ("methodology hash", Cell::Text(rules.methodology.hash())),
        ("model", Cell::text(rules.model.name())),
        (
            "history rows",
            Cell::Count(data.history.as_ref().map_or(0, |history| history.days.len() as u64)),
        ),
    ]
}

/// Where an account stands.
pub fn status(margin: &Margin) -> &'static str {
    if margin.health() < Amount::ZERO {
        "below maintenance"
    } else if margin.excess() < Amount::ZERO {
        "below initial"
    } else {
        "ok"
    }
}
