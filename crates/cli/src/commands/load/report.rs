//! What a load has to say.

use super::LoadArguments;
use super::journal::Checked;
use super::run::{Loaded, Measured};
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;

/// A rate is kept up if its answers took no longer than this, as a share of its time.
const KEPT_UP: f64 = 1.01;

/// The answer.
pub fn document(arguments: &LoadArguments, loaded: &Loaded, checked: Option<&Checked>) -> Document {
    let mut document = Document { main: Some("rates"), ..Document::default() };
    document.fields(
        "load",
        vec![
            ("url", Cell::text(&arguments.url)),
            ("clients", Cell::Count(loaded.clients as u64)),
            ("subscribers", Cell::Count(u64::from(arguments.subscribers))),
            ("instruments", Cell::text(loaded.instruments.join(","))),
            ("mix", Cell::text(arguments.mix)),
            ("seed", Cell::Count(arguments.seed)),
            ("seconds", Cell::Count(u64::from(arguments.seconds))),
            ("warm up", Cell::Count(u64::from(arguments.warm_up))),
            ("connections lost", Cell::Count(loaded.lost.len() as u64)),
        ],
    );
    document.table("rates", rates(&loaded.rates));
    document.table("requests", requests(&loaded.rates));
    document.table("errors", errors(&loaded.rates));
    if arguments.subscribers > 0 {
        document.table("notifications", notifications(&loaded.rates));
    }
    if let Some(checked) = checked {
        document.fields("journal", journal(checked));
    }
    document
}

/// What did not end well.
pub fn failure(loaded: &Loaded, checked: Option<&Checked>) -> Option<Failure> {
    let mut problems = Vec::new();
    if let Some(first) = loaded.lost.first() {
        problems.push(format!("{} connections were lost: {first}", loaded.lost.len()));
    }
    if loaded.deaf > 0 {
        problems.push(format!("{} subscribers were cut off", loaded.deaf));
    }
    if let Some(checked) = checked.filter(|checked| !checked.is_sound()) {
        let Checked { missing, doubled, problems: all, .. } = checked;
        let all = all.join("\n  ");
        problems.push(format!("the journal lacks {missing} and doubles {doubled}:\n  {all}"));
    }
    (!problems.is_empty()).then(|| Failure::Check(problems.join("\n")))
}

fn rates(measured: &[Measured]) -> Table {
    let mut table = Table::of(&[
        "rate",
        "acknowledged per second",
        "acknowledged",
        "refused",
        "unanswered",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "slip p99 ms",
        "slip max ms",
        "trades",
        "kept up",
    ]);
    for one in measured {
        let Measured { rate, tally, window, unanswered, .. } = one;
        let (acknowledged, refused) = (tally.acknowledgements(), tally.refusals());
        let took = tally.took(*window).as_secs_f64();
        let kept_up =
            *unanswered == 0 && tally.turned_away() == 0 && took <= window.as_secs_f64() * KEPT_UP;
        let at = |quantile| milliseconds(tally.latency.value_at_quantile(quantile));
        let slip = |quantile| milliseconds(tally.slip.value_at_quantile(quantile));
        table.row([
            Cell::Count(u64::from(*rate)),
            Cell::Number(tally.per_second(*window), 0),
            Cell::Count(acknowledged),
            Cell::Count(refused),
            Cell::Count(*unanswered),
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            at(1.0),
            slip(0.99),
            slip(1.0),
            Cell::Count(tally.trades),
            Cell::Flag(kept_up),
        ]);
    }
    table
}

fn requests(measured: &[Measured]) -> Table {
    let mut table = Table::of(&["rate", "request", "acknowledged"]);
    for one in measured {
        for (kind, count) in &one.tally.acknowledged {
            let cells =
                [Cell::Count(one.rate.into()), Cell::text(kind.name()), Cell::Count(*count)];
            table.row(cells);
        }
    }
    table
}

fn errors(measured: &[Measured]) -> Table {
    let mut table = Table::of(&["rate", "code", "count", "first"]);
    for one in measured {
        for (code, (words, count)) in &one.tally.refused {
            let rate = Cell::Count(one.rate.into());
            table.row([rate, Cell::text(code), Cell::Count(*count), Cell::text(words)]);
        }
    }
    table
}

fn notifications(measured: &[Measured]) -> Table {
    let mut table = Table::of(&["rate", "notifications", "per second", "gaps"]);
    for one in measured {
        let took = one.tally.took(one.window).as_secs_f64();
        table.row([
            Cell::Count(u64::from(one.rate)),
            Cell::Count(one.notifications),
            Cell::Number(one.notifications as f64 / took, 0),
            Cell::Count(one.gaps),
        ]);
    }
    table
}

fn journal(checked: &Checked) -> Vec<(&'static str, Cell)> {
    vec![
        ("commands", Cell::Count(checked.commands)),
        ("orders", Cell::Count(checked.orders)),
        ("amendments", Cell::Count(checked.amendments)),
        ("cancellations", Cell::Count(checked.cancellations)),
        ("trades", Cell::Count(checked.trades)),
        ("missing", Cell::Count(checked.missing)),
        ("doubled", Cell::Count(checked.doubled)),
        ("sound", Cell::Flag(checked.is_sound())),
    ]
}

fn milliseconds(microseconds: u64) -> Cell {
    Cell::Number(microseconds as f64 / 1_000.0, 2)
}
