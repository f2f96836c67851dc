//! Real prices: hourly bars, and Brownian bridges within the hour.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use instruments::Timestamp;
use marketdata::{FileError, Table};

use super::COINS;
use crate::SimulationError;
use crate::draws::Draws;

/// Hours that a file may have.
const ROWS_MAX: u64 = 1_000_000;
/// 4·ln 2, of Parkinson's estimate of variance from a range (1980).
const PARKINSON: f64 = 2.772_588_722_239_781;

/// One hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bar {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
}

impl Bar {
    fn of([open, high, low, close]: [f64; 4]) -> Self {
        Self { open, high, low, close }
    }

    /// Whether its prices are within its range.
    fn is_possible(&self) -> bool {
        let range = self.low..=self.high;
        range.contains(&self.open) && range.contains(&self.close)
    }

    /// Where the price goes next, so many milliseconds after the bar's start, and when it is there: to
    /// the high and then the low of an hour that fell, or the reverse, and then to the close.
    fn next_point(&self, elapsed: i64) -> (f64, i64) {
        let Self { open, high, low, close } = *self;
        let [first, second] = if close < open { [high, low] } else { [low, high] };
        let third = Timestamp::HOUR / 3;
        match elapsed {
            ..0 => (close, Timestamp::HOUR),
            _ if elapsed < third => (first, third),
            _ if elapsed < 2 * third => (second, 2 * third),
            _ => (close, Timestamp::HOUR),
        }
    }
}

/// The bars of one coin by the start of the hour.
pub(crate) type Bars = BTreeMap<Timestamp, Bar>;

/// Reads `BTC_hourly.csv` and so on of a folder, for so many coins.
pub(crate) fn read_folder(folder: &Path, coins: usize) -> Result<Vec<Bars>, SimulationError> {
    let mut all = Vec::new();
    for coin in &COINS[..coins] {
        let path = folder.join(format!("{coin}_hourly.csv"));
        let name = path.display().to_string();
        let file = File::open(&path)
            .map_err(|source| SimulationError::Open { path: name.clone(), source })?;
        all.push(read(&name, file)?);
    }
    Ok(all)
}

fn read(name: &str, file: File) -> Result<Bars, FileError> {
    let mut table = Table::open(name, file, ROWS_MAX)?;
    let time = table.needed("time")?;
    let columns = ["open", "high", "low", "close"].map(|column| table.needed(column));
    let [open, high, low, close] = columns;
    let columns = [open?, high?, low?, close?];
    let mut bars = Bars::new();
    while let Some(row) = table.next_row()? {
        let text = row.text(time);
        let at: Timestamp = text.parse().map_err(|_| {
            row.error(time, format!("`{text}` is not a time"), "write it as 2026-02-05T15:00:00Z")
        })?;
        let mut prices = [0.0; 4];
        for (price, column) in prices.iter_mut().zip(columns) {
            *price = row.number(column)?;
            if !(1e-6..=1e9).contains(price) {
                let message = format!("a price of {price} US dollars is none that a coin has");
                return Err(row.error(column, message, "correct it or remove the row"));
            }
        }
        let bar = Bar::of(prices);
        if at != hour_of(at) {
            let message = format!("`{text}` is within an hour");
            return Err(row.error(time, message, "give the start of the hour that the bar is of"));
        }
        if bars.last_key_value().is_some_and(|(last, _)| *last >= at) {
            let message = format!("`{text}` does not come after the hour of the line before");
            return Err(row.error(time, message, "sort the hours, and give each once"));
        }
        if !bar.is_possible() {
            let message =
                "the high is not the highest of the bar's prices, or the low not the lowest";
            return Err(row.error(
                columns[1],
                message.to_owned(),
                "correct the bar or remove the row",
            ));
        }
        bars.insert(at, bar);
    }
    if bars.is_empty() { Err(table.no_rows()) } else { Ok(bars) }
}

/// Prices that are the real ones at every full hour of which there is a bar, and reach its high and low
/// within: the one against the hour's direction after a third of it, the other after two thirds.
#[derive(Clone, Debug)]
pub(crate) struct Bridges {
    now: Timestamp,
    coins: Vec<Bridge>,
}

#[derive(Clone, Debug)]
struct Bridge {
    bars: Bars,
    log: f64,
}

