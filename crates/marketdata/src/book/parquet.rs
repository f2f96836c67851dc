//! Books as Parquet, row group by row group.
//!
//! The file is taken for hostile: what its end says of itself is bounded before anything is read by
//! it, and where the reader beneath gives up with a panic, that is an error of the file.

use parquet::basic::{Compression, ConvertedType, Type};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use risk::Market;

use super::figure::Figure;
use super::guard::guarded;
use super::rows::{BookRow, Rows};
use super::{BOOK_ROWS_MAX, NamedBook, footer};
use crate::FileError;
use crate::error::shown;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 8_192;
/// Columns that a schema may have.
const COLUMNS_MAX: usize = 1_000;

const DAMAGED: &str = "write or copy the file again: it is damaged or incomplete";

/// What a column is for.
const NAMES: [&str; 4] = ["account", "instrument", "quantity", "entry_price"];

pub(super) fn read<R: ChunkReader + 'static>(
    file: &str,
    source: R,
    market: &Market,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<NamedBook, FileError> {
    let length = source.len();
    footer::check(file, &source)?;
    let reader = guarded(|| SerializedFileReader::new(source))
        .map_err(|problem| FileError::at(file, 1, problem, DAMAGED))?;
    let metadata = reader.metadata();
    let total = row_count(file, metadata, length)?;
    let columns = columns(file, metadata)?;
    check_compression(file, metadata, &columns)?;
    let mut rows = Rows::new(file, market);
    let mut done = 0;
    for group in 0..metadata.num_row_groups() {
        let count = metadata.row_group(group).num_rows().unsigned_abs();
        let mut chunks = Vec::with_capacity(columns.len());
        for column in &columns {
            let opened = guarded(|| reader.get_row_group(group)?.get_column_reader(column.index));
            let opened = opened.map_err(|problem| damaged(file, done + 1, column.name, problem))?;
            let chunk = Chunk::of(opened, column);
            chunks.push(chunk.ok_or_else(|| {
                let problem = "its values are of another type than the schema says";
                damaged(file, done + 1, column.name, problem.to_owned())
            })?);
        }
        let mut left = count;
        while left > 0 {
            let batch = left.min(BATCH_ROWS as u64) as usize;
            for chunk in &mut chunks {
                chunk
                    .fill(batch)
                    .map_err(|problem| damaged(file, done + 1, chunk.column.name, problem))?;
            }
            take_rows(file, &chunks, batch, done, &mut rows)?;
            done += batch as u64;
            left -= batch as u64;
            progress(done, total);
        }
    }
    rows.finish()
}

fn damaged(file: &str, row: u64, column: &str, message: String) -> FileError {
    FileError { column: Some(column.to_owned()), ..FileError::at(file, row, message, DAMAGED) }
}

/// The rows of all groups, once each group's columns are known to lie within the file.
fn row_count(file: &str, metadata: &ParquetMetaData, length: u64) -> Result<u64, FileError> {
    let mut total = 0_u64;
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows()).ok().filter(|_| lies_within(group, length));
        let Some(rows) = rows else {
            return Err(FileError::at(file, 1, "a row group lies outside the file", DAMAGED));
        };
        total = total.saturating_add(rows);
    }
    if total > BOOK_ROWS_MAX {
        let message = format!("the file has {total} rows, more than the limit of {BOOK_ROWS_MAX}");
        return Err(FileError::at(file, 1, message, "split it"));
    }
    Ok(total)
}

fn lies_within(group: &RowGroupMetaData, length: u64) -> bool {
    group.columns().iter().all(|column| {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let end = start.checked_add(column.compressed_size());
        let end = end.and_then(|end| u64::try_from(end).ok());
        start >= 0 && column.compressed_size() >= 0 && end.is_some_and(|end| end <= length)
    })
}

/// A column that the book is read from.
struct Column {
    name: &'static str,
    index: usize,
    unsigned: bool,
}

