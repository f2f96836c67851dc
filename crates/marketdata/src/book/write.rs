//! A book's figures as CSV or Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use instruments::{Amount, SCALE};
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use risk::whole_book::{BookLine, BookMargin};

use crate::record;

/// Names of the columns.
const COLUMNS: [&str; 5] =
    ["account", "worst_loss", "value_at_risk", "expected_shortfall", "requirement"];
/// Rows of a row group.
const GROUP_ROWS: usize = 100_000;

/// The figures of a line in US dollars; those of a block that the methodology lacks are missing.
fn figures(margin: &BookMargin, line: &BookLine) -> [Option<Amount>; 4] {
    let tail = |ticks| margin.tail_block.as_ref().map(|_| margin.usd(ticks));
    [
        Some(margin.usd(line.worst_loss)),
        tail(line.value_at_risk),
        tail(line.expected_shortfall),
        Some(margin.usd(line.requirement)),
    ]
}

/// Writes a row for each account: its worst loss, value at risk, expected shortfall and requirement
/// in US dollars. Amounts are exact: a whole number of ticks, to which shortfalls and requirements
/// were rounded up. A figure that the methodology does not have is empty.
///
/// # Errors
/// What the writer reports.
pub fn write_book_csv(
    accounts: &[String],
    margin: &BookMargin,
    mut out: impl Write,
) -> io::Result<()> {
    writeln!(out, "{}", COLUMNS.join(","))?;
    for (name, line) in accounts.iter().zip(&margin.lines) {
        write!(out, "{}", record::written(name))?;
        for figure in figures(margin, line) {
            match figure {
                Some(amount) => write!(out, ",{amount}")?,
                None => write!(out, ",")?,
            }
        }
        writeln!(out)?;
    }
    out.flush()
}

/// Writes the same rows as Parquet, compressed by Zstandard: a string and four doubles, each the one
/// nearest to the exact amount; a figure that the methodology does not have is null.
///
/// # Errors
/// What the writer reports.
pub fn write_book_parquet(
    accounts: &[String],
    margin: &BookMargin,
    out: impl Write + Send,
) -> io::Result<()> {
    write_parquet(accounts, margin, out).map_err(io::Error::other)
}

fn write_parquet(
    accounts: &[String],
    margin: &BookMargin,
    out: impl Write + Send,
) -> Result<(), ParquetError> {
    let compression = Compression::ZSTD(Default::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
    let groups = accounts.chunks(GROUP_ROWS).zip(margin.lines.chunks(GROUP_ROWS));
    for (accounts, lines) in groups {
        let mut group = writer.next_row_group()?;
        if let Some(mut column) = group.next_column()? {
            let names: Vec<ByteArray> =
                accounts.iter().map(|name| ByteArray::from(name.as_str())).collect();
            column.typed::<ByteArrayType>().write_batch(&names, None, None)?;
            column.close()?;
        }
        let mut index = 0;
        while let Some(mut column) = group.next_column()? {
            let all = lines.iter().map(|line| figures(margin, line)[index]);
            let levels: Vec<i16> = all.clone().map(|figure| i16::from(figure.is_some())).collect();
            let values: Vec<f64> = all.flatten().map(nearest).collect();
            column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
            column.close()?;
            index += 1;
        }
        group.close()?;
    }
    writer.close().map(drop)
}

fn schema() -> Result<Arc<Type>, ParquetError> {
    let text = Type::primitive_type_builder(COLUMNS[0], Physical::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .with_converted_type(ConvertedType::UTF8)
        .build()?;
    let mut fields = vec![Arc::new(text)];
    for name in &COLUMNS[1..] {
        let double = Type::primitive_type_builder(name, Physical::DOUBLE)
            .with_repetition(Repetition::OPTIONAL);
        fields.push(Arc::new(double.build()?));
    }
    Ok(Arc::new(Type::group_type_builder("book").with_fields(fields).build()?))
}

/// The double nearest to an amount: its decimal is read, so that it is rounded once.
fn nearest(amount: Amount) -> f64 {
    let units = amount.units();
    if units.unsigned_abs() < 1 << 53 {
        return units as f64 / SCALE as f64;
    }
    amount.to_string().parse().expect("an amount is written as a decimal number")
}
