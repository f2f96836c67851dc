//! Forwards and volatilities of an underlying from what its own books quote.
//!
//! Quotes move a surface slowly and by steps of bounded size, so that nobody moves everybody's margin
//! with a few quotes of a moment. What nobody quotes stays: a volatility by its strike, a forward by its
//! distance from the index.

use std::collections::{BTreeMap, BTreeSet};

use engine::command::{Surface, SurfaceExpiry};
use instruments::{
    ContractKind, Instrument, OptionKind, Price, SCALE, SETTLEMENT_WINDOW_MILLISECONDS,
    SettlementStyle, Timestamp, Underlying,
};
use numerics::{exp, ln_ratio};
use pricing::VolatilityCurve;
use pricing::implied_volatility::implied_volatility;
use pricing::svi::{Quote as SviQuote, Svi};
use risk::FixedCurve;

/// How much of the way to what quotes say a surface goes at once.
const WEIGHT: f64 = 0.2;
/// How far a volatility goes at once at most, as a share of it, and a forward, as a share of the index.
const VOLATILITY_STEP: f64 = 0.05;
const FORWARD_STEP: f64 = 0.001;
/// Wider quotes say nothing: a future's spread as a share of its price, an option's in volatility.
const FUTURE_SPREAD_MAX: f64 = 0.01;
const OPTION_SPREAD_MAX: f64 = 0.15;
/// Volatilities are within these bounds, per √year.
const VOLATILITIES: [f64; 2] = [0.01, 5.0];
/// Quoted strikes that make a curve; fewer speak for themselves alone.
const CURVE_MIN: usize = 5;
/// Smaller changes are not worth a command: of a volatility, and of a forward as a share of it.
const VOLATILITY_NEWS: f64 = 0.001;
const FORWARD_NEWS: f64 = 0.000_1;

/// Both sides of a dated instrument's book.
#[derive(Clone, Copy, Debug)]
pub struct TwoSided {
    /// The instrument.
    pub instrument: Instrument,
    /// The best bid.
    pub bid: Price,
    /// The best ask.
    pub ask: Price,
}

/// What an underlying's books say.
#[derive(Clone, Debug, Default)]
pub struct Quotes {
    /// Strikes that are listed, by expiry.
    pub strikes: BTreeMap<Timestamp, BTreeSet<Price>>,
    /// Books that have both sides.
    pub books: Vec<TwoSided>,
}

/// A surface moved towards what books say; `None` if that is no news.
#[must_use]
pub fn moved(surface: &Surface, quotes: &Quotes, index: Price, now: Timestamp) -> Option<Surface> {
    let refit = |known: &SurfaceExpiry| refit(known, quotes, index, now);
    let expiries: Vec<_> = surface.expiries.iter().map(refit).collect();
    let mut pairs = surface.expiries.iter().zip(&expiries);
    let is_news = pairs.any(|(before, after)| is_news(before, after, now));
    is_news.then_some(Surface { underlying: surface.underlying, expiries })
}

/// A surface with one expiry more: its volatility is flat if it is given, or else that of the nearest
/// expiry; its forward grows as the nearest one does.
///
/// # Errors
/// What is missing, in words.
pub fn extended(
    surface: Option<&Surface>,
    underlying: Underlying,
    expiry: Timestamp,
    flat_ppb: Option<i64>,
    (index, now): (Price, Timestamp),
) -> Result<Surface, String> {
    let known = surface.map(|surface| surface.expiries.as_slice()).unwrap_or_default();
    if known.iter().any(|at| at.expiry == expiry) {
        return Err(format!("{underlying} has {expiry} already"));
    }
    let years = years_between(now, expiry);
    let nearest = known.iter().min_by_key(|at| at.expiry.since(expiry).abs());
    let growth = nearest.map_or(0.0, |at| {
        let (ahead, index) = (years_between(now, at.expiry), number(index));
        if ahead > 0.0 { ln_ratio(number(at.forward), index) / ahead } else { 0.0 }
    });
    let forward = price(number(index) * exp(growth * years));
    let volatility = match (flat_ppb, nearest) {
        (Some(volatility_ppb), _) => FixedCurve::Flat { volatility_ppb },
        (None, Some(at)) => stretched(&at.volatility, years / years_between(now, at.expiry)),
        (None, None) => return Err(format!("{underlying} has no volatilities yet: give one")),
    };
    let mut expiries = known.to_vec();
    expiries.push(SurfaceExpiry { expiry, forward, volatility });
    expiries.sort_unstable_by_key(|at| at.expiry);
    Ok(Surface { underlying, expiries })
}

