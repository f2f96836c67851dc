//! What a script came to.

use std::collections::BTreeMap;

use engine::event::Event;
use engine::{Rejection, State};
use ledger::AccountId;

use super::names::sized;
use super::word;
use crate::commands::margin::status;
use crate::document::{Cell, Document, Table};
use crate::figures::exact;

/// More accounts than these are counted, not listed.
const ACCOUNTS_SHOWN: u32 = 100;

/// Counts while a script runs.
#[derive(Debug, Default)]
pub struct Counts {
    /// Commands that were applied.
    pub commands: u64,
    events: u64,
    orders: u64,
    trades: u64,
    rejections: BTreeMap<String, u64>,
}

impl Counts {
    /// Takes note of an event.
    pub fn note(&mut self, event: &Event) {
        self.events += 1;
        match event {
            Event::OrderAccepted { .. } => self.orders += 1,
            Event::Trade(_) => self.trades += 1,
            Event::Rejected(rejected) => {
                *self.rejections.entry(reason(&rejected.reason)).or_default() += 1;
            }
            _ => {}
        }
    }
}

/// A refusal by its word; those of ledger and book by whose and which.
fn reason(reason: &Rejection) -> String {
    match reason {
        Rejection::Ledger(refusal) => format!("ledger: {}", word(refusal)),
        Rejection::Book(refusal) => format!("book: {}", word(refusal)),
        reason => word(reason),
    }
}

/// The closing document.
pub fn summary(counts: &Counts, state: &State, state_hash: Option<&str>) -> Document {
    let mut document = Document::default();
    if state.accounts() > 0 {
        document.table("accounts", accounts(state));
    }
    if !counts.rejections.is_empty() {
        let mut table = Table::of(&["rejected for", "times"]);
        for (reason, times) in &counts.rejections {
            table.row([Cell::text(reason), Cell::Count(*times)]);
        }
        document.table("rejections", table);
    }
    let mut fields = vec![
        ("commands", Cell::Count(counts.commands)),
        ("events", Cell::Count(counts.events)),
        ("orders", Cell::Count(counts.orders)),
        ("trades", Cell::Count(counts.trades)),
        ("rejections", Cell::Count(counts.rejections.values().sum())),
    ];
    if state.accounts() > ACCOUNTS_SHOWN {
        fields.push(("accounts", Cell::Count(u64::from(state.accounts()))));
    }
    if let Some(hash) = state_hash {
        fields.push(("state hash", Cell::text(hash)));
    }
    document.fields("run", fields);
    document
}

fn accounts(state: &State) -> Table {
    let mut table = Table::of(&[
        "account",
        "margin",
        "equity",
        "initial margin",
        "maintenance margin",
        "status",
        "balances",
        "positions",
    ]);
    for account in (0..state.accounts().min(ACCOUNTS_SHOWN)).map(AccountId::new) {
        let Some(view) = state.account(account) else { continue };
        let model = state.margin_model(account).map_or("", |model| model.name());
        let [equity, initial, maintenance, standing] = match state.margin(account) {
            Ok(margin) => {
                let restricted = state.is_restricted(account) == Some(true);
                let standing = match (status(&margin), restricted) {
                    ("ok", true) => "restricted",
                    (standing, _) => standing,
                };
                let figures = [margin.equity.total, margin.initial, margin.maintenance];
                let [equity, initial, maintenance] = figures.map(Cell::Usd);
                [equity, initial, maintenance, Cell::text(standing)]
            }
            Err(_) => [Cell::Missing, Cell::Missing, Cell::Missing, Cell::text("not margined")],
        };
        let balances = view.balances.iter();
        let balances = balances.map(|(asset, amount)| format!("{} {asset}", exact(amount.units())));
        let positions = view.positions.iter().map(|(instrument, position)| {
            format!("{} of {instrument}", sized(instrument, position.quantity.lots()))
        });
        let [balances, positions] =
            [balances.collect::<Vec<_>>(), positions.collect()].map(|parts| parts.join("; "));
        table.row([
            Cell::text(account.number()),
            Cell::text(model),
            equity,
            initial,
            maintenance,
            standing,
            Cell::Text(balances),
            Cell::Text(positions),
        ]);
    }
    table
}
