//! What one lot and one unit needs, computed once per epoch.

use instruments::{Amount, Asset, Instrument, SCALE, Timestamp, Underlying};

use super::rate::Rate;
use super::{
    AssetTerms, GROUPS_MAX, GrossTable, GrossUnit, InstrumentTerms, Kind, UnderlyingTerms,
};
use crate::admission::UnitRequirement;
use crate::array::RiskArray;
use crate::epoch::{CoinArray, Epoch};
use crate::market::years_between;
use crate::methodology::{AssetKind, AssetParameters, TenorTwist};
use crate::portfolio::{CoinExposure, PortfolioVector};
use crate::requirement::requirement_ticks;
use crate::scenario::ScenarioSet;

/// A table says nothing of a market more than this after its epoch opened, in milliseconds.
pub(super) const AGE_MAX: i64 = Timestamp::DAY;
/// Most ticks of one lot: exact in `f64`.
const UNIT_MAX: f64 = 4_503_599_627_370_496.0;
/// Covers the rounding of a few products in `f64`.
const MARGIN: f64 = 1.0 + 1e-12;
/// The requirement of a coin is computed for at most 2^40 units of 10⁻⁸, as long as no scenario
/// moves them by more than 2^46 ticks.
const COIN_BITS: u32 = 40;
const COIN_TICKS: f64 = 70_368_744_177_664.0;

impl GrossTable {
    /// The table of an epoch for a list of instruments, which legs then refer to by their place in
    /// it. An instrument that the epoch has no array of is in no bound.
    ///
    /// `None` for a methodology that is not sub-additive, or beyond 32 assets or underlyings.
    #[must_use]
    pub fn of(epoch: &Epoch, instruments: &[Instrument]) -> Option<Self> {
        let rules = epoch.rules();
        if !rules.subadditive {
            return None;
        }
        let known =
            rules.assets.iter().filter(|asset| epoch.haircuts().get(asset.asset()).is_some());
        let parameters: Vec<&AssetParameters> = known.collect();
        let assets: Vec<Asset> = parameters.iter().map(|asset| asset.asset()).collect();
        let mut underlyings: Vec<Underlying> = Vec::new();
        for instrument in instruments {
            if !underlyings.contains(&instrument.underlying()) {
                underlyings.push(instrument.underlying());
            }
        }
        if assets.len() > GROUPS_MAX || underlyings.len() > GROUPS_MAX {
            return None;
        }
        let terms = parameters.iter().map(|asset| asset_terms(epoch, asset));
        let each = |instrument: &Instrument| {
            let underlying = underlyings.iter().position(|u| *u == instrument.underlying())?;
            let asset = assets.iter().position(|a| *a == instrument.settlement_asset())?;
            instrument_terms(epoch, instrument, underlying, asset)
        };
        let ticks = rules.ticks_per_unit as f64;
        let underlyings: Vec<UnderlyingTerms> = underlyings
            .iter()
            .map(|underlying| underlying_terms(epoch, *underlying))
            .collect::<Option<_>>()?;
        Some(Self {
            opened: epoch.market().time,
            instruments: instruments.iter().map(each).collect(),
            delta_max: underlyings.iter().map(UnderlyingTerms::delta_max).min().unwrap_or(u64::MAX),
            underlyings,
            terms: terms.collect::<Option<_>>()?,
            assets,
            // One part per million more than the threshold: what is charged is charged here too.
            oracle_below: (rules.addons.oracle_threshold * 1e6).ceil() as u32 + 1,
            oracle_rate: Rate::at_least(rules.addons.oracle_rate)?,
            worth: Rate::at_least(ticks / (SCALE as f64 * SCALE as f64))?,
            per_scale: Rate::at_least(1.0 / SCALE as f64)?,
            entry_weight: loss_weight(epoch.scenarios()),
            maintenance_share: Rate::at_least(rules.maintenance_share)?,
            charges_follow_marks: rules.addons.maintenance.iter().any(|name| follows_marks(name)),
            bucket_ends: bucket_ends(&rules.addons.tenor_twist),
        })
    }

    /// The assets that balances are given for, in this order: those of the methodology that the
    /// market priced as the epoch opened. An account with any other has no bound.
    #[must_use]
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// What one lot adds to the bound at most; `None` if the instrument is in no bound.
    #[must_use]
    pub fn unit(&self, instrument: u32) -> Option<GrossUnit> {
        self.instruments.get(instrument as usize)?.map(|terms| terms.unit)
    }
}

