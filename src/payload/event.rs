//! A received event, and the single pass over its text that finds its fields.
//!
//! It must not know the name of any event.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::attachments::Attachments;
use super::members::{Key, false_for_scalars};
use super::opaque::{Node, PLACEHOLDER};
use super::readable::PROTOTYPE;
use super::{Field, Malformed, Opaque, Payload};

/// How many fields an event may have. While it is handled each takes some 80 bytes, however short it is.
pub(super) const MAX_FIELDS: usize = 1000;
/// For how many there is room at once.
const USUAL_FIELDS: usize = 8;

/// A received event: its JSON text `["name", argument, …]` and its attachments.
///
/// `Debug` shows its size only.
pub(crate) struct RawEvent {
    /// The packet that it came in, whose text begins there.
    packet: String,
    begin: usize,
    attachments: Vec<Bytes>,
    ack: Option<AckId>,
}

/// Names the callback of an event to its client, which waits for it to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AckId(i64);

impl From<i64> for AckId {
    fn from(id: i64) -> Self {
        Self(id)
    }
}

impl fmt::Display for AckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl RawEvent {
    /// Of a packet, whose text begins there.
    pub(super) fn new(packet: String, begin: usize, ack: Option<AckId>) -> Self {
        Self {
            packet,
            begin,
            attachments: Vec::new(),
            ack,
        }
    }

    /// The next attachment is this.
    pub(super) fn attach(&mut self, bytes: Bytes) {
        self.attachments.push(bytes);
    }

    /// Bytes of its attachments.
    pub(super) fn attachments_size(&self) -> usize {
        self.attachments.iter().map(Bytes::len).sum()
    }

    /// Bytes of text and attachments.
    pub(crate) fn size(&self) -> usize {
        self.text().len() + self.attachments_size()
    }

    /// Its callback, if the client gave one.
    pub(crate) fn ack(&self) -> Option<AckId> {
        self.ack
    }

    /// Whether it is JSON as a whole.
    pub(crate) fn is_json(&self) -> bool {
        self.first(PhantomData::<IgnoredAny>).is_ok()
    }

    /// The event's name. `None` when it is not a plain string, which is refused earlier.
    pub(crate) fn name(&self) -> Option<&str> {
        let rest = self
            .text()
            .trim_start()
            .strip_prefix('[')?
            .trim_start()
            .strip_prefix('"')?;
        let (name, _) = rest.split_once('"')?;
        (!name.contains('\\')).then_some(name)
    }

    /// The fields of the first argument, of which there may be [`MAX_FIELDS`], with placeholders resolved.
    pub(crate) fn payload(&self) -> Result<Payload<'_>, Malformed> {
        let mut fields = Vec::new();
        let is_object = match self.first(Fields(&mut fields)) {
            // A number that is larger than any that can be read is still JSON.
            Err(Malformed::NotAnEvent) if self.is_json() => false,
            read => read? == Some(true),
        };
        match is_object {
            true => Payload::of_fields(fields, &self.attachments, self.text().len()),
            false => Err(Malformed::NotAnObject),
        }
    }

    /// The first argument as the object that has it in this field, where it is an id: text, or a number.
    pub(crate) fn bare(&self, field: &'static str) -> Result<Payload<'_>, Malformed> {
        let is_text = |id: &str| id.starts_with('"') && id != r#""""#;
        let is_id = |id: &&RawValue| is_text(id.get()) || id.get().parse::<i64>().is_ok();
        let id = self.argument()?.filter(is_id);
        let id = id.ok_or(Malformed::NotAnObject)?;
        let fields = vec![(field.into(), Opaque(Node::Text(id)))];
        Payload::of_fields(fields, &[], self.text().len())
    }

    /// The JSON text of the first argument, whatever it is. `None` when there is none.
    pub(crate) fn argument(&self) -> Result<Option<&RawValue>, Malformed> {
        self.first(PhantomData)
    }

    fn first<'a, S: DeserializeSeed<'a>>(&'a self, seed: S) -> Result<Option<S::Value>, Malformed> {
        let mut text = serde_json::Deserializer::from_str(self.text());
        let argument = text.deserialize_seq(Arguments(seed));
        let argument = argument.map_err(|error| match error.is_data() {
            true => Malformed::TooManyFields,
            false => Malformed::NotAnEvent,
        })?;
        text.end().map_err(|_| Malformed::NotAnEvent)?;
        Ok(argument)
    }

    fn text(&self) -> &str {
        &self.packet[self.begin..]
    }
}

impl<'a> Payload<'a> {
    /// The fields of an object in JSON text, which has no attachments.
    pub(crate) fn of_object(json: &'a str) -> Result<Self, Malformed> {
        let mut fields = Vec::new();
        let mut text = serde_json::Deserializer::from_str(json);
        let is_object = Fields(&mut fields).deserialize(&mut text);
        let is_object = is_object.and_then(|is_object| text.end().map(|()| is_object));
        match is_object.map_err(|_| Malformed::NotAnEvent)? {
            true => Self::of_fields(fields, &[], json.len()),
            false => Err(Malformed::NotAnObject),
        }
    }

    /// The fields as they were read, with the attachments that they name.
    fn of_fields(
        mut fields: Vec<Field<'a>>,
        attachments: &[Bytes],
        text_size: usize,
    ) -> Result<Self, Malformed> {
        // A field of no event, and no property in the receivers' JavaScript.
        fields.retain(|(key, _)| key != PROTOTYPE);
        if !attachments.is_empty() {
            let is_placeholder = |(key, value): &Field<'_>| {
                key == PLACEHOLDER && value.as_raw().is_some_and(|raw| raw.get() == "true")
            };
            if fields.iter().any(is_placeholder) {
                // The argument itself is an attachment.
                return Err(Malformed::NotAnObject);
            }
            let mut attachments = Attachments::new(attachments);
            for (_, value) in &mut fields {
                if let Node::Text(raw) = value.0 {
                    *value = attachments.resolve(raw)?;
                }
            }
        }
        Ok(Self { fields, text_size })
    }
}

impl fmt::Debug for RawEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEvent")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// Skips the name, reads the first argument and skips all others.
struct Arguments<S>(S);

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Arguments<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        seq.next_element::<IgnoredAny>()?;
        let argument = seq.next_element_seed(self.0)?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(argument)
    }
}

/// Reads an object's fields as they are; whether it is one.
struct Fields<'f, 'a>(&'f mut Vec<Field<'a>>);

impl<'de> DeserializeSeed<'de> for Fields<'_, 'de> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an argument")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        self.0.reserve(USUAL_FIELDS);
        while let Some(Key(key)) = map.next_key()? {
            if self.0.len() == MAX_FIELDS {
                return Err(A::Error::custom("too many fields"));
            }
            self.0.push((key, Opaque(Node::Text(map.next_value()?))));
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    false_for_scalars!();
}

#[cfg(test)]
mod tests;
