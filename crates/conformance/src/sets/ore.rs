//! Historical value at risk and expected shortfall of Open Source Risk Engine.
//!
//! Two kinds of file go together: profits (columns Portfolio, RiskClass, RiskType, PLAmount, among
//! others) and answers (the first three, `Quantile_p` and `ExpectedShortfall_p` for any p). A row of
//! answers is one case; its profits are those of the same portfolio, class and type.
//!
//! The engine's p-quantile is the profit of rank ⌈N·(1 − p)⌉ from the top; its shortfall is the mean
//! of all profits up to that one, whichever tail p is in. Where N·(1 − p) is whole, two profits are
//! p-quantiles, and the engine's double arithmetic decides which it takes: 1 − 0.99 is a little more
//! than 0.01, so of 1,000 profits it takes the 11th, of 500 at p = 0.95 the 26th. Either counts here.
//!
//! Everything is printed with six decimals, so the error is in units of 1e-6, absolute, for profits
//! up to 1e6, and beyond in parts of the largest profit, 1e-12.

mod pairing;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use marketdata::{Column, FileError, Row, Table};
use risk::HistoricalProfits;

pub(super) use pairing::complete;
use pairing::match_files;

use crate::{Case, VectorError, VectorFile};

const ROWS_MAX: u64 = 10_000_000;
const TOLERANCE: f64 = 1e-6;
/// Profits beyond this have digits that a double does not hold to six decimals.
const EXACT_PROFIT_MAX: f64 = 1e6;

/// Portfolio, risk class and risk type.
type Key = [String; 3];
const KEY: [&str; 3] = ["Portfolio", "RiskClass", "RiskType"];

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut profits: BTreeMap<usize, BTreeMap<Key, HistoricalProfits>> = BTreeMap::new();
    let mut cases = Vec::new();
    for (answers, of_profits) in match_files(files)? {
        if let Entry::Vacant(entry) = profits.entry(of_profits) {
            entry.insert(read_profits(&files[of_profits])?);
        }
        let file = Answers { file: &files[answers], profits_file: &files[of_profits].name };
        cases.extend(file.compare(&profits[&of_profits])?);
    }
    Ok(cases)
}

fn read_profits(file: &VectorFile) -> Result<BTreeMap<Key, HistoricalProfits>, VectorError> {
    let mut table = Table::open(&file.name, &*file.bytes, ROWS_MAX)?;
    let (columns, amount) = (key_columns(&table)?, table.needed(pairing::AMOUNT)?);
    let mut groups: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
    while let Some(row) = table.next_row()? {
        groups.entry(key(&row, columns)).or_default().push(row.number(amount)?);
    }
    if groups.is_empty() {
        return Err(table.no_rows().into());
    }
    let sorted =
        |(key, profits)| (key, HistoricalProfits::new(profits).expect("finite, not empty"));
    Ok(groups.into_iter().map(sorted).collect())
}

/// A file of answers and the name of the file with its profits.
struct Answers<'a> {
    file: &'a VectorFile,
    profits_file: &'a str,
}

impl Answers<'_> {
    fn compare(&self, groups: &BTreeMap<Key, HistoricalProfits>) -> Result<Vec<Case>, VectorError> {
        let mut table = Table::open(&self.file.name, &*self.file.bytes, ROWS_MAX)?;
        let (columns, quantities) = (key_columns(&table)?, self.quantities(&table)?);
        let mut cases = Vec::new();
        while let Some(row) = table.next_row()? {
            let key = key(&row, columns);
            let Some(profits) = groups.get(&key) else {
                let message = format!("{} has no row of {}", self.profits_file, key.join(", "));
                let remedy = "give the profits that belong to it";
                return Err(row.error(columns[0], message, remedy).into());
            };
            let mut case = Case::named(&self.file.name, key.join(", "));
            for quantity in &quantities {
                quantity.compare(&row, profits, &mut case)?;
            }
            cases.push(case);
        }
        if cases.is_empty() {
            return Err(table.no_rows().into());
        }
        Ok(cases)
    }

    fn quantities(&self, table: &Table<'_>) -> Result<Vec<Quantity>, VectorError> {
        let mut quantities = Vec::new();
        for name in table.header() {
            let Some((is_shortfall, probability)) = pairing::probability(name) else { continue };
            let probability_ppm = parts_per_million(probability).ok_or_else(|| {
                let message = "a probability is from 0 to 1 with at most six decimals";
                let remedy = "name the column as `Quantile_0.010000`";
                VectorError::at(&self.file.name, format!("line 1: {name}"), message, remedy)
            })?;
            let column = table.needed(name)?;
            let name = name.clone();
            quantities.push(Quantity { name, column, probability_ppm, is_shortfall });
        }
        Ok(quantities)
    }
}

/// One column of answers.
struct Quantity {
    name: String,
    column: Column,
    probability_ppm: u32,
    is_shortfall: bool,
}

impl Quantity {
    fn compare(
        &self,
        row: &Row<'_>,
        profits: &HistoricalProfits,
        case: &mut Case,
    ) -> Result<(), FileError> {
        let expected = row.number(self.column)?;
        let mut found = profits.quantiles(self.probability_ppm);
        if self.is_shortfall {
            found = found.map(|quantile| profits.mean_up_to(quantile));
        }
        let [first, second] = found;
        let is_second = (second - expected).abs() < (first - expected).abs();
        let scale = (profits.magnitude() / EXACT_PROFIT_MAX).max(1.0);
        let nearer = if is_second { second } else { first };
        case.compare(&self.name, expected, nearer, scale, TOLERANCE);
        Ok(())
    }
}

fn parts_per_million(probability: &str) -> Option<u32> {
    let scaled = probability.parse::<f64>().ok()? * 1e6;
    let is_whole = (scaled - scaled.round()).abs() < 1e-6;
    ((0.0..=1e6).contains(&scaled) && is_whole).then(|| scaled.round() as u32)
}

/// The engine marks its first column with a `#`.
fn key_columns(table: &Table<'_>) -> Result<[Column; 3], FileError> {
    let marked = table.optional(&format!("#{}", KEY[0]));
    let first = marked.map_or_else(|| table.needed(KEY[0]), Ok)?;
    Ok([first, table.needed(KEY[1])?, table.needed(KEY[2])?])
}

fn key(row: &Row<'_>, columns: [Column; 3]) -> Key {
    columns.map(|column| row.text(column).to_owned())
}
