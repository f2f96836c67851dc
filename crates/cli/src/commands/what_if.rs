//! `plimsoll what-if`: an account before and after a change.

use clap::Args;
use instruments::{Amount, Asset, Instrument, Price, Quantity};
use marketdata::{WORTH_USD_MAX, is_bounded_balance, is_bounded_position, is_plausible_price};
use risk::{Account, Margin, MarginDetail, Market, add_position};

use super::Answer;
use super::margin::{run_fields, status};
use crate::arguments::{DataArguments, Output, RuleArguments};
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::{Data, Rules};

const EXAMPLES: &str = "\
Examples:
  plimsoll what-if --account pair --add BTC-27MAR26-100000-C:-5
  plimsoll what-if --account pair --add BTC-27MAR26-100000-C:-5@0.02 --add USDC:20000
  plimsoll what-if --account collar --remove ETH-27MAR26-2200-P";

/// An account's margin before and after adding or removing positions and collateral
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WhatIfArguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    rules: RuleArguments,
    /// The account; not needed if the portfolio has only one
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Trade an instrument at a price (its mark unless given), or deposit an asset; repeatable.
    /// Sizes are in the instrument's lot asset, negative to sell or withdraw
    #[arg(long, value_name = "NAME:SIZE[@PRICE]", allow_hyphen_values = true)]
    add: Vec<String>,
    /// Close a position at its mark, or withdraw all of an asset; repeatable
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
}

/// One change of an account.
enum Change {
    Trade(Instrument, Quantity, Option<Price>),
    Deposit(Asset, Amount),
    Close(Instrument),
    Withdraw(Asset),
}

/// Margins the account with and without the changes.
pub fn run(arguments: &WhatIfArguments, output: Output) -> Result<Answer, Failure> {
    if arguments.add.is_empty() && arguments.remove.is_empty() {
        return Err(Failure::Usage(
            "nothing changes: give at least one --add or --remove".to_owned(),
        ));
    }
    let removals = arguments.remove.iter().map(|text| removal(text));
    let additions = arguments.add.iter().map(|text| addition(text));
    let changes: Vec<Change> = removals.chain(additions).collect::<Result<_, _>>()?;
    let rules = Rules::load(&arguments.rules)?;
    let data = Data::load(&arguments.data)?;
    let account = data.account(arguments.account.as_deref())?;
    let mut changed = account.clone();
    for change in &changes {
        apply(&mut changed, change, &data.snapshot.market)?;
    }
    check_bounds(&changed, &data.snapshot.market)?;
    data.warn_without_history(&rules.methodology);
    let valuation = data.open(&rules.methodology, &changed.instruments())?;
    let before = data.margin(&valuation, account, rules.model)?;
    let after = data.margin(&valuation, &changed, rules.model)?;
    let mut document = Document { main: Some("margin"), ..Document::default() };
    let mut fields = run_fields(&data, &rules);
    fields.insert(0, ("account", Cell::text(&account.name)));
    document.table("margin", comparison(&before, &after));
    document.fields("run", fields);
    Ok(Answer::of(&document, output))
}

fn comparison(before: &Margin, after: &Margin) -> Table {
    let mut table = Table::of(&["figure", "before", "after", "difference"]);
    let mut amounts = |name: &str, before: Amount, after: Amount| {
        let difference = Amount::from_units(after.units() - before.units());
        table.row([Cell::text(name), Cell::Usd(before), Cell::Usd(after), Cell::Usd(difference)]);
    };
    amounts("equity", before.equity.total, after.equity.total);
    amounts("initial margin", before.initial, after.initial);
    amounts("maintenance margin", before.maintenance, after.maintenance);
    amounts("excess", before.excess(), after.excess());
    amounts("health", before.health(), after.health());
    if let (MarginDetail::Scenario(old), MarginDetail::Scenario(new)) =
        (&before.detail, &after.detail)
    {
        let usd = |ticks: i128| super::explain::usd(ticks, new.ticks_per_unit);
        amounts("requirement", usd(old.requirement.ticks), usd(new.requirement.ticks));
        for (old, new) in old.add_ons.iter().zip(&new.add_ons) {
            if old.ticks != 0 || new.ticks != 0 {
                amounts(&format!("add-on: {}", new.name), usd(old.ticks), usd(new.ticks));
            }
        }
    }
    if let (MarginDetail::Grid(old), MarginDetail::Grid(new)) = (&before.detail, &after.detail) {
        amounts("requirement", old.requirement, new.requirement);
        for (old, new) in old.charges.iter().zip(&new.charges) {
            if old.initial != Amount::ZERO || new.initial != Amount::ZERO {
                amounts(&format!("charge: {}", new.name), old.initial, new.initial);
            }
        }
    }
    let [old, new] = [before, after].map(Margin::binding);
    let mut words = |name: &str, before: String, after: String| {
        table.row([Cell::text(name), Cell::Text(before), Cell::Text(after), Cell::Missing]);
    };
    words("binding term", old.0, new.0);
    words("binding scenario", old.1, new.1);
    words("status", status(before).to_owned(), status(after).to_owned());
    table
}

