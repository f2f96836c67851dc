//! Values as columns hold them, and back.

use instruments::{Amount, Asset, Price, SCALE_DECIMALS, Timestamp, format_fixed, parse_fixed};
use rusqlite::types::{FromSql, Type};
use rusqlite::{Error, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A number that is never beyond 63 bits.
#[must_use]
pub fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A decimal in 10⁻⁸.
#[must_use]
pub fn decimal(units: i128) -> String {
    format_fixed(units, SCALE_DECIMALS)
}

/// A value of few as its word, and what has more to say as JSON.
#[must_use]
pub fn word(value: &impl Serialize) -> String {
    let text = json(value);
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(word) => word.to_owned(),
        None => text,
    }
}

/// A value as JSON.
#[must_use]
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what the engine says has JSON")
}

/// The columns of a row, taken from left to right.
pub struct Columns<'r, 'q> {
    row: &'r Row<'q>,
    next: usize,
}

impl<'r, 'q> Columns<'r, 'q> {
    /// From a column on.
    #[must_use]
    pub const fn of(row: &'r Row<'q>, next: usize) -> Self {
        Self { row, next }
    }

    /// The next column.
    pub fn take<T: FromSql>(&mut self) -> Result<T, Error> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    /// A number that is not negative.
    pub fn number(&mut self) -> Result<u64, Error> {
        let number: i64 = self.take()?;
        u64::try_from(number).map_err(|error| self.wrong(error))
    }

    /// A number of 32 bits that is not negative.
    pub fn small(&mut self) -> Result<u32, Error> {
        let number: i64 = self.take()?;
        u32::try_from(number).map_err(|error| self.wrong(error))
    }

    /// A time.
    pub fn time(&mut self) -> Result<Timestamp, Error> {
        self.take().map(Timestamp::from_milliseconds)
    }

    /// A price.
    pub fn price(&mut self) -> Result<Price, Error> {
        self.take().map(Price::from_units)
    }

    /// A price that may be missing.
    pub fn may_price(&mut self) -> Result<Option<Price>, Error> {
        Ok(self.take::<Option<i64>>()?.map(Price::from_units))
    }

    /// An amount.
    pub fn amount(&mut self) -> Result<Amount, Error> {
        self.decimal().map(Amount::from_units)
    }

    /// A decimal in 10⁻⁸.
    pub fn decimal(&mut self) -> Result<i128, Error> {
        let text: String = self.take()?;
        parse_fixed(&text, SCALE_DECIMALS).map_err(|error| self.wrong(error))
    }

    /// A whole number of any size.
    pub fn large(&mut self) -> Result<i128, Error> {
        let text: String = self.take()?;
        text.parse().map_err(|error: std::num::ParseIntError| self.wrong(error))
    }

    /// An asset.
    pub fn asset(&mut self) -> Result<Asset, Error> {
        let text: String = self.take()?;
        text.parse().map_err(|error: instruments::Error| self.wrong(error))
    }

    /// What [`word`] wrote.
    pub fn word<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let text: String = self.take()?;
        self.read(&text)
    }

    /// The same where it may be missing.
    pub fn may_word<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        let text: Option<String> = self.take()?;
        text.map(|text| self.read(&text)).transpose()
    }

    fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, Error> {
        let read = match text.starts_with('{') {
            true => serde_json::from_str(text),
            false => serde_json::from_value(text.into()),
        };
        read.map_err(|error| self.wrong(error))
    }

    fn wrong(&self, error: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::FromSqlConversionFailure(self.next - 1, Type::Text, Box::new(error))
    }
}
