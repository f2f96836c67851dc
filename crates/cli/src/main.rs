//! The `plimsoll` binary: margin, its explanation and what-ifs on the command line.
//!
//! Each command reads its inputs whole, computes a [`document::Document`] and only then writes it,
//! as a table, as JSON or as CSV. An error leaves standard output empty.

mod arguments;
mod commands;
mod document;
mod escape;
mod failure;
mod figures;
mod inputs;
mod progress;
mod render;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use escape::printable_lines;
use failure::Failure;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be said if even this fails.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::BAD_INPUT));
        }
    };
    let result = commands::run(&arguments).and_then(|answer| {
        print(&answer.text)?;
        answer.failure.map_or(Ok(()), Err)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", printable_lines(&failure.to_string()));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Writes to standard output. A reader that went away, as `head` does, is no error.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Write(error)),
        _ => Ok(()),
    }
}
