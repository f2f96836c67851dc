//! Real option chains: which options others list, and at which volatilities.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::path::Path;

use engine::command::SurfaceExpiry;
use instruments::{Instrument, OptionKind, Price, SettlementStyle, Timestamp, Underlying};
use marketdata::{OptionQuote, Snapshot, read_market};
use risk::FixedCurve;

use super::smile::{Listed, ppb, price_of};
use super::{COIN_COUNT, asset};
use crate::SimulationError;

/// Strikes of one volatility curve at most.
const STRIKES_MAX: usize = 24;
/// How far the first chain may be from the start.
const FAR_MS: i64 = Timestamp::DAY;

/// What a chain says of one expiry.
#[derive(Clone, Debug)]
struct Expiry {
    /// Forward over index.
    ratio: f64,
    volatility: FixedCurve,
    strikes: Vec<Price>,
}

/// One chain, as far as it matters here.
#[derive(Clone, Debug)]
struct Chain {
    time: Timestamp,
    expiries: [BTreeMap<Timestamp, Expiry>; COIN_COUNT],
}

/// Chains as they come, one after another.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    ahead: VecDeque<Chain>,
    /// What is known by now of every expiry, and of which the last chain speaks.
    known: [BTreeMap<Timestamp, Expiry>; COIN_COUNT],
    last: [Vec<Timestamp>; COIN_COUNT],
}

impl Chains {
    /// Reads every CSV file of a folder; keeps what is of `from` to `hours` later, and the chain
    /// nearest to `from`.
    pub fn read_folder(
        folder: &Path,
        from: Timestamp,
        hours: u32,
    ) -> Result<Self, SimulationError> {
        let name = folder.display().to_string();
        let open = |source| SimulationError::Open { path: name.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(open)? {
            let path = entry.map_err(open)?.path();
            if path.extension().is_some_and(|extension| extension == "csv") {
                files.push(path);
            }
        }
        let mut chains = Vec::new();
        for path in files {
            let file = path.display().to_string();
            let source = File::open(&path)
                .map_err(|source| SimulationError::Open { path: file.clone(), source })?;
            chains.push(Chain::of(&read_market(&file, source, None)?));
        }
        chains.sort_by_key(|chain| chain.time);
        let distance = |chain: &&Chain| chain.time.since(from).abs();
        let nearest = chains.iter().min_by_key(distance).filter(|c| distance(c) <= FAR_MS);
        let Some(first) = nearest.cloned() else {
            return Err(SimulationError::NoChain { folder: name, from });
        };
        let until = from.milliseconds() + i64::from(hours) * Timestamp::HOUR;
        let is_later =
            |chain: &Chain| chain.time > first.time.max(from) && chain.time.milliseconds() < until;
        let ahead = chains.into_iter().filter(is_later).collect();
        let mut read = Self { ahead, known: Default::default(), last: Default::default() };
        read.take(first);
        Ok(read)
    }

    /// Takes in the chains that are out by now; says whether there was one.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        let mut is_new = false;
        while let Some(chain) = self.ahead.pop_front_if(|chain| chain.time <= now) {
            self.take(chain);
            is_new = true;
        }
        is_new
    }

    fn take(&mut self, chain: Chain) {
        for (coin, expiries) in chain.expiries.into_iter().enumerate() {
            self.last[coin] = expiries.keys().copied().collect();
            self.known[coin].extend(expiries);
        }
    }

    /// Every expiry after `now` at an index.
    pub fn surface(&self, coin: usize, now: Timestamp, index: f64) -> Vec<SurfaceExpiry> {
        let ahead = self.known[coin].iter().filter(|(expiry, _)| **expiry > now);
        let at = |(expiry, known): (&Timestamp, &Expiry)| SurfaceExpiry {
            expiry: *expiry,
            forward: price_of(index * known.ratio),
            volatility: known.volatility.clone(),
        };
        ahead.map(at).collect()
    }

