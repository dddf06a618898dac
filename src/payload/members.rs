//! The members of a JSON object and the items of an array, borrowed from its text.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A member of an object: its name and its value.
pub(super) type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// A member's name, borrowed when it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Key<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// All members of an object in JSON text, in order; a name may occur repeatedly. They are taken from `left`, and it is an error when
/// there are more.
pub(super) fn members<'a>(
    object: &'a str,
    left: &mut usize,
) -> serde_json::Result<Vec<Member<'a>>> {
    serde_json::Deserializer::from_str(object).deserialize_map(All(left))
}

/// All items of an array, likewise.
pub(super) fn items<'a>(array: &'a str, left: &mut usize) -> serde_json::Result<Vec<&'a RawValue>> {
    serde_json::Deserializer::from_str(array).deserialize_seq(Items(left))
}

/// The value of a member of an object; the last one if it occurs repeatedly, as in `JSON.parse`.
pub(super) fn member<'a>(object: &'a str, name: &str) -> Option<&'a RawValue> {
    let mut text = serde_json::Deserializer::from_str(object);
    text.deserialize_map(Last(name)).ok()?
}

/// Whether an object in this value has a member of this name, at any depth. One that is too deep to be looked into counts
/// as having it.
pub(super) fn has_key(value: &str, name: &str) -> bool {
    let mut text = serde_json::Deserializer::from_str(value);
    Within(name).deserialize(&mut text).unwrap_or(true)
}

fn take<E: serde::de::Error>(left: &mut usize) -> Result<(), E> {
    let rest = left.checked_sub(1);
    *left = rest.ok_or_else(|| E::custom("too many"))?;
    Ok(())
}

struct All<'l>(&'l mut usize);

impl<'de> Visitor<'de> for All<'_> {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            take(self.0)?;
            members.push((key, map.next_value()?));
        }
        Ok(members)
    }
}

struct Items<'l>(&'l mut usize);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            take(self.0)?;
            items.push(item);
        }
        Ok(items)
    }
}

struct Last<'n>(&'n str);

impl<'de> Visitor<'de> for Last<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut last = None;
        while let Some(Key(key)) = map.next_key()? {
            match key == self.0 {
                true => last = Some(map.next_value()?),
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(last)
    }
}

#[derive(Clone, Copy)]
struct Within<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut has = false;
        while let Some(Key(key)) = map.next_key()? {
            has |= key == self.0;
            has |= map.next_value_seed(self)?;
        }
        Ok(has)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut has = false;
        while let Some(within) = seq.next_element_seed(self)? {
            has |= within;
        }
        Ok(has)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}
