//! `plimsoll waterfall`: what each layer of the default waterfall did, by day.

use clap::Args;
use instruments::Timestamp;

use super::Answer;
use super::cases::stories;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::stories::{DAY_MS, Day};

const EXAMPLES: &str = "\
Examples:
  plimsoll waterfall venue/journal
  plimsoll waterfall venue/journal --output csv > waterfall.csv
  plimsoll waterfall venue/journal --json | jq '.waterfall[] | {day, fund_paid, outstanding}'

Days are UTC, and those without cases are left out. Figures are US dollars: of other assets, at the index
that they had then. What was sold counts at mark. `plimsoll cases` lists the cases themselves.";

/// Sum what each layer of the default waterfall did in a journal, by day
///
/// Book, auctions, vault, insurance fund, deleveraging, cut of profits, and what stayed uncovered. The
/// commands are applied again from the first one on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WaterfallArguments {
    /// The folder of the journal
    #[arg(value_name = "DIR")]
    folder: String,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Sums the layers.
pub fn run(arguments: &WaterfallArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let stories = stories(&arguments.folder, None)?;
    let none = Day::default();
    let names = figures(&none, &none).into_iter().map(|(name, _)| name.to_owned());
    let columns = std::iter::once("day".to_owned()).chain(names).collect();
    let (mut table, mut all) = (Table { columns, rows: Vec::new() }, none);
    for (number, day) in &stories.days {
        all += *day;
        let midnight = Timestamp::from_milliseconds(number * DAY_MS).to_string();
        let date = Cell::text(midnight.split('T').next().unwrap_or_default());
        let cells = figures(day, &all).into_iter().map(|(_, cell)| cell);
        table.rows.push(std::iter::once(date).chain(cells).collect());
    }
    let mut document = Document { main: Some("waterfall"), ..Document::default() };
    document.table("waterfall", table);
    document.fields("in all", figures(&all, &all));
    Ok(Answer::of(&document, output))
}

/// A day's figures, and what is uncovered when it ends.
fn figures(day: &Day, so_far: &Day) -> Vec<(&'static str, Cell)> {
    let layers = &day.layers;
    let uncovered = [so_far.layers.outstanding, -so_far.covered].into_iter().sum();
    vec![
        ("opened", Cell::Count(day.opened)),
        ("closed", Cell::Count(day.closed)),
        ("book", Cell::Usd(layers.book)),
        ("book loss", Cell::Usd(layers.book_loss)),
        ("book fees", Cell::Usd(layers.book_fees)),
        ("auctioned", Cell::Usd(layers.auction)),
        ("discount", Cell::Usd(layers.discount)),
        ("vault", Cell::Usd(layers.vault)),
        ("vault discount", Cell::Usd(layers.vault_discount)),
        ("taken over", Cell::Usd(layers.taken_over)),
        ("fund paid", Cell::Usd(layers.fund_paid)),
        ("fund received", Cell::Usd(layers.fund_received)),
        ("deleveraged", Cell::Usd(layers.deleveraged)),
        ("ADL cost", Cell::Usd(layers.deleveraging_cost)),
        ("cut", Cell::Usd(layers.cut)),
        ("outstanding", Cell::Usd(layers.outstanding)),
        ("covered", Cell::Usd(day.covered)),
        ("uncovered", Cell::Usd(uncovered)),
    ]
}
