//! One case as a story.

use engine::CaseId;
use engine::event::{CaseStep, Trade};
use instruments::{Amount, Price};

use crate::arguments::Output;
use crate::commands::run::case_words::{cause_words, stage_words, step_words};
use crate::commands::run::names::Names;
use crate::commands::run::{choice, shown};
use crate::document::{Cell, Document, Table};
use crate::figures::{dollars, exact};
use crate::stories::{CaseStory, Entry, Figures, Layers, What, figures};

/// People are shown so many holdings at most.
const HOLDINGS_SHOWN: usize = 10;

/// The case from its opening on. Programs have the figures of each step in columns of their own, people in
/// a sentence.
pub fn tell(id: CaseId, case: &CaseStory, names: &Names, output: Output) -> Document {
    let mut document = Document { main: Some("steps"), ..Document::default() };
    document.fields("case", outline(id, case, output));
    document.table("holdings when it opened", holdings(case, output));
    document.table("stages", stages(case, output));
    let steps = match output {
        Output::Table => sentences(case, names),
        _ => steps(case, names),
    };
    document.table("steps", steps);
    let mut bill = bill(&case.layers);
    if output == Output::Table {
        bill.retain(|(_, cell)| *cell != Cell::Usd(Amount::ZERO));
    }
    if !bill.is_empty() {
        document.fields("who paid", bill);
    }
    if !case.parts.is_empty() {
        let mut table = Table::of(&["account", "part", "at mark", "was paid"]);
        for ((part, account), (at_mark, paid)) in &case.parts {
            let (account, part) = (Cell::text(account.number()), Cell::text(part.word()));
            table.row([account, part, Cell::Usd(*at_mark), Cell::Usd(*paid)]);
        }
        document.table("others", table);
    }
    document
}

fn outline(id: CaseId, case: &CaseStory, output: Output) -> Vec<(&'static str, Cell)> {
    let closed = case.closed.as_ref();
    let (took_name, took) = span(closed.map(|(time, _, _)| time.since(case.opened)), output);
    let mut fields = vec![
        ("case", Cell::Count(id.0)),
        ("account", Cell::text(case.account.number())),
        ("risk group", Cell::text(case.group)),
        ("opened", Cell::text(case.opened)),
        ("opened by command", Cell::Count(case.sequence)),
        ("equity", Cell::Usd(case.opening.equity)),
        ("maintenance margin", Cell::Usd(case.opening.maintenance)),
        ("short", Cell::Usd(case.shortfall())),
        ("value at mark", Cell::Usd(case.opening.value)),
        ("outcome", Cell::Text(case.outcome())),
        ("closed", closed.map_or(Cell::Missing, |(time, _, _)| Cell::text(time))),
        (took_name, took),
    ];
    if let Some((_, _, stands)) = closed {
        fields.push(("equity at the end", Cell::Usd(stands.equity)));
        fields.push(("maintenance at the end", Cell::Usd(stands.maintenance)));
        fields.push(("kept", Cell::Usd(stands.value)));
    }
    fields
}

/// What the account had when it opened, and what has moved since it last traded it.
fn holdings(case: &CaseStory, output: Output) -> Table {
    let mut table = Table::of(&[
        "holding",
        "size",
        "in",
        "last traded",
        "mark then",
        "mark",
        "gain since",
        "stands for",
    ]);
    let price = |price: Option<Price>| price.map_or(Cell::Missing, Cell::Price);
    let most = if output == Output::Table { HOLDINGS_SHOWN } else { usize::MAX };
    for holding in case.holdings.iter().take(most) {
        table.row([
            Cell::text(&holding.name),
            Cell::Amount(holding.size),
            Cell::text(holding.unit),
            holding.since.map_or(Cell::Missing, Cell::text),
            price(holding.mark_then),
            Cell::Price(holding.mark),
            holding.gain.map_or(Cell::Missing, Cell::Usd),
            Cell::Usd(holding.worth),
        ]);
    }
    if let Some(more) = case.holdings.len().checked_sub(most).filter(|more| *more > 0) {
        let mut row = vec![Cell::Missing; table.columns.len()];
        row[0] = Cell::Text(format!("and {more} more"));
        table.rows.push(row);
    }
    table
}

