//! An event as it goes to another node: written once here, sent to clients there as the same bytes.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socketioxide_core::Value;
use socketioxide_core::parser::Parse;
use socketioxide_parser_common::CommonParser;

use super::attachments::Attachments;
use super::{Malformed, Opaque, frames};
use crate::payload::FrameSizes;

/// An event that is written. `Debug` shows its name and size only.
#[derive(Clone, Serialize, Deserialize)]
pub struct EncodedEvent {
    event: String,
    /// The JSON text of the payload, in which a placeholder stands for each attachment.
    text: String,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    attachments: VecDeque<Bytes>,
}

impl EncodedEvent {
    /// Writes an event. `None`: it cannot be written.
    pub fn new<T: Serialize>(event: &str, payload: &T) -> Option<Self> {
        let value = CommonParser.encode_value(payload, Some(event)).ok()?;
        let Value::Str(text, attachments) = value else {
            return None;
        };
        // `["event",payload]`
        let payload = text.strip_prefix("[\"")?.strip_prefix(event)?;
        let payload = payload.strip_prefix("\",")?.strip_suffix(']')?;
        Some(Self {
            event: event.to_owned(),
            text: payload.to_owned(),
            attachments: attachments.unwrap_or_default(),
        })
    }

    /// Its name.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        let attachments = self.attachments.iter().map(Bytes::len);
        self.event.len() + self.text.len() + attachments.sum::<usize>()
    }

    /// Reads the payload, and the sizes of the frames that it becomes, for `send_sized`.
    ///
    /// # Errors
    /// It is not what [`new`](Self::new) wrote.
    pub fn with_payload<R>(
        &self,
        emit: impl FnOnce(&Opaque<'_>, &FrameSizes) -> R,
    ) -> Result<R, Malformed> {
        let raw: &RawValue = serde_json::from_str(&self.text).map_err(|_| Malformed::NotAnEvent)?;
        let mut attachments = Attachments::new(&self.attachments).of_whole_events();
        let payload = attachments.resolve(raw)?;
        Ok(emit(&payload, &frames([&payload])))
    }
}

impl fmt::Debug for EncodedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed")
            .field("event", &self.event)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::OwnedValue;

    /// Written, sent to another node and written again there.
    fn there_and_back(payload: &OwnedValue) -> (String, Vec<Bytes>) {
        let packed = EncodedEvent::new("event", payload).unwrap();
        let sent = rmp_serde::to_vec_named(&packed).unwrap();
        let received: EncodedEvent = rmp_serde::from_slice(&sent).unwrap();
        assert_eq!(received.event(), "event");
        let again =
            received.with_payload(|payload, _| EncodedEvent::new("event", payload).unwrap());
        let again = again.unwrap();
        (again.text, again.attachments.into())
    }

    #[test]
    fn what_comes_out_on_another_node_is_what_went_in() {
        for text in [
            r#"{"a":1.0e+2,"a":"\u0041","b":{"_placeholder":true,"num":0}}"#,
            "\"x\"",
            "[1,2]",
            "null",
        ] {
            let kept = OwnedValue::from_parts(text.to_owned(), Vec::new()).unwrap();
            assert_eq!(there_and_back(&kept), (text.to_owned(), Vec::new()));
        }
        let text = r#"{"a":{"_placeholder":true,"num":0},"b":[ 1.50 ],"c":[{"_placeholder":true,"num":1}]}"#;
        let attachments = vec![Bytes::from_static(b"\0\xff"), Bytes::from_static(b"one")];
        let kept = OwnedValue::from_parts(text.to_owned(), attachments.clone()).unwrap();
        assert_eq!(there_and_back(&kept), (text.to_owned(), attachments));
    }
}
