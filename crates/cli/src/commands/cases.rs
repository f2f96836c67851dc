//! `plimsoll cases`: who was liquidated, how, and who paid.

mod telling;

use clap::Args;
use engine::{CaseId, Command, Event};
use node::replay;

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::warn;
use crate::journals::JournalFolder;
use crate::progress::Progress;
use crate::stories::{CaseStory, Stories};
use telling::tell;

const EXAMPLES: &str = "\
Examples:
  plimsoll cases venue/journal
  plimsoll cases venue/journal --account 17
  plimsoll cases venue/journal --case 3
  plimsoll cases venue/journal --case 3 --json | jq '.steps[] | select(.what == \"sold\")'

Figures are US dollars: of other assets, at the index that they had then. What was sold counts at mark. The
journal is read beside a node that writes to it. docs/journals.md says what each column is.";

/// List the liquidation cases of a journal, or tell one as a story
///
/// The commands are applied again from the first one on. A story says why the case opened, each order,
/// trade and slice with its price against mark, what the owner kept, and who paid.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CasesArguments {
    /// The folder of the journal
    #[arg(value_name = "DIR")]
    folder: String,
    /// Tell this case
    #[arg(long, value_name = "ID", conflicts_with = "account")]
    case: Option<u64>,
    /// List the cases of this account
    #[arg(long, value_name = "N")]
    account: Option<u32>,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Lists the cases, or tells one.
pub fn run(arguments: &CasesArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let stories = stories(&arguments.folder, arguments.case.map(CaseId))?;
    let Some(number) = arguments.case else {
        return Ok(Answer::of(&list(&stories, arguments.account), output));
    };
    let id = CaseId(number);
    match stories.cases.get(&id) {
        Some(case) => Ok(Answer::of(&tell(id, case, &stories.ground.names, output), output)),
        None => {
            let folder = &arguments.folder;
            let known = match stories.cases.last_key_value() {
                Some((last, _)) => format!("its cases are numbered from 1 to {}", last.0),
                None => "no case has been opened in it".to_owned(),
            };
            Err(Failure::Usage(format!("--case {number}: {folder} has no such case; {known}")))
        }
    }
}

/// What a journal says about liquidation, with one case told in full if that is wanted. A journal without
/// cases is warned of.
pub fn stories(folder: &str, told: Option<CaseId>) -> Result<Stories, Failure> {
    let journal = JournalFolder::of(folder)?;
    let until = journal.until(1, None)?;
    let mut progress = Progress::of("reading cases", until);
    let mut stories = Stories::telling(told);
    let seen = &mut |command: &Command, events: &[Event]| {
        stories.follow(command, events);
        progress.reach(command.sequence);
    };
    replay(&journal.reader, until, false, seen).map_err(|error| journal.failure(error))?;
    drop(progress);
    if stories.cases.is_empty() && told.is_none() {
        let why = match stories.ground.cash {
            Some(_) => "",
            None => ": nothing is liquidated before `set_liquidation` has set rules",
        };
        warn(&format!("{folder}: no case has been opened{why}"));
    }
    Ok(stories)
}

fn list(stories: &Stories, account: Option<u32>) -> Document {
    let mut table = Table::of(&[
        "case",
        "account",
        "opened",
        "closed",
        "outcome",
        "stage",
        "short",
        "sold",
        "discount",
        "taken by",
        "fund paid",
        "deleveraged",
        "cut",
        "outstanding",
        "kept",
    ]);
    let meant = |case: &CaseStory| account.is_none_or(|number| case.account.number() == number);
    for (id, case) in stories.cases.iter().filter(|(_, case)| meant(case)) {
        let layers = &case.layers;
        table.row([
            Cell::Count(id.0),
            Cell::text(case.account.number()),
            Cell::text(case.opened),
            case.closed.as_ref().map_or(Cell::Missing, |(time, _, _)| Cell::text(time)),
            Cell::Text(case.outcome()),
            Cell::Text(super::run::word(&case.furthest())),
            Cell::Usd(case.shortfall()),
            Cell::Usd(layers.sold()),
            Cell::Usd(layers.discounts()),
            Cell::Text(case.takers()),
            Cell::Usd(layers.fund_paid),
            Cell::Usd(layers.deleveraging_cost),
            Cell::Usd(layers.cut),
            Cell::Usd(layers.outstanding),
            case.kept().map_or(Cell::Missing, Cell::Usd),
        ]);
    }
    let mut document = Document { main: Some("cases"), ..Document::default() };
    document.table("cases", table);
    document
}
