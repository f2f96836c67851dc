//! The commands, one file each.

pub mod admin;
pub mod backup;
pub mod cases;
pub mod compare;
pub mod completions;
pub mod conformance;
pub mod explain;
pub mod export;
pub mod history;
pub mod keys;
pub mod load;
pub mod margin;
pub mod methodology;
pub mod replay;
pub mod restore;
pub mod run;
pub mod sample;
pub mod serve;
pub mod simulate;
pub mod surface;
pub mod upgrade;
pub mod verify;
pub mod waterfall;
pub mod what_if;

use tempfile::SpooledTempFile;

use crate::arguments::{Arguments, Command, Output};
use crate::document::Document;
use crate::failure::Failure;
use crate::render::render;

/// What a command has to say.
pub struct Answer {
    /// What is too long to be kept in memory, before the text.
    pub before: Option<SpooledTempFile>,
    /// For standard output.
    pub text: Vec<u8>,
    /// What did not end well all the same, after the text.
    pub failure: Option<Failure>,
}

impl Answer {
    /// An answer without a check.
    pub fn of(document: &Document, output: Output) -> Self {
        render(document, output).into()
    }
}

impl From<Vec<u8>> for Answer {
    fn from(text: Vec<u8>) -> Self {
        Self { before: None, text, failure: None }
    }
}

/// Runs the command that was asked for.
pub fn run(arguments: &Arguments) -> Result<Answer, Failure> {
    let output = arguments.output;
    match &arguments.command {
        Command::Margin(command) => margin::run(command, output),
        Command::Explain(command) => explain::run(command, output),
        Command::WhatIf(command) => what_if::run(command, output),
        Command::Compare(command) => compare::run(command, output),
        Command::Surface(command) => surface::run(command, output),
        Command::Serve(command) => serve::run(command, output),
        Command::Methodology(command) => methodology::run(command, output),
        Command::Sample(command) => sample::run(command, output),
        Command::Run(command) => run::run(command, output),
        Command::Simulate(command) => simulate::run(command, output),
        Command::Replay(command) => replay::run(command, output),
        Command::Verify(command) => verify::run(command, output),
        Command::Export(command) => export::run(command, output),
        Command::Cases(command) => cases::run(command, output),
        Command::Waterfall(command) => waterfall::run(command, output),
        Command::Load(command) => load::run(command, output),
        Command::History(command) => history::run(command, output),
        Command::Keys(command) => keys::run(command, output),
        Command::Admin(command) => admin::run(command, output),
        Command::Backup(command) => backup::run(command, output),
        Command::Restore(command) => restore::run(command, output),
        Command::Upgrade(command) => upgrade::run(command, output),
        Command::Conformance(command) => conformance::run(command, output),
        Command::Completions(command) => Ok(completions::run(command)),
    }
}
