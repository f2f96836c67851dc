//! Numbers as JSON has them, exact to the last unit.

use std::borrow::Cow;

use instruments::{Amount, Price, SCALE, SCALE_DECIMALS, format_fixed};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A decimal in 10⁻⁸, written digit by digit: no double stands between it and the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub i128);

impl From<Price> for Decimal {
    fn from(price: Price) -> Self {
        Self(i128::from(price.units()))
    }
}

impl From<Amount> for Decimal {
    fn from(amount: Amount) -> Self {
        Self(amount.units())
    }
}

impl Decimal {
    /// As a double, for what is computed with it.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }

    /// The nearest decimal to a double; zero where it is none.
    #[must_use]
    pub fn nearest(value: f64) -> Self {
        let units = value * SCALE as f64;
        Self(if units.is_finite() { units.round() as i128 } else { 0 })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format_fixed(self.0, SCALE_DECIMALS))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Raw values are looked through before they are written; most numbers are whole.
        let scale = i128::from(SCALE);
        if self.0 % scale == 0
            && let Ok(whole) = i64::try_from(self.0 / scale)
        {
            return serializer.serialize_i64(whole);
        }
        let text = format_fixed(self.0, SCALE_DECIMALS);
        RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_written() {
        let text = |units| serde_json::to_string(&Decimal(units)).expect("a number");
        assert_eq!(text(1), "0.00000001");
        assert_eq!(text(-12_345_678_901_234_567_890_123), "-123456789012345.67890123");
        assert_eq!(text(300_000_000), "3");
    }
}
