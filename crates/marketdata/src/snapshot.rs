//! What a market file becomes, whatever its format.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Read;

use instruments::{
    Asset, ContractKind, Instrument, OptionKind, Price, SCALE, SettlementStyle, Timestamp,
    Underlying,
};
use pricing::{QuotedCurve, VolatilityCurve};
use risk::{AssetMarket, Confidence, ExpiryMarket, Market, Quote, UnderlyingMarket};

use crate::table::{Column, Row, Table};
use crate::{FileError, chain, tardis};

/// A market at one time, with the option quotes that it was made of.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Prices and volatilities as margin needs them.
    pub market: Market,
    /// Every option of the file that is still alive, by instrument.
    pub options: Vec<OptionQuote>,
    /// Options of the file that were left out, because they have no listing convention or, in a
    /// Tardis file, no mark at the time. Always 0 for a chain snapshot.
    pub left_out: usize,
}

/// What a file says of one option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionQuote {
    /// The contract.
    pub instrument: Instrument,
    /// When it expires.
    pub expiry: Timestamp,
    /// Its strike, in the quote asset.
    pub strike: Price,
    /// Call or put.
    pub kind: OptionKind,
    /// Volatility of the mark, per √year: 0.5 is 50 %. Greater than zero.
    pub volatility: f64,
    /// Mark price: in coin for an inverse option, in the quote asset for a linear one. May be 0.
    pub mark: Price,
    /// Best bid, in the same unit; `None` without one.
    pub bid: Option<Price>,
    /// Best ask, in the same unit; `None` without one.
    pub ask: Option<Price>,
    /// Delta as published, in underlying per contract unit.
    pub delta: Option<f64>,
    /// Vega as published, in US dollars per volatility point.
    pub vega: Option<f64>,
    /// Contracts outstanding, in the base asset.
    pub open_interest: Option<f64>,
}

/// Reads a market file of either format, plain or gzipped: a chain snapshot or a Tardis
/// `options_chain` file, told apart by the header.
///
/// With `at`, the market is as it was at that time: a Tardis file is read up to there, and a chain
/// snapshot must not be later.
///
/// # Errors
/// [`FileError`] at the first line that is wrong.
pub fn read_market(
    file: &str,
    source: impl Read,
    at: Option<Timestamp>,
) -> Result<Snapshot, FileError> {
    let table = Table::open(file, source, tardis::ROWS_MAX)?;
    if chain::has_header(&table) {
        chain::read(table.with_rows_max(chain::ROWS_MAX), at)
    } else if tardis::has_header(&table) {
        tardis::read(table, at)
    } else {
        Err(FileError::at(
            file,
            table.line(),
            "this is the header of no market file",
            "give a chain snapshot (column instrument_name) or a Tardis options_chain file \
             (columns symbol and mark_iv)",
        ))
    }
}

/// Collects what rows say, and makes the market of it at the end.
pub(crate) struct Builder {
    pub(crate) time: Timestamp,
    pub(crate) left_out: usize,
    indices: BTreeMap<Asset, Vec<Price>>,
    forwards: BTreeMap<(Underlying, Timestamp), Vec<Price>>,
    perpetuals: Vec<Underlying>,
    options: BTreeMap<Instrument, OptionQuote>,
    quotes: BTreeMap<Instrument, Quote>,
    lines: BTreeMap<Instrument, u64>,
}

