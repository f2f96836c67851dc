//! A field that a command or an event does not have is refused, wherever it stands, and pointed out.

use plimsoll_engine::{Command, Event};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::examples::{COMMANDS, EVENTS};

const MISSPELT: &str = "reduce_onyl";

/// Commands with objects that the example of their kind does not have.
const MORE_COMMANDS: &str = r#"{"time":0,"place_order":{"account":0,"order":{"instrument":0,"side":"buy","lots":1,"type":{"immediate_or_cancel":{"price":"1"}}}}}
{"time":0,"place_group":{"account":0,"group":{"one_cancels_other":[{"instrument":0,"side":"buy","lots":1,"type":{"limit":{"price":"1"}}},{"instrument":0,"side":"buy","lots":1,"type":{"market":{}}}]}}}
{"time":0,"place_group":{"account":0,"group":{"one_triggers_other":{"first":{"instrument":0,"side":"buy","lots":1,"type":{"market":{}}},"then":{"one":{"instrument":0,"side":"sell","lots":1,"type":{"market":{}}}},"when":"first"}}}}
{"time":0,"add_asset":{"asset":"BTC","interest":{"base_ppb":1},"breaker":{"move_ppm":1}}}
{"time":0,"list_instrument":{"instrument":{"base":"BTC","quote":"USD","kind":{"future":{"expiry":0}},"style":"inverse","lot_size":"1"},"terms":{"tick":"1","mark":{"tau_ms":1},"funding":{"interest_ppb":1},"fees":{"taker_ppm":1}}}}"#;

/// Where the objects in a value stand, as JSON pointers.
fn objects(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(path.to_owned());
            for (name, inner) in members {
                objects(inner, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(parts) => {
            for (place, inner) in parts.iter().enumerate() {
                objects(inner, &format!("{path}/{place}"), found);
            }
        }
        _ => {}
    }
}

/// In how many objects one member more was refused by its name. Where an object says which of
/// several choices is meant, a second one need only be where the error points to.
fn refused_by_name<T: DeserializeOwned>(lines: &str) -> usize {
    let mut named = 0;
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let mut paths = Vec::new();
        objects(&value, "", &mut paths);
        for path in paths {
            let mut spoilt = value.clone();
            spoilt.pointer_mut(&path).unwrap()[MISSPELT] = true.into();
            let text = spoilt.to_string();
            let Err(error) = serde_json::from_str::<T>(&text) else { panic!("accepted: {text}") };
            let is_named = error.to_string().contains(&format!("`{MISSPELT}`"));
            let points = text[error.column()..].starts_with(&format!(",\"{MISSPELT}\""));
            assert!(is_named || points, "{text}\n{error}");
            named += usize::from(is_named);
        }
    }
    named
}

#[test]
fn a_misspelt_field_of_a_command() {
    let named = [COMMANDS, MORE_COMMANDS].map(refused_by_name::<Command>);
    assert!(named[0] > 100 && named[1] > 20, "{named:?}");
}

#[test]
fn a_misspelt_field_of_an_event() {
    let named = refused_by_name::<Event>(EVENTS);
    assert!(named > 40, "{named}");
}
