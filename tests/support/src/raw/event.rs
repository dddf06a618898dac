//! Packets of Socket.IO, and the events in them, with every byte as it came.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

/// A Socket.IO packet as it came: its text from the packet type on, and its attachments.
#[derive(Debug, Clone)]
pub struct Packet {
    /// The text, without the digit of Engine.IO.
    pub text: String,
    /// As many as the text announced.
    pub attachments: Vec<Bytes>,
}

/// An event as it came.
#[derive(Debug, Clone)]
pub struct Event {
    /// Empty for what a callback was called with.
    pub name: String,
    /// The members of its argument in order, each value as its bytes.
    pub members: Vec<(String, String)>,
    /// The attachments of its packet.
    pub attachments: Vec<Bytes>,
    /// The whole text, `["name",…]`.
    pub text: String,
}

impl Event {
    /// The event in a packet, if it is one.
    pub fn parse(packet: &Packet) -> Option<Self> {
        let text = match packet.text.as_bytes().first()? {
            b'2' => &packet.text[1..],
            b'5' => packet.text.split_once('-')?.1,
            _ => return None,
        };
        let items: Vec<&RawValue> =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("not JSON ({e}): {text}"));
        let name = serde_json::from_str(items[0].get()).unwrap();
        let members = items
            .get(1)
            .map_or_else(Vec::new, |argument| members(argument.get()));
        Some(Self {
            name,
            members,
            attachments: packet.attachments.clone(),
            text: text.to_owned(),
        })
    }

    /// The bytes of a field; it must be there exactly once.
    pub fn raw(&self, field: &str) -> &str {
        let mut found = self.members.iter().filter(|(name, _)| name == field);
        let (_, value) = found
            .next()
            .unwrap_or_else(|| panic!("no {field} in {}", self.text));
        assert!(
            found.next().is_none(),
            "{field} is there twice in {}",
            self.text
        );
        value
    }

    /// A field decoded; `Null` when it is missing.
    pub fn get(&self, field: &str) -> Value {
        let found = self.members.iter().find(|(name, _)| name == field);
        found.map_or(Value::Null, |(_, value)| {
            serde_json::from_str(value).unwrap()
        })
    }

    /// A field that is a whole number.
    pub fn number(&self, field: &str) -> u64 {
        self.get(field)
            .as_u64()
            .unwrap_or_else(|| panic!("no number {field} in {}", self.text))
    }
}

/// What the callback with which number was called with, if the packet is that. It has no name.
pub fn acknowledged(packet: &Packet) -> Option<(u64, Event)> {
    let text = match packet.text.as_bytes().first()? {
        b'3' => &packet.text[1..],
        b'6' => packet.text.split_once('-')?.1,
        _ => return None,
    };
    let (number, arguments) = text.split_at(text.find('[')?);
    let parsed: Vec<&RawValue> = serde_json::from_str(arguments).unwrap();
    let answer = Event {
        name: String::new(),
        members: members(parsed[0].get()),
        attachments: packet.attachments.clone(),
        text: arguments.to_owned(),
    };
    Some((number.parse().unwrap(), answer))
}

/// The members of a JSON object in order, duplicates and all, each value as its bytes. Empty for what is no object.
pub fn members(object: &str) -> Vec<(String, String)> {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, String)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                members.push((name, value.get().to_owned()));
            }
            Ok(members)
        }
    }
    let mut text = serde_json::Deserializer::from_str(object);
    serde::Deserializer::deserialize_map(&mut text, Members).unwrap_or_default()
}
