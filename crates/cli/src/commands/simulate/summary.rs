//! What a simulation came to.

mod waterfall;

use std::time::Duration;

use simulator::{FaultCounts, MarginUse, Report};

use crate::document::{Cell, Document, Table};
use crate::figures::hex;

/// The closing document.
pub fn summary(report: &Report, took: Duration) -> Document {
    let mut document = Document::default();
    document.fields("simulation", simulation(report, took));
    document.fields("trading", trading(report));
    document.fields("margin", margin(report));
    waterfall::sections(&report.waterfall, &mut document);
    let mut ranges = Table::of(&["index", "lowest", "highest"]);
    for (asset, (low, high)) in &report.ranges {
        ranges.row([Cell::text(asset), Cell::Number(*low, 2), Cell::Number(*high, 2)]);
    }
    document.table("prices", ranges);
    document.table("rejections", counts(["rejected for", "times"], &report.rejections));
    if report.faults != FaultCounts::default() {
        document.fields("faults", faults(&report.faults));
    }
    let checks = report.checks.iter().map(|(name, count)| ((*name).to_owned(), *count));
    document.table("invariants", counts(["invariant", "checks"], &checks.collect()));
    document
}

fn simulation(report: &Report, took: Duration) -> Vec<(&'static str, Cell)> {
    let time = |time: Option<instruments::Timestamp>| time.map_or(Cell::Missing, Cell::text);
    let mut fields = vec![
        ("from", time(report.from)),
        ("until", time(report.until)),
        ("accounts", Cell::Count(report.accounts)),
        ("instruments listed", Cell::Count(report.listed)),
        ("instruments expired", Cell::Count(report.expired)),
        ("risk epochs", Cell::Count(report.epochs)),
        ("commands", Cell::Count(report.commands)),
        ("checks made", Cell::Count(report.checks_made())),
        ("seconds", Cell::Number(took.as_secs_f64(), 1)),
        ("commands per second", Cell::Number(report.commands as f64 / took.as_secs_f64(), 0)),
    ];
    if let Some((commands, took)) = report.replayed {
        let per_second = commands as f64 / took.as_secs_f64();
        fields.push(("commands replayed", Cell::Count(commands)));
        fields.push(("replayed per second", Cell::Number(per_second, 0)));
    }
    fields.push(("state hash", Cell::text(hex(&report.state_hash))));
    fields
}

fn trading(report: &Report) -> Vec<(&'static str, Cell)> {
    vec![
        ("orders", Cell::Count(report.orders)),
        ("fills", Cell::Count(report.fills)),
        ("volume usd", Cell::Number(report.volume, 0)),
        ("fees usd", Cell::Number(report.fees, 0)),
        ("funding usd", Cell::Number(report.funding, 0)),
        ("triggers fired", Cell::Count(report.triggered)),
        ("quotes frozen", Cell::Count(report.frozen)),
        ("breakers tripped", Cell::Count(report.breakers)),
        ("markets halted by breakers", Cell::Count(report.halted)),
        ("indices gone stale", Cell::Count(report.stale)),
        ("deposits", Cell::Count(report.deposits)),
        ("withdrawals", Cell::Count(report.withdrawals)),
    ]
}

fn margin(report: &Report) -> Vec<(&'static str, Cell)> {
    let MarginUse { looks, mean, most, below_most, negative_most, deficit_most } =
        report.margin_use;
    vec![
        ("margin calls", Cell::Count(report.margin_calls)),
        ("margin restored", Cell::Count(report.margin_restored)),
        ("orders cancelled for margin", Cell::Count(report.restricted)),
        ("times all were margined", Cell::Count(looks)),
        ("mean initial margin over equity", Cell::Share(mean)),
        ("most initial margin over equity", Cell::Share(most)),
        ("most accounts below initial margin", Cell::Count(below_most)),
        ("most accounts below zero", Cell::Count(negative_most)),
        ("most deficit", Cell::Usd(deficit_most)),
    ]
}

fn faults(faults: &FaultCounts) -> Vec<(&'static str, Cell)> {
    vec![
        ("crashes", Cell::Count(faults.crashes)),
        ("failing syncs", Cell::Count(faults.failing_syncs)),
        ("full disks", Cell::Count(faults.full_disks)),
        ("power cuts among them", Cell::Count(faults.power_cuts)),
        ("crashes while recovering", Cell::Count(faults.in_recovery)),
        ("durable commands not answered", Cell::Count(faults.unanswered)),
        ("commands lost and sent again", Cell::Count(faults.lost)),
        ("snapshots", Cell::Count(faults.snapshots)),
        ("messages sent twice", Cell::Count(faults.doubled)),
        ("messages out of order", Cell::Count(faults.reordered)),
        ("jumps of the clock", Cell::Count(faults.clock_jumps)),
        ("sources frozen or lying", Cell::Count(faults.bad_sources)),
    ]
}

fn counts(columns: [&str; 2], counts: &std::collections::BTreeMap<String, u64>) -> Table {
    let mut table = Table::of(&columns);
    for (name, count) in counts {
        table.row([Cell::text(name), Cell::Count(*count)]);
    }
    table
}
