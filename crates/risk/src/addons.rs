//! Charges beside the scenarios: what a one-day move of prices and volatilities does not show.
//!
//! Each is zero or more and reported by itself, in ticks rounded up. Δ leaves collateral balances
//! out. With open orders each takes the worst that any partial fill could make of it.

use instruments::{Timestamp, Underlying};

use crate::RiskError;
use crate::epoch::{Charged, Epoch};
use crate::exposure::{Exposure, Interval, Leg, LegKey};
use crate::market::Market;
use crate::methodology::{AddOns, TenorTwist};

/// Names of the add-ons, in the order in which they are reported.
pub const NAMES: [&str; 11] = [
    "roll",
    "unpaired short options",
    "liquidity",
    "concentration",
    "oracle",
    "peg",
    "funding",
    "tenor twist",
    "wrong way",
    "order settlement",
    EXPIRY_CLIFF,
];

pub(crate) const EXPIRY_CLIFF: &str = "expiry cliff";

/// One charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOn {
    /// Its name, one of [`NAMES`].
    pub name: &'static str,
    /// Ticks, zero or more.
    pub ticks: i128,
    /// Whether it counts for maintenance margin too.
    pub maintenance: bool,
}

/// Every charge but the expiry cliff, in ticks, in the order of [`NAMES`].
pub(crate) type Charges = [i128; NAMES.len() - 1];

/// Charges with their names.
pub(crate) fn named(charges: &Charges, rules: &AddOns) -> Vec<AddOn> {
    let named = |(name, ticks): (&&'static str, &i128)| AddOn {
        name,
        ticks: *ticks,
        maintenance: rules.maintenance.iter().any(|known| known == name),
    };
    NAMES.iter().zip(charges).map(named).collect()
}

/// What the charges depend on beside the legs.
pub(crate) struct Circumstances<'a> {
    pub epoch: &'a Epoch,
    /// The market's time.
    pub time: Timestamp,
    /// Feeds that may not be trusted; without any nothing is charged for them.
    pub feeds: Option<&'a Market>,
    pub exposure: &'a Exposure,
    /// What is owed in stablecoins below their peg: ticks of charge, summed by the caller.
    pub peg: i128,
    /// Σ corr⁺·share of collateral outside the scenarios, from 0 to 1.
    pub wrong_way_share: f64,
    /// What haircuts take from cash that open orders may move, in ticks.
    pub order_settlement: i128,
}

impl Circumstances<'_> {
    /// Every charge but the expiry cliff, for a requirement of `requirement` ticks: in ticks, in the
    /// order of [`NAMES`].
    pub fn ticks(&self, requirement: i128) -> Result<Charges, RiskError> {
        let rules = &self.epoch.rules().addons;
        let wrong_way = ceil(number(requirement) * self.wrong_way_share);
        let [liquidity, concentration] = self.by_underlying(rules)?;
        Ok([
            self.roll(rules),
            self.unpaired(rules),
            liquidity,
            concentration,
            self.oracle(rules),
            self.peg,
            self.funding(),
            self.tenor_twist(&rules.tenor_twist),
            wrong_way,
            self.order_settlement,
        ])
    }

    /// `Σ_e |Δ_e|·S·max(a·τ_e, a_min)`: futures and options by expiry, perpetuals at τ = 0.
    fn roll(&self, rules: &AddOns) -> i128 {
        let charge = |(key, delta): (&LegKey, f64)| {
            let years = key.1.map_or(0.0, |expiry| crate::market::years_between(self.time, expiry));
            delta * (rules.roll_rate * years).max(rules.roll_min)
        };
        ceil(self.leg_deltas().map(charge).sum())
    }

    /// `c_opt·S·naked`, shorts left after matching spreads per expiry, calls and puts apart.
    fn unpaired(&self, rules: &AddOns) -> i128 {
        let legs = self.exposure.legs().iter();
        let naked = legs.map(|(_, leg)| leg.calls.unpaired() + leg.puts.unpaired());
        ceil(number(naked.sum::<i128>()) * rules.unpaired_rate)
    }

    /// What is charged for liquidity and for concentration, each underlying by itself.
    fn by_underlying(&self, rules: &AddOns) -> Result<[i128; 2], RiskError> {
        let [mut liquidity, mut concentration] = [0.0; 2];
        for (underlying, legs) in self.exposure.by_underlying() {
            let charged = self.epoch.charged(underlying)?;
            let delta = magnitude(sum(legs, |leg| leg.delta));
            let vega = magnitude(sum(legs, |leg| leg.vega));
            liquidity += self.liquidity(rules, charged, delta, vega);
            concentration += self.concentration(rules, charged, delta);
        }
        Ok([ceil(liquidity), ceil(concentration)])
    }

    /// `|Δ|·S·(½spread + Y·σ_d·√(|Δ|·S/ADV)) + |vega|·½vol-spread`, the square-root law of impact
    /// (Almgren and others 2005).
    fn liquidity(&self, rules: &AddOns, asset: &Charged, delta: f64, vega: f64) -> f64 {
        let impact = rules.impact * asset.daily * (self.usd(delta) / asset.volume_usd).sqrt();
        delta * (asset.half_spread + impact) + vega * asset.volatility_half_spread
    }

    /// `R_u·|Δ_u|·S·max(0, √(days to close/threshold) − 1)`.
    fn concentration(&self, rules: &AddOns, asset: &Charged, delta: f64) -> f64 {
        let days = self.usd(delta) / (rules.participation * asset.volume_usd);
        asset.range * delta * ((days / rules.concentration_days).sqrt() - 1.0).max(0.0)
    }

    /// `(1−c)·κ·|Δ|·S` where c, the least confidence of the feeds a leg uses, is below the
    /// threshold.
    fn oracle(&self, rules: &AddOns) -> i128 {
        let Some(feeds) = self.feeds else { return 0 };
        let charge = |(key, delta): (&LegKey, f64)| {
            let confidence = feeds.confidence_at(key.0, key.1).share();
            if confidence < rules.oracle_threshold {
                (1.0 - confidence) * rules.oracle_rate * delta
            } else {
                0.0
            }
        };
        ceil(self.leg_deltas().map(charge).sum())
    }

    /// `max(0, expected payment over 8 h)`.
    fn funding(&self) -> i128 {
        self.exposure.legs().iter().map(|(_, leg)| leg.funding.high).sum::<i128>().max(0)
    }

    /// Vega by tenor bucket times the bucket's shock; what opposes it in the next bucket is netted
    /// in part. Each underlying by itself.
    fn tenor_twist(&self, rules: &TenorTwist) -> i128 {
        let twist = |(_, legs): (Underlying, &[(LegKey, Leg)])| {
            // Expiries rise, and so do their buckets.
            let dated = legs
                .iter()
                .filter_map(|((_, expiry), leg)| Some((self.bucket(rules, (*expiry)?), leg.vega)));
            let mut dated = dated.peekable();
            twist(rules, |bucket| {
                let mut vega = Interval::default();
                while let Some((_, part)) = dated.next_if(|(known, _)| *known == bucket) {
                    vega += part;
                }
                vega
            })
        };
        let dated = |legs: &[(LegKey, Leg)]| legs.iter().any(|((_, expiry), _)| expiry.is_some());
        let groups = self.exposure.by_underlying().filter(|(_, legs)| dated(legs));
        ceil(groups.map(twist).sum())
    }

    /// The place of an expiry's bucket.
    fn bucket(&self, rules: &TenorTwist, expiry: Timestamp) -> usize {
        let days = expiry.since(self.time) as f64 / Timestamp::DAY as f64;
        rules.bucket_days.iter().take_while(|end| days > **end).count()
    }

    fn leg_deltas(&self) -> impl Iterator<Item = (&LegKey, f64)> {
        self.exposure.legs().iter().map(|(key, leg)| (key, magnitude(leg.delta)))
    }

    fn usd(&self, ticks: f64) -> f64 {
        ticks / self.epoch.rules().ticks_per_unit as f64
    }
}

