//! `plimsoll sample`: the built-in sample as files.

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use marketdata::{sample, write_history, write_market, write_portfolio};

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  plimsoll sample demo
  plimsoll margin --market demo/market.csv --portfolio demo/portfolio.csv --history demo/history.csv";

/// Write the built-in sample as files, to look at, edit and read back
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SampleArguments {
    /// The folder that the files go to; made if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

/// Writes market.csv, portfolio.csv and history.csv.
pub fn run(arguments: &SampleArguments, output: Output) -> Result<Answer, Failure> {
    let snapshot = sample::snapshot();
    let accounts = sample::portfolio(&snapshot.market)?;
    let mut files: [(&str, Vec<u8>); 3] =
        ["market.csv", "portfolio.csv", "history.csv"].map(|name| (name, Vec::new()));
    write_market(&snapshot, &mut files[0].1).map_err(Failure::Write)?;
    write_portfolio(&accounts, &mut files[1].1).map_err(Failure::Write)?;
    write_history(&sample::history(), &mut files[2].1).map_err(Failure::Write)?;
    let folder = &arguments.folder;
    let failure =
        |path: &Path, source| Failure::Create { path: path.display().to_string(), source };
    fs::create_dir_all(folder).map_err(|source| failure(folder, source))?;
    let exists = files.iter().map(|(name, _)| folder.join(name)).find(|path| path.exists());
    if let Some(path) = exists.filter(|_| !arguments.force) {
        let path = path.display();
        return Err(Failure::Usage(format!("{path} exists; give --force to replace it")));
    }
    let mut table = Table::of(&["file", "bytes"]);
    for (name, bytes) in files {
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let mut file = BufWriter::new(file.map_err(|source| failure(&path, source))?);
        file.write_all(&bytes)
            .and_then(|()| file.flush())
            .map_err(|source| failure(&path, source))?;
        table.row([Cell::text(path.display()), Cell::Count(bytes.len() as u64)]);
    }
    let mut document = Document { main: Some("files"), ..Document::default() };
    document.table("files", table);
    Ok(Answer::of(&document, output))
}