fn addition(text: &str) -> Result<Change, Failure> {
    let wrong = |reason: String| {
        Failure::Usage(format!(
            "--add {text}: {reason}; write it as BTC-27MAR26-100000-C:-5, \
             BTC-27MAR26-100000-C:-5@0.031 or USDC:1000"
        ))
    };
    let (name, rest) = text.split_once(':').ok_or_else(|| wrong("there is no `:`".to_owned()))?;
    let (size, price) = match rest.split_once('@') {
        Some((size, price)) => (size, Some(price)),
        None => (rest, None),
    };
    let said = |error: instruments::Error| wrong(error.to_string());
    if is_asset(name) {
        if price.is_some() {
            return Err(wrong("a deposit has no price".to_owned()));
        }
        return Ok(Change::Deposit(name.parse().map_err(said)?, size.parse().map_err(said)?));
    }
    let instrument: Instrument = name.parse().map_err(said)?;
    let quantity = instrument.lots_of(size).map_err(said)?;
    if quantity == Quantity::ZERO {
        return Err(wrong("the size is zero".to_owned()));
    }
    let price: Option<Price> = price.map(str::parse).transpose().map_err(said)?;
    if let Some(price) = price {
        price.positive().map_err(said)?;
    }
    Ok(Change::Trade(instrument, quantity, price))
}

fn removal(text: &str) -> Result<Change, Failure> {
    let said = |error: instruments::Error| Failure::Usage(format!("--remove {text}: {error}"));
    Ok(match is_asset(text) {
        true => Change::Withdraw(text.parse().map_err(said)?),
        false => Change::Close(text.parse().map_err(said)?),
    })
}

fn is_asset(name: &str) -> bool {
    !name.contains(['-', '_'])
}

/// Files are bounded where they are read; what is added here is bounded here.
fn check_bounds(account: &Account, market: &Market) -> Result<(), Failure> {
    let balances = account.balances.iter();
    let large_balance =
        balances.filter(|(asset, amount)| !is_bounded_balance(market, **asset, **amount));
    let positions = account.positions.iter();
    let large_position =
        positions.filter(|(instrument, held)| !is_bounded_position(market, instrument, **held));
    let mut large = large_balance
        .map(|(asset, _)| asset.to_string())
        .chain(large_position.map(|(instrument, _)| instrument.to_string()));
    match large.next() {
        None => Ok(()),
        Some(name) => Err(Failure::Usage(format!(
            "{name}: after the change it is worth more than the limit of {WORTH_USD_MAX} US \
             dollars; add less"
        ))),
    }
}

fn apply(account: &mut Account, change: &Change, market: &Market) -> Result<(), Failure> {
    if let Change::Trade(instrument, _, Some(price)) = change
        && market.check_listed(instrument).is_ok()
        && !is_plausible_price(market, instrument, *price)
    {
        return Err(Failure::Usage(format!(
            "{instrument}: {price} is no price of it; give one near the market's, in coin for an \
             inverse option"
        )));
    }
    let context = || format!("account `{}`", account.name);
    match change {
        Change::Trade(instrument, quantity, price) => {
            let failure = Failure::risk(context());
            add_position(market, account, *instrument, *quantity, *price).map_err(failure)
        }
        Change::Close(instrument) => {
            let held = account.positions.get(instrument).ok_or_else(|| {
                Failure::Usage(format!("--remove {instrument}: the account does not hold it"))
            })?;
            let (quantity, failure) = (-held.quantity, Failure::risk(context()));
            add_position(market, account, *instrument, quantity, None).map_err(failure)
        }
        Change::Deposit(asset, amount) => {
            market.price(*asset).map_err(Failure::risk(context()))?;
            let balance = account.balances.entry(*asset).or_default();
            *balance = balance.checked_add(*amount).ok_or_else(|| {
                Failure::Usage(format!("--add {asset}: the balance does not fit"))
            })?;
            Ok(())
        }
        Change::Withdraw(asset) => match account.balances.remove(asset) {
            Some(_) => Ok(()),
            None => Err(Failure::Usage(format!("--remove {asset}: the account does not hold it"))),
        },
    }
}