/// The same volatilities at another time to expiry: total variance grows with it.
fn stretched(curve: &FixedCurve, ratio: f64) -> FixedCurve {
    let FixedCurve::Svi { a_ppb, b_ppb, rho_ppb, m_ppb, s_ppb } = *curve else {
        return curve.clone();
    };
    let times = |ppb: i64| (ppb as f64 * ratio).round() as i64;
    FixedCurve::Svi { a_ppb: times(a_ppb), b_ppb: times(b_ppb), rho_ppb, m_ppb, s_ppb }
}

fn refit(known: &SurfaceExpiry, quotes: &Quotes, index: Price, now: Timestamp) -> SurfaceExpiry {
    let expiry = known.expiry;
    let Ok(curve) = known.volatility.curve() else { return known.clone() };
    // Within the settlement window prices are part of an average already.
    if expiry.since(now) <= SETTLEMENT_WINDOW_MILLISECONDS {
        return known.clone();
    }
    let years = years_between(now, expiry);
    let of_expiry = |book: &&TwoSided| book.instrument.expiry() == Some(expiry);
    let books: Vec<&TwoSided> = quotes.books.iter().filter(of_expiry).collect();
    let before = number(known.forward);
    let most = number(index) * FORWARD_STEP;
    let step = quoted_forward(&books).map_or(0.0, |quoted| (quoted - before) * WEIGHT);
    let forward = (before + step.clamp(-most, most)).max(f64::MIN_POSITIVE);
    let strikes = quotes.strikes.get(&expiry);
    let volatility = match strikes.filter(|strikes| !strikes.is_empty()) {
        None => known.volatility.clone(),
        Some(strikes) => {
            let seen = seen(&books, forward, years);
            let before = |strike| curve.volatility(strike, before, years);
            FixedCurve::Quoted(by_strike(strikes, before, &seen, forward, years))
        }
    };
    SurfaceExpiry { expiry, forward: price(forward), volatility }
}

/// The mean of what futures say.
fn quoted_forward(books: &[&TwoSided]) -> Option<f64> {
    let futures =
        books.iter().filter(|book| matches!(book.instrument.kind(), ContractKind::Future { .. }));
    let mids = futures.filter_map(|book| {
        let (bid, ask) = (number(book.bid), number(book.ask));
        let mid = (bid + ask) / 2.0;
        (ask - bid <= mid * FUTURE_SPREAD_MAX).then_some(mid)
    });
    let mids: Vec<f64> = mids.collect();
    (!mids.is_empty()).then(|| mids.iter().sum::<f64>() / mids.len() as f64)
}

/// Implied volatilities by strike, with weights: each of the options that is out of the money.
fn seen(books: &[&TwoSided], forward: f64, years: f64) -> BTreeMap<Price, (f64, f64)> {
    let mut seen = BTreeMap::new();
    for book in books {
        let ContractKind::Option { strike, kind, .. } = book.instrument.kind() else { continue };
        let is_out = match kind {
            OptionKind::Call => number(strike) >= forward,
            OptionKind::Put => number(strike) < forward,
        };
        if let Some(found) = implied(book, strike, kind, forward, years).filter(|_| is_out) {
            seen.insert(strike, found);
        }
    }
    seen
}

