//! The payload of a relayed event: the received fields without some, and some fields of the server.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use smallvec::SmallVec;

use super::{FrameSizes, Payload};

/// Room for the server's fields in the size of an event, in bytes.
const OWN_FIELDS: usize = 256;

/// A value of the server.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum Own<'p> {
    Text(&'p str),
    Integer(i64),
    Flag(bool),
}

impl<'p> From<&'p str> for Own<'p> {
    fn from(text: &'p str) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Own<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// An object made of a received one. A field that the server sets is never relayed from the client,
/// also when its name was written with escapes.
#[derive(Debug)]
pub(crate) struct Relayed<'p, 'a> {
    payload: &'p Payload<'a>,
    own: SmallVec<[(&'static str, Own<'p>); 4]>,
    dropped: SmallVec<[&'static str; 4]>,
}

impl<'p, 'a> Relayed<'p, 'a> {
    /// Relays every field.
    pub(crate) fn new(payload: &'p Payload<'a>) -> Self {
        Self {
            payload,
            own: SmallVec::new(),
            dropped: SmallVec::new(),
        }
    }

    /// Sets a field.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Own<'p>>) -> Self {
        self.own.push((name, value.into()));
        self
    }

    /// Sets a field that is missing or blank.
    pub(crate) fn with_default(self, name: &'static str, value: &'p str) -> Self {
        match self.payload.filled(name) {
            Some(_) => self,
            None => self.with(name, value),
        }
    }

    /// Does not relay a field.
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.dropped.push(name);
        self
    }

    /// The sizes in bytes of the frames that an event with this object becomes.
    pub(crate) fn frames(&self) -> FrameSizes {
        let mut sizes = FrameSizes::new();
        sizes.push(self.payload.text_size + OWN_FIELDS);
        for (_, value) in self.passed() {
            value.attachment_sizes(&mut sizes);
        }
        sizes
    }

    fn passed(&self) -> impl Iterator<Item = &(std::borrow::Cow<'a, str>, super::Opaque<'a>)> {
        self.payload.fields.iter().filter(|(key, _)| {
            let key = key.as_ref();
            !self.dropped.contains(&key) && !self.own.iter().any(|(name, _)| *name == key)
        })
    }
}

impl Serialize for Relayed<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.own {
            map.serialize_entry(name, value)?;
        }
        for (key, value) in self.passed() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
