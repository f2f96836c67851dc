//! Risk arrays: what one lot gains or loses in every scenario, rounded once to risk ticks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use instruments::{
    Asset, ContractKind, Instrument, OptionKind, Price, SCALE, SettlementStyle, Timestamp,
    Underlying,
};
use numerics::exact::EXACT_MAX;

use crate::RiskError;
use crate::market::{ExpiryMarket, Market, price_f64, years_between};
use crate::methodology::{AssetKind, ScenarioRules, Shape};
use crate::ranges::Ranges;
use crate::scenario::{Scenario, ScenarioSet, Shock};
use crate::volatility;

/// No volatility multiplier goes below this, whatever a file asks for.
const MULTIPLIER_MIN: f64 = 0.05;

/// What one lot of an instrument gains or loses in every scenario, in whole risk ticks.
///
/// The numbers are integers of magnitude at most 2^52, held as `f64` because sums of such are
/// exact and fast.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskArray {
    /// In the scenarios that move the whole universe; empty if the underlying stands alone.
    pub joint: Vec<f64>,
    /// In the underlying's own scenarios, or in those of an underlying that stands alone.
    pub own: Vec<f64>,
    /// The largest magnitude above.
    pub magnitude: f64,
    /// What add-ons need to know of one lot.
    pub sensitivity: Sensitivity,
}

/// First-order figures of one lot, rounded once to risk ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sensitivity {
    /// Δ·S: ticks gained if the underlying rose by all of its price at constant slope.
    pub delta: i64,
    /// Ticks gained if volatility rose by 1.00.
    pub vega: i64,
    /// Ticks that one lot's size is worth at the index.
    pub notional: i64,
    /// Ticks that one long lot is expected to pay in funding over 8 hours.
    pub funding: i64,
}

/// One underlying in a list of scenarios; the last element is the market as it stands.
struct Path {
    shocks: Vec<Shock>,
    weights: Vec<f64>,
    index: Vec<f64>,
    years_elapsed: Vec<f64>,
    basis: Vec<f64>,
}

/// One expiry on a [`Path`].
struct ExpiryPath {
    forwards: Vec<f64>,
    /// √τ that remains.
    root_years: Vec<f64>,
    /// (reference/tenor)^power of the volatility rules.
    tenor_factor: f64,
    years: f64,
}

/// Builds arrays against one market and one set of scenarios.
pub(crate) struct ArrayBuilder<'a> {
    pub rules: &'a ScenarioRules,
    pub market: &'a Market,
    pub ranges: &'a Ranges,
    pub scenarios: &'a ScenarioSet,
}

/// The paths of one underlying, made once for all its instruments.
struct UnderlyingPaths {
    /// Joint scenarios followed by own ones, or those of an underlying that stands alone.
    path: Path,
    joint_count: usize,
    expiries: BTreeMap<Timestamp, ExpiryPath>,
}

