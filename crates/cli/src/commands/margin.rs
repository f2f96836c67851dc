//! `plimsoll margin`: one line per account.

mod book;

use clap::Args;
use instruments::Amount;
use risk::Margin;

use super::Answer;
use crate::arguments::{DataArguments, Output, RuleArguments};
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::{Data, Rules, warn};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  plimsoll margin
  plimsoll margin --model cross
  plimsoll margin --market market.csv --portfolio portfolio.csv --history history.csv
  plimsoll margin --portfolio portfolio.csv --output json | jq '.accounts[].initial_margin'
  plimsoll margin --market market.csv --history history.csv --book book.parquet --out margin.parquet";

/// Margin of every account: equity, initial and maintenance margin, and what binds
///
/// An account that the methodology can't margin is listed with the reason beside the others; the
/// exit code is 2 if there is no other.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MarginArguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    rules: RuleArguments,
    /// Exit with code 1 if an account is below its initial margin or has none
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
    let margined = Margined::all(&data, &rules)?;
    let mut document = Document { main: Some("accounts"), ..Document::default() };
    document.table("accounts", accounts(&margined.margins));
    if !margined.missing.is_empty() {
        document.table("not margined", margined.not_margined());
    }
    if output == Output::Csv {
        // CSV holds the accounts alone.
        margined.missing.iter().for_each(|(_, failure)| warn(&failure.to_string()));
    }
    document.fields("run", run_fields(&data, &rules));
    let failure = if arguments.check { margined.check() } else { None };
    Ok(Answer { failure, ..Answer::of(&document, output) })
}

/// The accounts' margins, and why some have none.
struct Margined<'a> {
    margins: Vec<Margin>,
    missing: Vec<(&'a str, Failure)>,
}

impl<'a> Margined<'a> {
    /// Margins each account by itself.
    ///
    /// # Errors
    /// The first account's reason, if none can be margined.
    fn all(data: &'a Data, rules: &Rules) -> Result<Self, Failure> {
        let (valuation, reasons) = data.open_each(&rules.methodology)?;
        let mut progress = Progress::of("margining accounts", data.accounts.len() as u64);
        let mut margined = Self { margins: vec![], missing: vec![] };
        for (account, reason) in data.accounts.iter().zip(reasons) {
            let margin = match reason {
                Some(failure) => Err(failure),
                None => data.margin(&valuation, account, rules.model),
            };
            match margin {
                Ok(margin) => margined.margins.push(margin),
                Err(failure) => margined.missing.push((&account.name, failure)),
            }
            progress.advance(1);
        }
        match margined.margins.is_empty() && !margined.missing.is_empty() {
            true => Err(margined.missing.swap_remove(0).1),
            false => Ok(margined),
        }
    }

    fn not_margined(&self) -> Table {
        let mut table = Table::of(&["account", "why it is not margined"]);
        for (account, failure) in &self.missing {
            table.row([Cell::text(account), Cell::text(failure)]);
        }
        table
    }

    /// What the check finds: an account without a margin does not pass either.
    fn check(&self) -> Option<Failure> {
        let below = self.margins.iter().filter(|margin| margin.excess() < Amount::ZERO);
        let below: Vec<&str> = below.map(|margin| margin.account.as_str()).collect();
        let missing: Vec<&str> = self.missing.iter().map(|(account, _)| *account).collect();
        let mut found = vec![];
        if !below.is_empty() {
            let names = below.join(", ");
            found.push(format!("below initial margin: {names}; add collateral or reduce risk"));
        }
        if !missing.is_empty() {
            let names = missing.join(", ");
            found.push(format!("not margined: {names}; the reasons stand beside the margins"));
        }
        (!found.is_empty()).then(|| Failure::Check(found.join("; ")))
    }
}

fn accounts(margins: &[Margin]) -> Table {
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
    for margin in margins {
        let (term, scenario) = margin.binding();
        table.row([
            Cell::text(&margin.account),
            Cell::Usd(margin.equity.total),
            Cell::Usd(margin.initial),
            Cell::Usd(margin.maintenance),
            Cell::Usd(margin.excess()),
            Cell::text(status(margin)),
            Cell::Text(term),
            Cell::Text(scenario),
        ]);
    }
    table
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
