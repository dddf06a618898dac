//! What a client is sent: the Socket.IO packet of an event or an acknowledgement, encoded once for all who get it. It must
//! not know what carries it to them.

use std::io::Write as _;

use bytes::{Buf as _, Bytes};
use serde::Serialize;
use smallvec::smallvec;
use socketioxide::ProtocolVersion;
use socketioxide::socket::Sid;

use super::{AckId, Encode, FrameSizes};
use crate::json::push_text;

/// Bytes before the packet's JSON: its type, the number of its attachments, `-`.
const HEAD_ROOM: usize = 2 + 10 + 1;

/// Up to so many bytes a text is copied for each who keeps it: to count who does takes longer.
const SHORT: usize = 1024;

/// A packet: its text, and the attachments that follow it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SocketPacket {
    text: Text,
    attachments: Vec<Bytes>,
}

#[derive(Clone)]
enum Text {
    /// It begins there.
    Short(Vec<u8>, usize),
    Long(Bytes),
}

impl Text {
    /// The end of these bytes, from there on.
    fn of(bytes: Vec<u8>, start: usize) -> Self {
        if bytes.len() <= SHORT {
            return Self::Short(bytes, start);
        }
        let mut bytes = Bytes::from(bytes);
        bytes.advance(start);
        Self::Long(bytes)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::of(text.into_bytes(), 0)
    }
}

impl SocketPacket {
    /// An event, whose text will have about so many bytes. `None`: its payload cannot be encoded.
    pub(crate) fn event<T: Encode + ?Sized>(event: &str, payload: &T, size: usize) -> Option<Self> {
        let mut text = room(size);
        text.push(b'[');
        push_text(&mut text, event);
        text.push(b',');
        let attachments = payload.encode(&mut text)?;
        text.push(b']');
        Some(Self::of(b"42", b"45", text, attachments))
    }

    /// The packet by which a client of this revision is told that it has entered the namespace, and its id.
    pub(crate) fn connect(id: Sid, revision: ProtocolVersion) -> Self {
        let text = match revision {
            ProtocolVersion::V4 => "40".to_owned(),
            ProtocolVersion::V5 => format!(r#"40{{"sid":"{id}"}}"#),
        };
        Self {
            text: text.into(),
            attachments: Vec::new(),
        }
    }

    /// The packet by which a client is told that it has entered this namespace, and its id.
    pub(crate) fn connect_to(namespace: &str, id: Sid) -> Self {
        Self {
            text: format!(r#"40{namespace},{{"sid":"{id}"}}"#).into(),
            attachments: Vec::new(),
        }
    }

    /// An event of another namespace: its name, which comes first, and its arguments. `None`: they cannot be encoded.
    pub(crate) fn event_of<T: Serialize>(namespace: &str, event: &T) -> Option<Self> {
        let mut text = format!("42{namespace},").into_bytes();
        serde_json::to_writer(&mut text, event).ok()?;
        Some(Self {
            text: Text::of(text, 0),
            attachments: Vec::new(),
        })
    }

    /// The answer to the event whose callback has this id.
    pub(crate) fn acknowledgement<T: Encode + ?Sized>(
        id: AckId,
        payload: &T,
        size: usize,
    ) -> Option<Self> {
        let mut text = room(size);
        write!(text, "{id}[").ok()?;
        let attachments = payload.encode(&mut text)?;
        text.push(b']');
        Some(Self::of(b"43", b"46", text, attachments))
    }

    /// An event whose payload is encoded already.
    pub(super) fn of_encoded(event: &str, payload: &str, attachments: Vec<Bytes>) -> Self {
        let mut text = room(event.len() + payload.len());
        text.push(b'[');
        push_text(&mut text, event);
        text.push(b',');
        text.extend_from_slice(payload.as_bytes());
        text.push(b']');
        Self::of(b"42", b"45", text, attachments)
    }

    /// An event with this JSON text as its only argument, or with none, to the byte; and the sizes of its frames.
    pub(crate) fn verbatim(event: &str, argument: Option<&str>) -> (Self, FrameSizes) {
        let mut text = room(event.len() + argument.map_or(0, str::len));
        text.push(b'[');
        push_text(&mut text, event);
        if let Some(argument) = argument {
            text.push(b',');
            text.extend_from_slice(argument.as_bytes());
        }
        text.push(b']');
        let packet = Self::of(b"42", b"45", text, Vec::new());
        let frames = smallvec![packet.text().len()];
        (packet, frames)
    }

    fn of(plain: &[u8; 2], attached: &[u8; 2], mut text: Vec<u8>, attachments: Vec<Bytes>) -> Self {
        let start = match attachments.len() {
            0 => put_before(&mut text, HEAD_ROOM, plain),
            count => {
                let count = format!("{count}-");
                let start = put_before(&mut text, HEAD_ROOM, count.as_bytes());
                put_before(&mut text, start, attached)
            }
        };
        Self {
            text: Text::of(text, start),
            attachments,
        }
    }

    /// Its text, as the packet of Engine.IO that carries it.
    pub(crate) fn text(&self) -> &[u8] {
        match &self.text {
            Text::Short(bytes, start) => bytes.get(*start..).unwrap_or_default(),
            Text::Long(bytes) => bytes,
        }
    }

    /// The same, to be kept.
    pub(crate) fn kept_text(&self) -> Bytes {
        match &self.text {
            Text::Short(..) => Bytes::copy_from_slice(self.text()),
            Text::Long(bytes) => bytes.clone(),
        }
    }

    /// What is attached, in order.
    pub(crate) fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }
}

impl std::fmt::Debug for SocketPacket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketPacket")
            .field("size", &self.text().len())
            .field("attachments", &self.attachments.len())
            .finish()
    }
}

