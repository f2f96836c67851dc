//! How these words are encoded: in binary, canonically, for what is hashed and kept, and in JSON,
//! for people.
//!
//! Binary is [borsh](https://borsh.io): integers are little-endian and of fixed size. A value has
//! one encoding, and bytes that are none are refused.
//!
//! | type | binary | JSON |
//! |---|---|---|
//! | [`Price`] | units, `i64` | decimal string, `"60000.5"` |
//! | [`Amount`] | units, `i128` | decimal string, `"-0.00000003"` |
//! | [`Quantity`](crate::Quantity) | lots, `i64` | integer |
//! | [`Timestamp`] | milliseconds, `i64` | `"2026-02-05T16:00:00Z"`; integer milliseconds are read, too, and written beyond the calendar |
//! | [`Asset`], [`Underlying`] | ticker, 12 bytes, filled up with zeros | ticker |
//! | [`Instrument`] | base, quote, kind, style, lot size | name; its terms where the name does not say them all |
//!
//! Numbers with a fraction are strings in JSON and only strings, because many readers take JSON's
//! numbers for binary floating point, which changes them.

mod instrument;
mod text;

use std::io::{Error as IoError, ErrorKind, Read};

use borsh::BorshDeserialize;

use crate::{Asset, Underlying};

impl BorshDeserialize for Asset {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, IoError> {
        let bytes = <[u8; Self::BYTES]>::deserialize_reader(reader)?;
        Self::from_bytes(bytes).ok_or_else(|| {
            refused("an asset is 1 to 12 capital letters or digits, filled up with zeros")
        })
    }
}

impl BorshDeserialize for Underlying {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, IoError> {
        Asset::deserialize_reader(reader).map(Self::of)
    }
}

fn refused(reason: impl Into<String>) -> IoError {
    IoError::new(ErrorKind::InvalidData, reason.into())
}

#[cfg(test)]
mod tests;
