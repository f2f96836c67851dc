//! `plimsoll margin --book`: every account of a whole book at once.

use std::fs::File;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use marketdata::{BookThresholds, NamedBook, ThresholdsError, write_book_csv, write_book_parquet};
use numerics::Level;
use risk::methodology::Aggregator;
use risk::whole_book::{BookMargin, RunSettings, WholeBookError, book_margin, threads_for};
use risk::{Epoch, Valuation};

use crate::arguments::{DataArguments, Output};
use crate::commands::Answer;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::{self, Data, Rules};
use crate::progress::Progress;
use crate::target::Target;

mod files;

/// A whole book, and what to do with it
#[derive(Clone, Debug, Args)]
pub struct BookArguments {
    /// Book of any number of accounts, as Parquet or CSV: account, instrument, quantity and
    /// entry_price if wanted; without open orders. The requirement given for an account is R before
    /// add-ons, not its margin
    #[arg(
        long, value_name = "FILE", help_heading = "Book",
        conflicts_with_all = ["portfolio", "orders", "check"]
    )]
    pub book: Option<String>,
    /// Where the book's figures go: FILE.parquet or FILE.csv
    #[arg(long, value_name = "FILE", help_heading = "Book", requires = "book")]
    pub out: Option<String>,
    /// What the last run knew of each account's tail, read if it is there and written again: the same
    /// figures sooner. One of another book is replaced
    #[arg(long, value_name = "FILE", help_heading = "Book", requires = "book")]
    pub thresholds: Option<String>,
    /// How many threads work on the book; all of the processor's unless given, and no
    /// more than there is work for
    #[arg(long, value_name = "N", help_heading = "Book", requires = "book")]
    pub threads: Option<NonZeroUsize>,
}

/// Margins every account of the book.
pub fn run(
    path: &str,
    arguments: &BookArguments,
    data: &DataArguments,
    rules: &Rules,
    output: Output,
) -> Result<Answer, Failure> {
    if rules.methodology.scenario_rules().is_err() {
        return Err(wrong_kind(rules));
    }
    let format = arguments.out.as_deref().map(Format::of).transpose()?;
    let targets = Targets::of(path, arguments, data)?;
    let is_sample = data.market.is_none();
    let mut data = Data::without_accounts(data)?;
    data.warn_without_history(&rules.methodology);
    let started = Instant::now();
    let named = files::read(path, &data.snapshot.market)
        .map_err(|failure| if is_sample { of_sample(failure) } else { failure })?;
    let reading = started.elapsed();
    data.venue_balances = named.book.venue_balances().map_err(Failure::risk(path))?;
    let valuation = data.open(&rules.methodology, named.book.instruments())?;
    let Valuation::Scenario(epoch) = &valuation else { return Err(wrong_kind(rules)) };
    let mut thresholds = read_thresholds(arguments, &named, epoch)?;
    let threads =
        threads_for(named.book.positions(), arguments.threads.unwrap_or_else(all_threads));
    let started = Instant::now();
    let margin = margin(path, &data, epoch, &named, threads, &mut thresholds.values)?;
    let computing = started.elapsed();
    if let Some(target) = &targets.thresholds {
        target.write(|out| out.write_all(&thresholds.to_bytes()))?;
    }
    if let Some((target, format)) = targets.out.as_ref().zip(format) {
        target.write(|out| match format {
            Format::Comma => write_book_csv(&named.accounts, &margin, out),
            Format::Parquet => write_book_parquet(&named.accounts, &margin, out),
        })?;
    }
    let mut document = Document::default();
    if format.is_none() {
        document.main = Some("accounts");
        document.table("accounts", table(&named, &margin));
    }
    let run = Run { named: &named, margin: &margin, threads, reading, computing };
    document.fields("book", run.fields(thresholds.values.len()));
    document.fields("run", super::run_fields(&data, rules));
    Ok(Answer::of(&document, output))
}

fn wrong_kind(rules: &Rules) -> Failure {
    let (name, kind) = (rules.methodology.name(), rules.methodology.kind());
    Failure::Usage(format!(
        "methodology `{name}` is of kind `{kind}`; a book needs kind `scenario`, such as `core`"
    ))
}

/// The files that a run writes.
struct Targets {
    out: Option<Target>,
    thresholds: Option<Target>,
}

impl Targets {
    /// Refuses files that are read or written twice, before there is anything to lose.
    fn of(book: &str, arguments: &BookArguments, data: &DataArguments) -> Result<Self, Failure> {
        let (out, thresholds) = (arguments.out.as_deref(), arguments.thresholds.as_deref());
        let targets = Self {
            out: out.map(Target::of).transpose()?,
            thresholds: thresholds.map(Target::of).transpose()?,
        };
        let inputs = [
            ("--book", Some(book)),
            ("--market", data.market.as_deref()),
            ("--history", data.history.as_deref()),
        ];
        if let Some(target) = &targets.out {
            target.refuse_same("--out", &inputs)?;
            target.refuse_same("--out", &[("--thresholds", thresholds)])?;
        }
        if let Some(target) = &targets.thresholds {
            target.refuse_same("--thresholds", &inputs)?;
        }
        Ok(targets)
    }
}