impl Bridges {
    /// The prices from `from` on for so many hours.
    pub fn over(all: Vec<Bars>, from: Timestamp, hours: u32) -> Result<Self, SimulationError> {
        let until =
            Timestamp::from_milliseconds(from.milliseconds() + i64::from(hours) * Timestamp::HOUR);
        for (coin, bars) in COINS.iter().zip(&all) {
            let first = *bars.keys().next().expect("a file has rows");
            let last = *bars.keys().next_back().expect("a file has rows");
            if from < first || until.milliseconds() > last.milliseconds() + Timestamp::HOUR {
                return Err(SimulationError::OutsidePrices { coin, from, until, first, last });
            }
        }
        let bridge = |bars: Bars| {
            let log = numerics::ln(start(&bars, from));
            let bars = bars.range(hour_of(from)..=until).map(|(at, bar)| (*at, *bar)).collect();
            Bridge { bars, log }
        };
        Ok(Self { now: from, coins: all.into_iter().map(bridge).collect() })
    }

    /// Begins at other prices than the hour's, and comes back to the real ones with its next point.
    pub fn begin_at(&mut self, prices: &[f64]) {
        for (coin, price) in self.coins.iter_mut().zip(prices) {
            coin.log = numerics::ln(*price);
        }
    }

    /// Prices now.
    pub fn prices(&self) -> Vec<f64> {
        self.coins.iter().map(|coin| numerics::exp(coin.log)).collect()
    }

    /// Lets time pass: each price goes on its bridge to the next point that the hour's bar names.
    pub fn advance(&mut self, to: Timestamp, draws: &mut Draws) {
        let elapsed = to.since(self.now).max(0);
        for coin in &mut self.coins {
            let z = draws.normal();
            coin.advance(self.now, elapsed, z);
        }
        self.now = to;
    }
}

impl Bridge {
    /// From `now` on by `elapsed`: with T left to the next point, the mean moves by elapsed/T of the way
    /// there, and the variance is σ²·elapsed·(T−elapsed)/T; the bar's range bounds it, and says what
    /// σ is.
    fn advance(&mut self, now: Timestamp, elapsed: i64, z: f64) {
        let hour = hour_of(now);
        // Where bars are missing, one bridge spans the gap.
        let Some((first, bar)) = self.bars.range(hour..).next() else { return };
        let (target, target_at) = bar.next_point(now.since(*first));
        let left = (first.milliseconds() + target_at - now.milliseconds()).max(1) as f64;
        let step = (elapsed as f64).min(left);
        let target = numerics::ln(target);
        let range = numerics::ln_ratio(bar.high.max(bar.low * 1.000_001), bar.low);
        let per_ms = range * range / PARKINSON / Timestamp::HOUR as f64;
        let deviation = (per_ms * step * (left - step) / left).sqrt();
        let free = self.log + (target - self.log) * step / left + deviation * z;
        let (low, high) = (numerics::ln(bar.low), numerics::ln(bar.high));
        self.log = free.clamp(low.min(target), high.max(target));
    }
}

/// The last price at or before a time: the hour's open.
fn start(bars: &Bars, from: Timestamp) -> f64 {
    match bars.get(&hour_of(from)) {
        Some(bar) => bar.open,
        None => bars.range(..from).next_back().map_or(1.0, |(_, bar)| bar.close),
    }
}

fn hour_of(time: Timestamp) -> Timestamp {
    let ms = time.milliseconds();
    Timestamp::from_milliseconds(ms - ms.rem_euclid(Timestamp::HOUR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_hours_have_the_real_closes() {
        let bar = |open, close: f64| Bar { open, high: 105.0, low: 95.0, close };
        let at = |hour: i64| Timestamp::from_milliseconds(hour * Timestamp::HOUR);
        // Hour 2 is missing.
        let bars: Bars =
            [(at(0), bar(100.0, 97.0)), (at(1), bar(97.0, 104.0)), (at(3), bar(103.0, 99.0))]
                .into();
        let mut bridges = Bridges::over(vec![bars.clone(), bars], at(0), 4).unwrap();
        assert!((bridges.prices()[0] - 100.0).abs() < 1e-9);
        let mut draws = Draws::of(1, 1);
        let mut least: f64 = 1e9;
        for step in 1..=4 * 360 {
            let now = Timestamp::from_milliseconds(step * 10_000);
            bridges.advance(now, &mut draws);
            let price = bridges.prices()[0];
            assert!((94.99..105.01).contains(&price));
            least = least.min(price);
            let close = match step {
                360 => 97.0,
                720 => 104.0,
                1_440 => 99.0,
                _ => continue,
            };
            assert!((price - close).abs() < 1e-6, "{step}: {price}");
        }
        assert!(least < 95.01, "the low is reached");
    }

    #[test]
    fn what_is_beyond_the_bars_is_an_error() {
        let bar = Bar { open: 1.0, high: 1.0, low: 1.0, close: 1.0 };
        let bars: Bars = [(Timestamp::from_milliseconds(0), bar)].into();
        let from = Timestamp::from_milliseconds(0);
        let error = Bridges::over(vec![bars.clone(), bars], from, 2).unwrap_err();
        assert!(error.to_string().contains("BTC"), "{error}");
    }
}
