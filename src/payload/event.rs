//! A received event, and the single pass over its text that finds its fields.
//!
//! It must not know the name of any event.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::attachments::Attachments;
use super::members::Key;
use super::opaque::PLACEHOLDER;
use super::readable::PROTOTYPE;
use super::{Malformed, Payload};

/// How many fields an event may have. While it is handled each takes some 80 bytes, however short it is.
pub(super) const MAX_FIELDS: usize = 1000;

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

    /// Whether it is JSON, and has a name that is a plain string.
    pub(super) fn is_event(&self) -> bool {
        let mut text = serde_json::Deserializer::from_str(self.text());
        text.deserialize_seq(Named).is_ok()
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
        let argument = self.first()?.unwrap_or(Argument::Other);
        Payload::of_argument(argument, &self.attachments, self.text().len())
    }

    /// The first argument as the object that has it in this field, where it is an id: text, or a number.
    pub(crate) fn bare(&self, field: &'static str) -> Result<Payload<'_>, Malformed> {
        let is_text = |id: &str| id.starts_with('"') && id != r#""""#;
        let is_id = |id: &&RawValue| is_text(id.get()) || id.get().parse::<i64>().is_ok();
        let id = self.argument()?.filter(is_id);
        let id = id.ok_or(Malformed::NotAnObject)?;
        let mut members = ArgumentMembers::new();
        members.push((field.into(), id));
        Payload::of_argument(Argument::Object(members), &[], self.text().len())
    }

    /// The JSON text of the first argument, whatever it is. `None` when there is none.
    pub(crate) fn argument(&self) -> Result<Option<&RawValue>, Malformed> {
        self.first()
    }

    fn first<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<T>, Malformed> {
        let mut text = serde_json::Deserializer::from_str(self.text());
        let argument = text.deserialize_seq(Arguments(PhantomData));
        let argument = argument.map_err(|_| Malformed::NotAnEvent)?;
        text.end().map_err(|_| Malformed::NotAnEvent)?;
        Ok(argument)
    }

    fn text(&self) -> &str {
        &self.packet[self.begin..]
    }
}

impl<'a> Payload<'a> {
    /// The fields of an object in JSON text, which has no attachments.
    pub(crate) fn of_object(text: &'a str) -> Result<Self, Malformed> {
        let argument = serde_json::from_str(text).map_err(|_| Malformed::NotAnEvent)?;
        Self::of_argument(argument, &[], text.len())
    }

    fn of_argument(
        argument: Argument<'a>,
        attachments: &[Bytes],
        text_size: usize,
    ) -> Result<Self, Malformed> {
        let Argument::Object(members) = argument else {
            return Err(Malformed::NotAnObject);
        };
        let is_placeholder = members
            .iter()
            .any(|(key, value)| key == PLACEHOLDER && value.get() == "true");
        if is_placeholder && !attachments.is_empty() {
            // The argument itself is an attachment.
            return Err(Malformed::NotAnObject);
        }
        let mut attachments = Attachments::new(attachments);
        let fields = members
            .into_iter()
            // A field of no event, and no property in the receivers' JavaScript.
            .filter(|(key, _)| key != PROTOTYPE)
            .map(|(key, value)| Ok((key, attachments.resolve(value)?)))
            .collect::<Result<_, _>>()?;
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

type ArgumentMembers<'a> = SmallVec<[(std::borrow::Cow<'a, str>, &'a RawValue); 16]>;

#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack, and hardly ever the small one"
)]
enum Argument<'a> {
    Object(ArgumentMembers<'a>),
    Other,
}

/// Skips the name, reads the first argument and skips all others.
struct Arguments<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Arguments<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<T>, A::Error> {
        seq.next_element::<IgnoredAny>()?;
        let argument = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(argument)
    }
}

/// Reads the name and skips all arguments.
struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let name = seq.next_element::<&str>()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        name.map(|_| ()).ok_or_else(|| A::Error::custom("no name"))
    }
}

impl<'de> Deserialize<'de> for Argument<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyArgument)
    }
}

struct AnyArgument;

impl<'de> Visitor<'de> for AnyArgument {
    type Value = Argument<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an argument")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Argument<'de>, A::Error> {
        let mut members = ArgumentMembers::new();
        while let Some(Key(key)) = map.next_key()? {
            if members.len() == MAX_FIELDS {
                return Err(A::Error::custom("too many fields"));
            }
            members.push((key, map.next_value()?));
        }
        Ok(Argument::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Argument<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Argument::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Argument<'de>, E> {
        Ok(Argument::Other)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Argument<'de>, E> {
        Ok(Argument::Other)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Argument<'de>, E> {
        Ok(Argument::Other)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Argument<'de>, E> {
        Ok(Argument::Other)
    }
    fn visit_str<E>(self, _: &str) -> Result<Argument<'de>, E> {
        Ok(Argument::Other)
    }
    fn visit_unit<E>(self) -> Result<Argument<'de>, E> {
        Ok(Argument::Other)
    }
}

#[cfg(test)]
mod tests;
