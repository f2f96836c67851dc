//! The index: one price from several sources, one of which may be wrong.
//!
//! Sources that are fresh enough are put in order of price, and their *lower weighted median* is
//! taken: the least price such that the sources at or below it hold at least half of the weight.
//! Sources further than the band from that median are left out, and the median of the others is
//! the index.
//!
//! What is guaranteed. While honest sources hold more than half of the usable weight, the first
//! median lies between the least and the greatest honest price, and the index lies within the band
//! of it. If the honest sources also agree to within the band, none of them is left out, and the
//! index itself lies between the least and the greatest of them. So one wild source of five with
//! equal weights moves the index by no more than the other four disagree.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Price, Rounding, Timestamp, mul_div};
use serde::{Deserialize, Serialize};

use super::rules::{DAY_MS, MILLION, PRICE_MAX, RulesError, within};

/// Sources that one index may have.
pub const SOURCES_MAX: usize = 16;

/// The greatest weight of a source.
pub const WEIGHT_MAX: u32 = 1_000_000;

/// How an index is made of its sources.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct IndexRules {
    /// A source older than so many milliseconds is left out; 1 to one day.
    pub age_max_ms: u32,
    /// A source further than this from the median is left out, in 10⁻⁶ of the median; 1 to 500,000.
    pub band_ppm: u32,
    /// With fewer sources than this the index is lone; 1 to 16.
    pub sources_min: u8,
    /// A source up to so many milliseconds old is wholly fresh; at most `age_max_ms`.
    pub fresh_ms: u32,
}

/// The last price that one source gave.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Which source; no two observations of one index have the same.
    pub source: u16,
    /// The source's weight among the others; 1 to [`WEIGHT_MAX`].
    pub weight: u32,
    /// Its price, greater than zero; zero while it has given none.
    pub price: Price,
    /// When it gave the price.
    pub time: Timestamp,
}

/// An index, and how far to trust it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct IndexValue {
    /// The price; `None` where no source is fresh enough.
    pub price: Option<Price>,
    /// Agreement times freshness, in 10⁻⁶; see [`index`].
    pub confidence_ppm: u32,
    /// How many sources it was made of.
    pub used: u8,
    /// Whether it may be relied on.
    pub status: IndexStatus,
}

/// Whether an index may be relied on.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum IndexStatus {
    /// Enough sources agree.
    Fresh,
    /// Fewer than `sources_min` remain: the price is known, but nobody confirms it.
    Lone,
    /// No source is fresh enough.
    #[default]
    Stale,
}

impl Default for IndexRules {
    /// Left out after 30 s or 2 % off; two sources at least; wholly fresh for 5 s.
    fn default() -> Self {
        Self { age_max_ms: 30_000, band_ppm: 20_000, sources_min: 2, fresh_ms: 5_000 }
    }
}

impl IndexRules {
    /// Whether every number is within its bounds.
    ///
    /// # Errors
    /// [`RulesError`] names the first that is not.
    pub fn check(&self) -> Result<(), RulesError> {
        within("index.age_max_ms", self.age_max_ms, 1, DAY_MS)?;
        within("index.band_ppm", self.band_ppm, 1, 500_000)?;
        within("index.sources_min", self.sources_min, 1, SOURCES_MAX as i64)?;
        within("index.fresh_ms", self.fresh_ms, 0, i64::from(self.age_max_ms))
    }

    /// Whether an index may have sources with these weights.
    ///
    /// # Errors
    /// [`RulesError`] if there are none or more than [`SOURCES_MAX`], or a weight is out of bounds.
    pub fn check_weights(weights: &[u32]) -> Result<(), RulesError> {
        let count = i64::try_from(weights.len()).unwrap_or(i64::MAX);
        within("index.sources", count, 1, SOURCES_MAX as i64)?;
        weights.iter().try_for_each(|&weight| {
            within("index.sources.weight", weight, 1, i64::from(WEIGHT_MAX))
        })
    }
}

