//! `plimsoll surface`: an SVI curve per expiry, its error against quotes, and arbitrage.

use clap::Args;
use instruments::{
    Asset, Instrument, OptionKind, Price, SCALE, SettlementStyle, Timestamp, Underlying,
};
use marketdata::{OptionQuote, Snapshot};
use numerics::ln_ratio;
use pricing::svi::{Fit, FitError, Quote, Verdict};
use pricing::{Svi, implied_volatility};
use risk::ExpiryMarket;

use super::Answer;
use crate::arguments::{DataArguments, Output};
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;
use crate::inputs;
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  plimsoll surface
  plimsoll surface --market market.csv --underlying BTC
  plimsoll surface --market market.csv --output json

Each expiry's curve is w(k) = a + b(rho(k-m) + sqrt((k-m)^2 + s^2)) in total variance, fitted to the
volatilities of marks out of the money; quotes with a narrow bid-ask weigh more.";

/// The volatility surface: one SVI curve per expiry, its error against quotes, and arbitrage
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SurfaceArguments {
    /// Market file: a chain snapshot or a Tardis options_chain file, plain or gzipped
    #[arg(long, value_name = "FILE")]
    market: Option<String>,
    /// The market as of this time, as 2026-02-05T16:00:00Z
    #[arg(long, value_name = "TIME", value_parser = crate::arguments::time)]
    at: Option<Timestamp>,
    /// Only this underlying
    #[arg(long, value_name = "ASSET")]
    underlying: Option<Asset>,
}

/// Half a bid–ask spread in volatility is never taken as less: quotes are not that exact.
const HALF_SPREAD_MIN: f64 = 0.0025;
/// What stands in where bid or ask is missing.
const HALF_SPREAD_ONE_SIDED: f64 = 0.1;

/// One strike's quote with the volatilities of bid and ask.
struct Strike {
    quote: Quote,
    bid: Option<f64>,
    ask: Option<f64>,
}

/// Fits every expiry.
pub fn run(arguments: &SurfaceArguments, output: Output) -> Result<Answer, Failure> {
    let data = DataArguments {
        market: arguments.market.clone(),
        portfolio: None,
        orders: None,
        history: None,
        at: arguments.at,
    };
    let snapshot = inputs::snapshot(&data)?;
    let mut table = Table::of(&[
        "underlying",
        "expiry",
        "days",
        "forward",
        "strikes",
        "at the money",
        "rms error",
        "max error",
        "inside bid ask",
        "butterfly",
        "calendar",
        "a",
        "b",
        "rho",
        "m",
        "s",
    ]);
    let wanted = |underlying: Underlying| {
        arguments.underlying.is_none_or(|asset| underlying.asset() == asset)
    };
    let underlyings = snapshot.market.underlyings.iter().filter(|(one, _)| wanted(**one));
    for (underlying, market) in underlyings {
        let name = format!("fitting {underlying}");
        let mut progress = Progress::of(name, market.expiries.len() as u64);
        let mut earlier: Option<Svi> = None;
        for (expiry, at) in &market.expiries {
            let strikes = strikes(&snapshot, *underlying, *expiry, at);
            if !strikes.is_empty() {
                table.rows.push(row(&snapshot, *underlying, *expiry, at, &strikes, &mut earlier));
            }
            progress.advance(1);
        }
    }
    if table.rows.is_empty() {
        let whose = arguments.underlying.map_or(String::new(), |asset| format!(" on {asset}"));
        return Err(Failure::Usage(format!(
            "the market has no options{whose}; give a --market or --underlying that has"
        )));
    }
    let mut document = Document { main: Some("surface"), ..Document::default() };
    document.table("surface", table);
    document.fields("run", vec![("market time", Cell::text(snapshot.market.time))]);
    Ok(Answer::of(&document, output))
}

