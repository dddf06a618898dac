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

/// A packet: its text, and the attachments that follow it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SocketPacket {
    text: Bytes,
    attachments: Vec<Bytes>,
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
            text: text.into(),
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
        let frames = smallvec![packet.text.len()];
        (packet, frames)
    }

    fn of(plain: &[u8; 2], attached: &[u8; 2], mut text: Vec<u8>, attachments: Vec<Bytes>) -> Self {
        let mut head = [0; HEAD_ROOM];
        let mut left = &mut head[..];
        let written = match attachments.len() {
            0 => left.write_all(plain),
            count => left
                .write_all(attached)
                .and_then(|()| write!(left, "{count}-")),
        };
        debug_assert!(written.is_ok(), "there is room for any number");
        let head_len = HEAD_ROOM - left.len();
        let start = HEAD_ROOM - head_len;
        text[start..HEAD_ROOM].copy_from_slice(&head[..head_len]);
        let mut text = Bytes::from(text);
        text.advance(start);
        Self { text, attachments }
    }

    /// Its text, as the packet of Engine.IO that carries it.
    pub(crate) fn text(&self) -> &Bytes {
        &self.text
    }

    /// What is attached, in order.
    pub(crate) fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }
}

impl std::fmt::Debug for SocketPacket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketPacket")
            .field("size", &self.text.len())
            .field("attachments", &self.attachments.len())
            .finish()
    }
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
        assert_eq!(event.text(), &r#"42["na\"me",{"a":"é\n","b":[1,null]}]"#);
        assert!(event.attachments().is_empty());
        let answer = SocketPacket::acknowledgement(AckId::from(17), &payload, 0).unwrap();
        assert_eq!(answer.text(), &r#"4317[{"a":"é\n","b":[1,null]}]"#);
    }

    #[test]
    fn attachments_follow_in_the_order_of_their_placeholders() {
        let text = r#"{"a":{"_placeholder":true,"num":1},"b":[{"_placeholder":true,"num":0}]}"#;
        let bytes: Vec<Bytes> = vec!["zero".into(), "one".into()];
        let value = OwnedValue::from_parts(text.to_owned(), bytes).unwrap();
        let event = SocketPacket::event("e", &value, 0).unwrap();
        let text = r#"{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1}]}"#;
        assert_eq!(event.text(), &format!(r#"452-["e",{text}]"#));
        assert_eq!(event.attachments(), ["one", "zero"]);
        let answer = SocketPacket::acknowledgement(AckId::from(0), &value, 0).unwrap();
        assert_eq!(answer.text(), &format!("462-0[{text}]"));
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
