//! Parameters as clients send them: JSON values, or the texts of a query.

use std::borrow::Cow;
use std::fmt;

use instruments::{SCALE_DECIMALS, parse_fixed};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::RpcError;
use crate::number::Decimal;

/// Parameters of a method that has none; what clients send with it is refused like anywhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Reads the parameters of a method.
///
/// # Errors
/// -32602, with the parameter that is wrong.
pub fn read<P: DeserializeOwned>(params: Value) -> Result<P, RpcError> {
    let params = if params.is_null() { Value::Object(Map::new()) } else { params };
    if !params.is_object() {
        return Err(RpcError::invalid(
            "params",
            "parameters must be an object of names and values",
        ));
    }
    serde_path_to_error::deserialize(params).map_err(|error| {
        let text = error.inner().to_string();
        let path = error.path().to_string();
        let named = text.split('`').nth(1).filter(|_| path == ".");
        RpcError::invalid(named.unwrap_or(&path), clipped(&text))
    })
}

/// Error texts quote what came, which may be long.
fn clipped(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The parameters of a query: every value is a text.
#[must_use]
pub fn from_query(query: &str) -> Value {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut all = Map::new();
    for pair in pairs {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        // `instrument_name[]=A&instrument_name[]=B`, and the same name twice, are lists.
        let list = name.strip_suffix("[]").map(str::to_owned);
        let is_list = list.is_some();
        let name = list.unwrap_or(name);
        match all.get_mut(&name) {
            Some(Value::Array(values)) => values.push(Value::String(value)),
            Some(before) => *before = Value::Array(vec![before.take(), Value::String(value)]),
            None if is_list => drop(all.insert(name, Value::Array(vec![Value::String(value)]))),
            None => drop(all.insert(name, Value::String(value))),
        }
    }
    Value::Object(all)
}

/// A text with `%41` and `+` resolved; what is no escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (*first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

macro_rules! lenient {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $schema:tt, $convert:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let convert: fn(&str) -> Option<$inner> = $convert;
                let text = deserializer.deserialize_any(Scalar)?;
                convert(&text).map($name).ok_or_else(|| D::Error::custom(concat!("must be ", $what)))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

lenient! {
    /// A number, as such or as a text.
    Number(Decimal), "a number with at most 8 decimals", { "type": "number" },
    |text| plain(text).and_then(|text| parse_fixed(&text, SCALE_DECIMALS).ok()).map(Decimal)
}
lenient! {
    /// A whole number, as such or as a text.
    Whole(i64), "a whole number", { "type": "integer" },
    |text| text.strip_suffix(".0").unwrap_or(text).parse().ok()
}
lenient! {
    /// True or false, as such or as a text.
    Flag(bool), "true or false", { "type": "boolean" },
    |text| text.parse().ok()
}

/// A number without exponent, as exact decimals are read.
fn plain(text: &str) -> Option<String> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Some(text.to_owned());
    };
    let exponent: i32 = exponent.parse().ok().filter(|exponent| (-30..=30).contains(exponent))?;
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    Some(match usize::try_from(point) {
        Ok(point) if point >= all.len() => {
            format!("{sign}{all}{}", "0".repeat(point - all.len()))
        }
        Ok(point) if point > 0 => format!("{sign}{}.{}", &all[..point], &all[point..]),
        _ => format!("{sign}0.{}{all}", "0".repeat(point.unsigned_abs() as usize)),
    })
}

/// Any scalar as a text.
struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, true, false or a text")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        if value.len() > 64 { Err(E::custom("is too long")) } else { Ok(value.to_owned()) }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        // The shortest text that means this double: what the client wrote, up to 15 digits.
        Ok(value.to_string())
    }
}

/// A list, as such, as one text, or as a text that holds one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Value::deserialize(deserializer)? {
            Value::String(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str(&text).map_err(D::Error::custom)?
            }
            one @ Value::String(_) => Value::Array(vec![one]),
            other => other,
        };
        serde_json::from_value(value).map(Self).map_err(D::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

/// A structure, as such or as a text that holds one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nested<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Value::deserialize(deserializer)? {
            Value::String(text) => serde_json::from_str(&text).map_err(D::Error::custom)?,
            other => other,
        };
        serde_json::from_value(value).map(Self).map_err(D::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for Nested<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        amount: Number,
        count: Option<Whole>,
        post_only: Option<Flag>,
        names: Option<List<String>>,
    }

    fn sample(text: &str) -> Result<Sample, RpcError> {
        read(serde_json::from_str(text).expect("the test's own JSON"))
    }

    #[test]
    fn texts_and_values_are_read_alike() {
        let from_text =
            read::<Sample>(from_query("amount=0.1&count=10&post_only=true&names=a%20b"));
        let from_json = sample(r#"{"amount":0.1,"count":10,"post_only":true,"names":["a b"]}"#);
        assert_eq!(from_text, from_json);
        assert_eq!(from_json.expect("it is well formed").amount.0, Decimal(10_000_000));
    }

    #[test]
    fn numbers_with_exponents_are_exact() {
        let number = |text: &str| plain(text).and_then(|text| parse_fixed(&text, 8).ok());
        assert_eq!(number("1e-8"), Some(1));
        assert_eq!(number("1.5E2"), Some(15_000_000_000));
        assert_eq!(number("-2.5e1"), Some(-2_500_000_000));
        assert_eq!(number("1e-9"), None);
        assert_eq!(number("1e999999999999"), None);
        assert_eq!(number("nan"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| sample(text).expect_err("it is wrong").data;
        assert_eq!(wrong(r#"{"amount":"x"}"#).param.as_deref(), Some("amount"));
        assert_eq!(wrong(r#"{"amount":[1]}"#).param.as_deref(), Some("amount"));
        assert_eq!(wrong("{}").param.as_deref(), Some("amount"));
        assert_eq!(wrong(r#"{"amount":1,"colour":1}"#).param.as_deref(), Some("colour"));
        assert_eq!(wrong(r#"{"amount":"NaN"}"#).param.as_deref(), Some("amount"));
    }
}
