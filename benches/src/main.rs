//! `bench [NAME…] [--peers] [--json]`: measures and prints Markdown tables.

mod book;
mod detection;
mod engine;
mod history;
mod journal;
mod node;
mod pretrade;
mod server;
mod w1;
mod w2;
mod w3;

use plimsoll_benches::Arguments;
use plimsoll_benches::table::Table;
use std::process::ExitCode;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A benchmark: its name, and what runs it.
type Benchmark = (&'static str, fn(&Arguments) -> Result<Vec<Table>, String>);

const BENCHMARKS: &[Benchmark] = &[
    ("w1", w1::run),
    ("w2", w2::run),
    ("w3", w3::run),
    ("pretrade", pretrade::run),
    ("book", book::run),
    ("engine", engine::run),
    ("detection", detection::run),
    ("journal", journal::run),
    ("node", node::run),
    ("history", history::run),
    ("server", server::run),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    for (name, benchmark) in BENCHMARKS {
        if !arguments.wants(name) {
            continue;
        }
        for table in benchmark(&arguments)? {
            println!("{}", table.markdown());
            if arguments.json {
                println!("{}", table.json_lines());
            }
        }
    }
    Ok(())
}
