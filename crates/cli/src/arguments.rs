//! The command line: the one definition that help, parsing and completions come from.

use clap::{Args, Parser, Subcommand, ValueEnum};
use instruments::Timestamp;
use risk::MarginModel;

use crate::commands::{
    admin, backup, cases, compare, completions, conformance, explain, export, history, keys, load,
    margin, methodology, replay, restore, run, sample, serve, simulate, surface, upgrade, verify,
    waterfall, what_if,
};

const CODES: &str = "\
Exit codes:
  0  the command did what it was asked
  1  a check failed (`methodology check`, `margin --check`, `conformance`, `simulate`, `verify`, `load`, `history check`)
  2  an input or argument can't be used; nothing is written to standard output

Without files every command but `run`, `conformance`, `simulate`, `keys`, `load`, `history`, `admin`, `backup`, `restore`, `upgrade` and those on journals works on a built-in sample market, portfolio and history.
Colours appear on a terminal only, and not if NO_COLOR is set.";

/// Cross-margin for derivatives portfolios: how much is needed, and why.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, after_help = CODES, max_term_width = 100)]
pub struct Arguments {
    /// How the answer is written
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For reading: amounts rounded to cents
    Table,
    /// For programs: exact amounts as strings
    Json,
    /// For spreadsheets: exact amounts under a header
    Csv,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Margin(margin::MarginArguments),
    Explain(explain::ExplainArguments),
    WhatIf(what_if::WhatIfArguments),
    Compare(compare::CompareArguments),
    Surface(surface::SurfaceArguments),
    Methodology(methodology::MethodologyArguments),
    Sample(sample::SampleArguments),
    Run(run::RunArguments),
    Simulate(simulate::SimulateArguments),
    Replay(replay::ReplayArguments),
    Verify(verify::VerifyArguments),
    Export(export::ExportArguments),
    Cases(cases::CasesArguments),
    Waterfall(waterfall::WaterfallArguments),
    Serve(serve::ServeArguments),
    Load(load::LoadArguments),
    History(history::HistoryArguments),
    Keys(keys::KeysArguments),
    Admin(admin::AdminArguments),
    Backup(backup::BackupArguments),
    Restore(restore::RestoreArguments),
    Upgrade(upgrade::UpgradeArguments),
    Conformance(conformance::ConformanceArguments),
    Completions(completions::CompletionsArguments),
}

/// The market, and what is held in it.
#[derive(Clone, Debug, Args)]
pub struct DataArguments {
    /// Market file: a chain snapshot or a Tardis options_chain file, plain or gzipped
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub market: Option<String>,
    /// Portfolio file: account,instrument,quantity and entry_price if wanted
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub portfolio: Option<String>,
    /// Open orders: account,instrument,quantity,limit_price and fee if wanted
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub orders: Option<String>,
    /// Daily closes: date,BTC,ETH,…
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub history: Option<String>,
    /// The market as of this time, as 2026-02-05T16:00:00Z
    #[arg(long, value_name = "TIME", help_heading = "Data", value_parser = time)]
    pub at: Option<Timestamp>,
}

/// The rules that accounts are margined by.
#[derive(Clone, Debug, Args)]
pub struct RuleArguments {
    /// A methodology by name or file; `core` for portfolio margin, else `standard`
    #[arg(long, value_name = "NAME|FILE", help_heading = "Rules")]
    pub methodology: Option<String>,
    /// How accounts are margined; follows the methodology unless given
    #[arg(long, value_enum, help_heading = "Rules")]
    pub model: Option<Model>,
}

/// A margin model on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Every position on its own
    Isolated,
    /// Position by position, equity shared
    Cross,
    /// The whole portfolio, netted
    Portfolio,
}

impl From<Model> for MarginModel {
    fn from(model: Model) -> Self {
        match model {
            Model::Isolated => Self::Isolated,
            Model::Cross => Self::Cross,
            Model::Portfolio => Self::Portfolio,
        }
    }
}

/// A point in time on the command line.
pub fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: instruments::Error| error.to_string())
}
