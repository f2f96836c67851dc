//! Commands as bytes and as JSON: whichever is accepted is written back in both forms, and the bytes
//! are those that were read. Events are read by the same decoder, so they come along.
#![no_main]

use std::fmt::Debug;

use engine::codec::{Encoded, decode, encode};
use engine::{Command, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decode_both::<Command>(bytes);
    decode_both::<Event>(bytes);
});

fn decode_both<T>(bytes: &[u8])
where
    T: Debug + PartialEq + Encoded + Serialize + DeserializeOwned,
{
    if let Ok(value) = decode::<T>(bytes) {
        assert_eq!(encode(&value).as_deref(), Ok(bytes));
        let text = serde_json::to_vec(&value).expect("what is read can be written");
        assert_eq!(serde_json::from_slice::<T>(&text).ok().as_ref(), Some(&value));
    }
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let text = serde_json::to_vec(&value).expect("what is read can be written");
        assert_eq!(serde_json::from_slice::<T>(&text).ok().as_ref(), Some(&value));
        if let Ok(bytes) = encode(&value) {
            assert_eq!(decode::<T>(&bytes).as_ref(), Ok(&value));
        }
    }
}