fn stages(case: &CaseStory, output: Output) -> Table {
    let mut table = Table::of(&["stage", "began", span(None, output).0, "because"]);
    for (place, visit) in case.stages.iter().enumerate() {
        let next = case.stages.get(place + 1).map(|next| next.since);
        let until = next.or(case.closed.as_ref().map(|(time, _, _)| *time));
        let took = span(until.map(|until| until.since(visit.since)), output).1;
        let (stage, because) = match (visit.cause, output) {
            (None, Output::Table) => (
                stage_words(visit.stage).to_owned(),
                Cell::text("equity is below maintenance margin"),
            ),
            (Some(cause), Output::Table) => {
                (stage_words(visit.stage).to_owned(), Cell::text(cause_words(cause)))
            }
            (cause, _) => {
                let cause = cause.map_or(Cell::Missing, |cause| Cell::Text(choice(&cause)));
                (choice(&visit.stage), cause)
            }
        };
        table.row([Cell::Text(stage), Cell::text(visit.since), took, because]);
    }
    table
}

/// What happened, in a sentence each; what belongs to the step before is set in.
fn sentences(case: &CaseStory, names: &Names) -> Table {
    let mut table = Table::of(&["after", "what happened"]);
    let mut before = None;
    for entry in &case.entries {
        let after = entry.time.since(case.opened);
        let shown = if before == Some(after) { String::new() } else { seconds(after) };
        before = Some(after);
        let (sentence, belongs) = sentence(entry, names);
        let sentence = if belongs { format!("· {sentence}") } else { sentence };
        table.row([Cell::Text(shown), Cell::Text(sentence)]);
    }
    table
}

fn sentence(entry: &Entry, names: &Names) -> (String, bool) {
    match &entry.what {
        What::Trade { trade, mark, loss } => (traded(trade, *mark, *loss, names), true),
        What::Step(step) => {
            let belongs = matches!(step, CaseStep::Leg { .. } | CaseStep::Coin { .. });
            (step_words(step, names), belongs)
        }
    }
}

/// A trade of the case's own order against mark.
fn traded(trade: &Trade, mark: Price, loss: Amount, names: &Names) -> String {
    let (what, at) = (names.size_of(trade.instrument, trade.lots), shown(trade.price));
    let against = match loss.units() {
        ..0 => format!("{} USD better than", dollars(-loss)),
        0 => "at".to_owned(),
        1.. => format!("{} USD worse than", dollars(loss)),
    };
    let asset = names.instrument(trade.instrument).map(|known| known.settlement_asset());
    let asset = asset.map(|asset| format!(" {asset}")).unwrap_or_default();
    let (fee, maker, mark) = (exact(trade.taker_fee.units()), trade.maker_account, shown(mark));
    format!("{what} at {at} with {maker}, {against} the mark of {mark}; fee {fee}{asset}")
}

/// The same for programs.
fn steps(case: &CaseStory, names: &Names) -> Table {
    let mut table = Table::of(&[
        "sequence",
        "time",
        "after ms",
        "what",
        "counterparty",
        "instrument",
        "size",
        "price",
        "mark",
        "discount",
        "reserve",
        "asset",
        "amount",
        "words",
    ]);
    for entry in &case.entries {
        let after = u64::try_from(entry.time.since(case.opened)).unwrap_or_default();
        let place = [Cell::Count(entry.sequence), Cell::text(entry.time), Cell::Count(after)];
        let words = Cell::Text(sentence(entry, names).0);
        table.rows.push(place.into_iter().chain(details(entry, names)).chain([words]).collect());
    }
    table
}

