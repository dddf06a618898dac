//! A received event, and the one pass over its text that finds its fields.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use socketioxide::adapter::Adapter;
use socketioxide::handler::{FromMessage, Value};
use socketioxide::socket::Socket;

use super::attachments::{Attachments, Key, PLACEHOLDER};
use super::{Malformed, Payload};

/// A received event: its JSON text `["name", argument, …]` and its attachments.
///
/// `Debug` shows its size only.
pub struct RawEvent {
    value: Value,
    wants_ack: bool,
}

static NO_ATTACHMENTS: VecDeque<Bytes> = VecDeque::new();

impl RawEvent {
    /// Bytes of text and attachments.
    pub fn size(&self) -> usize {
        self.text().len() + self.attachments().iter().map(Bytes::len).sum::<usize>()
    }

    /// Whether the client gave a callback.
    pub fn wants_ack(&self) -> bool {
        self.wants_ack
    }

    /// The event's name. `None` when it is no plain string, which the library refuses before.
    pub fn name(&self) -> Option<&str> {
        let rest = self
            .text()
            .trim_start()
            .strip_prefix('[')?
            .trim_start()
            .strip_prefix('"')?;
        let (name, _) = rest.split_once('"')?;
        (!name.contains('\\')).then_some(name)
    }

    /// The fields of the first argument, with placeholders resolved.
    pub fn payload(&self) -> Result<Payload<'_>, Malformed> {
        let mut text = serde_json::Deserializer::from_str(self.text());
        let argument = text
            .deserialize_seq(Arguments)
            .map_err(|_| Malformed::NotAnEvent)?;
        text.end().map_err(|_| Malformed::NotAnEvent)?;
        Payload::of_argument(argument, self.attachments(), self.text().len())
    }

    /// The JSON text of the first argument, whatever it is. `None` when there is none.
    pub fn argument(&self) -> Result<Option<&RawValue>, Malformed> {
        let items: Vec<&RawValue> =
            serde_json::from_str(self.text()).map_err(|_| Malformed::NotAnEvent)?;
        Ok(items.get(1).copied())
    }

    fn text(&self) -> &str {
        match &self.value {
            Value::Str(text, _) => text.as_str(),
            // Only the MessagePack parser makes these, and it is not used.
            Value::Bytes(_) => "",
        }
    }

    fn attachments(&self) -> &VecDeque<Bytes> {
        match &self.value {
            Value::Str(_, Some(attachments)) => attachments,
            _ => &NO_ATTACHMENTS,
        }
    }
}

impl<'a> Payload<'a> {
    /// The fields of an object in JSON text, which has no attachments.
    pub fn of_object(text: &'a str) -> Result<Self, Malformed> {
        let argument = serde_json::from_str(text).map_err(|_| Malformed::NotAnEvent)?;
        Self::of_argument(argument, &NO_ATTACHMENTS, text.len())
    }

    fn of_argument(
        argument: Argument<'a>,
        attachments: &VecDeque<Bytes>,
        text_size: usize,
    ) -> Result<Self, Malformed> {
        let Argument::Object(members) = argument else {
            return Err(Malformed::NotAnObject);
        };
        let is_placeholder = members
            .iter()
            .any(|(key, value)| key == PLACEHOLDER && value.get() == "true");
        if is_placeholder && !attachments.is_empty() {
            // The argument is binary itself.
            return Err(Malformed::NotAnObject);
        }
        let mut attachments = Attachments::new(attachments);
        let fields = members
            .into_iter()
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

impl<A: Adapter> FromMessage<A> for RawEvent {
    type Error = Infallible;

    fn from_message(
        _: Arc<Socket<A>>,
        value: Value,
        ack_id: Option<i64>,
    ) -> Result<Self, Infallible> {
        Ok(Self {
            value,
            wants_ack: ack_id.is_some(),
        })
    }
}

type Members<'a> = SmallVec<[(std::borrow::Cow<'a, str>, &'a RawValue); 16]>;

#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack, and hardly ever the small one"
)]
enum Argument<'a> {
    Object(Members<'a>),
    Other,
}

/// Passes over the name, keeps the first argument and passes over all others.
struct Arguments;