fn row(
    snapshot: &Snapshot,
    underlying: Underlying,
    expiry: Timestamp,
    at: &ExpiryMarket,
    strikes: &[Strike],
    earlier: &mut Option<Svi>,
) -> Vec<Cell> {
    let years = expiry.since(snapshot.market.time) as f64 / Timestamp::YEAR as f64;
    let mut cells = vec![
        Cell::text(underlying),
        Cell::text(expiry.to_string().split('T').next().unwrap_or_default()),
        Cell::Number(years * 365.0, 2),
        Cell::Price(at.forward),
        Cell::Count(strikes.len() as u64),
    ];
    let quotes: Vec<Quote> = strikes.iter().map(|strike| strike.quote).collect();
    let fit = match Svi::fit(&quotes, years) {
        Ok(fit) => fit,
        Err(error) => {
            cells.extend(std::iter::repeat_n(Cell::Missing, 4));
            cells.push(Cell::text(unfitted(&error)));
            cells.extend(std::iter::repeat_n(Cell::Missing, 6));
            return cells;
        }
    };
    let inside = strikes.iter().filter_map(|strike| strike.is_inside(&fit, years));
    let (inside, two_sided) = inside
        .fold((0_u32, 0_u32), |(inside, all), is_inside| (inside + u32::from(is_inside), all + 1));
    let share = (two_sided > 0).then(|| Cell::Share(f64::from(inside) / f64::from(two_sided)));
    let quoted = || quotes[0].k..=quotes[quotes.len() - 1].k;
    let butterfly = (fit.butterfly, fit.svi.butterfly_within(quoted()));
    let calendar = earlier
        .map(|earlier| (earlier.calendar(&fit.svi), earlier.calendar_within(&fit.svi, quoted())));
    cells.extend([
        Cell::Share(fit.svi.volatility(0.0, years)),
        Cell::Share(fit.error_rms),
        Cell::Share(fit.error_max),
        share.unwrap_or(Cell::Missing),
        verdict(butterfly),
        calendar.map_or(Cell::Missing, verdict),
    ]);
    let Svi { a, b, rho, m, s } = fit.svi;
    cells.extend([a, b, rho, m, s].map(|number| Cell::Number(number, 5)));
    *earlier = Some(fit.svi);
    cells
}

fn unfitted(error: &FitError) -> &'static str {
    match error {
        FitError::TooFew { .. } => "too few strikes",
        _ => "no fit",
    }
}

/// Free of arbitrage, or where it is worst: among the quotes, or only where nothing is quoted.
fn verdict((everywhere, quoted): (Verdict, Verdict)) -> Cell {
    if everywhere.holds {
        Cell::text("free")
    } else if quoted.holds {
        Cell::text("free where quoted")
    } else {
        Cell::Text(format!("arbitrage at k = {:.3}", quoted.worst_k))
    }
}

impl Strike {
    /// Whether the curve runs between bid and ask; `None` without both.
    fn is_inside(&self, fit: &Fit, years: f64) -> Option<bool> {
        let (bid, ask) = self.bid.zip(self.ask)?;
        Some((bid..=ask).contains(&fit.svi.volatility(self.quote.k, years)))
    }
}

/// Quotes out of the money of one expiry, inverse ones before linear ones of the same strike.
fn strikes(
    snapshot: &Snapshot,
    underlying: Underlying,
    expiry: Timestamp,
    at: &ExpiryMarket,
) -> Vec<Strike> {
    let years = expiry.since(snapshot.market.time) as f64 / Timestamp::YEAR as f64;
    let wanted = |option: &&OptionQuote| {
        let out = if option.strike >= at.forward { OptionKind::Call } else { OptionKind::Put };
        let same = option.instrument.underlying() == underlying && option.expiry == expiry;
        same && option.kind == out && option.mark > Price::ZERO
    };
    let mut options: Vec<&OptionQuote> = snapshot.options.iter().filter(wanted).collect();
    options.sort_by_key(|option| {
        (option.strike, option.instrument.style() != SettlementStyle::Inverse)
    });
    options.dedup_by_key(|option| option.strike);
    options.into_iter().map(|option| strike(option, number(at.forward), years)).collect()
}

fn strike(option: &OptionQuote, forward: f64, years: f64) -> Strike {
    let strike = number(option.strike);
    let volatility = |price: Option<Price>| {
        let price = in_quote_asset(&option.instrument, number(price?), forward);
        let kind = match option.kind {
            OptionKind::Call => pricing::OptionKind::Call,
            OptionKind::Put => pricing::OptionKind::Put,
        };
        implied_volatility(kind, price, forward, strike, years).ok()
    };
    let (bid, ask) = (volatility(option.bid), volatility(option.ask));
    let half_spread = match bid.zip(ask) {
        Some((bid, ask)) => (0.5 * (ask - bid)).max(HALF_SPREAD_MIN),
        None => HALF_SPREAD_ONE_SIDED,
    };
    let weight = 1.0 / (half_spread * half_spread);
    let quote = Quote { k: ln_ratio(strike, forward), volatility: option.volatility, weight };
    Strike { quote, bid, ask }
}

fn in_quote_asset(instrument: &Instrument, price: f64, forward: f64) -> f64 {
    match instrument.style() {
        SettlementStyle::Inverse => price * forward,
        SettlementStyle::Linear => price,
    }
}

fn number(price: Price) -> f64 {
    price.units() as f64 / SCALE as f64
}
