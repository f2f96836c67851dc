//! How far each underlying may move: `R_u = multiple·σ*_u`, `σ* = max(σ_now, σ_floor)·(1+b)`.

use std::collections::BTreeMap;

use instruments::{Asset, Timestamp, Underlying};

use crate::RiskError;
use crate::history::{History, JointReturns, VolatilityPath};
use crate::methodology::{AssetParameters, RangeRules, ScenarioRules};

/// The range of one underlying and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Volatility over the horizon by the weighted mean, `None` without a history.
    pub volatility_now: Option<f64>,
    /// σ*: never below the floor, with the buffer, limited in how fast it rises.
    pub volatility: f64,
    /// Half-width of the range as a relative move.
    pub range: f64,
    /// Half-width of what the market's move does not explain, `R·√(1−ρ̄²)`.
    pub idiosyncratic: f64,
}

/// Ranges of every underlying, and the joint returns that scenarios are made of.
#[derive(Clone, Debug)]
pub struct Ranges {
    /// Underlyings that share joint scenarios, in the methodology's order; empty without a history.
    pub universe: Vec<Underlying>,
    /// Range by underlying.
    pub by_underlying: BTreeMap<Underlying, Range>,
    /// The market's range.
    pub market: f64,
    pub(crate) returns: JointReturns,
    pub(crate) paths: Vec<VolatilityPath>,
}

impl Ranges {
    /// How many days of the history have a joint return.
    #[must_use]
    pub fn days(&self) -> usize {
        self.returns.len()
    }

    /// The last day with a joint return, at its start; `None` without a history.
    #[must_use]
    pub fn last_day(&self) -> Option<Timestamp> {
        self.returns.dates.last().copied()
    }

    /// Ranges at `time`. Without a history the universe is empty: every underlying stands alone on
    /// its floor with the whole buffer.
    ///
    /// # Errors
    /// [`RiskError::NoHistory`], [`RiskError::ShortHistory`].
    pub(crate) fn of(
        rules: &ScenarioRules,
        history: Option<&History>,
        time: Timestamp,
    ) -> Result<Self, RiskError> {
        let universe: Vec<Asset> = rules.universe.iter().map(|name| known_name(name)).collect();
        let returns = match history {
            Some(history) => history.joint_returns(&universe, rules.horizon.days, time)?,
            None => JointReturns::default(),
        };
        if history.is_some() {
            require_days(rules, &returns, time)?;
        }
        let seed_days = rules.ranges.seed_days as usize;
        let path =
            |index| VolatilityPath::of(&returns.column(index), rules.ranges.decay, seed_days);
        let paths: Vec<_> = (0..universe.len()).filter_map(path).collect();
        let mut by_underlying = BTreeMap::new();
        for asset in &rules.assets {
            let name = known_name(&asset.name);
            let joint = universe.iter().position(|known| *known == name).and_then(|i| paths.get(i));
            let own = match (joint, history) {
                (None, Some(history)) => own_path(history, name, rules, time),
                _ => None,
            };
            let range = range_of(rules, asset, joint.or(own.as_ref()));
            by_underlying.insert(Underlying::of(name), range);
        }
        let market = by_underlying[&Underlying::of(known_name(&rules.market))].range;
        let universe = if history.is_some() { universe } else { Vec::new() };
        let universe = universe.into_iter().map(Underlying::of).collect();
        Ok(Self { universe, by_underlying, market, returns, paths })
    }
}

/// The name of an asset that the methodology's check has read before.
fn known_name(name: &str) -> Asset {
    name.parse().expect("asset names are checked when the methodology is read")
}

fn require_days(
    rules: &ScenarioRules,
    returns: &JointReturns,
    time: Timestamp,
) -> Result<(), RiskError> {
    let needed = rules.blocks.iter().map(|block| match block.moves {
        crate::methodology::Moves::Recent { days_min, .. } => days_min as usize,
        crate::methodology::Moves::Stressed { .. } => 1,
        _ => 0,
    });
    let needed = needed.max().unwrap_or(0);
    if returns.len() >= needed {
        return Ok(());
    }
    let universe = rules.universe.join(", ");
    Err(RiskError::ShortHistory { found: returns.len(), needed, time, universe })
}

/// Volatility of an asset outside the universe from its own column, if it has one.
fn own_path(
    history: &History,
    asset: Asset,
    rules: &ScenarioRules,
    time: Timestamp,
) -> Option<VolatilityPath> {
    let returns = history.joint_returns(&[asset], rules.horizon.days, time).ok()?;
    VolatilityPath::of(&returns.column(0), rules.ranges.decay, rules.ranges.seed_days as usize)
}

fn range_of(
    rules: &ScenarioRules,
    asset: &AssetParameters,
    path: Option<&VolatilityPath>,
) -> Range {
    let floor = asset.volatility_floor * f64::from(rules.horizon.days).sqrt();
    let volatility = match path {
        Some(path) => limited(&rules.ranges, floor, path),
        None => floor * (1.0 + rules.ranges.buffer),
    };
    let range = (rules.ranges.multiple * volatility).min(rules.ranges.range_max);
    let explained = asset.market_correlation * asset.market_correlation;
    let idiosyncratic = range * (1.0 - explained).max(0.0).sqrt();
    Range { volatility_now: path.map(|path| path.last), volatility, range, idiosyncratic }
}

/// σ* after the last day, walking the whole path so that it never rises faster than allowed.
fn limited(rules: &RangeRules, floor: f64, path: &VolatilityPath) -> f64 {
    let target = |now: f64| {
        // The buffer is there to be used: it shrinks as volatility leaves its floor.
        let ratio = if floor > 0.0 { now / floor } else { 1.0 };
        let left = (rules.buffer_released_at - ratio) / (rules.buffer_released_at - 1.0);
        now.max(floor) * (1.0 + rules.buffer * left.clamp(0.0, 1.0))
    };
    let start = target(path.before[0]);
    let days = path.before[1..].iter().chain([&path.last]);
    days.fold(start, |before, now| target(*now).min(before * (1.0 + rules.rise_per_day_max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methodology::Methodology;

    #[test]
    fn ranges_rise_slowly_and_fall_freely() {
        let core = Methodology::built_in("core").unwrap();
        let rules = core.scenario_rules().unwrap();
        let calm = VolatilityPath { before: vec![0.01; 10], last: 0.01 };
        let jump = VolatilityPath { before: vec![0.01; 10], last: 0.20 };
        let drop = VolatilityPath { before: vec![0.20; 10], last: 0.01 };
        let [calm, jump, drop] = [calm, jump, drop].map(|path| limited(&rules.ranges, 0.03, &path));
        assert_eq!(calm, 0.03 * 1.25);
        assert_eq!(jump, calm * 1.15);
        assert_eq!(drop, calm);
    }

    #[test]
    fn without_a_history_nothing_is_joint() {
        let core = Methodology::built_in("core").unwrap();
        let rules = core.scenario_rules().unwrap();
        let ranges = Ranges::of(rules, None, Timestamp::from_milliseconds(0)).unwrap();
        assert!(ranges.universe.is_empty());
        let bitcoin = ranges.by_underlying[&Underlying::of("BTC".parse().unwrap())];
        assert_eq!((bitcoin.volatility_now, bitcoin.volatility), (None, 0.0375));
    }
}