/// Puts bytes in front of what begins there; where they begin.
fn put_before(text: &mut [u8], end: usize, bytes: &[u8]) -> usize {
    let begin = end - bytes.len();
    text[begin..end].copy_from_slice(bytes);
    begin
}

fn room(size: usize) -> Vec<u8> {
    const NAMES: usize = 64;
    let mut text = Vec::with_capacity(HEAD_ROOM + NAMES + size);
    text.resize(HEAD_ROOM, 0);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::payload::OwnedValue;

    #[test]
    fn events_and_acknowledgements_are_written_as_the_protocol_has_them() {
        let payload = json!({ "a": "é\n", "b": [1, null] });
        let event = SocketPacket::event("na\"me", &payload, 0).unwrap();
        assert_eq!(
            event.text(),
            r#"42["na\"me",{"a":"é\n","b":[1,null]}]"#.as_bytes()
        );
        assert!(event.attachments().is_empty());
        let answer = SocketPacket::acknowledgement(AckId::from(17), &payload, 0).unwrap();
        assert_eq!(
            answer.text(),
            r#"4317[{"a":"é\n","b":[1,null]}]"#.as_bytes()
        );
    }

    #[test]
    fn attachments_follow_in_the_order_of_their_placeholders() {
        let text = r#"{"a":{"_placeholder":true,"num":1},"b":[{"_placeholder":true,"num":0}]}"#;
        let bytes: Vec<Bytes> = vec!["zero".into(), "one".into()];
        let value = OwnedValue::from_parts(text.to_owned(), bytes).unwrap();
        let event = SocketPacket::event("e", &value, 0).unwrap();
        let text = r#"{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1}]}"#;
        assert_eq!(event.text(), format!(r#"452-["e",{text}]"#).as_bytes());
        assert_eq!(event.attachments(), ["one", "zero"]);
        let answer = SocketPacket::acknowledgement(AckId::from(0), &value, 0).unwrap();
        assert_eq!(answer.text(), format!("462-0[{text}]").as_bytes());
    }

    #[test]
    fn a_text_is_the_same_short_or_long_and_when_it_is_kept() {
        for size in [0, SHORT - 30, SHORT, 20 * SHORT] {
            let payload = "x".repeat(size);
            let packet = SocketPacket::event("e", &payload, 0).unwrap();
            let text = format!(r#"42["e","{payload}"]"#);
            assert_eq!(packet.text(), text.as_bytes());
            assert_eq!(packet.clone().kept_text(), text);
        }
    }

    /// What the library writes for the same.
    #[test]
    fn the_library_writes_the_same() {
        use socketioxide_core::parser::Parse as _;
        use socketioxide_core::{Value, packet::Packet as LibraryPacket};
        use socketioxide_parser_common::CommonParser;
        for payload in [
            json!({}),
            json!([1, 2]),
            json!("x"),
            json!({ "a": { "b": 1.50 } }),
        ] {
            let value = CommonParser.encode_value(&payload, Some("event")).unwrap();
            let written = CommonParser.encode(LibraryPacket::event("/", value));
            let Value::Str(text, None) = written else {
                panic!("text")
            };
            let ours = SocketPacket::event("event", &payload, 0).unwrap();
            // The library's text is without the type of Engine.IO.
            assert_eq!(ours.text()[1..], *text.as_bytes());
        }
    }
}