/// Says which market it is that lacks something, if nobody gave one.
fn of_sample(failure: Failure) -> Failure {
    match failure {
        Failure::File(mut error) if error.message.starts_with("the market ") => {
            error.message = error.message.replacen("the market", "the sample market", 1);
            error.remedy = format!("name the book's own market with --market, or {}", error.remedy);
            Failure::File(error)
        }
        other => other,
    }
}

/// How figures are written.
#[derive(Clone, Copy)]
enum Format {
    Comma,
    Parquet,
}

impl Format {
    fn of(path: &str) -> Result<Self, Failure> {
        let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Ok(Self::Comma),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(Failure::Usage(format!(
                "--out {path}: end the name in .parquet or .csv, to say which of them to write"
            ))),
        }
    }
}

fn all_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The tails that thresholds are of: two methodologies of one name may differ in them.
fn tails(epoch: &Epoch) -> Vec<String> {
    let blocks = epoch.scenarios().blocks.iter();
    let tail = blocks.filter_map(|block| match block.aggregator {
        Aggregator::ExpectedShortfall { alpha_ppm } => {
            Some(format!("{} {alpha_ppm} {}", block.name, block.span.len()))
        }
        _ => None,
    });
    tail.collect()
}

fn read_thresholds(
    arguments: &BookArguments,
    named: &NamedBook,
    epoch: &Epoch,
) -> Result<BookThresholds, Failure> {
    let name = epoch.methodology().name();
    let mut thresholds = BookThresholds::unknown(&named.accounts, name, &tails(epoch));
    let Some(path) = &arguments.thresholds else { return Ok(thresholds) };
    match File::open(path) {
        // The first run has none.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(Failure::Open { path: path.clone(), source }),
        Ok(file) => match thresholds.read(file) {
            Ok(()) => {}
            Err(error @ ThresholdsError::OtherBook) => {
                inputs::warn(&format!("{path}: {error}; starting without, and replacing them"));
            }
            Err(error) => return Err(Failure::Usage(format!("{path}: {error}"))),
        },
    }
    Ok(thresholds)
}

fn margin(
    path: &str,
    data: &Data,
    epoch: &Epoch,
    named: &NamedBook,
    threads: NonZeroUsize,
    thresholds: &mut [f64],
) -> Result<BookMargin, Failure> {
    let accounts = named.book.accounts() as u64;
    let bar = Mutex::new(Progress::of("margining accounts", accounts));
    let progress = |done: usize| {
        // A bar that a panicking thread left behind is no reason to stop.
        if let Ok(mut bar) = bar.lock() {
            bar.advance(done as u64);
        }
    };
    let settings = RunSettings { threads, level: Level::best(), progress: &progress };
    book_margin(epoch, &data.snapshot.market, &named.book, &settings, thresholds).map_err(|error| {
        let of = |account: usize| format!("{path}: account `{}`", named.accounts[account]);
        match error {
            WholeBookError::Risk(source) => Failure::Risk { context: path.to_owned(), source },
            WholeBookError::TooLarge { account } => Failure::Usage(format!(
                "{}: its sums are beyond any real ones; correct it",
                of(account)
            )),
            other => Failure::Usage(format!("{path}: {other}")),
        }
    })
}

fn table(named: &NamedBook, margin: &BookMargin) -> Table {
    let mut table =
        Table::of(&["account", "worst loss", "value at risk", "expected shortfall", "requirement"]);
    let tail = |ticks| match margin.tail_block {
        Some(_) => Cell::Usd(margin.usd(ticks)),
        None => Cell::Missing,
    };
    for (name, line) in named.accounts.iter().zip(&margin.lines) {
        table.row([
            Cell::text(name),
            Cell::Usd(margin.usd(line.worst_loss)),
            tail(line.value_at_risk),
            tail(line.expected_shortfall),
            Cell::Usd(margin.usd(line.requirement)),
        ]);
    }
    table
}

/// What there is to say of a run beside its figures.
struct Run<'a> {
    named: &'a NamedBook,
    margin: &'a BookMargin,
    threads: NonZeroUsize,
    reading: Duration,
    computing: Duration,
}

impl Run<'_> {
    fn fields(&self, tails: usize) -> Vec<(&'static str, Cell)> {
        let tally = &self.margin.tally;
        let block = |name: &Option<String>| match name {
            Some(name) => Cell::text(name),
            None => Cell::Missing,
        };
        let total: i128 = self.margin.lines.iter().map(|line| line.requirement).sum();
        let mut fields = vec![
            ("accounts", Cell::Count(tally.accounts)),
            ("positions", Cell::Count(tally.positions)),
            ("sum of requirements", Cell::Usd(self.margin.usd(total))),
            ("worst loss of", block(&self.margin.worst_block)),
            ("shortfall of", block(&self.margin.tail_block)),
            ("threads", Cell::Count(self.threads.get() as u64)),
            ("seconds reading", Cell::Number(self.reading.as_secs_f64(), 3)),
            ("seconds computing", Cell::Number(self.computing.as_secs_f64(), 3)),
            ("fallback rate", Cell::Share(tally.recomputed as f64 / tails.max(1) as f64)),
            ("accounts one by one", Cell::Count(tally.wide)),
            ("rows", Cell::Count(self.named.rows)),
        ];
        if let Some(bytes) = peak_memory_bytes() {
            fields.push(("peak memory MB", Cell::Number(bytes as f64 / 1e6, 0)));
        }
        fields
    }
}

/// The most memory that this process has had, where the system says so.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