/// The index at `now` from the last observation of every source that it has.
///
/// A source counts if its price lies between one unit and [`PRICE_MAX`] and is no older than
/// `age_max_ms`. One from later than `now` does not count: who tolerates clocks that run ahead
/// stamps what comes in with the own time. Sources that do not count still have their weight in the
/// confidence, and so have those after the first [`SOURCES_MAX`], which no index has by
/// [`IndexRules::check_weights`].
///
/// `confidence = max(0, share − dispersion/band) · freshness`, rounded down, where `share` is the
/// weight of the sources used in that of all, `dispersion` their weighted mean distance from the
/// index in parts of it, and `freshness` the weighted mean over them of 1 up to `fresh_ms`, falling
/// linearly to 0 at `age_max_ms`.
#[must_use]
pub fn index(rules: &IndexRules, now: Timestamp, observations: &[Observation]) -> IndexValue {
    let mut sources = Sorted::of(rules, now, observations);
    let Some(middle) = sources.median() else { return IndexValue::default() };
    sources.keep_within(rules.band_ppm, middle);
    let Some(price) = sources.median() else { return IndexValue::default() };

    let weight_of_all = observations.iter().map(|each| i128::from(each.weight)).sum();
    let agreement = sources.agreement_ppm(rules, price, weight_of_all);
    let confidence = agreement * sources.freshness_ppm(rules, now) / MILLION;
    let lone = sources.used().len() < usize::from(rules.sources_min);
    IndexValue {
        price: Some(price),
        confidence_ppm: u32::try_from(confidence).unwrap_or(0),
        used: u8::try_from(sources.used().len()).unwrap_or(u8::MAX),
        status: if lone { IndexStatus::Lone } else { IndexStatus::Fresh },
    }
}

/// The sources that count, by price.
struct Sorted {
    places: [Observation; SOURCES_MAX],
    count: usize,
}

impl Sorted {
    fn of(rules: &IndexRules, now: Timestamp, observations: &[Observation]) -> Self {
        let nothing = Observation {
            source: 0,
            weight: 0,
            price: Price::ZERO,
            time: Timestamp::from_milliseconds(0),
        };
        let mut sorted = Self { places: [nothing; SOURCES_MAX], count: 0 };
        let counts = |each: &&Observation| {
            let age = now.since(each.time);
            let young = (0..=i64::from(rules.age_max_ms)).contains(&age);
            let priced = (1..=PRICE_MAX.units()).contains(&each.price.units());
            young && priced && each.weight > 0
        };
        for each in observations.iter().take(SOURCES_MAX).filter(counts) {
            let place = sorted.used().partition_point(|other| other.price <= each.price);
            sorted.places.copy_within(place..sorted.count, place + 1);
            sorted.places[place] = *each;
            sorted.count += 1;
        }
        sorted
    }

    fn used(&self) -> &[Observation] {
        &self.places[..self.count]
    }

    fn weight(&self) -> i128 {
        self.used().iter().map(|each| i128::from(each.weight)).sum()
    }

    /// The lower weighted median. Sources of one price count together, so their order among
    /// themselves does not matter.
    fn median(&self) -> Option<Price> {
        let all = self.weight();
        let mut below = 0;
        let middle = self.used().iter().find(|each| {
            below += i128::from(each.weight);
            2 * below >= all
        });
        middle.map(|each| each.price)
    }

    fn keep_within(&mut self, band_ppm: u32, middle: Price) {
        let widest = i128::from(band_ppm) * i128::from(middle.units());
        let mut kept = 0;
        for place in 0..self.count {
            let each = self.places[place];
            if distance(each.price, middle) * MILLION <= widest {
                self.places[kept] = each;
                kept += 1;
            }
        }
        self.count = kept;
    }

    fn agreement_ppm(&self, rules: &IndexRules, price: Price, weight_of_all: i128) -> i128 {
        let weight = self.weight();
        let share = weight * MILLION / weight_of_all.max(1);
        let off = |each: &Observation| i128::from(each.weight) * distance(each.price, price);
        let off: i128 = self.used().iter().map(off).sum();
        let band = weight * i128::from(price.units()) * i128::from(rules.band_ppm);
        // Two factors of a million: the band is in parts per million, and so is the result.
        let dispersion = mul_div(off, MILLION * MILLION, band, Rounding::Ceil).unwrap_or(MILLION);
        (share - dispersion).clamp(0, MILLION)
    }