/// The twist of one underlying with the vega of each bucket, asked for in turn: gross charges less
/// what adjacent opposite buckets net, each part of a bucket used once.
fn twist(rules: &TenorTwist, mut vega_of: impl FnMut(usize) -> Interval) -> f64 {
    let (mut gross, mut netted, mut near) = (0.0, 0.0, 0.0_f64);
    for (bucket, shock) in rules.shocks.iter().enumerate() {
        let vega = vega_of(bucket);
        gross += magnitude(vega) * shock;
        let mut far = number(vega.certain()) * shock;
        if near * far < 0.0 {
            let part = near.abs().min(far.abs());
            netted += part;
            far -= part * far.signum();
        }
        near = far;
    }
    gross - rules.netting * netted
}

/// The sum of something over legs.
fn sum(legs: &[(LegKey, Leg)], part: impl Fn(&Leg) -> Interval) -> Interval {
    let mut sum = Interval::default();
    legs.iter().for_each(|(_, leg)| sum += part(leg));
    sum
}

fn magnitude(interval: Interval) -> f64 {
    number(interval.magnitude())
}

/// An integer as a number, rounded to the nearest. Almost always it has 64 bits, which convert several
/// times as fast.
pub(crate) fn number(integer: i128) -> f64 {
    i64::try_from(integer).map_or_else(|_| integer as f64, |narrow| narrow as f64)
}

/// Ticks, rounded up.
pub(crate) fn ceil(ticks: f64) -> i128 {
    let ticks = ticks.ceil();
    // As above: what 64 bits hold converts several times as fast.
    if ticks.abs() < 9.0e18 { i128::from(ticks as i64) } else { ticks as i128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_opposite_vegas_net_in_part() {
        let rules = TenorTwist {
            bucket_days: vec![7.0, 30.0],
            shocks: vec![0.1, 0.05, 0.02],
            netting: 0.5,
        };
        let exactly = |ticks: i128| Interval { low: ticks, high: ticks };
        let check = |vegas: [i128; 3], expected: f64| {
            assert_eq!(twist(&rules, |bucket| exactly(vegas[bucket])), expected, "{vegas:?}");
        };
        check([100, 0, 0], 10.0);
        check([100, 200, 0], 20.0);
        check([100, -200, 0], 15.0);
        // The middle bucket is used up by the first; the last finds nothing left.
        check([100, -200, 500], 25.0);
        check([100, -400, 500], 30.0);
        let unsure = [exactly(100), Interval { low: -200, high: 50 }, exactly(0)];
        assert_eq!(twist(&rules, |bucket| unsure[bucket]), 20.0);
    }
}
