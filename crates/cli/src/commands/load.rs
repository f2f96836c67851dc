//! `plimsoll load`: clients that trade with a venue at steady rates, and how long it takes to answer.

mod client;
mod desk;
mod journal;
mod keys;
mod market;
mod mix;
mod pace;
mod report;
mod run;
mod subscriber;
mod tally;

use std::path::PathBuf;

use clap::Args;

use super::Answer;
use crate::arguments::Output;
use crate::failure::Failure;
use journal::JournalCheck;
use mix::Mix;

const EXAMPLES: &str = "\
Examples:
  plimsoll serve --data venue --demo --demo-accounts 16 --keys-file venue/load.keys \\
      --matching-rate 100000 --matching-burst 100000 --connections 2000
  plimsoll load --keys venue/load.keys --rate 1000,5000,20000 --seconds 20 --journal venue
  plimsoll load --keys venue/load.keys --rate 5000 --subscribers 1000
  plimsoll load --key CLIENT_ID:CLIENT_SECRET --rate 4 --clients 1 --instruments ETH-PERPETUAL

When a request is sent follows from the rate alone, however slowly the venue answers, and latency counts
from when it was due: a stall delays all that were due in it, and shows. docs/load.md goes from a clone to
figures. The exit code is 1 if the journal lacks what was acknowledged, or connections were lost.";

/// Load a venue: clients that quote, amend, cancel and take at steady rates
///
/// Measures throughput and how long acknowledgements take, counts errors by code, and checks
/// afterwards that what was acknowledged is in the journal.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LoadArguments {
    /// Where the venue is: ws:// or wss://, host, port
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8080")]
    url: String,
    /// Certificates to trust, in PEM; needed for wss://
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Keys to log in with: a line of JSON each, with client_id and client_secret
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    keys: Option<PathBuf>,
    /// One key instead, for its account and, if it is a main account's, its subaccounts; without either,
    /// what PLIMSOLL_KEY holds
    #[arg(long, value_name = "ID:SECRET")]
    key: Option<String>,
    /// Connections that trade; as many as there are accounts unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: Option<u32>,
    /// Requests a second, of all clients together; several are gone through one after another
    #[arg(long, value_name = "R,…", value_delimiter = ',', default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Vec<u32>,
    /// How long each rate is measured
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// How long each rate is sent before it is measured
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=3_600))]
    warm_up: u32,
    /// How long to wait for answers that are missing after each rate
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    patience: u32,
    /// What is asked how often, as weights
    #[arg(long, value_name = "MIX", default_value = mix::DEFAULT)]
    mix: Mix,
    /// What each client asks follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What is traded; the first four perpetuals unless given
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    instruments: Vec<String>,
    /// Connections that only listen
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    subscribers: u32,
    /// What each of them listens to; {instrument} is one of those that are traded, in turn
    #[arg(
        long,
        value_name = "CHANNEL,…",
        value_delimiter = ',',
        default_value = "book.{instrument}.100ms"
    )]
    channels: Vec<String>,
    /// Threads of the load; one is enough for tens of thousands of requests a second
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Check afterwards that the journal has what was acknowledged: the venue's data folder
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Loads the venue, and says how it did.
pub fn run(arguments: &LoadArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let check = arguments.journal.as_deref().map(JournalCheck::begin).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(arguments.threads))
        .enable_all()
        .build()
        .map_err(|error| Failure::Usage(format!("no threads for the load: {error}")))?;
    let loaded = runtime.block_on(run::load(arguments))?;
    runtime.shutdown_background();
    let checked = check.map(|check| check.finish(&loaded.acknowledged)).transpose()?;
    let document = report::document(arguments, &loaded, checked.as_ref());
    let failure = report::failure(&loaded, checked.as_ref());
    Ok(Answer { failure, ..Answer::of(&document, output) })
}