    /// The expiries of the last chain that are at least `notice_ms` away, with the strikes nearest
    /// to the forward.
    pub fn listed(
        &self,
        coin: usize,
        now: Timestamp,
        index: f64,
        notice_ms: i64,
        count: usize,
    ) -> Vec<Listed> {
        let ahead = self.last[coin].iter().filter(|expiry| expiry.since(now) >= notice_ms);
        let at = |expiry: &Timestamp| {
            let known = &self.known[coin][expiry];
            let forward = index * known.ratio;
            let mut strikes = known.strikes.clone();
            strikes.sort_by_key(|strike| (strike.units() - price_of(forward).units()).abs());
            strikes.truncate(count);
            Listed { expiry: *expiry, strikes }
        };
        ahead.map(at).collect()
    }
}

impl Chain {
    fn of(snapshot: &Snapshot) -> Self {
        let mut expiries: [BTreeMap<Timestamp, Expiry>; COIN_COUNT] = Default::default();
        for (coin, expiries) in expiries.iter_mut().enumerate() {
            let underlying = Underlying::of(asset(coin));
            let Ok(index) = snapshot.market.price(asset(coin)) else { continue };
            let Some(market) = snapshot.market.underlyings.get(&underlying) else { continue };
            for (expiry, at) in &market.expiries {
                let is_here = |quote: &&OptionQuote| {
                    quote.expiry == *expiry
                        && quote.instrument.underlying() == underlying
                        && quote.instrument.style() == SettlementStyle::Inverse
                };
                let quotes: Vec<&OptionQuote> = snapshot.options.iter().filter(is_here).collect();
                if let Some(volatility) = curve(&quotes, at.forward) {
                    let ratio = at.forward.units() as f64 / index.units() as f64;
                    let mut strikes: Vec<Price> = quotes.iter().map(|q| q.strike).collect();
                    strikes.sort_unstable();
                    strikes.dedup();
                    expiries.insert(*expiry, Expiry { ratio, volatility, strikes });
                }
            }
        }
        Self { time: snapshot.market.time, expiries }
    }
}

/// The volatilities of what is out of the money, of the strikes nearest to the forward.
fn curve(quotes: &[&OptionQuote], forward: Price) -> Option<FixedCurve> {
    let mut by_strike: BTreeMap<Price, f64> = BTreeMap::new();
    for quote in quotes {
        let wanted = if quote.strike >= forward { OptionKind::Call } else { OptionKind::Put };
        if quote.kind == wanted {
            by_strike.insert(quote.strike, quote.volatility);
        }
    }
    let mut points: Vec<(Price, i64)> =
        by_strike.into_iter().map(|(strike, volatility)| (strike, ppb(volatility))).collect();
    points.sort_by_key(|(strike, _)| (strike.units() - forward.units()).abs());
    points.truncate(STRIKES_MAX);
    points.sort_unstable();
    (!points.is_empty()).then_some(FixedCurve::Quoted(points))
}

/// An option by its parts.
pub(crate) fn option(
    pair: &str,
    expiry: Timestamp,
    strike: Price,
    kind: OptionKind,
) -> Option<Instrument> {
    let perpetual: Instrument = format!("{pair}-PERPETUAL").parse().ok()?;
    let named = Instrument::new(
        perpetual.base(),
        perpetual.quote(),
        instruments::ContractKind::Option { expiry, strike, kind },
        perpetual.style(),
        1,
    );
    // The name gives it its family's lot size.
    named.ok()?.to_string().parse().ok()
}

/// A future by its parts.
pub(crate) fn future(pair: &str, expiry: Timestamp) -> Option<Instrument> {
    let perpetual: Instrument = format!("{pair}-PERPETUAL").parse().ok()?;
    let kind = instruments::ContractKind::Future { expiry };
    let named = Instrument::new(perpetual.base(), perpetual.quote(), kind, perpetual.style(), 1);
    named.ok()?.to_string().parse().ok()
}