/// How often a loss outside the arrays counts in the largest term, in whole times rounded up.
pub(crate) fn loss_weight(set: &ScenarioSet) -> u32 {
    let weight = |term: &crate::scenario::TermBlocks| {
        let sum: u64 = term.blocks.iter().map(|(_, weight)| u64::from(*weight)).sum();
        sum.div_ceil(u64::from(term.whole)) as u32
    };
    set.terms.iter().map(weight).max().unwrap_or(1).max(1)
}

/// Whether an add-on follows live marks or feeds, and not only positions and time.
fn follows_marks(add_on: &str) -> bool {
    ["oracle", "peg", "wrong way", "order settlement"].contains(&add_on)
}

fn instrument_terms(
    epoch: &Epoch,
    instrument: &Instrument,
    underlying: usize,
    asset: usize,
) -> Option<InstrumentTerms> {
    let array = epoch.array(instrument).ok()?;
    let requirement = UnitRequirement::of(epoch, instrument).ok()?;
    let kind = if instrument.is_option() {
        Kind::Option
    } else if instrument.is_sized_in_quote() {
        Kind::Inverse
    } else {
        Kind::Linear
    };
    let one = array.sensitivity;
    let unpaired = epoch.rules().addons.unpaired_rate * one.notional as f64;
    let unpaired = if kind == Kind::Option { unpaired.max(0.0) } else { 0.0 };
    Some(InstrumentTerms {
        unit: GrossUnit {
            long: whole(requirement.bid as f64 + one.funding.max(0) as f64)?,
            short: whole(requirement.ask as f64 + one.funding.min(0).abs() as f64 + unpaired)?,
            size: whole(charge_per_size(epoch, instrument, array)?)?,
            delta: one.delta.unsigned_abs(),
            notional: one.notional.unsigned_abs(),
        },
        kind,
        lot_size: u64::try_from(instrument.lot_size()).ok()?,
        underlying,
        asset,
        expiry: instrument.expiry(),
        steady: instrument.expiry().is_none_or(|expiry| is_steady(epoch, expiry)),
    })
}

/// Roll, vega spread and tenor twist of one lot, gross, in ticks.
fn charge_per_size(epoch: &Epoch, instrument: &Instrument, array: &RiskArray) -> Option<f64> {
    let rules = &epoch.rules().addons;
    let opened = epoch.market().time;
    let (delta, vega) = (array.sensitivity.delta as f64, array.sensitivity.vega as f64);
    // Time only shortens what is left to expiry.
    let years = instrument.expiry().map_or(0.0, |expiry| years_between(opened, expiry));
    let roll = (rules.roll_rate * years).max(rules.roll_min);
    let parameters = epoch.parameters(instrument.base()).ok()?;
    let shock = instrument.expiry().map_or(0.0, |expiry| {
        let reachable = buckets(epoch, expiry);
        reachable.map(|bucket| rules.tenor_twist.shocks[bucket]).fold(0.0, f64::max)
    });
    Some(delta.abs() * roll + vega.abs() * (parameters.volatility_half_spread + shock))
}

/// The tenor buckets that an expiry is in while the table says anything.
fn buckets(epoch: &Epoch, expiry: Timestamp) -> std::ops::RangeInclusive<usize> {
    let bucket = |milliseconds: i64| {
        let days = milliseconds as f64 / Timestamp::DAY as f64;
        let ends = &epoch.rules().addons.tenor_twist.bucket_days;
        ends.iter().take_while(|end| days > **end).count()
    };
    let left = expiry.since(epoch.market().time);
    bucket(left - AGE_MAX)..=bucket(left)
}

/// Where tenor buckets end, in milliseconds to expiry, rounded.
fn bucket_ends(rules: &TenorTwist) -> Vec<i64> {
    rules.bucket_days.iter().map(|days| (days * Timestamp::DAY as f64) as i64).collect()
}

