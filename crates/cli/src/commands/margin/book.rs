//! `plimsoll margin --book`: every account of a whole book at once.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use marketdata::{
    BookThresholds, FileError, NamedBook, ThresholdsError, is_parquet, read_book_csv,
    read_book_parquet, write_book_csv, write_book_parquet,
};
use numerics::Level;
use risk::methodology::Aggregator;
use risk::whole_book::{BookMargin, RunSettings, WholeBookError, book_margin};
use risk::{Epoch, Market, Valuation};

use crate::arguments::{DataArguments, Output};
use crate::commands::Answer;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs::{self, Data, Rules};
use crate::progress::Progress;

/// A whole book, and what to do with it
#[derive(Clone, Debug, Args)]
pub struct BookArguments {
    /// Book of any number of accounts, as Parquet or CSV: account, instrument, quantity and
    /// entry_price if wanted; without open orders
    #[arg(
        long, value_name = "FILE", help_heading = "Book",
        conflicts_with_all = ["portfolio", "orders", "check"]
    )]
    pub book: Option<String>,
    /// Where the book's figures go: FILE.parquet or FILE.csv
    #[arg(long, value_name = "FILE", help_heading = "Book", requires = "book")]
    pub out: Option<String>,
    /// What the last run knew of each account's tail, read if it is there and written again: the same
    /// figures sooner
    #[arg(long, value_name = "FILE", help_heading = "Book", requires = "book")]
    pub thresholds: Option<String>,
    /// How many threads work on the book; all of the processor's unless given
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
    let format = arguments.out.as_deref().map(Format::of).transpose()?;
    let mut data = Data::without_accounts(data)?;
    data.warn_without_history(&rules.methodology);
    let started = Instant::now();
    let named = read(path, &data.snapshot.market)?;
    let reading = started.elapsed();
    data.venue_balances = named.book.venue_balances().map_err(Failure::risk(path))?;
    let valuation = data.open(&rules.methodology, named.book.instruments())?;
    let Valuation::Scenario(epoch) = &valuation else {
        let (name, kind) = (rules.methodology.name(), rules.methodology.kind());
        return Err(Failure::Usage(format!(
            "methodology `{name}` is of kind `{kind}`; a book needs kind `scenario`, such as `core`"
        )));
    };
    let mut thresholds = read_thresholds(arguments, &named, epoch)?;
    let threads = arguments.threads.unwrap_or_else(all_threads);
    let started = Instant::now();
    let margin = margin(path, &data, epoch, &named, threads, &mut thresholds.values)?;
    let computing = started.elapsed();
    if let Some(path) = &arguments.thresholds {
        write(path, |out| out.write_all(&thresholds.to_bytes()))?;
    }
    if let Some((path, format)) = arguments.out.as_deref().zip(format) {
        write(path, |out| match format {
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

/// Reads the book, Parquet by its first bytes or its name, else CSV.
fn read(path: &str, market: &Market) -> Result<NamedBook, Failure> {
    let failure = |source| Failure::Open { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failure)?;
    if is_parquet(&mut file).map_err(failure)? {
        silence_panics_beneath();
        let mut bar: Option<Progress> = None;
        let mut before = 0;
        let named = read_book_parquet(path, file, market, &mut |done, total| {
            let bar = bar.get_or_insert_with(|| Progress::of(format!("reading {path}"), total));
            bar.advance(done - before);
            before = done;
        })?;
        return Ok(named);
    }
    if path.ends_with(".parquet") {
        let remedy = "write or copy it again, or name it .csv if it is that";
        return Err(FileError::at(path, 1, "the file is no Parquet file", remedy).into());
    }
    Ok(read_book_csv(path, inputs::open(path)?, market)?)
}

/// The reader of Parquet beneath ours panics on some damaged files. Ours answers with an error, and
/// nobody should read of a panic beside it.
fn silence_panics_beneath() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |location| location.file());
        if !file.contains("/parquet-") && !file.contains("/bytes-") {
            report(panic);
        }
    }));
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
        Ok(file) => thresholds
            .read(file)
            .map_err(|source: ThresholdsError| Failure::Usage(format!("{path}: {source}")))?,
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

/// Writes a file beside its place and then moves it there, so that a run that is cut short leaves the
/// one before.
fn write(
    path: &str,
    content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let failure = |source| Failure::Create { path: path.to_owned(), source };
    let beside = format!("{path}.part");
    let mut out = BufWriter::new(File::create(&beside).map_err(failure)?);
    content(&mut out)
        .and_then(|()| out.flush())
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(failure)
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
