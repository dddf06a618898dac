//! The payload of a relayed event: the received fields without some, and some fields of the server.

use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use smallvec::SmallVec;

use super::encoder::{Encode, Members, encoded};
use super::{Field, FrameSizes, Payload};

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
        if self.payload.has_attachments {
            let passed = self.passed();
            passed.for_each(|field| field.value.attachment_sizes(&mut sizes));
        }
        sizes
    }

    fn passed(&self) -> impl Iterator<Item = &Field<'a>> {
        self.payload.fields.iter().filter(|field| {
            let mut own = self.own.iter().map(|(own, _)| *own);
            let mut dropped = self.dropped.iter().copied();
            !dropped.any(|name| field.is_named(name)) && !own.any(|name| field.is_named(name))
        })
    }
}

impl Encode for Relayed<'_, '_> {
    fn encode(&self, text: &mut Vec<u8>) -> Option<Vec<Bytes>> {
        encoded(text, |encoder| {
            let mut object = encoder.object();
            for (name, value) in &self.own {
                object.member(name, value)?;
            }
            // What came together is written at once.
            let mut together = 0..0;
            for field in self.passed() {
                let is_text = field.value.json().is_some();
                let (begin, end) = (field.span.start, field.span.end);
                // Only a comma is between.
                if is_text && !together.is_empty() && begin == together.end + 1 {
                    together.end = end;
                    continue;
                }
                let next = if is_text { begin..end } else { 0..0 };
                self.put(&mut object, std::mem::replace(&mut together, next));
                if !is_text {
                    object.key(&field.name)?;
                    object.value(&field.value)?;
                }
            }
            self.put(&mut object, together);
            object.end();
            Ok(())
        })
    }
}

impl Relayed<'_, '_> {
    /// Writes fields as they came.
    fn put(&self, object: &mut Members<'_, '_>, fields: Range<usize>) {
        let fields = self.payload.source.get(fields).unwrap_or_default();
        if !fields.is_empty() {
            object.verbatim(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::RawEvent;

    fn relayed(argument: &str, attachments: &[&'static [u8]]) -> (String, usize) {
        let packet = format!(r#"["e",{argument}]"#);
        let attachments = attachments.iter().copied().map(Bytes::from_static);
        let event = RawEvent::new(packet, 0, attachments.collect(), None).unwrap();
        let payload = event.payload().unwrap();
        let relayed = Relayed::new(&payload)
            .without("to")
            .with("from", "ann")
            .with_default("type", "text");
        let mut text = Vec::new();
        let attachments = relayed.encode(&mut text).unwrap();
        (String::from_utf8(text).unwrap(), attachments.len())
    }

    #[test]
    fn what_is_passed_is_as_it_came() {
        for (argument, expected) in [
            ("{}", r#"{"from":"ann","type":"text"}"#),
            (r#"{"to":"bo"}"#, r#"{"from":"ann","type":"text"}"#),
            (
                r#"{"to":"bo","a":1.50,"b":"\u0041","type":"x"}"#,
                r#"{"from":"ann","a":1.50,"b":"\u0041","type":"x"}"#,
            ),
            (
                r#"{"a":{"k":  1},"to":"bo","from":"eve","fr\u006fm":"eve","b":[],"b":null,"__proto__":{},"c":2}"#,
                r#"{"from":"ann","type":"text","a":{"k":  1},"b":[],"b":null,"c":2}"#,
            ),
            (
                "{ \"a\" : 1 , \"b\":2,\"type\" :\"\" }",
                r#"{"from":"ann","type":"text","a" : 1,"b":2}"#,
            ),
        ] {
            assert_eq!(
                relayed(argument, &[]),
                (expected.to_owned(), 0),
                "{argument}"
            );
        }
    }

    #[test]
    fn attachments_stay_where_they_were() {
        let placeholder = |number| format!(r#"{{"_placeholder":true,"num":{number}}}"#);
        let (zero, one) = (placeholder(0), placeholder(1));
        let argument = format!(r#"{{"a":1,"b":{one},"c":2,"to":{zero},"d":3}}"#);
        let expected = format!(r#"{{"from":"ann","type":"text","a":1,"b":{zero},"c":2,"d":3}}"#);
        assert_eq!(relayed(&argument, &[b"to", b"b"]), (expected, 1));
    }
}
