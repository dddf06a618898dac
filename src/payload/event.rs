//! A received event, and the single pass over its text that finds its fields.
//!
//! It must not know the name of any event.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::attachments::Attachments;
use super::opaque::{Node, PLACEHOLDER};
use super::reader::{Reader, SPACE};
use super::{Field, Malformed, Opaque, Payload};

/// A received event: its JSON text `["name", argument, …]` and its attachments.
///
/// `Debug` shows its size only.
pub(crate) struct RawEvent {
    /// The packet that it came in, whose text begins there.
    packet: String,
    begin: usize,
    /// Where its name is in the packet.
    name: Range<usize>,
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
    /// Of a packet, whose text begins there, and what is attached. `None`: it has no name that is a plain string. Whether
    /// it is JSON as a whole is found when its fields are.
    pub(super) fn new(
        packet: String,
        begin: usize,
        attachments: Vec<Bytes>,
        ack: Option<AckId>,
    ) -> Option<Self> {
        let text = packet.get(begin..)?.trim_start_matches(SPACE);
        let rest = text.strip_prefix('[')?.trim_start_matches(SPACE);
        let quoted = Reader::new(rest).plain_string()?;
        let start = packet.len() - rest.len();
        Some(Self {
            name: start + 1..start + quoted - 1,
            packet,
            begin,
            attachments,
            ack,
        })
    }

    /// Bytes of text and attachments.
    pub(crate) fn size(&self) -> usize {
        let attachments = self.attachments.iter().map(Bytes::len);
        self.text().len() + attachments.sum::<usize>()
    }

    /// Its callback, if the client gave one.
    pub(crate) fn ack(&self) -> Option<AckId> {
        self.ack
    }

    /// Whether it is JSON as a whole.
    pub(crate) fn is_json(&self) -> bool {
        self.first(PhantomData::<IgnoredAny>).is_ok()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.packet[self.name.clone()]
    }

    /// The fields of the first argument, with placeholders resolved.
    pub(crate) fn payload(&self) -> Result<Payload<'_>, Malformed> {
        // Behind the quote that ends the name.
        let mut rest = Reader::new(&self.packet[self.name.end + 1..]);
        if !(rest.take(b',') && rest.peek() == Some(b'{')) {
            return Err(match self.is_json() {
                true => Malformed::NotAnObject,
                false => Malformed::NotAnEvent,
            });
        }
        let fields = rest.object()?;
        while rest.take(b',') {
            rest.value()?;
        }
        if !rest.take(b']') || rest.peek().is_some() {
            return Err(Malformed::NotAnEvent);
        }
        let source = (rest.text(), self.text().len());
        Payload::of_fields(fields, source, &self.attachments)
    }

    /// The first argument as the object that has it in this field, where it is an id: text, or a number.
    pub(crate) fn bare(&self, field: &'static str) -> Result<Payload<'_>, Malformed> {
        let is_text = |id: &str| id.starts_with('"') && id != r#""""#;
        let is_id = |id: &&RawValue| is_text(id.get()) || id.get().parse::<i64>().is_ok();
        let id = self.argument()?.filter(is_id);
        let id = id.ok_or(Malformed::NotAnObject)?;
        let id = Opaque(Node::Text(id.into()));
        let fields = vec![Field::new(field.into(), id, 0..0)];
        Payload::of_fields(fields, ("", self.text().len()), &[])
    }

    /// The JSON text of the first argument, whatever it is. `None` when there is none.
    pub(crate) fn argument(&self) -> Result<Option<&RawValue>, Malformed> {
        self.first(PhantomData)
    }

    fn first<'a, S: DeserializeSeed<'a>>(&'a self, seed: S) -> Result<Option<S::Value>, Malformed> {
        let mut text = serde_json::Deserializer::from_str(self.text());
        let argument = text.deserialize_seq(Arguments(seed));
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
    pub(crate) fn of_object(json: &'a str) -> Result<Self, Malformed> {
        let mut text = Reader::new(json);
        if text.peek() != Some(b'{') {
            return Err(match serde_json::from_str::<IgnoredAny>(json) {
                Ok(_) => Malformed::NotAnObject,
                Err(_) => Malformed::NotAnEvent,
            });
        }
        let fields = text.object()?;
        match text.peek() {
            None => Self::of_fields(fields, (json, json.len()), &[]),
            Some(_) => Err(Malformed::NotAnEvent),
        }
    }

    /// The fields as they were read, with the attachments that they name.
    fn of_fields(
        mut fields: Vec<Field<'a>>,
        (source, text_size): (&'a str, usize),
        attachments: &[Bytes],
    ) -> Result<Self, Malformed> {
        if !attachments.is_empty() {
            let is_placeholder =
                |field: &Field<'_>| field.name == PLACEHOLDER && field.value.json() == Some("true");
            if fields.iter().any(is_placeholder) {
                // The argument itself is an attachment.
                return Err(Malformed::NotAnObject);
            }
            let mut attachments = Attachments::new(attachments);
            for field in &mut fields {
                if let Node::Text(json) = field.value.0 {
                    field.value = attachments.resolve(json)?;
                }
            }
        }
        Ok(Self {
            fields,
            source,
            text_size,
            has_attachments: !attachments.is_empty(),
        })
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

#[cfg(test)]
mod tests;
