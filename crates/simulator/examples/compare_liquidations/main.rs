//! Three designs of liquidation on the same crash with the same seeds: sealed auctions after a stage in
//! the book, as this venue has them; a take-over by a liquidator for a fixed fee; and a Dutch auction that
//! the first taker ends. Prints tables as Markdown.
//!
//! ```text
//! cargo run --release --example compare_liquidations -- PRICES RUNS [ACCOUNTS] [FIRST-LAST] [DAY…]
//! ```
//!
//! Each run, a design on a crash with a seed, leaves its figures in a file of the folder `RUNS`, and is not
//! done again while that file is there. So several processes share the work if they are given the same
//! folder, and what was stopped goes on. Tables are of the runs that are done.

mod designs;
mod tables;

use std::error::Error;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use instruments::Timestamp;
use plimsoll_simulator::{
    Cadence, Crash, FineSteps, Leverage, LiquidationSetup, Options, simulate,
};

use designs::designs;
use tables::{Figures, means, paired};

/// Commands of a run, about, and milliseconds of a step in the worst hour.
const COMMANDS: u64 = 12_000;
const STEP_MS: i64 = 4_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let prices = PathBuf::from(arguments.next().ok_or("name the folder with prices")?);
    let runs = PathBuf::from(arguments.next().ok_or("name the folder where runs are kept")?);
    let accounts = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let seeds = arguments.next().unwrap_or_else(|| "1-6".to_owned());
    let (first, last) = seeds.split_once('-').ok_or("name the first and last seed, as 1-6")?;
    let seeds: Vec<u64> = (first.parse()?..=last.parse()?).collect();
    let days: Vec<Crash> = arguments.map(|day| day.parse()).collect::<Result<_, _>>()?;
    let days = if days.is_empty() { vec![Crash::March2020, Crash::May2021] } else { days };
    fs::create_dir_all(&runs)?;
    // Seed by seed, so that what is done at any time compares the designs.
    for seed in &seeds {
        for crash in &days {
            for design in designs() {
                let file = runs.join(file_name(*crash, design.file, accounts, *seed));
                run_once(&file, &options(*crash, *seed, accounts, design.setup, &prices))?;
            }
        }
    }
    for crash in days {
        println!("### {}\n", crash.name());
        let mut all = Vec::new();
        for design in designs() {
            let figures = |seed: &u64| {
                let text =
                    fs::read_to_string(runs.join(file_name(crash, design.file, accounts, *seed)));
                Some((*seed, Figures::read(&text.ok()?)?))
            };
            all.push((design.name, seeds.iter().filter_map(figures).collect()));
        }
        println!("{}\n{}", means(&all), paired(&all));
    }
    Ok(())
}

fn file_name(crash: Crash, design: &str, accounts: u32, seed: u64) -> String {
    format!("{}_{design}_{accounts}_{seed}.txt", crash.name())
}

/// Does a run unless its file is there. The file is made first, empty, so that no other process does it
/// too, and taken away if the run fails.
fn run_once(file: &Path, options: &Options) -> Result<(), Box<dyn Error>> {
    match File::create_new(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    };
    match simulate(options, &mut |_| {}, None) {
        Ok(report) => Ok(fs::write(file, Figures::of(&report.waterfall).to_string())?),
        Err(error) => {
            fs::remove_file(file)?;
            Err(error.into())
        }
    }
}

/// The worst hour from a quarter of an hour before, with people who are long and owe much.
fn options(
    crash: Crash,
    seed: u64,
    accounts: u32,
    liquidation: LiquidationSetup,
    prices: &Path,
) -> Options {
    let mut options = crash.options(Leverage::High, prices.to_path_buf(), None);
    let worst = crash.worst_hour().milliseconds();
    options.seed = seed;
    options.accounts = accounts;
    options.liquidation = liquidation;
    (options.hours, options.commands) = (1, Some(COMMANDS));
    options.cadence = Cadence { margins_every: 10_000, all_every: 1_000_000, scan_every: 10_000 };
    options.fine = options.fine.map(|fine| FineSteps { step_ms: STEP_MS, ..fine });
    if let Some(real) = &mut options.real {
        real.from = Timestamp::from_milliseconds(worst - Timestamp::HOUR / 4);
    }
    options
}