/// Whether an expiry stays in its tenor bucket and away from its cliff.
fn is_steady(epoch: &Epoch, expiry: Timestamp) -> bool {
    let hours = epoch.rules().addons.expiry_cliff.hours;
    let left = expiry.since(epoch.market().time) - AGE_MAX;
    let buckets = buckets(epoch, expiry);
    left as f64 >= hours * Timestamp::HOUR as f64 && buckets.start() == buckets.end()
}

fn underlying_terms(epoch: &Epoch, underlying: Underlying) -> Option<UnderlyingTerms> {
    let rules = epoch.rules();
    let asset = epoch.parameters(underlying.asset()).ok()?;
    let range = epoch.ranges().by_underlying.get(&underlying)?;
    let daily = range.volatility / f64::from(rules.horizon.days).sqrt();
    let volume = asset.volume_usd * rules.ticks_per_unit as f64;
    let threshold = rules.addons.participation * rules.addons.concentration_days;
    Some(UnderlyingTerms {
        half_spread: Rate::at_least(asset.half_spread)?,
        impact: Rate::at_least(rules.addons.impact * daily)?,
        per_volume: Rate::at_least((1_u64 << 56) as f64 / volume)?,
        range: Rate::at_least(range.range)?,
        concentration: Rate::at_least((1.0 / threshold).sqrt())?,
    })
}

fn asset_terms(epoch: &Epoch, asset: &AssetParameters) -> Option<AssetTerms> {
    let haircut = epoch.haircuts().get(asset.asset())?;
    let joint = epoch.is_joint(Underlying::of(asset.asset()));
    let coin = epoch.coin(asset.asset());
    let none = (Rate::default(), Rate::default());
    let (long, short) = coin.map_or(Some(none), |coin| coin_units(epoch, asset.asset(), coin))?;
    let reach = coin.map_or_else(Default::default, |coin| (coin.joint_reach, coin.own_reach));
    let rise = reach.0.high.max(reach.1.high);
    let fall = -reach.0.low.min(reach.1.low);
    let ticks = epoch.rules().ticks_per_unit as f64;
    let (stable, debt) = (asset.kind == AssetKind::Stable, haircut.debt_ppb as f64 / 1e9);
    Some(AssetTerms {
        joint,
        long,
        short,
        rise: Rate::at_least(rise)?,
        fall: Rate::at_least(fall)?,
        price_min: (fall * MARGIN * SCALE as f64 * SCALE as f64 / ticks).ceil() as i64,
        haircut: Rate::at_least(haircut.ppb as f64 / 1e9)?,
        debt_extra: Rate::at_least(debt / (1.0 - debt))?,
        holding_max_ticks: ticks_down(epoch, haircut.holding_max),
        peg: if stable { (asset.peg_threshold * SCALE as f64).ceil() as i64 } else { 0 },
        peg_factor: Rate::at_least(asset.peg_factor * ticks / (SCALE as f64 * SCALE as f64))?,
        wrong_way: Rate::at_least(if joint { 0.0 } else { asset.wrong_way_correlation.max(0.0) })?,
    })
}

/// The requirement of 10⁻⁸ of a coin, held and owed.
fn coin_units(epoch: &Epoch, asset: Asset, coin: &CoinArray) -> Option<(Rate, Rate)> {
    let mut units = 1_i128 << COIN_BITS;
    while units > 1 && units as f64 * coin.magnitude > COIN_TICKS {
        units >>= 1;
    }
    let one = |units: i128| {
        let profits =
            PortfolioVector::empty(epoch).profits(epoch, &CoinExposure::from([(asset, units)]));
        let requirement = requirement_ticks(epoch.scenarios(), &profits);
        // Its scenarios were rounded to the nearest tick, which smaller amounts are not.
        Rate::at_least(
            (requirement + i128::from(2 * loss_weight(epoch.scenarios()))) as f64
                / units.unsigned_abs() as f64,
        )
    };
    Some((one(units)?, one(-units)?))
}

fn ticks_down(epoch: &Epoch, usd: Amount) -> u128 {
    let units_per_tick = i128::from(SCALE / epoch.rules().ticks_per_unit);
    (usd.units().max(0) / units_per_tick).unsigned_abs()
}

/// Whole ticks of one lot, rounded up.
fn whole(ticks: f64) -> Option<u64> {
    let ticks = (ticks * MARGIN).ceil();
    (0.0..=UNIT_MAX).contains(&ticks).then_some(ticks as u64)
}
