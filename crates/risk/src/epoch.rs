//! A risk epoch: the period in which one set of risk arrays holds.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument, Underlying};

use crate::array::{ArrayBuilder, RiskArray};
use crate::haircut::Haircuts;
use crate::history::History;
use crate::market::Market;
use crate::methodology::{AssetKind, AssetParameters, Methodology, ScenarioRules};
use crate::ranges::Ranges;
use crate::scenario::ScenarioSet;
use crate::{FlatMap, RiskError};

/// What an epoch is opened with.
#[derive(Clone, Copy, Debug)]
pub struct EpochInputs<'a> {
    /// The market at the epoch's start.
    pub market: &'a Market,
    /// Daily closes; without them every underlying stands alone.
    pub history: Option<&'a History>,
    /// What all accounts of the venue hold of each asset, for haircuts: a published figure that
    /// follows large deposits with notice, so that one account's deposit liquidates no other.
    pub venue_balances: &'a BTreeMap<Asset, Amount>,
}

/// Risk arrays, haircuts and ranges that hold for a while: a pure function of methodology, market,
/// history and venue balances.
#[derive(Clone, Debug)]
pub struct Epoch {
    methodology: Methodology,
    market: Market,
    ranges: Ranges,
    scenarios: ScenarioSet,
    arrays: FlatMap<Instrument, RiskArray>,
    coins: BTreeMap<Asset, CoinArray>,
    haircuts: Haircuts,
    charged: FlatMap<Underlying, Charged>,
}

/// What charges look up of an underlying, side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charged {
    /// Average daily volume, in US dollars.
    pub volume_usd: f64,
    pub half_spread: f64,
    pub volatility_half_spread: f64,
    /// Daily volatility, and the range over the horizon.
    pub daily: f64,
    pub range: f64,
}

/// What one unit (10⁻⁸) of a coin gains in each scenario, in unrounded ticks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CoinArray {
    pub joint: Vec<f64>,
    pub own: Vec<f64>,
    pub magnitude: f64,
    /// How far the rows above reach.
    pub joint_reach: Reach,
    pub own_reach: Reach,
}

/// The least and the largest number of a row and zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reach {
    pub low: f64,
    pub high: f64,
}

impl Reach {
    fn of(row: &[f64]) -> Self {
        row.iter().fold(Self::default(), |reach, value| Self {
            low: reach.low.min(*value),
            high: reach.high.max(*value),
        })
    }

    /// The most that some units lose over the row; products round alike on their way up, so that
    /// the ends of the row have the largest.
    pub fn most_lost(self, units: f64) -> f64 {
        0.0_f64.max(-units * self.low).max(-units * self.high)
    }
}

impl Epoch {
    /// Opens an epoch with arrays for every instrument given.
    ///
    /// # Errors
    /// Whatever the market, the history or the methodology lacks for these instruments.
    pub fn open(
        methodology: &Methodology,
        inputs: EpochInputs<'_>,
        instruments: &[Instrument],
    ) -> Result<Self, RiskError> {
        let rules = methodology.scenario_rules()?;
        inputs.market.validate()?;
        inputs.history.map_or(Ok(()), History::validate)?;
        let ranges = Ranges::of(rules, inputs.history, inputs.market.time)?;
        let scenarios = ScenarioSet::of(rules, &ranges);
        let builder =
            ArrayBuilder { rules, market: inputs.market, ranges: &ranges, scenarios: &scenarios };
        let arrays = builder.build(instruments)?;
        let coins = coins(&builder)?;
        let full = |asset: &AssetParameters| {
            let underlying = Underlying::of(asset.asset());
            asset.kind == AssetKind::Coin && !ranges.universe.contains(&underlying)
        };
        let daily = |asset: &AssetParameters| match asset.kind {
            AssetKind::Coin => {
                let range = ranges.by_underlying[&Underlying::of(asset.asset())];
                range.volatility / f64::from(rules.horizon.days).sqrt()
            }
            AssetKind::Fiat | AssetKind::Stable => asset.volatility_floor,
        };
        let haircuts = Haircuts::portfolio(&rules.haircut, &rules.assets, &inputs, daily, full)?;
        let charged = ranges.by_underlying.iter().filter_map(|(underlying, range)| {
            let asset =
                rules.assets.iter().find(|asset| asset.name == underlying.asset().name())?;
            let charged = Charged {
                volume_usd: asset.volume_usd,
                half_spread: asset.half_spread,
                volatility_half_spread: asset.volatility_half_spread,
                daily: range.volatility / f64::from(rules.horizon.days).sqrt(),
                range: range.range,
            };
            Some((*underlying, charged))
        });
        Ok(Self {
            charged: charged.collect(),
            methodology: methodology.clone(),
            market: inputs.market.clone(),
            ranges,
            scenarios,
            arrays: arrays.into_iter().collect(),
            coins,
            haircuts,
        })
    }

    /// The methodology in force.
    #[must_use]
    pub const fn methodology(&self) -> &Methodology {
        &self.methodology
    }

    /// The market at the epoch's start.
    #[must_use]
    pub const fn market(&self) -> &Market {
        &self.market
    }

    /// How far each underlying may move.
    #[must_use]
    pub const fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    /// The scenarios.
    #[must_use]
    pub const fn scenarios(&self) -> &ScenarioSet {
        &self.scenarios
    }