fn implied(
    book: &TwoSided,
    strike: Price,
    kind: OptionKind,
    forward: f64,
    years: f64,
) -> Option<(f64, f64)> {
    let is_inverse = book.instrument.style() == SettlementStyle::Inverse;
    let unit = if is_inverse { forward } else { 1.0 };
    let kind = match kind {
        OptionKind::Call => pricing::OptionKind::Call,
        OptionKind::Put => pricing::OptionKind::Put,
    };
    let at = |price: f64| implied_volatility(kind, price * unit, forward, number(strike), years);
    let (bid, ask) = (number(book.bid), number(book.ask));
    let (low, high) = (at(bid).ok()?, at(ask).ok()?);
    let spread = high - low;
    let volatility = at((bid + ask) / 2.0).ok()?;
    let is_good = volatility > 0.0 && (0.0..=OPTION_SPREAD_MAX).contains(&spread);
    // A point of volatility more, so that none speaks for all.
    is_good.then(|| (volatility, 1.0 / (spread + 0.01)))
}

/// A volatility at each listed strike.
fn by_strike(
    strikes: &BTreeSet<Price>,
    before: impl Fn(f64) -> f64,
    seen: &BTreeMap<Price, (f64, f64)>,
    forward: f64,
    years: f64,
) -> Vec<(Price, i64)> {
    let moneyness = |strike: Price| ln_ratio(number(strike), forward);
    let quotes = seen.iter().map(|(strike, (volatility, weight))| SviQuote {
        k: moneyness(*strike),
        volatility: *volatility,
        weight: *weight,
    });
    let quotes: Vec<SviQuote> = quotes.collect();
    let fit = (quotes.len() >= CURVE_MIN).then(|| Svi::fit(&quotes, years).ok()).flatten();
    let fit = fit.filter(|fit| fit.butterfly.holds);
    let target = |strike: Price| match &fit {
        Some(fit) => Some(fit.svi.volatility(moneyness(strike), years)),
        None => seen.get(&strike).map(|(volatility, _)| *volatility),
    };
    let at = |strike: &Price| {
        let [least, most] = VOLATILITIES;
        let before = before(number(*strike)).clamp(least, most);
        let step = target(*strike).map_or(0.0, |target| (target - before) * WEIGHT);
        let step = step.clamp(-before * VOLATILITY_STEP, before * VOLATILITY_STEP);
        (*strike, ((before + step).clamp(least, most) * 1e9).round() as i64)
    };
    strikes.iter().map(at).collect()
}

fn is_news(before: &SurfaceExpiry, after: &SurfaceExpiry, now: Timestamp) -> bool {
    let away = (number(after.forward) / number(before.forward) - 1.0).abs();
    let (Ok(old), Ok(new)) = (before.volatility.curve(), after.volatility.curve()) else {
        return false;
    };
    let FixedCurve::Quoted(strikes) = &after.volatility else { return away >= FORWARD_NEWS };
    // The volatilities of total variance rise as time passes: they are written down by strike.
    let is_variance = matches!(before.volatility, FixedCurve::Svi { .. });
    let years = years_between(now, before.expiry);
    let at =
        |curve: &VolatilityCurve, strike| curve.volatility(strike, number(before.forward), years);
    let moves = |(strike, _): &(Price, i64)| {
        let strike = number(*strike);
        (at(&new, strike) - at(&old, strike)).abs() >= VOLATILITY_NEWS
    };
    is_variance || away >= FORWARD_NEWS || strikes.iter().any(moves)
}

fn years_between(now: Timestamp, expiry: Timestamp) -> f64 {
    expiry.since(now) as f64 / Timestamp::YEAR as f64
}

fn number(price: Price) -> f64 {
    price.units() as f64 / SCALE as f64
}

/// The nearest price, and never below one unit.
fn price(number: f64) -> Price {
    Price::from_units(((number * SCALE as f64).round() as i64).max(1))
}

#[cfg(test)]
mod tests;
