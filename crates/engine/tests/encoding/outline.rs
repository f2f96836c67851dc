//! The names of a type's variants and of their fields, in the order of the encoding: asked of the
//! derived reader, which says what it is looking for.

use serde::de::value::Error;
use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor,
};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

/// The names of an enum's variants.
pub fn variants<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
    ask::<T>(None)
}

/// The names of a variant's fields.
#[allow(dead_code, reason = "the reference tests ask for variants only")]
pub fn fields<T: for<'de> Deserialize<'de>>(variant: &str) -> Vec<&'static str> {
    ask::<T>(Some(variant))
}

fn ask<T: for<'de> Deserialize<'de>>(variant: Option<&str>) -> Vec<&'static str> {
    let mut names = Vec::new();
    // It never comes to a value: once the names are known, the answer is an error.
    drop(T::deserialize(Questioner { variant, names: &mut names }));
    names
}

struct Questioner<'a> {
    /// The variant whose fields are asked for; `None` asks for the variants.
    variant: Option<&'a str>,
    names: &'a mut Vec<&'static str>,
}

impl Questioner<'_> {
    fn found<T>(self, names: &[&'static str]) -> Result<T, Error> {
        self.names.extend(names);
        Err(Error::custom("the names are known"))
    }
}

impl<'de> Deserializer<'de> for Questioner<'_> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.variant {
            None => self.found(variants),
            Some(_) => visitor.visit_enum(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        self.found(fields)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("neither variants nor fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Questioner<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = self.variant.unwrap_or_default();
        Ok((seed.deserialize(name.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for Questioner<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.found(&[])
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        self.found(&[])
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        self.found(fields)
    }
}
