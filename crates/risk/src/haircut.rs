//! Haircuts: `h = 1 − exp(−[Y·σ_d·√(N/ADV) + ½spread + peg])`, with price risk `z·σ·√τ` beside them
//! where no scenario carries it.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, SCALE};

use crate::RiskError;
use crate::epoch::EpochInputs;
use crate::market::price_f64;
use crate::methodology::{AssetKind, AssetParameters, HaircutRules};

const BILLION: i64 = 1_000_000_000;
/// A debt is never weighed more than tenfold.
const DEBT_HAIRCUT_MAX: f64 = 0.9;

/// The haircut of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Haircut {
    /// Share of a holding that does not count, in parts per billion, rounded up.
    pub ppb: i64,
    /// The h by which a debt weighs 1/(1−h), in parts per billion, rounded up.
    pub debt_ppb: i64,
    /// Most that one account's holding counts for before the cut, in US dollars.
    pub holding_max: Amount,
}

/// Haircuts by asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Haircuts(BTreeMap<Asset, Haircut>);

impl Haircuts {
    /// Haircuts of `portfolio` accounts: price risk is in their scenarios, so only liquidity,
    /// spread and peg are left; `volatility` is σ_d, `full` says which assets do not count at all.
    pub(crate) fn portfolio(
        rules: &HaircutRules,
        assets: &[AssetParameters],
        inputs: &EpochInputs<'_>,
        volatility: impl Fn(&AssetParameters) -> f64,
        full: impl Fn(&AssetParameters) -> bool,
    ) -> Result<Self, RiskError> {
        Self::of(rules, assets, inputs, 0.0, volatility, full)
    }

    /// Haircuts of `cross` and `isolated` accounts, price risk included.
    pub(crate) fn with_price_risk(
        rules: &HaircutRules,
        assets: &[AssetParameters],
        inputs: &EpochInputs<'_>,
    ) -> Result<Self, RiskError> {
        let multiple = rules.price_multiple * rules.price_days.sqrt();
        Self::of(rules, assets, inputs, multiple, |asset| asset.volatility_floor, |_| false)
    }

    /// Haircuts that a methodology states outright: the share of each asset that counts. A debt
    /// counts in full.
    pub(crate) fn fixed(shares: &BTreeMap<String, f64>) -> Self {
        let haircut = |(name, share): (&String, &f64)| {
            let asset = name.parse().expect("checked when the methodology is read");
            let holding_max = Amount::from_units(i128::MAX);
            (asset, Haircut { ppb: ceil_ppb(1.0 - share), debt_ppb: 0, holding_max })
        };
        Self(shares.iter().map(haircut).collect())
    }

    fn of(
        rules: &HaircutRules,
        assets: &[AssetParameters],
        inputs: &EpochInputs<'_>,
        price_multiple: f64,
        volatility: impl Fn(&AssetParameters) -> f64,
        full: impl Fn(&AssetParameters) -> bool,
    ) -> Result<Self, RiskError> {
        let mut haircuts = BTreeMap::new();
        for asset in assets {
            let Ok(price) = inputs.market.price(asset.asset()) else { continue };
            let venue = inputs.venue_balances.get(&asset.asset()).copied().unwrap_or_default();
            let venue_usd = (venue.units().max(0) as f64 / SCALE as f64) * price_f64(price);
            let impact = rules.impact * volatility(asset) * (venue_usd / asset.volume_usd).sqrt();
            let peg = match asset.kind {
                AssetKind::Stable => {
                    (asset.peg_threshold - price_f64(price)).max(0.0) * asset.peg_factor
                }
                AssetKind::Fiat | AssetKind::Coin => 0.0,
            };
            let risk = price_multiple * volatility(asset);
            let cut = 1.0 - numerics::exp(-(impact + asset.half_spread + peg + risk));
            let holding = if full(asset) { 1.0 } else { cut.max(asset.haircut_min).min(1.0) };
            haircuts.insert(
                asset.asset(),
                Haircut {
                    ppb: ceil_ppb(holding),
                    debt_ppb: ceil_ppb(cut.min(DEBT_HAIRCUT_MAX)),
                    holding_max: Amount::from_units(
                        (asset.collateral_max_usd * SCALE as f64) as i128,
                    ),
                },
            );
        }
        Ok(Self(haircuts))
    }

    /// The haircut of an asset, if the methodology knows it and the market prices it.
    #[must_use]
    pub fn get(&self, asset: Asset) -> Option<Haircut> {
        self.0.get(&asset).copied()
    }

    /// Every asset with its haircut.
    pub fn iter(&self) -> impl Iterator<Item = (Asset, Haircut)> {
        self.0.iter().map(|(asset, haircut)| (*asset, *haircut))
    }
}

impl FromIterator<(Asset, Haircut)> for Haircuts {
    fn from_iter<I: IntoIterator<Item = (Asset, Haircut)>>(haircuts: I) -> Self {
        Self(haircuts.into_iter().collect())
    }
}

impl Haircut {
    /// What a worth in US dollars counts for: a holding up to its most, less the cut; a debt in
    /// full over one less the cut. Rounded down.
    #[must_use]
    pub fn apply(&self, worth: Amount) -> Amount {
        let units = worth.units();
        let floor = instruments::Rounding::Floor;
        let counted = if units >= 0 {
            let held = units.min(self.holding_max.units());
            instruments::mul_div(held, i128::from(BILLION - self.ppb), i128::from(BILLION), floor)
        } else {
            instruments::mul_div(
                units,
                i128::from(BILLION),
                i128::from(BILLION - self.debt_ppb),
                floor,
            )
        };
        // A holding shrinks and a debt grows at most tenfold: what went in as a real amount fits.
        Amount::from_units(counted.unwrap_or(units))
    }
}

fn ceil_ppb(share: f64) -> i64 {
    ((share * BILLION as f64).ceil() as i64).clamp(0, BILLION)
}
