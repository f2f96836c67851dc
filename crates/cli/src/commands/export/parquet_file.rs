//! A table as Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Type as Physical;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType,
    Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::tables::{Column, Kind, Value};

/// Rows of a row group; so many are in memory.
const GROUP_ROWS: usize = 1 << 16;
/// Digits that a decimal may have, and how many stand behind the point.
const PRECISION: i32 = 38;
const SCALE: i32 = 8;

/// A file of columns. Rows are gathered until there is a group of them.
pub struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Gathered>,
    rows: usize,
}

/// The rows of a column that are not written yet.
struct Gathered {
    /// For each row whether there is something.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Whole(Vec<i64>),
    Decimal(Vec<FixedLenByteArray>),
    Text(Vec<ByteArray>),
    Flag(Vec<bool>),
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file.
    pub fn new(out: W, table: &str, columns: &[Column]) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(Default::default()))
            .build();
        let schema = schema(table, columns).map_err(io::Error::other)?;
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties));
        let columns = columns.iter().map(Gathered::of).collect();
        Ok(Self { writer: writer.map_err(io::Error::other)?, columns, rows: 0 })
    }

    /// Adds a row.
    pub fn row(&mut self, row: &[Value<'_>]) -> io::Result<()> {
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.push(value);
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// The file, with everything in it.
    pub fn finish(mut self) -> io::Result<W> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.into_inner().map_err(io::Error::other)
    }

    fn write_group(&mut self) -> io::Result<()> {
        let columns = &mut self.columns;
        let write = |writer: &mut SerializedFileWriter<W>| {
            let mut group = writer.next_row_group()?;
            for column in columns {
                let Some(mut out) = group.next_column()? else { break };
                column.write(&mut out)?;
                out.close()?;
            }
            group.close().map(drop)
        };
        write(&mut self.writer).map_err(io::Error::other)?;
        self.rows = 0;
        Ok(())
    }
}

impl Gathered {
    fn of(column: &Column) -> Self {
        let values = match column.kind {
            Kind::Number | Kind::Integer | Kind::Time => Values::Whole(Vec::new()),
            Kind::Decimal => Values::Decimal(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
            Kind::Flag => Values::Flag(Vec::new()),
        };
        Self { levels: Vec::new(), values }
    }

    fn push(&mut self, value: &Value<'_>) {
        self.levels.push(i16::from(*value != Value::Missing));
        match (&mut self.values, value) {
            (_, Value::Missing) => {}
            // Parquet stores unsigned numbers as the signed ones of the same bits.
            (Values::Whole(all), Value::Number(number)) => all.push(number.cast_signed()),
            (Values::Whole(all), Value::Integer(number)) => all.push(*number),
            (Values::Whole(all), Value::Time(time)) => all.push(time.milliseconds()),
            (Values::Decimal(all), Value::Decimal(units)) => {
                all.push(ByteArray::from(units.to_be_bytes().to_vec()).into());
            }
            (Values::Text(all), Value::Text(text)) => all.push(ByteArray::from(text.as_ref())),
            (Values::Flag(all), Value::Flag(flag)) => all.push(*flag),
            (_, value) => unreachable!("{value:?} is of another kind than its column"),
        }
    }

    fn write(&mut self, out: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = &self.levels;
        match &mut self.values {
            Values::Whole(all) => write(out.typed::<Int64Type>(), all, levels)?,
            Values::Decimal(all) => write(out.typed::<FixedLenByteArrayType>(), all, levels)?,
            Values::Text(all) => write(out.typed::<ByteArrayType>(), all, levels)?,
            Values::Flag(all) => write(out.typed::<BoolType>(), all, levels)?,
        }
        self.levels.clear();
        Ok(())
    }
}

/// Writes a column's values; its levels count where there may be nothing.
fn write<T: DataType>(
    out: &mut ColumnWriterImpl<'_, T>,
    values: &mut Vec<T::T>,
    levels: &[i16],
) -> Result<(), ParquetError> {
    out.write_batch(values, Some(levels), None)?;
    values.clear();
    Ok(())
}

fn schema(table: &str, columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    let fields: Result<Vec<_>, ParquetError> =
        columns.iter().map(|column| field(column).map(Arc::new)).collect();
    Ok(Arc::new(Type::group_type_builder(table).with_fields(fields?).build()?))
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical, converted) = match column.kind {
        Kind::Number => {
            (Physical::INT64, Some(LogicalType::integer(64, false)), ConvertedType::UINT_64)
        }
        Kind::Integer => (Physical::INT64, None, ConvertedType::NONE),
        Kind::Decimal => (
            Physical::FIXED_LEN_BYTE_ARRAY,
            Some(LogicalType::decimal(SCALE, PRECISION)),
            ConvertedType::DECIMAL,
        ),
        Kind::Time => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
            ConvertedType::TIMESTAMP_MILLIS,
        ),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), ConvertedType::UTF8),
        Kind::Flag => (Physical::BOOLEAN, None, ConvertedType::NONE),
    };
    let repetition = if column.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let mut builder = Type::primitive_type_builder(column.name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .with_converted_type(converted);
    if column.kind == Kind::Decimal {
        builder = builder.with_length(16).with_precision(PRECISION).with_scale(SCALE);
    }
    builder.build()
}
