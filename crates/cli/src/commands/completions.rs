//! `plimsoll completions`: for the shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Answer;
use crate::arguments::Arguments;

const EXAMPLES: &str = "\
Examples:
  plimsoll completions bash > ~/.local/share/bash-completion/completions/plimsoll
  plimsoll completions fish > ~/.config/fish/completions/plimsoll.fish";

/// Completions for a shell, to be sourced by it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Generates the script.
pub fn run(arguments: &CompletionsArguments) -> Answer {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "plimsoll", &mut text);
    text.into()
}