    fn freshness_ppm(&self, rules: &IndexRules, now: Timestamp) -> i128 {
        let [fresh, oldest] = [rules.fresh_ms, rules.age_max_ms].map(i128::from);
        let freshness = |each: &Observation| {
            let age = i128::from(now.since(each.time));
            if age <= fresh { MILLION } else { (oldest - age) * MILLION / (oldest - fresh).max(1) }
        };
        let sum: i128 =
            self.used().iter().map(|each| i128::from(each.weight) * freshness(each)).sum();
        (sum / self.weight().max(1)).clamp(0, MILLION)
    }
}

fn distance(a: Price, b: Price) -> i128 {
    (i128::from(a.units()) - i128::from(b.units())).abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_770_000_000_000);

    fn observed(source: u16, weight: u32, price: &str, age_ms: i64) -> Observation {
        let time = Timestamp::from_milliseconds(NOW.milliseconds() - age_ms);
        Observation { source, weight, price: price.parse().unwrap(), time }
    }

    fn equal(prices: &[i64]) -> Vec<Observation> {
        let each = |(source, &units): (u16, &i64)| Observation {
            source,
            weight: 1,
            price: Price::from_units(units),
            time: NOW,
        };
        (0_u16..).zip(prices).map(each).collect()
    }

    #[test]
    fn by_hand() {
        let rules = IndexRules::default();
        let check = |sources: &[(u32, &str, i64)],
                     expected: (Option<&str>, u32, u8, IndexStatus)| {
            let each = |(source, &(weight, price, age)): (u16, &(u32, &str, i64))| {
                observed(source, weight, price, age)
            };
            let observations: Vec<_> = (0_u16..).zip(sources).map(each).collect();
            let found = index(&rules, NOW, &observations);
            let price = found.price.map(|price| price.to_string());
            let (wanted, confidence, used, status) = expected;
            assert_eq!(price.as_deref(), wanted, "{sources:?}");
            assert_eq!(
                (found.confidence_ppm, found.used, found.status),
                (confidence, used, status)
            );
        };
        use IndexStatus::{Fresh, Lone, Stale};
        check(&[], (None, 0, 0, Stale));
        check(&[(1, "100", 0)], (Some("100"), 1_000_000, 1, Lone));
        check(&[(1, "100", 0), (1, "100", 0)], (Some("100"), 1_000_000, 2, Fresh));
        // The lower of two; the mean distance 0.5 of a band of 2 takes a quarter.
        check(&[(1, "101", 0), (1, "100", 0)], (Some("100"), 750_000, 2, Fresh));
        // Three quarters of the weight at 100, and the fourth quarter is too far off.
        check(&[(1, "90", 0), (3, "100", 0)], (Some("100"), 750_000, 1, Lone));
        check(&[(1, "90", 0), (1, "90", 0), (4, "100", 0)], (Some("100"), 666_666, 1, Lone));
        // Half of the weight is enough for the lower median.
        check(&[(2, "90", 0), (2, "100", 0)], (Some("90"), 500_000, 1, Lone));
        // Half way from fresh to too old, and just too old; a price from the future; no price yet.
        check(&[(1, "100", 17_500), (1, "100", 17_500)], (Some("100"), 500_000, 2, Fresh));
        check(&[(1, "100", 30_000), (1, "100", 0)], (Some("100"), 500_000, 2, Fresh));
        check(&[(1, "100", 30_001), (1, "100", 0)], (Some("100"), 500_000, 1, Lone));
        check(&[(1, "100", -1)], (None, 0, 0, Stale));
        check(&[(1, "0", 0), (1, "100", 0), (1, "100", 0)], (Some("100"), 666_666, 2, Fresh));
    }

    #[test]
    fn the_edge_of_the_band_is_inside() {
        let rules = IndexRules::default();
        let found = index(&rules, NOW, &equal(&[98_000_000, 100_000_000, 102_000_000]));
        assert_eq!((found.used, found.price), (3, Some(Price::from_units(100_000_000))));
        let found = index(&rules, NOW, &equal(&[97_999_999, 100_000_000, 102_000_001]));
        assert_eq!(found.used, 1);
    }

    #[test]
    fn rules_and_sources_out_of_bounds_are_refused() {
        let fine = IndexRules::default();
        assert_eq!(fine.check(), Ok(()));
        for bad in [
            IndexRules { age_max_ms: 0, ..fine },
            IndexRules { band_ppm: 0, ..fine },
            IndexRules { band_ppm: 500_001, ..fine },
            IndexRules { sources_min: 0, ..fine },
            IndexRules { sources_min: 17, ..fine },
            IndexRules { fresh_ms: 30_001, ..fine },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let error = IndexRules { band_ppm: 0, ..fine }.check().unwrap_err();
        assert_eq!(error.to_string(), "index.band_ppm is 0, but must be from 1 to 500000");
        assert_eq!(IndexRules::check_weights(&[1; SOURCES_MAX]), Ok(()));
        assert!(IndexRules::check_weights(&[]).is_err());
        assert!(IndexRules::check_weights(&[1; SOURCES_MAX + 1]).is_err());
        assert!(IndexRules::check_weights(&[1, 0]).is_err());
        assert!(IndexRules::check_weights(&[WEIGHT_MAX + 1]).is_err());
    }

    proptest! {
        #[test]
        fn one_wild_source_of_five_moves_nothing(
            least in 200_i64..1 << 59,
            parts in prop::array::uniform4(0_i64..=5_000),
            wild in any::<[i64; 2]>(), near in -20_000_i64..20_000, place in 0_usize..5,
        ) {
            // Four honest prices within half a percent of the least.
            let honest = parts.map(|ppm| least + (i128::from(least) * i128::from(ppm) / MILLION) as i64);
            let near = least + (i128::from(least) * i128::from(near) / MILLION) as i64;
            for wild in [wild[0], wild[1], near, 0] {
                let mut prices = honest.to_vec();
                prices.insert(place, wild);
                let found = index(&IndexRules::default(), NOW, &equal(&prices));
                let price = found.price.unwrap().units();
                prop_assert!(honest.iter().min().unwrap() <= &price);
                prop_assert!(honest.iter().max().unwrap() >= &price);
                prop_assert!(found.used >= 4);
                prop_assert_eq!(found.status, IndexStatus::Fresh);
            }
        }

        #[test]
        fn any_observations_give_a_bounded_index_whatever_their_order(
            drawn in prop::collection::vec((any::<u32>(), any::<i64>(), -10_000_i64..40_000), 0..20),
            age_max_ms in 1_u32..40_000, fresh_ppm in 0_u32..=1_000_000, band_ppm in 1_u32..=500_000,
        ) {
            let fresh_ms = (u64::from(age_max_ms) * u64::from(fresh_ppm) / 1_000_000) as u32;
            let rules = IndexRules { age_max_ms, band_ppm, sources_min: 3, fresh_ms };
            prop_assert_eq!(rules.check(), Ok(()));
            let mut observations: Vec<_> = (0_u16..)
                .zip(&drawn)
                .map(|(source, &(weight, price, age))| Observation {
                    source,
                    weight,
                    price: Price::from_units(price),
                    time: Timestamp::from_milliseconds(NOW.milliseconds() - age),
                })
                .collect();
            let found = index(&rules, NOW, &observations);
            prop_assert!(found.confidence_ppm <= 1_000_000);
            prop_assert_eq!(found.price.is_none(), found.status == IndexStatus::Stale);
            prop_assert!(found.price.is_none_or(|price| observations.iter().any(|o| o.price == price)));
            if observations.len() <= SOURCES_MAX {
                observations.reverse();
                prop_assert_eq!(index(&rules, NOW, &observations), found);
            }
        }
    }
}