/// The columns of the book, in the order of [`NAMES`]; the last may be missing.
fn columns(file: &str, metadata: &ParquetMetaData) -> Result<Vec<Column>, FileError> {
    let schema = metadata.file_metadata().schema_descr();
    let refuse = |name: &str, message: String, remedy: &str| FileError {
        column: Some(name.to_owned()),
        ..FileError::at(file, 1, message, remedy)
    };
    if schema.num_columns() > COLUMNS_MAX {
        let message = format!("the schema has more than {COLUMNS_MAX} columns");
        return Err(FileError::at(file, 1, message, "write only the columns that are needed"));
    }
    let mut found = Vec::with_capacity(NAMES.len());
    for name in NAMES {
        let of_name = |column: &&ColumnPlace| column.root == name;
        let all: Vec<ColumnPlace> = (0..schema.num_columns())
            .map(|index| ColumnPlace {
                index,
                root: schema.column(index).path().parts().first().cloned().unwrap_or_default(),
            })
            .collect();
        let mut same = all.iter().filter(of_name);
        let Some(place) = same.next() else {
            if name == "entry_price" {
                continue;
            }
            let have: Vec<&str> = all.iter().map(|column| &*column.root).collect();
            let remedy = format!("add it; the schema has {}", shown(&have.join(", ")));
            return Err(refuse(name, "the schema lacks this column".to_owned(), &remedy));
        };
        let descriptor = schema.column(place.index);
        if same.next().is_some() || descriptor.path().parts().len() > 1 {
            let message = "the schema has this column twice, or as a structure".to_owned();
            return Err(refuse(name, message, "write one plain column of this name"));
        }
        let is_name = ["account", "instrument"].contains(&name);
        let unsigned = readable(&descriptor, is_name).ok_or_else(|| {
            let (kind, marked) = (descriptor.physical_type(), descriptor.converted_type());
            let message = format!("values of type {kind} ({marked}) can't be read here");
            refuse(
                name,
                message,
                if is_name {
                    "write strings or whole numbers"
                } else {
                    "write doubles, whole numbers or strings"
                },
            )
        })?;
        found.push(Column { name, index: place.index, unsigned });
    }
    Ok(found)
}

/// Refuses what the reader beneath was not built for.
fn check_compression(
    file: &str,
    metadata: &ParquetMetaData,
    columns: &[Column],
) -> Result<(), FileError> {
    for group in metadata.row_groups() {
        for column in columns {
            let compression = group.column(column.index).compression();
            if !matches!(
                compression,
                Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_)
            ) {
                let message = format!("its values are compressed by {compression}");
                let remedy = "write the file with snappy or zstd, or without compression";
                let name = Some(column.name.to_owned());
                return Err(FileError { column: name, ..FileError::at(file, 1, message, remedy) });
            }
        }
    }
    Ok(())
}

struct ColumnPlace {
    index: usize,
    root: String,
}

/// Whether a column's numbers are unsigned; `None` if it can't be read.
fn readable(column: &ColumnDescriptor, is_name: bool) -> Option<bool> {
    use ConvertedType as Marked;
    if column.max_rep_level() > 0 || column.max_def_level() > 1 {
        return None;
    }
    match (column.physical_type(), column.converted_type()) {
        (Type::BYTE_ARRAY, Marked::NONE | Marked::UTF8 | Marked::ENUM) => Some(false),
        (Type::FLOAT | Type::DOUBLE, Marked::NONE) => (!is_name).then_some(false),
        (
            Type::INT32 | Type::INT64,
            Marked::NONE | Marked::INT_8 | Marked::INT_16 | Marked::INT_32 | Marked::INT_64,
        ) => Some(false),
        (
            Type::INT32 | Type::INT64,
            Marked::UINT_8 | Marked::UINT_16 | Marked::UINT_32 | Marked::UINT_64,
        ) => Some(true),
        _ => None,
    }
}

/// One column of a row group, with the rows decoded last.
struct Chunk<'c> {
    column: &'c Column,
    reader: ColumnReader,
    /// One for each row that is not null; empty if the column has no nulls.
    levels: Vec<i16>,
    values: Values,
    /// Where each row's value is, where there are nulls.
    places: Vec<Option<usize>>,
}

enum Values {
    Text(Vec<ByteArray>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
}

impl<'c> Chunk<'c> {
    fn of(reader: ColumnReader, column: &'c Column) -> Option<Self> {
        let values = match &reader {
            ColumnReader::ByteArrayColumnReader(_) => Values::Text(vec![]),
            ColumnReader::Int32ColumnReader(_) => Values::Int32(vec![]),
            ColumnReader::Int64ColumnReader(_) => Values::Int64(vec![]),
            ColumnReader::FloatColumnReader(_) => Values::Float(vec![]),
            ColumnReader::DoubleColumnReader(_) => Values::Double(vec![]),
            _ => return None,
        };
        Some(Self { column, reader, levels: vec![], values, places: vec![] })
    }