impl Builder {
    pub(crate) fn at(time: Timestamp) -> Self {
        Self {
            time,
            left_out: 0,
            indices: BTreeMap::new(),
            forwards: BTreeMap::new(),
            perpetuals: Vec::new(),
            options: BTreeMap::new(),
            quotes: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Takes note of an instrument's row; a second one is an error.
    pub(crate) fn once(
        &mut self,
        instrument: Instrument,
        row: &Row<'_>,
        column: Column,
    ) -> Result<(), FileError> {
        match self.lines.entry(instrument) {
            Entry::Vacant(entry) => {
                entry.insert(row.line);
                Ok(())
            }
            Entry::Occupied(entry) => Err(row.error(
                column,
                format!("{instrument} is already on line {}", entry.get()),
                "remove one of the two rows",
            )),
        }
    }

    pub(crate) fn index(&mut self, asset: Asset, price: Price) {
        self.indices.entry(asset).or_default().push(price);
    }

    pub(crate) fn forward(&mut self, underlying: Underlying, expiry: Timestamp, price: Price) {
        self.forwards.entry((underlying, expiry)).or_default().push(price);
    }

    pub(crate) fn perpetual(&mut self, underlying: Underlying) {
        self.perpetuals.push(underlying);
    }

    pub(crate) fn quote(&mut self, instrument: Instrument, mark: Price, funding_8h: f64) {
        self.quotes.insert(instrument, Quote { mark, funding_8h });
    }

    pub(crate) fn option(&mut self, option: OptionQuote) {
        self.quote(option.instrument, option.mark, 0.0);
        self.options.insert(option.instrument, option);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.quotes.is_empty() && self.forwards.is_empty() && self.indices.is_empty()
    }

    /// Takes medians over the rows, and one volatility per strike.
    pub(crate) fn finish(mut self) -> Snapshot {
        let one = Price::from_units(SCALE);
        let mut assets: BTreeMap<_, _> =
            [Asset::USDC, Asset::USDT].map(|stable| (stable, full(one))).into();
        for (asset, prices) in &mut self.indices {
            assets.insert(*asset, full(median(prices)));
        }
        let mut underlyings: BTreeMap<Underlying, UnderlyingMarket> = BTreeMap::new();
        for underlying in &self.perpetuals {
            underlyings.entry(*underlying).or_default();
        }
        let mut listed: BTreeMap<(Underlying, Timestamp), Vec<&OptionQuote>> = BTreeMap::new();
        for option in self.options.values() {
            let key = (option.instrument.underlying(), option.expiry);
            listed.entry(key).or_default().push(option);
        }
        for (key, prices) in &mut self.forwards {
            let (underlying, expiry) = key;
            let forward = median(prices);
            let market = ExpiryMarket {
                forward,
                volatility: curve(listed.get(key).map_or(&[], Vec::as_slice), forward),
                settlement_average: None,
                forward_confidence: Confidence::FULL,
                volatility_confidence: Confidence::FULL,
            };
            underlyings.entry(*underlying).or_default().expiries.insert(*expiry, market);
        }
        let market = Market { time: self.time, assets, underlyings, quotes: self.quotes };
        let options = self.options.into_values().collect();
        Snapshot { market, options, left_out: self.left_out }
    }
}

fn full(price: Price) -> AssetMarket {
    AssetMarket { price, confidence: Confidence::FULL }
}

/// The middle price, or the mean of the two in the middle, rounded down.
fn median(prices: &mut [Price]) -> Price {
    prices.sort_unstable();
    let middle = |index: usize| prices.get(index).map_or(0, |price| i128::from(price.units()));
    let count = prices.len();
    let sum = middle(count.saturating_sub(1) / 2) + middle(count / 2);
    Price::from_units(
        i64::try_from(sum / 2).expect("the mean of two prices is no larger than both"),
    )
}

/// One volatility per strike. Where several contracts share it, the one out of the money speaks,
/// and of an inverse and a linear one the inverse.
fn curve(options: &[&OptionQuote], forward: Price) -> VolatilityCurve {
    let preference = |option: &OptionQuote| {
        let wanted = if option.strike >= forward { OptionKind::Call } else { OptionKind::Put };
        let inverse = option.instrument.style() == SettlementStyle::Inverse;
        (option.kind == wanted, inverse)
    };
    let mut by_strike: BTreeMap<Price, &OptionQuote> = BTreeMap::new();
    for option in options {
        let best = by_strike.entry(option.strike).or_insert(option);
        if preference(option) > preference(best) {
            *best = option;
        }
    }
    let mut points: Vec<(f64, f64)> = by_strike
        .values()
        .map(|option| (option.strike.units() as f64 / SCALE as f64, option.volatility))
        .collect();
    // Strikes beyond 90 million may share a floating-point number.
    points.dedup_by_key(|point| point.0);
    if points.is_empty() {
        points.push(NO_STRIKE);
    }
    let curve = QuotedCurve::new(&points);
    VolatilityCurve::Quoted(
        curve.expect("strikes are positive and rise, volatilities are positive"),
    )
}

/// What an expiry without options has for a curve: no strike is as low as this one, so none counts
/// as quoted, and no future asks for a volatility.
const NO_STRIKE: (f64, f64) = (1e-9, 1.0);

/// The terms of an option, which a row must not contradict.
pub(crate) fn option_terms(instrument: &Instrument) -> Option<(Timestamp, Price, OptionKind)> {
    match instrument.kind() {
        ContractKind::Option { expiry, strike, kind } => Some((expiry, strike, kind)),
        _ => None,
    }
}
