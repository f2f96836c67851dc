//! The `plimsoll` binary: margin, its explanation and what-ifs on the command line, and scripts of
//! commands to a venue in memory.
//!
//! Each command reads its inputs whole, computes a [`document::Document`] and only then writes it,
//! as a table, as JSON or as CSV; `run` reads line by line, and what it has to say waits until the
//! end. An error leaves standard output empty.

mod arguments;
mod commands;
mod document;
mod escape;
mod failure;
mod figures;
mod inputs;
mod journals;
mod open_files;
mod progress;
mod render;
mod stories;
mod target;
mod wire;

use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use arguments::Arguments;
use escape::printable_lines;
use failure::Failure;

/// In pages of two megabytes where the system has them: a venue touches memory all over.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
        if let Some(mut before) = answer.before {
            print(&mut before)?;
        }
        print(&mut answer.text.as_slice())?;
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
fn print(text: &mut impl Read) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match io::copy(text, &mut out).and_then(|_| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Write(error)),
        _ => Ok(()),
    }
}
