//! The file of a run over a book.

use std::fs::File;
use std::io::{Cursor, Read};

use marketdata::{
    FileError, NamedBook, PARQUET_START_BYTES, is_guarded, is_parquet, read_book_csv,
    read_book_parquet, read_book_parquet_bytes,
};
use risk::Market;

use crate::failure::Failure;
use crate::progress::{Progress, WatchedRead};

/// Reads the book, Parquet by its first bytes, else CSV; from a pipe too.
pub fn read(path: &str, market: &Market) -> Result<NamedBook, Failure> {
    let failure = |source| Failure::Open { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failure)?;
    let kind = file.metadata().map_err(failure)?;
    let mut start = Vec::new();
    (&mut file).take(PARQUET_START_BYTES as u64).read_to_end(&mut start).map_err(failure)?;
    if is_parquet(&start) {
        silence_panics_beneath();
        if kind.is_file() {
            return read_parquet(path, file, market);
        }
        // Parquet is read from its end, which a pipe has only once all of it has come.
        file.read_to_end(&mut start).map_err(failure)?;
        return Ok(read_book_parquet_bytes(path, start, market)?);
    }
    if path.ends_with(".parquet") {
        let remedy = "write or copy it again, or name it .csv if it is that";
        return Err(FileError::at(path, 1, "the file is no Parquet file", remedy).into());
    }
    let whole = Cursor::new(start).chain(file);
    Ok(read_book_csv(path, WatchedRead::of(whole, path, kind.len()), market)?)
}

fn read_parquet(path: &str, file: File, market: &Market) -> Result<NamedBook, Failure> {
    let mut bar: Option<Progress> = None;
    let mut before = 0;
    let named = read_book_parquet(path, file, market, &mut |done, total| {
        let bar = bar.get_or_insert_with(|| Progress::of(format!("reading {path}"), total));
        bar.advance(done - before);
        before = done;
    })?;
    Ok(named)
}

/// The reader of Parquet beneath ours panics on some damaged files. Ours answers with an error, and
/// nobody should read of a panic beside it.
fn silence_panics_beneath() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_guarded() {
            report(panic);
        }
    }));
}
