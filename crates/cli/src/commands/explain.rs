//! `plimsoll explain`: everything that makes one account's margin.

mod grid;
mod sections;

use clap::Args;
use instruments::{Amount, Asset, SCALE, Underlying};
use risk::{Account, HealthCurve, MarginDetail, Valuation, health_curve};

use super::Answer;
use crate::arguments::{DataArguments, Output, RuleArguments};
use crate::document::{Cell, Document};
use crate::failure::Failure;
use crate::inputs::{Data, Rules};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  plimsoll explain --account covered-call
  plimsoll explain --account market-maker --vector
  plimsoll explain --account pair --model cross
  plimsoll explain --account collar --output json | jq .health_crossings";

/// Relative moves at which the health curve is drawn.
const MOVES: [f64; 17] =
    [-0.8, -0.6, -0.5, -0.4, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0];

/// One account's margin line by line: equity, scenarios, add-ons, positions, Greeks, health
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    rules: RuleArguments,
    /// The account; not needed if the portfolio has only one
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Also the profit in every scenario
    #[arg(long)]
    vector: bool,
}

/// Explains the account.
pub fn run(arguments: &ExplainArguments, output: Output) -> Result<Answer, Failure> {
    let rules = Rules::load(&arguments.rules)?;
    let data = Data::load(&arguments.data)?;
    let account = data.account(arguments.account.as_deref())?;
    data.warn_without_history(&rules.methodology);
    let valuation = data.open(&rules.methodology, &[])?;
    let margin = data.margin(&valuation, account, rules.model)?;
    let market = &data.snapshot.market;
    let mut document = Document::default();
    document.fields("account", sections::account(&data, &rules, account, &margin));
    sections::equity(&mut document, &margin);
    let failure = || Failure::risk(format!("account `{}`", account.name));
    let explanation = match &valuation {
        Valuation::Scenario(epoch) => {
            Some(risk::explain(epoch, market, account).map_err(failure())?)
        }
        Valuation::Grid(grid) => Some(grid.explain(market, account).map_err(failure())?),
        Valuation::Position(_) => None,
    };
    match (&margin.detail, &explanation) {
        (MarginDetail::Scenario(detail), Some(explanation)) => {
            sections::requirement(&mut document, detail, explanation);
        }
        (MarginDetail::Grid(detail), _) => grid::requirement(&mut document, detail, &margin),
        (MarginDetail::Position(detail), _) => sections::positions(&mut document, detail),
        (MarginDetail::Scenario(_), None) => unreachable!("an epoch explains its margins"),
    }
    if let Some(explanation) = &explanation {
        sections::matrices(&mut document, &explanation.matrices);
        sections::parts(&mut document, &explanation.parts);
        sections::greeks(&mut document, &explanation.greeks);
    }
    health(&mut document, &data, &rules, account)?;
    if let Some(explanation) = explanation.filter(|_| arguments.vector) {
        sections::vector(&mut document, &explanation.scenarios);
    }
    Ok(Answer::of(&document, output))
}

fn health(
    document: &mut Document,
    data: &Data,
    rules: &Rules,
    account: &Account,
) -> Result<(), Failure> {
    let inputs = data.curve_inputs(rules);
    let underlyings = underlyings(account);
    let mut progress = Progress::of("drawing health curves", underlyings.len() as u64);
    let mut curves: Vec<HealthCurve> = Vec::new();
    for underlying in underlyings {
        let context = format!("account `{}`", account.name);
        curves.push(
            health_curve(&inputs, account, underlying, &MOVES).map_err(Failure::risk(context))?,
        );
        progress.advance(1);
    }
    sections::health(document, &curves);
    Ok(())
}

/// What the account's worth depends on: underlyings of its instruments, and its coins.
fn underlyings(account: &Account) -> Vec<Underlying> {
    let money = [Asset::USD, Asset::USDC, Asset::USDT];
    let coins = account.balances.keys().filter(|asset| !money.contains(asset));
    let held = account.instruments().into_iter().map(|instrument| instrument.underlying());
    let mut all: Vec<Underlying> = held.chain(coins.map(|asset| Underlying::of(*asset))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Ticks as US dollars: a tick is a whole number of hundred-millionths.
pub fn usd(ticks: i128, ticks_per_unit: i64) -> Amount {
    Amount::from_units(ticks.saturating_mul(i128::from(SCALE / ticks_per_unit.max(1))))
}

/// A share in parts per billion.
fn parts_per_billion(ppb: i64) -> Cell {
    Cell::Share(ppb as f64 / 1e9)
}
