//! The twin of the fuzz target `engine_command`: no input makes a decoder panic, and what is
//! accepted has one encoding.

use std::fmt::Debug;

use plimsoll_engine::codec::{Encoded, decode};
use plimsoll_engine::{Command, Event};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::examples::{COMMANDS, EVENTS, encode, read};

fn config() -> ProptestConfig {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    let cases = 1_024_u32.saturating_mul(scale);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Reads `bytes` in both forms, and writes what was read in both.
fn decode_both<T>(bytes: &[u8])
where
    T: Debug + PartialEq + Encoded + Serialize + DeserializeOwned,
{
    if let Ok(value) = decode::<T>(bytes) {
        assert_eq!(encode(&value), bytes);
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
        assert_eq!(decode::<T>(&encode(&value)).unwrap(), value);
    }
}

/// A few bytes replaced, put in or taken out, and perhaps the end cut off.
fn damage() -> impl Strategy<Value = Vec<(u8, Index, u8)>> {
    let byte = prop_oneof![any::<u8>(), 0..4_u8, select(&b"{}[]:,\"0-"[..])];
    prop::collection::vec((0..10_u8, any::<Index>(), byte), 0..4)
}

fn damaged(mut bytes: Vec<u8>, damage: &[(u8, Index, u8)]) -> Vec<u8> {
    for (how, place, byte) in damage {
        let place = place.index(bytes.len() + 1);
        match how {
            0 => bytes.truncate(place),
            1 | 2 => bytes.insert(place, *byte),
            _ if place == bytes.len() => {}
            3 | 4 => drop(bytes.remove(place)),
            _ => bytes[place] = *byte,
        }
    }
    bytes
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn damaged_examples(
        command in select(COMMANDS.lines().collect::<Vec<_>>()),
        event in select(EVENTS.lines().collect::<Vec<_>>()),
        damage in damage(),
    ) {
        decode_both::<Command>(&damaged(encode(&read::<Command>(command)), &damage));
        decode_both::<Command>(&damaged(command.into(), &damage));
        decode_both::<Event>(&damaged(encode(&read::<Event>(event)), &damage));
        decode_both::<Event>(&damaged(event.into(), &damage));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in 0..64_u8) {
        decode_both::<Command>(&bytes);
        decode_both::<Event>(&bytes);
        decode_both::<Command>(&[&[0; 16], &[tag][..], &bytes].concat());
        decode_both::<Event>(&[&[tag][..], &bytes].concat());
    }
}
