//! Candles of the trades that are written together.

use std::collections::BTreeMap;

use engine::InstrumentId;
use rusqlite::{Connection, Error, OptionalExtension, Transaction, params};

use super::record::Record;
use super::schema::insert;
use super::words::{Columns, decimal};
use crate::feed::candles::Candle;

/// Minutes of the candles that are stored: others are made of them.
pub const LENGTHS: [i64; 2] = [1, 60];

/// Candles that changed.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<(InstrumentId, i64, i64), Candle>);

impl Tally {
    /// Takes in a record, if it is of a trade.
    pub fn add(&mut self, record: &Record) {
        let Record::Trade(trade) = record else { return };
        for minutes in LENGTHS {
            let time = trade.time.milliseconds();
            let one = Candle::of(time, minutes, trade.price, trade.lots);
            let place = (trade.instrument, minutes, one.start);
            self.0.entry(place).and_modify(|candle| candle.add(&one)).or_insert(one);
        }
    }

    /// Adds them to those that are stored.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        for ((instrument, minutes, start), new) in &self.0 {
            let known = stored(transaction, *instrument, *minutes, *start)?;
            let one = known.map_or(*new, |mut known| {
                known.add(new);
                known
            });
            let values = params![
                instrument.0,
                minutes,
                start,
                one.open.units(),
                one.high.units(),
                one.low.units(),
                one.close.units(),
                one.lots,
                decimal(one.value),
            ];
            insert(transaction, "candles", values)?;
        }
        Ok(())
    }
}

fn stored(
    connection: &Connection,
    instrument: InstrumentId,
    minutes: i64,
    start: i64,
) -> Result<Option<Candle>, Error> {
    let read = "select time, open, high, low, close, lots, value from candles \
                where instrument = ? and minutes = ? and time = ?";
    let mut read = connection.prepare_cached(read)?;
    read.query_row(params![instrument.0, minutes, start], |row| candle(&mut Columns::of(row, 0)))
        .optional()
}

/// A candle from its time on.
///
/// # Errors
/// If a column holds what it can't.
pub fn candle(row: &mut Columns<'_, '_>) -> Result<Candle, Error> {
    Ok(Candle {
        start: row.take()?,
        open: row.price()?,
        high: row.price()?,
        low: row.price()?,
        close: row.price()?,
        lots: row.take()?,
        value: row.decimal()?,
    })
}