fn details(entry: &Entry, names: &Names) -> [Cell; 10] {
    let (what, figures, price) = match &entry.what {
        What::Step(step) => {
            let price = match step {
                CaseStep::Order { limit, .. } => Some(*limit),
                _ => None,
            };
            (choice(step), figures(step), price)
        }
        What::Trade { trade, mark, loss } => {
            let bought = trade.taker_side == book::Side::Buy;
            let lots = if bought { trade.lots } else { -trade.lots };
            let figures = Figures {
                counterparty: Some(trade.maker_account),
                lots: Some((trade.instrument, lots)),
                mark: Some(*mark),
                amount: Some(*loss),
                ..Figures::default()
            };
            ("trade".to_owned(), figures, Some(trade.price))
        }
    };
    let [discount, reserve] = match &entry.what {
        What::Step(CaseStep::Sold { discount, reserve, .. }) => [*discount, *reserve].map(share),
        What::Step(CaseStep::TakenOver { progress, .. }) => [share(*progress), Cell::Missing],
        _ => [Cell::Missing, Cell::Missing],
    };
    let size = figures.lots.and_then(|(id, lots)| {
        let lot = names.instrument(id)?.lot_size();
        Some(Amount::from_units(i128::from(lots) * i128::from(lot)))
    });
    let price_cell = |price: Option<Price>| price.map_or(Cell::Missing, Cell::Price);
    [
        Cell::Text(what),
        figures.counterparty.map_or(Cell::Missing, |who| Cell::text(who.number())),
        figures.lots.map_or(Cell::Missing, |(id, _)| Cell::Text(names.name(id))),
        size.map_or(Cell::Missing, Cell::Amount),
        price_cell(price),
        price_cell(figures.mark),
        discount,
        reserve,
        figures.asset.map_or(Cell::Missing, Cell::text),
        figures.amount.map_or(Cell::Missing, Cell::Amount),
    ]
}

/// A share in 10⁻¹⁸ with all its digits.
fn share(units: u64) -> Cell {
    Cell::Text(instruments::format_fixed(units.into(), 18))
}

/// What each layer did.
fn bill(layers: &Layers) -> Vec<(&'static str, Cell)> {
    vec![
        ("traded in the book", Cell::Usd(layers.book)),
        ("lost there against mark", Cell::Usd(layers.book_loss)),
        ("fees there", Cell::Usd(layers.book_fees)),
        ("auctioned", Cell::Usd(layers.auction)),
        ("discount to bidders", Cell::Usd(layers.discount)),
        ("kept below the reserve", Cell::Usd(layers.improvement)),
        ("taken by the vault", Cell::Usd(layers.vault)),
        ("discount to the vault", Cell::Usd(layers.vault_discount)),
        ("taken over", Cell::Usd(layers.taken_over)),
        ("fund paid", Cell::Usd(layers.fund_paid)),
        ("fund received", Cell::Usd(layers.fund_received)),
        ("deleveraged", Cell::Usd(layers.deleveraged)),
        ("cost of deleveraging", Cell::Usd(layers.deleveraging_cost)),
        ("cut", Cell::Usd(layers.cut)),
        ("outstanding", Cell::Usd(layers.outstanding)),
    ]
}

/// How long something took: for people in seconds, for programs in milliseconds.
fn span(milliseconds: Option<i64>, output: Output) -> (&'static str, Cell) {
    let known = milliseconds.map(|span| match output {
        Output::Table => Cell::Text(seconds(span)),
        _ => Cell::Count(u64::try_from(span).unwrap_or_default()),
    });
    let name = if output == Output::Table { "took" } else { "took ms" };
    (name, known.unwrap_or(Cell::Missing))
}

/// `0.5 s`, `2 min 5 s`.
fn seconds(milliseconds: i64) -> String {
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let rest = format!("{} s", instruments::format_fixed(rest.into(), 3));
    if minutes == 0 { rest } else { format!("{minutes} min {rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_in_minutes_and_seconds() {
        for (milliseconds, expected) in
            [(0, "0 s"), (500, "0.5 s"), (41_001, "41.001 s"), (125_000, "2 min 5 s")]
        {
            assert_eq!(seconds(milliseconds), expected);
        }
    }
}
