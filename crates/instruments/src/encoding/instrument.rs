//! Contracts: all their terms in binary; in JSON their name, if it says them.

use std::fmt::{self, Formatter};
use std::io::{Error as IoError, Read};

use borsh::BorshDeserialize;
use serde::de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::refused;
use crate::{Amount, Asset, ContractKind, Error, Instrument, NumberError, SettlementStyle};

impl BorshDeserialize for Instrument {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, IoError> {
        let base = Asset::deserialize_reader(reader)?;
        let quote = Asset::deserialize_reader(reader)?;
        let kind = ContractKind::deserialize_reader(reader)?;
        let style = SettlementStyle::deserialize_reader(reader)?;
        let lot_size = i64::deserialize_reader(reader)?;
        let instrument = Self::new(base, quote, kind, style, lot_size);
        instrument.map_err(|error| refused(error.to_string()))
    }
}

impl Serialize for Instrument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self.to_string();
        if name.parse() == Ok(*self) {
            serializer.serialize_str(&name)
        } else {
            Terms::of(self).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Instrument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTerms)
    }
}

struct NameOrTerms;

impl<'de> Visitor<'de> for NameOrTerms {
    type Value = Instrument;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an instrument, like \"BTC-PERPETUAL\", or its terms")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Instrument, E> {
        name.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Instrument, A::Error> {
        let terms = Terms::deserialize(MapAccessDeserializer::new(map))?;
        terms.instrument().map_err(A::Error::custom)
    }
}

/// The terms of a contract whose name does not say them all: of its own lot size, for example.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    base: Asset,
    quote: Asset,
    kind: ContractKind,
    style: SettlementStyle,
    /// Of the lot's asset.
    lot_size: Amount,
}

impl Terms {
    fn of(instrument: &Instrument) -> Self {
        let Instrument { base, quote, kind, style, lot_size } = *instrument;
        Self { base, quote, kind, style, lot_size: Amount::from_units(i128::from(lot_size)) }
    }

    fn instrument(self) -> Result<Instrument, Error> {
        let lot_size = i64::try_from(self.lot_size.units()).map_err(|_| Error::Number {
            text: self.lot_size.to_string(),
            reason: NumberError::TooLarge,
        })?;
        Instrument::new(self.base, self.quote, self.kind, self.style, lot_size)
    }
}
