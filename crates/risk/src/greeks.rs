//! Sensitivities of one lot, in US dollars.

use instruments::{ContractKind, Instrument, SettlementStyle};

use crate::RiskError;
use crate::array::lot_f64;
use crate::market::{Market, kind_of, price_f64, years_between};

/// What one lot, or a sum of positions, is sensitive to, in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Greeks {
    /// Δ in units of the underlying.
    pub delta: f64,
    /// Δ·S: change of value if the price rose by all of itself at constant slope.
    pub delta_usd: f64,
    /// Change of Δ per US dollar of the underlying.
    pub gamma: f64,
    /// Change of value if volatility rose by 1.00; a hundredth of it is one volatility point.
    pub vega_usd: f64,
    /// Change of value per year that passes; a 365th of it is one day.
    pub theta_usd: f64,
    /// Worth of the size at the index.
    pub notional_usd: f64,
}

impl Greeks {
    /// Adds `lots` of another one.
    pub fn add(&mut self, lots: f64, other: &Self) {
        self.delta += lots * other.delta;
        self.delta_usd += lots * other.delta_usd;
        self.gamma += lots * other.gamma;
        self.vega_usd += lots * other.vega_usd;
        self.theta_usd += lots * other.theta_usd;
        self.notional_usd += lots * other.notional_usd;
    }
}

/// Sensitivities of one lot. An inverse future's Δ is its size over its mark; an inverse option's
/// is that of the same option settled in dollars, the premium's own coin left out.
///
/// # Errors
/// As [`Market::check_listed`].
pub fn per_lot(instrument: &Instrument, market: &Market) -> Result<Greeks, RiskError> {
    let lot = lot_f64(instrument);
    let index = price_f64(market.price(instrument.base())?);
    let worth = match instrument.style() {
        SettlementStyle::Linear => price_f64(market.price(instrument.settlement_asset())?),
        SettlementStyle::Inverse => 1.0,
    };
    match instrument.kind() {
        ContractKind::Option { .. } => option(instrument, market, lot, index, worth),
        _ if instrument.is_sized_in_quote() => {
            let mark = price_f64(market.mark(instrument)?);
            // Profit in coin is m·(1/P0 − 1/P1); at the coin's price its slope at P1 = P0 is m/P0.
            let delta = lot / mark;
            Ok(Greeks { delta, delta_usd: delta * index, notional_usd: lot, ..Greeks::default() })
        }
        _ => {
            let mark = price_f64(market.mark(instrument)?);
            let delta = lot * worth;
            Ok(Greeks {
                delta,
                delta_usd: delta * mark,
                notional_usd: lot * index,
                ..Greeks::default()
            })
        }
    }
}

fn option(
    instrument: &Instrument,
    market: &Market,
    lot: f64,
    index: f64,
    worth: f64,
) -> Result<Greeks, RiskError> {
    let unknown = || RiskError::UnknownInstrument(*instrument);
    let ContractKind::Option { expiry, strike, kind } = instrument.kind() else {
        return Err(unknown());
    };
    let at = market.expiry(instrument)?;
    let split = market.settling_forward(at, instrument, expiry)?;
    let forward = price_f64(split.total());
    // Only what the settlement average has not fixed still moves.
    let moving = price_f64(split.variable) / forward;
    let years = years_between(market.time, expiry);
    let strike = price_f64(strike);
    let volatility = at.volatility.volatility(strike, forward, years);
    let greeks = pricing::black76::greeks(kind_of(kind), forward, strike, volatility, years, 0.0)
        .map_err(|_| unknown())?;
    // An inverse option is worth V/F coins of price S.
    let dollars =
        if instrument.style() == SettlementStyle::Inverse { index / forward } else { worth };
    let delta = lot * greeks.delta * moving * dollars * forward / index;
    Ok(Greeks {
        delta,
        delta_usd: delta * index,
        gamma: lot
            * greeks.gamma
            * moving
            * moving
            * dollars
            * (forward / index)
            * (forward / index),
        vega_usd: lot * greeks.vega * dollars,
        theta_usd: lot * greeks.theta * dollars,
        notional_usd: lot * index,
    })
}
