//! An event on its way to another node: encoded once on this node, sent to clients of the other node
//! as the same bytes.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::attachments::Attachments;
use super::readable::{DEEPEST, ENVELOPE, is_readable};
use super::{Encode, FrameSizes, Malformed, SocketPacket, frames};

/// An encoded event. `Debug` shows its name and size only.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct EncodedEvent {
    event: String,
    /// The JSON text of the payload, with a placeholder for each attachment.
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Bytes>,
}

impl EncodedEvent {
    /// Encodes an event. `None`: its payload cannot be encoded.
    pub(crate) fn new<T: Encode>(event: &str, payload: &T) -> Option<Self> {
        let mut text = Vec::new();
        let attachments = payload.encode(&mut text)?;
        Some(Self {
            event: event.to_owned(),
            text: String::from_utf8(text).ok()?,
            attachments,
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.event
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> usize {
        let attachments = self.attachments.iter().map(Bytes::len);
        self.event.len() + self.text.len() + attachments.sum::<usize>()
    }

    /// The packet that clients are sent, and the sizes of the frames that it becomes.
    ///
    /// # Errors
    /// When [`new`](Self::new) does not encode such an event, or clients could not read it.
    pub(crate) fn packet(&self) -> Result<(SocketPacket, FrameSizes), Malformed> {
        let raw: &RawValue = serde_json::from_str(&self.text).map_err(|_| Malformed::NotAnEvent)?;
        if !is_readable(raw.get(), DEEPEST + ENVELOPE) {
            return Err(Malformed::Unreadable);
        }
        let mut attachments = Attachments::new(&self.attachments).of_whole_events();
        let payload = attachments.resolve(raw.into())?;
        let sizes = frames([&payload]);
        let packet = match self.attachments.is_empty() {
            true => SocketPacket::of_encoded(&self.event, &self.text, Vec::new()),
            false => SocketPacket::event(&self.event, &payload, self.text.len())
                .ok_or(Malformed::NotAnEvent)?,
        };
        Ok((packet, sizes))
    }
}

impl fmt::Debug for EncodedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedEvent")
            .field("event", &self.event)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::OwnedValue;

    /// Encoded, sent to another node, and written there.
    fn round_trip(payload: &OwnedValue) -> (String, Vec<Bytes>) {
        let encoded = EncodedEvent::new("event", payload).unwrap();
        let sent = rmp_serde::to_vec_named(&encoded).unwrap();
        let received: EncodedEvent = rmp_serde::from_slice(&sent).unwrap();
        let (packet, _) = received.packet().unwrap();
        let text = str::from_utf8(packet.text()).unwrap();
        let (_, payload) = text.split_once(r#"["event","#).unwrap();
        let payload = payload.strip_suffix(']').unwrap();
        (payload.to_owned(), packet.attachments().to_vec())
    }

    #[test]
    fn a_payload_is_the_same_on_another_node() {
        for text in [
            r#"{"a":1.0e+2,"a":"\u0041","b":{"_placeholder":true,"num":0}}"#,
            "\"x\"",
            "[1,2]",
            "null",
        ] {
            let value = OwnedValue::from_parts(text.to_owned(), Vec::new()).unwrap();
            assert_eq!(round_trip(&value), (text.to_owned(), Vec::new()));
        }
        let text = r#"{"a":{"_placeholder":true,"num":0},"b":[ 1.50 ],"c":[{"_placeholder":true,"num":1}]}"#;
        let attachments = vec![Bytes::from_static(b"\0\xff"), Bytes::from_static(b"one")];
        let value = OwnedValue::from_parts(text.to_owned(), attachments.clone()).unwrap();
        assert_eq!(round_trip(&value), (text.to_owned(), attachments));
    }

    #[test]
    fn an_attachment_is_found_as_deep_as_an_event_may_hold_it() {
        // As deep in a field as it may be, in the envelope of a dialect.
        let (open, close) = ("[".repeat(16), "]".repeat(16));
        let text = format!(
            r#"{{"type":"t","data":{{"content":{open}{{"_placeholder":true,"num":0}}{close}}}}}"#
        );
        let encoded = EncodedEvent {
            event: "event".to_owned(),
            text: text.clone(),
            attachments: vec![Bytes::from_static(b"x")],
        };
        let (packet, _) = encoded.packet().unwrap();
        assert_eq!(packet.text(), format!(r#"451-["event",{text}]"#).as_bytes());
    }

    #[test]
    fn what_clients_cannot_read_is_not_sent() {
        let encoded = |content: &str| EncodedEvent {
            event: "event".to_owned(),
            text: format!(r#"{{"content":{content}}}"#),
            attachments: Vec::new(),
        };
        let is_sent = |content: &str| encoded(content).packet().is_ok();
        assert!(!is_sent(&format!(
            "{}{}",
            "[".repeat(6000),
            "]".repeat(6000)
        )));
        assert!(!is_sent(r#""\ud800""#));
        assert!(is_sent(&format!("{}{}", "[".repeat(508), "]".repeat(508))));
    }
}
