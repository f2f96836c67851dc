//! What all rules have in common: bounds, and the error of leaving them.

use instruments::Price;

/// The greatest price that is believed, 2^60 · 10⁻⁸, which is above 11 billion. The least is one
/// unit.
pub const PRICE_MAX: Price = Price::from_units(1 << 60);

/// Parts per million in one.
pub(super) const MILLION: i128 = 1_000_000;
/// Parts per billion in one.
pub(super) const BILLION: i128 = 1_000_000_000;
/// Milliseconds in a day, the longest time that most rules may name.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Why rules are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A number is out of its bounds.
    #[error("{field} is {found}, but must be from {least} to {most}")]
    OutOfBounds {
        /// The rules and the field, as `index.band_ppm`.
        field: &'static str,
        /// What it is.
        found: i64,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
}

/// Refuses a field outside `least..=most`.
pub(crate) fn within(
    field: &'static str,
    found: impl Into<i64>,
    least: i64,
    most: i64,
) -> Result<(), RulesError> {
    let found = found.into();
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(RulesError::OutOfBounds { field, found, least, most })
    }
}

/// A price that may divide: held between one unit and [`PRICE_MAX`], in units.
pub(super) fn held(price: Price) -> i128 {
    i128::from(price.units().clamp(1, PRICE_MAX.units()))
}

#[cfg(test)]
mod tests {
    use instruments::Timestamp;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::prices::{
        Basis, Breaker, BreakerRules, FundingRules, IndexRules, IndexValue, InterestRules,
        MarkRules, Observation, SettlementAverage,
    };

    fn round_trip<T>(value: &T)
    where
        T: borsh::BorshSerialize + borsh::BorshDeserialize + Serialize + DeserializeOwned,
        T: PartialEq + std::fmt::Debug,
    {
        let bytes = borsh::to_vec(value).unwrap();
        assert_eq!(&borsh::from_slice::<T>(&bytes).unwrap(), value);
        let text = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }

    #[test]
    fn rules_and_states_are_written_and_read_back() {
        round_trip(&IndexRules::default());
        round_trip(&MarkRules::default());
        round_trip(&FundingRules::default());
        round_trip(&BreakerRules::default());
        round_trip(&InterestRules::default());
        round_trip(&IndexValue::default());

        let [start, now] = [0, 1_700_000].map(Timestamp::from_milliseconds);
        round_trip(&Observation { source: 3, weight: 1, price: PRICE_MAX, time: now });
        let mut basis = Basis::starting_at(start);
        basis.sample(&MarkRules::default(), now, PRICE_MAX, Some(PRICE_MAX), Some(PRICE_MAX));
        round_trip(&basis);
        let mut breaker = Breaker::default();
        breaker.observe(&BreakerRules::default(), now, PRICE_MAX);
        round_trip(&breaker);
        // The sum is beyond 64 bits.
        let mut average = SettlementAverage::default();
        average.advance(start, start, Some(PRICE_MAX));
        average.advance(start, now, None);
        round_trip(&average);
    }

    #[test]
    fn rules_may_name_some_fields_and_no_others() {
        let rules: IndexRules = serde_json::from_str(r#"{"sources_min":3}"#).unwrap();
        assert_eq!(rules, IndexRules { sources_min: 3, ..IndexRules::default() });
        assert!(serde_json::from_str::<IndexRules>(r#"{"source_min":3}"#).is_err());
        assert!(serde_json::from_str::<MarkRules>(r#"{"tau_ms":-1}"#).is_err());
    }
}
