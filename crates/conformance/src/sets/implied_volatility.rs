//! Implied volatility: a price gives back the volatility that it was computed with.
//!
//! A file has the columns F (forward), K (strike), T (years to expiry), s (σ per √year), c (`True`
//! for a call, `False` for a put) and P (undiscounted price); one row is one case. The relative
//! error may be what [`error_bound`] says. Where that is one or more, or the price is one of its
//! bounds, the price says nothing about the volatility, and the volatility must give the price.

use marketdata::{Column, FileError, Row, Table};
use pricing::OptionKind;
use pricing::black76::{greeks, undiscounted_price};
use pricing::implied_volatility::{
    ImpliedVolatilityError, QuoteBatch, error_bound, implied_volatilities,
};

use crate::{Case, VectorError, VectorFile};

const ROWS_MAX: u64 = 10_000_000;
/// Error of a recomputed price over the price, or over `PRICE_SHARE` of the larger of forward and
/// strike where that is more.
const PRICE_TOLERANCE: f64 = 1e-13;
const PRICE_SHARE: f64 = 4e-3;

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut cases = Vec::new();
    for file in files {
        check_file(file, &mut cases)?;
    }
    Ok(cases)
}

/// A file's rows, column by column.
#[derive(Default)]
struct Quotes {
    forwards: Vec<f64>,
    strikes: Vec<f64>,
    times: Vec<f64>,
    volatilities: Vec<f64>,
    kinds: Vec<OptionKind>,
    prices: Vec<f64>,
    lines: Vec<u64>,
}

fn check_file(file: &VectorFile, cases: &mut Vec<Case>) -> Result<(), VectorError> {
    let quotes = read(file)?;
    let batch = QuoteBatch {
        kinds: &quotes.kinds,
        prices: &quotes.prices,
        forwards: &quotes.forwards,
        strikes: &quotes.strikes,
        times: &quotes.times,
    };
    let mut found = vec![f64::NAN; quotes.kinds.len()];
    let failures = implied_volatilities(&batch, &mut found).expect("columns are of one length");
    for failure in failures {
        use ImpliedVolatilityError::{AtUpperBound, BelowIntrinsic};
        // A price that no volatility gives is a difference, not a wrong file.
        if !matches!(failure.error, BelowIntrinsic { .. } | AtUpperBound { .. }) {
            return Err(quotes.refused(file, failure.index, &failure.error.to_string()));
        }
    }
    cases.reserve(found.len());
    for (index, found) in found.into_iter().enumerate() {
        cases.push(quotes.compare(file, index, found)?);
    }
    Ok(())
}

impl Quotes {
    fn compare(&self, file: &VectorFile, index: usize, found: f64) -> Result<Case, VectorError> {
        let (kind, price) = (self.kinds[index], self.prices[index]);
        let (forward, strike) = (self.forwards[index], self.strikes[index]);
        let (time, volatility) = (self.times[index], self.volatilities[index]);
        let refused = |error: pricing::PricingError| self.refused(file, index, &error.to_string());
        let vega = greeks(kind, forward, strike, volatility, time, 0.0).map_err(refused)?.vega;
        let bound = error_bound(price, volatility, vega);
        let intrinsic = (kind.sign() * (forward - strike)).max(0.0);
        let greatest = if kind == OptionKind::Call { forward } else { strike };
        let mut case = Case::named(&file.name, format!("line {}", self.lines[index]));
        if bound < 1.0 && price != intrinsic && price != greatest {
            case.compare("implied volatility", volatility, found, volatility, bound);
        } else {
            let again = undiscounted_price(kind, forward, strike, volatility, time);
            let scale = price.abs().max(PRICE_SHARE * forward.max(strike));
            case.compare("price", price, again.map_err(refused)?, scale, PRICE_TOLERANCE);
        }
        Ok(case)
    }

    fn refused(&self, file: &VectorFile, index: usize, message: &str) -> VectorError {
        let place = format!("line {}", self.lines[index]);
        VectorError::at(&file.name, place, message, "correct it or remove the row")
    }
}

fn read(file: &VectorFile) -> Result<Quotes, FileError> {
    let mut table = Table::open(&file.name, &*file.bytes, ROWS_MAX)?;
    let [forward, strike, time, volatility, price] =
        ["F", "K", "T", "s", "P"].map(|name| table.needed(name));
    let (forward, strike, time) = (forward?, strike?, time?);
    let (volatility, is_call, price) = (volatility?, table.needed("c")?, price?);
    let mut quotes = Quotes::default();
    while let Some(row) = table.next_row()? {
        quotes.forwards.push(row.number(forward)?);
        quotes.strikes.push(row.number(strike)?);
        quotes.times.push(row.number(time)?);
        quotes.volatilities.push(row.number(volatility)?);
        quotes.kinds.push(kind(&row, is_call)?);
        quotes.prices.push(row.number(price)?);
        quotes.lines.push(row.line);
    }
    if quotes.lines.is_empty() {
        return Err(table.no_rows());
    }
    Ok(quotes)
}

fn kind(row: &Row<'_>, column: Column) -> Result<OptionKind, FileError> {
    match row.text(column) {
        "True" | "true" | "1" => Ok(OptionKind::Call),
        "False" | "false" | "0" => Ok(OptionKind::Put),
        _ => Err(row.error(column, "neither `True` nor `False`", "write `True` for a call")),
    }
}
