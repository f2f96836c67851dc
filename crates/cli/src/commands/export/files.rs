//! Files of tables, in CSV or Parquet.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Format;
use super::comma::CommaFile;
use super::parquet_file::ParquetFile;
use super::tables::{Column, Value};
use crate::document::{Cell, Document, Table as Drawn};
use crate::failure::Failure;

/// The files, which get their names when all of them are complete.
pub struct Files(Vec<TableFile>);

struct TableFile {
    table: &'static str,
    rows: u64,
    place: PathBuf,
    sink: Sink,
}

enum Sink {
    Comma(Box<CommaFile<Unnamed>>),
    Parquet(Box<ParquetFile<Unnamed>>),
}

/// A file that has no name yet, and goes away without one.
type Unnamed = BufWriter<NamedTempFile>;

impl Files {
    /// Begins a file for each table.
    pub fn create(
        folder: &Path,
        format: Format,
        tables: Vec<(&'static str, Vec<Column>)>,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(cannot_create(folder))?;
        let file = |(table, columns): (&'static str, Vec<Column>)| {
            let extension = if format == Format::Csv { "csv" } else { "parquet" };
            let place = folder.join(format!("{table}.{extension}"));
            if place.is_dir() {
                let error = std::io::Error::other("it is there and is no plain file");
                return Err(cannot_create(&place)(error));
            }
            let unnamed = tempfile::Builder::new()
                .prefix(".plimsoll-")
                .make_in(folder, |path| File::create_new(path));
            let unnamed = BufWriter::new(unnamed.map_err(cannot_create(&place))?);
            let sink = match format {
                Format::Csv => CommaFile::new(unnamed, &columns).map(Box::new).map(Sink::Comma),
                Format::Parquet => {
                    ParquetFile::new(unnamed, table, &columns).map(Box::new).map(Sink::Parquet)
                }
            };
            let sink = sink.map_err(cannot_create(&place))?;
            Ok(TableFile { table, rows: 0, place, sink })
        };
        tables.into_iter().map(file).collect::<Result<_, _>>().map(Self)
    }

    /// Adds a row to a table, if it is one of these.
    pub fn row(&mut self, table: &str, row: &[Value<'_>]) -> Result<(), Failure> {
        let Some(file) = self.0.iter_mut().find(|file| file.table == table) else { return Ok(()) };
        file.rows += 1;
        let written = match &mut file.sink {
            Sink::Comma(sink) => sink.row(row),
            Sink::Parquet(sink) => sink.row(row),
        };
        written.map_err(cannot_create(&file.place))
    }

    /// Gives the files their names, and says what is in them.
    pub fn finish(self) -> Result<Document, Failure> {
        let mut drawn = Drawn::of(&["table", "rows", "file"]);
        let mut complete = Vec::new();
        for TableFile { table, rows, place, sink } in self.0 {
            let finished = match sink {
                Sink::Comma(sink) => sink.finish(),
                Sink::Parquet(sink) => sink.finish(),
            };
            let finished = finished.and_then(|file| Ok(file.into_inner()?));
            complete.push((finished.map_err(cannot_create(&place))?, place.clone()));
            let shown = place.display().to_string();
            drawn.row([Cell::text(table), Cell::Count(rows), Cell::Text(shown)]);
        }
        for (file, place) in complete {
            file.persist(&place).map_err(|error| cannot_create(&place)(error.error))?;
        }
        let mut document = Document { main: Some("export"), ..Document::default() };
        document.table("export", drawn);
        Ok(document)
    }
}

fn cannot_create(place: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = place.display().to_string();
    move |source| Failure::Create { path, source }
}
