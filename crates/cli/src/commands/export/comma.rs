//! A table as CSV.

use std::io::{self, Write};

use instruments::{SCALE_DECIMALS, Timestamp, format_fixed};

use super::tables::{Column, Value};
use crate::escape::printable_lines;

/// A file of comma-separated values with a line of names first.
pub struct CommaFile<W: Write>(csv::Writer<W>);

impl<W: Write> CommaFile<W> {
    /// Writes the names.
    pub fn new(out: W, columns: &[Column]) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns.iter().map(|column| column.name))?;
        Ok(Self(writer))
    }

    /// Writes a row.
    pub fn row(&mut self, row: &[Value<'_>]) -> io::Result<()> {
        for value in row {
            match value {
                Value::Missing => self.0.write_field("")?,
                Value::Number(number) => self.0.write_field(number.to_string())?,
                Value::Integer(number) => self.0.write_field(number.to_string())?,
                Value::Decimal(units) => {
                    self.0.write_field(format_fixed(*units, SCALE_DECIMALS))?;
                }
                Value::Time(time) => self.0.write_field(milliseconds(*time))?,
                Value::Text(text) => self.0.write_field(printable_lines(text).as_ref())?,
                Value::Flag(flag) => self.0.write_field(flag.to_string())?,
            }
        }
        self.0.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// The file, with everything in it.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

/// A time with three decimals always, so that all of a column are of one form.
fn milliseconds(time: Timestamp) -> String {
    let text = time.to_string();
    match text.strip_suffix('Z') {
        None => text,
        Some(seconds) => match seconds.split_once('.') {
            None => format!("{seconds}.000Z"),
            Some((seconds, fraction)) => format!("{seconds}.{fraction:0<3}Z"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_one_form() {
        for (time, expected) in [
            (1_770_307_200_000, "2026-02-05T16:00:00.000Z"),
            (1_770_307_200_120, "2026-02-05T16:00:00.120Z"),
            (1_770_307_200_007, "2026-02-05T16:00:00.007Z"),
        ] {
            assert_eq!(milliseconds(Timestamp::from_milliseconds(time)), expected);
        }
    }
}
