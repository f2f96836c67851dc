//! Waves as they were published: what had to be closed, and what it lacked.

use std::collections::BTreeMap;

use instruments::parse_fixed;
use risk::waterfall::adl::Need;

use super::DeleveragingError;

/// Decimals of a lot: contracts are published with up to four. So fine, whole lots colour nothing.
const LOT_DECIMALS: u32 = 7;
/// Decimals of money, as everywhere.
const MONEY_DECIMALS: u32 = 8;

/// One coin of a wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The coin's name.
    pub coin: String,
    /// Ten-millionths of contracts to close, and what they lack in 10⁻⁸ of a US dollar.
    pub need: Need,
}

/// One wave of the event.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// Its number.
    pub number: u32,
    /// What had to be closed, coin by coin.
    pub legs: Vec<Leg>,
    /// What the venue took, in 10⁻⁸ US dollars.
    pub venue_taken: i128,
    /// The largest part of what a single account had gained that the venue took.
    pub venue_largest_cut: f64,
    /// What all winners together had gained, in 10⁻⁸ US dollars.
    pub gains: i128,
}

impl Wave {
    /// What the wave lacked, in 10⁻⁸ US dollars.
    #[must_use]
    pub fn needed(&self) -> u128 {
        self.legs.iter().map(|leg| leg.need.deficit).sum()
    }
}

/// Reads the gaps per wave and coin, and the venue's own figures per wave, both CSV without quotes.
/// Waves of which either is missing are left out. Coins that lacked nothing are kept: their lots had to
/// be closed too. What the files have more decimals of than are held is rounded to the nearest.
///
/// # Errors
/// [`DeleveragingError`] naming the column, or the line and what is wrong there.
pub fn waves(gaps: &str, metrics: &str) -> Result<Vec<Wave>, DeleveragingError> {
    let gaps = Table::read(gaps, ["wave", "coin", "gap_usd_x_qty", "qty_contracts"])?;
    let mut legs: BTreeMap<u32, Vec<Leg>> = BTreeMap::new();
    for row in 0..gaps.rows.len() {
        let deficit = gaps.scaled(row, 2, MONEY_DECIMALS)?.unsigned_abs();
        let wanted = "a number of contracts above zero";
        let lots = u64::try_from(gaps.scaled(row, 3, LOT_DECIMALS)?).ok().filter(|lots| *lots > 0);
        let lots = lots.ok_or_else(|| gaps.error(row, 3, wanted))?;
        let coin = gaps.rows[row].1[1].clone();
        let leg = Leg { coin, need: Need { lots, deficit } };
        legs.entry(gaps.number(row)?).or_default().push(leg);
    }
    let metrics = Table::read(metrics, ["wave", "budget_prod", "max_pct_prod", "total_cap"])?;
    let mut waves = vec![];
    for row in 0..metrics.rows.len() {
        let number = metrics.number(row)?;
        if let Some(legs) = legs.remove(&number) {
            waves.push(Wave {
                number,
                legs,
                venue_taken: metrics.scaled(row, 1, MONEY_DECIMALS)?,
                venue_largest_cut: metrics.float(row, 2)?,
                gains: metrics.scaled(row, 3, MONEY_DECIMALS)?,
            });
        }
    }
    Ok(waves)
}

/// The columns of a CSV file that are asked for, in that order, with the line of each row.
struct Table<const N: usize> {
    columns: [&'static str; N],
    rows: Vec<(usize, [String; N])>,
}

impl<const N: usize> Table<N> {
    fn read(text: &str, columns: [&'static str; N]) -> Result<Self, DeleveragingError> {
        let mut lines = text.lines().zip(1..);
        let header: Vec<&str> =
            lines.next().map_or_else(Vec::new, |(line, _)| line.split(',').collect());
        let mut places = [0; N];
        for (place, column) in places.iter_mut().zip(columns) {
            let found = header.iter().position(|name| *name == column);
            *place = found.ok_or(DeleveragingError::Column(column))?;
        }
        let rows = lines.map(|(line, number)| {
            let fields: Vec<&str> = line.split(',').collect();
            (number, places.map(|place| fields.get(place).copied().unwrap_or("").to_owned()))
        });
        Ok(Self { columns, rows: rows.collect() })
    }

    fn error(&self, row: usize, column: usize, wanted: &'static str) -> DeleveragingError {
        let (line, fields) = &self.rows[row];
        let (column, text) = (self.columns[column], fields[column].clone());
        DeleveragingError::Field { line: *line, column, text, wanted }
    }

    /// The wave's number, in the first column.
    fn number(&self, row: usize) -> Result<u32, DeleveragingError> {
        self.rows[row].1[0].parse().map_err(|_| self.error(row, 0, "the number of a wave"))
    }

    fn float(&self, row: usize, column: usize) -> Result<f64, DeleveragingError> {
        let number =
            self.rows[row].1[column].parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.error(row, column, "a finite number"))
    }

    /// An amount of zero or more as a count of 10^−`decimals`.
    fn scaled(&self, row: usize, column: usize, decimals: u32) -> Result<i128, DeleveragingError> {
        let wanted = "an amount of zero or more";
        let number = self.float(row, column)?;
        if !(0.0..1e15).contains(&number) {
            return Err(self.error(row, column, wanted));
        }
        // Through text, so that what is printed with few decimals is taken as printed.
        let text = format!("{number:.width$}", width = decimals as usize);
        parse_fixed(&text, decimals).map_err(|_| self.error(row, column, wanted))
    }
}
