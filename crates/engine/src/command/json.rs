//! A command in JSON: an object with `time`, `sequence` if it has one, and one more member, whose
//! name says what is asked. Any other member is an error, and so is a second one.

use std::fmt::{self, Formatter};

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Action, Command};

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Command;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a command, like {\"time\": \"2026-02-05T16:00:00Z\", \"tick\": {}}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Command, A::Error> {
        let (mut sequence, mut time, mut action) = (None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "sequence" => once(&mut sequence, "sequence", map.next_value()?)?,
                "time" => once(&mut time, "time", map.next_value()?)?,
                _ if action.is_some() => {
                    let message = format!("`{name}` is too much: one line is one command");
                    return Err(A::Error::custom(message));
                }
                _ => {
                    let member = Member { name: Some(name), map: &mut map };
                    action = Some(Action::deserialize(MapAccessDeserializer::new(member))?);
                }
            }
        }
        let missing = "a member that says what is asked, like \"tick\": {}, is missing";
        Ok(Command {
            sequence: sequence.unwrap_or_default(),
            time: time.ok_or_else(|| A::Error::missing_field("time"))?,
            action: action.ok_or_else(|| A::Error::custom(missing))?,
        })
    }
}

fn once<T, E: Error>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

/// One member of an object, whose name has been read, as an object of its own.
struct Member<'a, A> {
    name: Option<String>,
    map: &'a mut A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Member<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let name = self.name.take().map(String::into_deserializer);
        name.map(|name: StringDeserializer<A::Error>| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
