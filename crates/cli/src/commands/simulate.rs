//! `plimsoll simulate`: a venue lived through, with every invariant checked.

mod summary;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use instruments::Timestamp;
use simulator::{Crash, Leverage, Options, RealData, Shrunk, SimulationError, Told, simulate};

use super::Answer;
use crate::arguments::{Output, time};
use crate::failure::Failure;
use crate::inputs::warn;
use crate::progress::Progress;
use crate::render::render;
use crate::target::Target;
use summary::summary;

const EXAMPLES: &str = "\
Examples:
  plimsoll simulate --seed 7 --hours 12
  plimsoll simulate --hours 6 --faults
  plimsoll simulate --prices data/prices --chains data/chains --from 2026-02-03 --hours 96
  plimsoll simulate --crash 2020-03-12 --leverage high --prices data/prices
  plimsoll simulate --hours 1 --journal venue --json | jq -r .simulation.state_hash
  plimsoll replay venue

--prices takes a folder of yours with BTC_hourly.csv, ETH_hourly.csv and so on
(time,open,high,low,close,…) and daily_closes.csv (date,BTC,ETH,…), --chains one with chain
snapshots, as `plimsoll margin --market` reads them; none ship with Plimsoll. --crash is of
2020-03-12, 2021-05-19, 2025-10-10 or 2026-02-05, from three hours before its worst hour to two
hours after its start, with 400 accounts unless said otherwise; --chains is used for the last one.
docs/concepts/simulator.md says what is simulated and what is checked when.";

/// Drive a venue through simulated hours, and check every invariant all the way
///
/// Makers, traders and arbitrageurs trade perpetuals, futures and options on a node, at prices that
/// follow from the seed, or at real ones. The same options give the same commands and the same state
/// hash on every machine. Where an invariant is broken, the commands are made few, written to a file
/// for `plimsoll run`, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SimulateArguments {
    /// Everything that is drawn follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many hours are simulated; 24 unless given
    #[arg(long, value_name = "H", conflicts_with = "crash")]
    hours: Option<u32>,
    /// Accounts; 1,000 unless given
    #[arg(long, value_name = "N")]
    accounts: Option<u32>,
    /// How much accounts owe for what they have: low, normal or high
    #[arg(long, value_name = "LEVEL", default_value = "normal")]
    leverage: Leverage,
    /// The first so many of BTC, ETH, BNB and XRP are traded; 2 unless given
    #[arg(long, value_name = "N", conflicts_with = "crash")]
    coins: Option<usize>,
    /// About how many commands in all; 58 every ten seconds unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    commands: Option<u64>,
    /// A crash of real prices, by its day: 2020-03-12, 2021-05-19, 2025-10-10 or 2026-02-05
    #[arg(
        long,
        value_name = "DAY",
        requires = "prices",
        conflicts_with = "from",
        help_heading = "Real data"
    )]
    crash: Option<Crash>,
    /// Real prices: a folder with hourly and daily ones
    #[arg(long, value_name = "DIR", help_heading = "Real data")]
    prices: Option<PathBuf>,
    /// Real option chains: a folder with snapshots
    #[arg(long, value_name = "DIR", requires = "prices", help_heading = "Real data")]
    chains: Option<PathBuf>,
    /// When it begins, as 2026-02-03 or 2026-02-03T12:00:00Z
    #[arg(
        long, value_name = "DATE", value_parser = time, requires_all = ["prices", "chains"],
        help_heading = "Real data"
    )]
    from: Option<Timestamp>,
    /// Write the node's journal to this folder, and replay it at the end
    #[arg(long, value_name = "DIR", conflicts_with = "faults")]
    journal: Option<PathBuf>,
    /// Let storage fail and the node crash, messages come twice or out of order, clocks jump, and
    /// sources freeze or lie; the journal is kept in memory then, to fail at any byte
    #[arg(long)]
    faults: bool,
    /// Where the script goes if an invariant is broken; plimsoll-seed-N.jsonl unless given
    #[arg(long, value_name = "FILE")]
    script: Option<String>,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Runs the simulation.
pub fn run(arguments: &SimulateArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let name = arguments.script.clone();
    let name = name.unwrap_or_else(|| format!("plimsoll-seed-{}.jsonl", arguments.seed));
    // Found out before the work rather than after it.
    let script = Target::of(&name)?;
    let options = options(arguments)?;
    simulator::check(&options).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut progress = Progress::of("simulating", options.steps());
    let started = Instant::now();
    let mut tell = |told: Told<'_>| match told {
        Told::Step(step) => progress.reach(step),
        Told::Broken { sequence, broken } => warn(&format!(
            "after command {sequence}, invariant {broken}\nits commands are being made few, which may \
             take as long again"
        )),
    };
    let report = simulate(&options, &mut tell, None);
    drop(progress);
    match report {
        Ok(report) => {
            let document = summary(&report, started.elapsed());
            Ok(Answer { before: None, text: render(&document, output), failure: None })
        }
        Err(SimulationError::Broken { sequence, shrunk }) => {
            Err(broken(arguments.seed, sequence, &shrunk, &script, &name)?)
        }
        Err(SimulationError::File(error)) => Err(error.into()),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

fn options(arguments: &SimulateArguments) -> Result<Options, Failure> {
    let SimulateArguments { seed, commands, journal, faults, leverage, .. } = arguments;
    let real = (&arguments.prices, &arguments.chains, arguments.from);
    let mut options = match (arguments.crash, real) {
        (Some(crash), (Some(prices), chains, _)) => {
            crash.options(*leverage, prices.clone(), chains.clone())
        }
        (None, (Some(prices), chains @ Some(_), Some(from))) => {
            let (prices, chains) = (prices.clone(), chains.clone());
            Options { real: Some(RealData { prices, chains, from }), ..Options::default() }
        }
        (None, (None, ..)) => Options::default(),
        // The arguments require each other, but for these.
        _ => {
            let problem = "--prices needs --chains and --from beside it, or --crash";
            return Err(Failure::Usage(problem.to_owned()));
        }
    };
    options.hours = arguments.hours.unwrap_or(options.hours);
    options.accounts = arguments.accounts.unwrap_or(options.accounts);
    options.coins = arguments.coins.unwrap_or(options.coins);
    Ok(Options {
        seed: *seed,
        leverage: *leverage,
        commands: *commands,
        journal: journal.clone(),
        faults: *faults,
        ..options
    })
}

/// Writes the script that breaks an invariant, and says so.
fn broken(
    seed: u64,
    sequence: u64,
    shrunk: &Shrunk,
    script: &Target,
    name: &str,
) -> Result<Failure, Failure> {
    let lines = shrunk.lines();
    script.write(|out| std::io::Write::write_all(out, lines.as_bytes()))?;
    let (count, from, broken) = (shrunk.commands.len(), shrunk.from, &shrunk.broken);
    Ok(Failure::Check(format!(
        "seed {seed}, after command {sequence}: invariant {broken}\n{count} of {from} commands are \
         enough to break it, the last one of {name}: `plimsoll run {name}` applies them"
    )))
}