    /// Decodes the next rows, exactly so many.
    fn fill(&mut self, rows: usize) -> Result<(), String> {
        let Self { reader, levels, values, places, .. } = self;
        levels.clear();
        macro_rules! read {
            ($reader:expr, $values:expr) => {{
                $values.clear();
                guarded(|| $reader.read_records(rows, Some(levels), None, $values))
                    .map(|(records, found, _)| (records, found, $values.len()))
            }};
        }
        let (records, found, held) = match (reader, values) {
            (ColumnReader::ByteArrayColumnReader(reader), Values::Text(values)) => {
                read!(reader, values)
            }
            (ColumnReader::Int32ColumnReader(reader), Values::Int32(values)) => {
                read!(reader, values)
            }
            (ColumnReader::Int64ColumnReader(reader), Values::Int64(values)) => {
                read!(reader, values)
            }
            (ColumnReader::FloatColumnReader(reader), Values::Float(values)) => {
                read!(reader, values)
            }
            (ColumnReader::DoubleColumnReader(reader), Values::Double(values)) => {
                read!(reader, values)
            }
            _ => unreachable!("a chunk's values are of its reader's type"),
        }?;
        places.clear();
        if !levels.is_empty() {
            let mut next = 0;
            places.extend(levels.iter().map(|level| {
                let place = (*level > 0).then_some(next);
                next += usize::from(*level > 0);
                place
            }));
        }
        let present = places.iter().flatten().count();
        let whole = if levels.is_empty() {
            found == rows
        } else {
            places.len() == rows && found == present
        };
        if records == rows && whole && held == found {
            Ok(())
        } else {
            Err(format!("the row group has fewer rows than the {rows} that should follow"))
        }
    }

    /// Where a row's value is; `None` if it is null.
    fn place(&self, row: usize) -> Option<usize> {
        if self.places.is_empty() { Some(row) } else { self.places[row] }
    }

    /// A name, which `buffer` holds if it is a number.
    fn name<'b>(&'b self, row: usize, buffer: &'b mut String) -> Result<&'b str, &'static str> {
        let place = self.place(row).ok_or("the field is null")?;
        match &self.values {
            Values::Text(values) => {
                std::str::from_utf8(values[place].data()).map_err(|_| "the text is not UTF-8")
            }
            _ => match self.figure(row, buffer)? {
                Figure::Text(text) => Ok(text),
                Figure::Missing | Figure::Units(_) => Err("the field is no name"),
            },
        }
    }

    fn figure<'b>(
        &'b self,
        row: usize,
        buffer: &'b mut String,
    ) -> Result<Figure<'b>, &'static str> {
        let Some(place) = self.place(row) else { return Ok(Figure::Missing) };
        let unsigned = self.column.unsigned;
        Ok(match &self.values {
            Values::Text(values) => {
                let text = std::str::from_utf8(values[place].data());
                Figure::of_text(text.map_err(|_| "the text is not UTF-8")?)
            }
            Values::Int32(values) if unsigned => Figure::of(&values[place].cast_unsigned(), buffer),
            Values::Int64(values) if unsigned => Figure::of(&values[place].cast_unsigned(), buffer),
            Values::Int32(values) => Figure::of(&values[place], buffer),
            Values::Int64(values) => Figure::of(&values[place], buffer),
            Values::Float(values) => Figure::of(&values[place], buffer),
            Values::Double(values) => Figure::of_double(values[place], buffer),
        })
    }
}

fn take_rows(
    file: &str,
    chunks: &[Chunk<'_>],
    count: usize,
    before: u64,
    rows: &mut Rows<'_>,
) -> Result<(), FileError> {
    let [account, instrument, quantity, entry @ ..] = chunks else {
        unreachable!("three columns are always found");
    };
    let mut buffers: [String; 4] = Default::default();
    for row in 0..count {
        let line = before + row as u64 + 1;
        let wrong = |chunk: &Chunk<'_>, message: &str| {
            let remedy = "write a value, or remove the row";
            let column = Some(chunk.column.name.to_owned());
            FileError { column, ..FileError::at(file, line, message, remedy) }
        };
        let [of_account, of_instrument, of_quantity, of_entry] = &mut buffers;
        let figure = match entry.first() {
            Some(entry) => entry.figure(row, of_entry).map_err(|message| wrong(entry, message))?,
            None => Figure::Missing,
        };
        rows.push(&BookRow {
            line,
            account: account.name(row, of_account).map_err(|message| wrong(account, message))?,
            instrument: instrument
                .name(row, of_instrument)
                .map_err(|message| wrong(instrument, message))?,
            quantity: quantity
                .figure(row, of_quantity)
                .map_err(|message| wrong(quantity, message))?,
            entry: figure,
        })?;
    }
    Ok(())
}