impl<'de> Visitor<'de> for Arguments {
    type Value = Argument<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Argument<'de>, A::Error> {
        seq.next_element::<IgnoredAny>()?;
        let argument = seq.next_element()?.unwrap_or(Argument::Other);
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(argument)
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
        let mut members = Members::new();
        while let Some(Key(key)) = map.next_key()? {
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
mod tests {
    use super::*;
    use crate::payload::{Opaque, Relayed};

    fn event(text: &str, attachments: &[&'static [u8]]) -> RawEvent {
        let attachments = attachments
            .iter()
            .map(|bytes| Bytes::from_static(bytes))
            .collect();
        RawEvent {
            value: Value::Str(text.to_owned().into(), Some(attachments)),
            wants_ack: false,
        }
    }

    #[test]
    fn ids_are_strings_or_integers() {
        let event = event(
            r#"["e",{"a":"x","b":42,"c":1.5,"d":null,"e":"\u0041\n","f":-7,"g":[],"h":1e3}]"#,
            &[],
        );
        let payload = event.payload().expect("a payload");
        let id = |name| payload.id(name).map(|id| id.into_owned());
        assert_eq!(id("a").as_deref(), Some("x"));
        assert_eq!(id("b").as_deref(), Some("42"));
        assert_eq!(id("e").as_deref(), Some("A\n"));
        assert_eq!(id("f").as_deref(), Some("-7"));
        for none in ["c", "d", "g", "h", "missing"] {
            assert_eq!(id(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_event_with_an_object_is_told_apart() {
        let problem = |text: &str| event(text, &[]).payload().err();
        for text in [
            r#"["e"]"#,
            r#"["e",null]"#,
            r#"["e","x"]"#,
            r#"["e",[{}]]"#,
            r#"["e",7,{}]"#,
            r#"["e",true]"#,
        ] {
            assert_eq!(problem(text), Some(Malformed::NotAnObject), "{text}");
        }
        for text in [
            r#"["e",{}"#,
            r#"["e",{"a"}]"#,
            r#"["e",{}]x"#,
            r#"["e",{"a":1,}]"#,
            r#"["e",1e999]"#,
        ] {
            assert_eq!(problem(text), Some(Malformed::NotAnEvent), "{text}");
        }
        assert_eq!(problem(r#"["e",{}]"#), None);
    }

    #[test]
    fn placeholders_that_would_break_a_receiver_are_refused() {
        for number in ["\"splice\"", "-1", "1", "999", "0.5", "null", "[0]", "1e0"] {
            let text = format!(r#"["e",{{"a":{{"_placeholder":true,"num":{number}}}}}]"#);
            assert_eq!(
                event(&text, &[b"x"]).payload().err(),
                Some(Malformed::BadAttachment),
                "{text}"
            );
        }
        let twice =
            r#"["e",{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":0}}]"#;
        assert_eq!(
            event(twice, &[b"x"]).payload().err(),
            Some(Malformed::BadAttachment)
        );
        let escaped = r#"["e",{"a":{"_place\u0068older":true,"num":7}}]"#;
        assert_eq!(
            event(escaped, &[b"x"]).payload().err(),
            Some(Malformed::BadAttachment)
        );
        let deep = format!(
            r#"["e",{{"a":{}{{"_placeholder":true,"num":0}}{}}}]"#,
            "[".repeat(99),
            "]".repeat(99)
        );
        assert_eq!(
            event(&deep, &[b"x"]).payload().err(),
            Some(Malformed::BadAttachment)
        );
    }

    #[test]
    fn attachments_are_found_wherever_they_are_and_the_rest_stays_as_it_was() {
        let event = event(
            r#"["e",{"t":{"k":  1.0},"b":{"num":1,"_placeholder":true},"n":{"x":[1e2,{"_placeholder":true,"num":0}]}}]"#,
            &[b"zero", b"one"],
        );
        let payload = event.payload().expect("a payload");
        let relayed = Relayed::new(&payload);
        let mut sizes = Vec::new();
        for name in ["t", "b", "n"] {
            payload
                .get(name)
                .expect("a field")
                .attachment_sizes(&mut sizes);
        }
        assert_eq!(sizes, [3, 4]);
        assert_eq!(
            payload.get("t").and_then(Opaque::as_raw).map(RawValue::get),
            Some(r#"{"k":  1.0}"#)
        );
        assert!(payload.get("b").expect("a field").as_raw().is_none());
        assert_eq!(
            relayed.frames().as_slice(),
            [event.text().len() + 256, 3, 4]
        );
    }
}