    /// Haircuts of every asset of the methodology.
    #[must_use]
    pub const fn haircuts(&self) -> &Haircuts {
        &self.haircuts
    }

    /// Risk ticks of one US dollar.
    #[must_use]
    pub fn ticks_per_unit(&self) -> i64 {
        self.rules().ticks_per_unit
    }

    /// The risk array of an instrument.
    ///
    /// # Errors
    /// [`RiskError::NoArray`] if the epoch was opened without it.
    pub fn array(&self, instrument: &Instrument) -> Result<&RiskArray, RiskError> {
        Ok(self.array_at(self.array_place(instrument)?))
    }

    /// The place of an instrument's risk array, for [`Epoch::array_at`].
    pub(crate) fn array_place(&self, instrument: &Instrument) -> Result<usize, RiskError> {
        self.arrays.place(instrument).map_err(|_| RiskError::NoArray(*instrument))
    }

    pub(crate) fn array_at(&self, place: usize) -> &RiskArray {
        &self.arrays.as_slice()[place].1
    }

    /// Adds arrays of further instruments, from the market at the epoch's start.
    ///
    /// # Errors
    /// As [`Epoch::open`]; then nothing is added.
    pub fn list(&mut self, instruments: &[Instrument]) -> Result<(), RiskError> {
        let rules = self.methodology.scenario_rules()?;
        let builder = ArrayBuilder {
            rules,
            market: &self.market,
            ranges: &self.ranges,
            scenarios: &self.scenarios,
        };
        let new: Vec<_> =
            instruments.iter().copied().filter(|i| !self.arrays.contains_key(i)).collect();
        let arrays = builder.build(&new)?;
        self.arrays.extend(arrays);
        Ok(())
    }

    /// Hash of all that margins are computed from beside live marks: methodology, arrays with
    /// their sensitivities, coins and haircuts (blake3 in the order of names). The command that
    /// opens an epoch carries it, and replay recomputes and compares.
    #[must_use]
    pub fn arrays_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.methodology.hash().as_bytes());
        for (instrument, array) in &self.arrays {
            hasher.update(instrument.to_string().as_bytes());
            hash_row(&mut hasher, &array.joint);
            hash_row(&mut hasher, &array.own);
            let one = array.sensitivity;
            for number in [instrument.lot_size(), one.delta, one.vega, one.notional, one.funding] {
                hasher.update(&number.to_le_bytes());
            }
        }
        for (asset, coin) in &self.coins {
            hasher.update(asset.name().as_bytes());
            hash_row(&mut hasher, &coin.joint);
            hash_row(&mut hasher, &coin.own);
        }
        for (asset, haircut) in self.haircuts.iter() {
            hasher.update(asset.name().as_bytes());
            hasher.update(&haircut.ppb.to_le_bytes());
            hasher.update(&haircut.debt_ppb.to_le_bytes());
            hasher.update(&haircut.holding_max.units().to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    pub(crate) fn rules(&self) -> &ScenarioRules {
        self.methodology.scenario_rules().expect("an epoch opens only with scenario rules")
    }

    /// Whether the underlying shares joint scenarios.
    pub(crate) fn is_joint(&self, underlying: Underlying) -> bool {
        self.ranges.universe.contains(&underlying)
    }

    pub(crate) fn coin(&self, asset: Asset) -> Option<&CoinArray> {
        self.coins.get(&asset)
    }

    /// What charges look up of an underlying.
    pub(crate) fn charged(&self, underlying: Underlying) -> Result<&Charged, RiskError> {
        let methodology = self.methodology.name();
        let unknown = || RiskError::UnknownAsset {
            methodology: methodology.into(),
            asset: underlying.asset(),
        };
        self.charged.get(&underlying).ok_or_else(unknown)
    }

    pub(crate) fn parameters(&self, asset: Asset) -> Result<&AssetParameters, RiskError> {
        find_parameters(&self.rules().assets, asset, self.methodology.name())
    }
}

fn hash_row(hasher: &mut blake3::Hasher, row: &[f64]) {
    hasher.update(&(row.len() as u64).to_le_bytes());
    for number in row {
        hasher.update(&number.to_bits().to_le_bytes());
    }
}

/// The parameters of an asset, or which ones are missing.
pub(crate) fn find_parameters<'a>(
    assets: &'a [AssetParameters],
    asset: Asset,
    methodology: &str,
) -> Result<&'a AssetParameters, RiskError> {
    let known = assets.iter().find(|known| known.name == asset.name());
    known.ok_or_else(|| RiskError::UnknownAsset { methodology: methodology.into(), asset })
}

/// Arrays of every coin that the methodology knows and the market prices.
fn coins(builder: &ArrayBuilder<'_>) -> Result<BTreeMap<Asset, CoinArray>, RiskError> {
    let mut coins = BTreeMap::new();
    for asset in builder.rules.assets.iter().filter(|asset| asset.kind == AssetKind::Coin) {
        if builder.market.price(asset.asset()).is_err() {
            continue;
        }
        let (joint, own) = builder.coin(asset.asset())?;
        let magnitude = crate::array::magnitude(joint.iter().chain(&own))
            .ok_or(RiskError::AmountTooLarge(asset.asset()))?;
        let (joint_reach, own_reach) = (Reach::of(&joint), Reach::of(&own));
        coins.insert(asset.asset(), CoinArray { joint, own, magnitude, joint_reach, own_reach });
    }
    Ok(coins)
}