impl ArrayBuilder<'_> {
    /// Arrays of every instrument given, each against its market.
    pub fn build(
        &self,
        instruments: &[Instrument],
    ) -> Result<BTreeMap<Instrument, RiskArray>, RiskError> {
        let mut paths = BTreeMap::new();
        let mut calls = BTreeMap::new();
        let mut arrays = BTreeMap::new();
        for instrument in instruments {
            self.market.check_listed(instrument)?;
            self.check_settlement(instrument)?;
            let underlying = instrument.underlying();
            let paths = match paths.entry(underlying) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.underlying_paths(underlying)?),
            };
            let array = self.array(instrument, paths, &mut calls)?;
            arrays.insert(*instrument, array);
        }
        Ok(arrays)
    }

    /// What one unit (10⁻⁸) of a coin gains in each scenario, in unrounded ticks: joint and own.
    pub fn coin(&self, asset: Asset) -> Result<(Vec<f64>, Vec<f64>), RiskError> {
        let mut paths = self.underlying_paths(Underlying::of(asset))?;
        let base = *paths.path.index.last().expect("a path ends with the market as it stands");
        let ticks = self.rules.ticks_per_unit as f64 / SCALE as f64;
        paths.path.index.pop();
        let scenarios = paths.path.index.iter().zip(&paths.path.weights);
        let mut joint: Vec<f64> =
            scenarios.map(|(index, weight)| weight * (index - base) * ticks).collect();
        let own = joint.split_off(paths.joint_count);
        Ok((joint, own))
    }

    fn check_settlement(&self, instrument: &Instrument) -> Result<(), RiskError> {
        let asset = instrument.settlement_asset();
        let moves = self
            .rules
            .assets
            .iter()
            .any(|known| known.name == asset.name() && known.kind == AssetKind::Coin);
        if instrument.style() == SettlementStyle::Linear && moves {
            return Err(RiskError::QuotedInCoin(*instrument));
        }
        Ok(())
    }

    fn underlying_paths(&self, underlying: Underlying) -> Result<UnderlyingPaths, RiskError> {
        if !self.ranges.by_underlying.contains_key(&underlying) {
            let methodology = self.rules.name.clone();
            return Err(RiskError::UnknownUnderlying { methodology, underlying });
        }
        let index = price_f64(self.market.price(underlying.asset())?);
        let set = self.scenarios;
        let path = if self.ranges.universe.contains(&underlying) {
            self.path(underlying, index, set.joint.iter().chain(&set.own))
        } else {
            self.path(underlying, index, set.alone.iter())
        };
        let joint_count =
            if self.ranges.universe.contains(&underlying) { set.joint.len() } else { 0 };
        Ok(UnderlyingPaths { path, joint_count, expiries: BTreeMap::new() })
    }

    fn path<'s>(
        &self,
        underlying: Underlying,
        index: f64,
        scenarios: impl Iterator<Item = &'s Scenario>,
    ) -> Path {
        let mut path = Path {
            shocks: vec![],
            weights: vec![],
            index: vec![],
            years_elapsed: vec![],
            basis: vec![],
        };
        for scenario in scenarios {
            let shock = scenario.shock(underlying, self.rules, self.ranges);
            path.push(shock, scenario.weight, index, scenario.days / 365.0, scenario.basis);
        }
        path.push(Shock { log_move: 0.0, volatility: Shape::None }, 1.0, index, 0.0, 0.0);
        path
    }

    fn expiry_path(
        &self,
        path: &Path,
        at: &ExpiryMarket,
        instrument: &Instrument,
        expiry: Timestamp,
    ) -> Result<ExpiryPath, RiskError> {
        let split = self.market.settling_forward(at, instrument, expiry)?;
        let (fixed, variable) = (price_f64(split.fixed), price_f64(split.variable));
        let years = years_between(self.market.time, expiry);
        let left: Vec<f64> =
            path.years_elapsed.iter().map(|elapsed| (years - elapsed).max(0.0)).collect();
        let forward = |s: usize| {
            let basis =
                if path.basis[s] == 0.0 { 1.0 } else { numerics::exp(path.basis[s] * left[s]) };
            fixed + variable * (path.index[s] / path.index[path.index.len() - 1]) * basis
        };
        Ok(ExpiryPath {
            forwards: (0..path.index.len()).map(forward).collect(),
            root_years: left.iter().map(|years| years.sqrt()).collect(),
            tenor_factor: self.rules.volatility.tenor_power().factor(years),
            years,
        })
    }

    fn array(
        &self,
        instrument: &Instrument,
        paths: &mut UnderlyingPaths,
        calls: &mut BTreeMap<Instrument, Vec<f64>>,
    ) -> Result<RiskArray, RiskError> {
        let at = instrument.expiry().map(|_| self.market.expiry(instrument)).transpose()?;
        if let (Some(expiry), Some(at)) = (instrument.expiry(), at)
            && !paths.expiries.contains_key(&expiry)
        {
            let made = self.expiry_path(&paths.path, at, instrument, expiry)?;
            paths.expiries.insert(expiry, made);
        }
        let row = match (instrument.kind(), at) {
            (ContractKind::Option { expiry, strike, kind }, Some(at)) => {
                let expiry = &paths.expiries[&expiry];
                let option = OptionTerms { instrument, strike, at };
                self.option_row(&option, kind, &paths.path, expiry, calls)?
            }
            _ => {
                let expiry = instrument.expiry().map(|expiry| &paths.expiries[&expiry]);
                self.future_row(instrument, &paths.path, expiry)?
            }
        };
        let magnitude = magnitude(row.iter()).ok_or(RiskError::ArrayTooLarge(*instrument))?;
        let sensitivity = self.sensitivity(instrument)?;
        let mut joint = row;
        let own = joint.split_off(paths.joint_count);
        Ok(RiskArray { joint, own, magnitude, sensitivity })
    }

    /// A future or perpetual: the mark moves with its forward, or with the index.
    fn future_row(
        &self,
        instrument: &Instrument,
        path: &Path,
        expiry: Option<&ExpiryPath>,
    ) -> Result<Vec<f64>, RiskError> {
        let mark = price_f64(self.market.mark(instrument)?);
        let levels = expiry.map_or(&path.index, |expiry| &expiry.forwards);
        let base = levels[levels.len() - 1];
        // Exactly the level where the mark is the level itself, so that options and futures of one
        // expiry cancel to the tick.
        let price = |level: &f64| level + (mark - base) * (level / base);
        let values: Vec<f64> = if instrument.is_sized_in_quote() {
            // Coin profit (1/P0 − 1/P1) at the coin's price in the scenario.
            levels
                .iter()
                .zip(&path.index)
                .map(|(level, index)| index / mark - index / price(level))
                .collect()
        } else {
            let worth = price_f64(self.market.price(instrument.settlement_asset())?);
            levels.iter().map(|level| price(level) * worth).collect()
        };
        Ok(self.ticks(instrument, &values, path))
    }

    /// An option: a call by Black-76, a put as the call less the forward, in whole ticks.
    fn option_row(
        &self,
        option: &OptionTerms<'_>,
        kind: OptionKind,
        path: &Path,
        expiry: &ExpiryPath,
        calls: &mut BTreeMap<Instrument, Vec<f64>>,
    ) -> Result<Vec<f64>, RiskError> {
        let call = match calls.entry(option.as_call()?) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let values = self.call_values(option, path, expiry)?;
                new.insert(self.ticks(option.instrument, &values, path))
            }
        };
        if kind == OptionKind::Call {
            return Ok(call.clone());
        }
        let forward =
            self.ticks(option.instrument, &self.forward_values(option, path, expiry)?, path);
        Ok(call.iter().zip(forward).map(|(call, forward)| call - forward).collect())
    }

    fn call_values(
        &self,
        option: &OptionTerms<'_>,
        path: &Path,
        expiry: &ExpiryPath,
    ) -> Result<Vec<f64>, RiskError> {
        let strike = price_f64(option.strike);
        let base = expiry.forwards[expiry.forwards.len() - 1];
        let volatility = option.at.volatility.volatility(strike, base, expiry.years);
        let shocked = |s: usize| {
            let moneyness = || numerics::ln(strike / expiry.forwards[s]);
            let shape = path.shocks[s].volatility;
            let factor = multiplier(shape, expiry, moneyness);
            shocked_volatility(volatility, factor, self.rules.volatility.floor)
                * expiry.root_years[s]
        };
        // σ√τ as the volatility of one year: τ differs between scenarios.
        let deviations: Vec<f64> = (0..path.index.len()).map(shocked).collect();
        let mut values = vec![0.0; path.index.len()];
        let call = pricing::OptionKind::Call;
        pricing::black76::price_scenarios(
            call,
            strike,
            1.0,
            0.0,
            &expiry.forwards,
            &deviations,
            &mut values,
        )
        .map_err(|_| RiskError::ArrayTooLarge(*option.instrument))?;
        self.convert_to_usd(option.instrument, &mut values, path, expiry)?;
        Ok(values)
    }

    /// What call less put is worth, up to a constant.
    fn forward_values(
        &self,
        option: &OptionTerms<'_>,
        path: &Path,
        expiry: &ExpiryPath,
    ) -> Result<Vec<f64>, RiskError> {
        let mut values = expiry.forwards.clone();
        if option.instrument.style() == SettlementStyle::Inverse {
            let strike = price_f64(option.strike);
            values.iter_mut().for_each(|value| *value -= strike);
        }
        self.convert_to_usd(option.instrument, &mut values, path, expiry)?;
        Ok(values)
    }

    /// Converts from the quote asset to US dollars: for an inverse option by way of coin, `V/F·S`.
    fn convert_to_usd(
        &self,
        instrument: &Instrument,
        values: &mut [f64],
        path: &Path,
        expiry: &ExpiryPath,
    ) -> Result<(), RiskError> {
        if instrument.style() == SettlementStyle::Inverse {
            for (s, value) in values.iter_mut().enumerate() {
                *value *= path.index[s] / expiry.forwards[s];
            }
        } else {
            let worth = price_f64(self.market.price(instrument.settlement_asset())?);
            values.iter_mut().for_each(|value| *value *= worth);
        }
        Ok(())
    }

    /// Gains over the last element, of one lot, damped, in whole ticks.
    fn ticks(&self, instrument: &Instrument, values: &[f64], path: &Path) -> Vec<f64> {
        let (base, scenarios) = values.split_last().expect("a path is never empty");
        let factor = lot_f64(instrument) * self.rules.ticks_per_unit as f64;
        let gain = |(value, weight): (&f64, &f64)| (weight * ((value - base) * factor)).round();
        scenarios.iter().zip(&path.weights).map(gain).collect()
    }

    fn sensitivity(&self, instrument: &Instrument) -> Result<Sensitivity, RiskError> {
        let greeks = crate::greeks::per_lot(instrument, self.market)?;
        let ticks = self.rules.ticks_per_unit as f64;
        let round = |usd: f64| {
            let ticks = (usd * ticks).round();
            if ticks.abs() <= EXACT_MAX {
                Ok(ticks as i64)
            } else {
                Err(RiskError::ArrayTooLarge(*instrument))
            }
        };
        let funding = self.market.quotes.get(instrument).map_or(0.0, |quote| quote.funding_8h);
        Ok(Sensitivity {
            delta: round(greeks.delta_usd)?,
            vega: round(greeks.vega_usd)?,
            notional: round(greeks.notional_usd)?,
            funding: round(greeks.notional_usd * funding)?,
        })
    }
}

