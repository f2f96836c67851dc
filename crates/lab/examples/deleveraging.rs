//! The auto-deleveraging of 10 October 2025 under other policies, as a table.
//!
//! `cargo run --release -p plimsoll-lab --example deleveraging [FOLDER]`; without a folder the
//! published files are read from `$PLIMSOLL_DATA/adl`, or from `../shared/data/adl`.

use std::error::Error;
use std::fs::read_to_string;
use std::path::PathBuf;

use plimsoll_lab::deleveraging::population::SEED;
use plimsoll_lab::deleveraging::{compare, report, waves};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(published, PathBuf::from);
    let read = |name: &str| {
        let path = folder.join(name);
        read_to_string(&path).map_err(|error| {
            format!("{}: {error}; name the folder of the published files", path.display())
        })
    };
    let gaps = read("MIT_hl_oct10_wave_coin_gap.csv")?;
    let metrics = read("MIT_hl_oct10_policy_per_wave_metrics.csv")?;
    let waves = waves(&gaps, &metrics)?;
    println!(
        "Needed and taken in US dollars. What had to be closed, what the venue took and its largest\n\
         cut are published; the winners' accounts are not public, and are made up to fit what is\n\
         known of them (seed {SEED}).\n"
    );
    print!("{}", report(&waves, &compare(&waves, SEED)?));
    Ok(())
}

fn published() -> PathBuf {
    let data =
        std::env::var_os("PLIMSOLL_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from);
    data.join("adl")
}
