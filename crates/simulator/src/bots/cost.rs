//! What it costs to unwind a portfolio.

use std::collections::BTreeMap;

use book::{Side, Ticks};
use engine::State;
use instruments::{Amount, ContractKind, Instrument, OptionKind, Rounding, Timestamp, Underlying};
use risk::Account;

/// Half of a spread where nobody quotes both sides: of a future's notional, of an option's value.
const SPREAD_UNKNOWN: [f64; 2] = [0.005, 0.1];
/// The most that it is taken for.
const SPREAD_MOST: [f64; 2] = [0.02, 0.25];
/// What is traded in a minute without moving the market, in US dollars.
const PER_MINUTE: f64 = 250_000.0;
/// The least time that it takes, in minutes.
const MINUTES_LEAST: f64 = 2.0;
/// The part of a standard deviation that is asked for as the price of risk.
const RISK: f64 = 0.4;
/// A year's volatility where none is known.
const VOLATILITY_UNKNOWN: f64 = 1.0;
const MINUTE_MS: f64 = 60_000.0;
const SCALE: f64 = instruments::SCALE as f64;

/// What unwinding a portfolio costs, in US dollars: half the spread of each leg, and for the time that
/// it takes a part of what the market may move against what is held net on each underlying.
#[must_use]
pub fn unwind_cost(state: &State, portfolio: &Account) -> f64 {
    let mut cost = 0.0;
    let mut net: BTreeMap<Underlying, (f64, f64)> = BTreeMap::new();
    for (instrument, position) in &portfolio.positions {
        let Ok(index) = state.market().price(instrument.base()) else { continue };
        let base = instrument.base_size(position.quantity, index).unwrap_or(0);
        let notional = base as f64 / SCALE * (index.units() as f64 / SCALE);
        let (spread, value, delta) = match instrument.kind() {
            ContractKind::Option { kind, .. } => {
                let delta = if kind == OptionKind::Call { 0.5 } else { -0.5 };
                (
                    half_spread(state, instrument, 1),
                    option_value(state, instrument, portfolio),
                    delta,
                )
            }
            _ => (half_spread(state, instrument, 0), notional.abs(), 1.0),
        };
        cost += spread * value.abs();
        let (signed, gross) = net.entry(instrument.underlying()).or_default();
        *signed += delta * notional;
        *gross += notional.abs();
    }
    let risk = net.into_iter().map(|(underlying, (signed, gross))| {
        let volatility = state.market().volatility_ppb(underlying);
        let volatility = volatility.map_or(VOLATILITY_UNKNOWN, |ppb| ppb as f64 / 1e9);
        let minutes = MINUTES_LEAST + gross / PER_MINUTE;
        let years = minutes * MINUTE_MS / Timestamp::YEAR as f64;
        RISK * signed.abs() * volatility * years.sqrt()
    });
    cost + risk.sum::<f64>()
}

/// Half the difference of best offer and bid, as a part of their mean.
fn half_spread(state: &State, instrument: &Instrument, of_option: usize) -> f64 {
    let book = state.instrument_id(instrument).and_then(|id| state.book(id));
    let best = |side| book.and_then(|book| book.best(side)).map(|Ticks(ticks)| ticks as f64);
    let spread = match (best(Side::Buy), best(Side::Sell)) {
        (Some(bid), Some(offer)) if offer > bid && bid + offer > 0.0 => {
            (offer - bid) / (offer + bid)
        }
        _ => SPREAD_UNKNOWN[of_option],
    };
    spread.min(SPREAD_MOST[of_option])
}

/// What an option position is worth at mark, in US dollars.
fn option_value(state: &State, instrument: &Instrument, portfolio: &Account) -> f64 {
    let position = &portfolio.positions[instrument];
    let market = state.market();
    let value = || {
        let mark = market.mark(instrument).ok()?;
        let value = instrument.value(position.quantity, mark, Rounding::HalfEven).ok()?;
        let price = market.price(instrument.settlement_asset()).ok()?;
        Amount::from_units(value.units()).worth(price, Rounding::HalfEven).ok()
    };
    value().map_or(0.0, |worth| worth.units() as f64 / SCALE)
}