struct OptionTerms<'a> {
    instrument: &'a Instrument,
    strike: Price,
    at: &'a ExpiryMarket,
}

impl OptionTerms<'_> {
    /// The call of the same strike, expiry, style and lot.
    fn as_call(&self) -> Result<Instrument, RiskError> {
        let i = self.instrument;
        let expiry = i.expiry().ok_or(RiskError::UnknownInstrument(*i))?;
        let kind = ContractKind::Option { expiry, strike: self.strike, kind: OptionKind::Call };
        Instrument::new(i.base(), i.quote(), kind, i.style(), i.lot_size())
            .map_err(RiskError::of(i))
    }
}

impl Path {
    fn push(&mut self, shock: Shock, weight: f64, index: f64, years: f64, basis: f64) {
        self.index.push(if shock.log_move == 0.0 {
            index
        } else {
            index * numerics::exp(shock.log_move)
        });
        self.shocks.push(shock);
        self.weights.push(weight);
        self.years_elapsed.push(years);
        self.basis.push(basis);
    }
}

/// The largest magnitude of a row; `None` if a number is not one or passes 2^52.
pub(crate) fn magnitude<'a>(mut row: impl Iterator<Item = &'a f64>) -> Option<f64> {
    row.try_fold(0.0, |most: f64, ticks| (ticks.abs() <= EXACT_MAX).then(|| most.max(ticks.abs())))
}

/// The size of one lot in its lot asset.
pub(crate) fn lot_f64(instrument: &Instrument) -> f64 {
    instrument.lot_size() as f64 / SCALE as f64
}

/// What a shape multiplies a volatility with in this engine, at x = ln(K/F).
fn multiplier(shape: Shape, expiry: &ExpiryPath, moneyness: impl Fn() -> f64) -> f64 {
    if shape == Shape::None {
        return 1.0;
    }
    volatility::multiplier(shape, expiry.tenor_factor, expiry.years, moneyness).max(MULTIPLIER_MIN)
}

/// A shocked volatility, never below the floor unless it was there before.
fn shocked_volatility(volatility: f64, factor: f64, floor: f64) -> f64 {
    if factor == 1.0 { volatility } else { (volatility * factor).max(volatility.min(floor)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_never_raises_what_is_below_it() {
        assert_eq!(shocked_volatility(0.5, 0.1, 0.2), 0.2);
        assert_eq!(shocked_volatility(0.1, 0.5, 0.2), 0.1);
        assert_eq!(shocked_volatility(0.1, 3.0, 0.2), 0.30000000000000004);
    }
}
