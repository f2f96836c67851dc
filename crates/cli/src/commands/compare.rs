//! `plimsoll compare`: margin models and methodologies side by side.

use clap::Args;
use instruments::Amount;
use risk::{Account, Margin, MarginModel, Methodology, Valuation};

use super::Answer;
use crate::arguments::{DataArguments, Output};
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::{Data, methodology};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  plimsoll compare
  plimsoll compare --account market-maker
  plimsoll compare --portfolio portfolio.csv --methodology mine.toml --output csv

Saved is how much more excess an account has than under isolated margin, and its share of isolated
initial margin. Initial margins alone do not compare: where long options are paid in full, as in
isolated and cross accounts, they lower equity instead, and an isolated position's requirement is
what is left of it after the position's own profit.";

/// Every margin model and methodology side by side, with what each saves over isolated
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompareArguments {
    #[command(flatten)]
    data: DataArguments,
    /// Only this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Methodologies beside the built-in ones, by file; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    methodology: Vec<String>,
}

/// One way of margining; `valuation` says why it can't be used where it can't.
struct Way {
    methodology: String,
    valuation: Result<Valuation, String>,
    model: MarginModel,
}

/// Margins every account in every way.
pub fn run(arguments: &CompareArguments, output: Output) -> Result<Answer, Failure> {
    let data = Data::load(&arguments.data)?;
    let names = Methodology::built_in_names().into_iter().map(str::to_owned);
    let mut ways = Vec::new();
    for name in names.chain(arguments.methodology.iter().cloned()) {
        let methodology = methodology(&name)?;
        if ways.is_empty() {
            data.warn_without_history(&methodology);
        }
        let valuation = data.open(&methodology, &[]).map_err(|failure| failure.to_string());
        let models: &[MarginModel] = match methodology.is_portfolio() {
            true => &[MarginModel::Portfolio],
            false => &[MarginModel::Isolated, MarginModel::Cross],
        };
        let way = |&model| Way { methodology: name.clone(), valuation: valuation.clone(), model };
        ways.extend(models.iter().map(way));
    }
    // Isolated first, so that what the others save reads downwards.
    ways.sort_by_key(|way| way.model);
    let accounts: Vec<&Account> = match &arguments.account {
        Some(name) => vec![data.account(Some(name))?],
        None => data.accounts.iter().collect(),
    };
    let mut table = Table::of(&[
        "account",
        "model",
        "methodology",
        "equity",
        "initial margin",
        "maintenance margin",
        "excess",
        "saved",
        "saved share",
    ]);
    let mut missing =
        Table::of(&["account", "model", "methodology", "why it does not margin this"]);
    let mut progress = Progress::of("margining accounts", accounts.len() as u64);
    for account in accounts {
        let mut base: Option<Margin> = None;
        for way in &ways {
            match way.margin(&data, account) {
                Ok(margin) => {
                    table.rows.push(row(way, &margin, base.as_ref()));
                    base.get_or_insert(margin);
                }
                Err(reason) => missing.row([
                    Cell::text(&account.name),
                    Cell::text(way.model.name()),
                    Cell::text(&way.methodology),
                    Cell::Text(reason),
                ]),
            }
        }
        progress.advance(1);
    }
    let mut document = Document { main: Some("accounts"), ..Document::default() };
    document.table("accounts", table);
    if !missing.rows.is_empty() {
        document.table("not margined", missing);
    }
    document.fields("run", vec![("market time", Cell::text(data.snapshot.market.time))]);
    Ok(Answer::of(&document, output))
}

impl Way {
    fn margin(&self, data: &Data, account: &Account) -> Result<Margin, String> {
        let valuation = self.valuation.as_ref().map_err(Clone::clone)?;
        data.margin(valuation, account, self.model).map_err(|failure| failure.to_string())
    }
}

/// One line; `base` is the isolated margin, which the others save against.
fn row(way: &Way, margin: &Margin, base: Option<&Margin>) -> Vec<Cell> {
    let difference = |a: Amount, b: Amount| Amount::from_units(a.units() - b.units());
    let saved = base.map(|base| difference(margin.excess(), base.excess()));
    let share = base
        .zip(saved)
        .filter(|(base, _)| base.initial > Amount::ZERO)
        .map(|(base, saved)| Cell::Share(saved.units() as f64 / base.initial.units() as f64));
    vec![
        Cell::text(&margin.account),
        Cell::text(way.model.name()),
        Cell::text(&way.methodology),
        Cell::Usd(margin.equity.total),
        Cell::Usd(margin.initial),
        Cell::Usd(margin.maintenance),
        Cell::Usd(margin.excess()),
        saved.map_or(Cell::Missing, Cell::Usd),
        share.unwrap_or(Cell::Missing),
    ]
}
