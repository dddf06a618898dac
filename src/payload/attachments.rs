//! Binary attachments: where an event's text has a placeholder, a receiver's parser puts the
//! attachment that it names, and gives up its whole connection when there is none. So placeholders
//! are resolved here, once, and written anew; everything else stays the bytes it was.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use serde::de::{MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::{Malformed, is_blank, text};

/// How deep inside a field an attachment may be.
const DEEPEST: usize = 16;

/// A value that is passed on and not looked into.
#[derive(Debug, Clone)]
pub struct Opaque<'a>(pub(super) Node<'a>);

#[derive(Debug, Clone)]
pub(super) enum Node<'a> {
    Text(&'a RawValue),
    Attachment(Bytes),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    Array(Vec<Node<'a>>),
}

impl<'a> Opaque<'a> {
    /// The JSON text, when the value has no attachment in it.
    pub fn as_raw(&self) -> Option<&'a RawValue> {
        match self.0 {
            Node::Text(raw) => Some(raw),
            _ => None,
        }
    }

    /// Whether it is `null`, an empty string, or an empty attachment.
    pub fn is_blank(&self) -> bool {
        match &self.0 {
            Node::Text(raw) => is_blank(raw),
            Node::Attachment(bytes) => bytes.is_empty(),
            Node::Object(_) | Node::Array(_) => false,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.0, Node::Text(raw) if raw.get() == "null")
    }

    /// The length in bytes of a string or an attachment, or of the JSON text of something else.
    pub fn size(&self) -> usize {
        match &self.0 {
            Node::Text(raw) => text(raw.get()).map_or(raw.get().len(), |text| text.len()),
            Node::Attachment(bytes) => bytes.len(),
            Node::Object(_) | Node::Array(_) => {
                let mut sizes = Vec::new();
                self.attachment_sizes(&mut sizes);
                sizes.iter().sum()
            }
        }
    }

    /// How many characters a string has, or the JSON text of something else; of attachments, their
    /// bytes.
    pub fn characters(&self) -> usize {
        match &self.0 {
            Node::Text(raw) => match text(raw.get()) {
                Some(text) => text.chars().count(),
                None => raw.get().chars().count(),
            },
            Node::Attachment(bytes) => bytes.len(),
            Node::Object(_) | Node::Array(_) => self.total_size(),
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        match &self.0 {
            Node::Text(raw) => raw.get().starts_with('{'),
            Node::Object(_) => true,
            Node::Attachment(_) | Node::Array(_) => false,
        }
    }

    /// Whether a receiver that looks for attachments could take a part of its text for one.
    pub fn reads_as_attachment(&self) -> bool {
        self.0.reads_as_attachment()
    }

    /// About how many bytes its JSON text and its attachments take together.
    pub fn total_size(&self) -> usize {
        let mut sizes = Vec::new();
        self.attachment_sizes(&mut sizes);
        self.written_size() + sizes.iter().sum::<usize>()
    }

    /// About how many bytes its JSON text takes, without what is in attachments.
    pub fn written_size(&self) -> usize {
        self.0.written_size()
    }

    /// The sizes in bytes of the attachments in it, in the order in which they are written.
    pub fn attachment_sizes(&self, sizes: &mut impl Extend<usize>) {
        self.0.attachment_sizes(sizes);
    }
}

/// The member that makes an object stand for an attachment.
pub(super) const PLACEHOLDER: &str = "_placeholder";
/// The text that stands for an attachment, in bytes.
const PLACEHOLDER_SIZE: usize = r#"{"_placeholder":true,"num":99}"#.len();

impl Node<'_> {
    fn written_size(&self) -> usize {
        match self {
            Node::Text(raw) => raw.get().len(),
            Node::Attachment(_) => PLACEHOLDER_SIZE,
            Node::Object(fields) => fields
                .iter()
                .map(|(key, node)| key.len() + "\"\":,".len() + node.written_size())
                .sum(),
            Node::Array(items) => items.iter().map(|node| node.written_size() + 1).sum(),
        }
    }

    fn reads_as_attachment(&self) -> bool {
        match self {
            Node::Text(raw) => may_hold_placeholder(raw.get()),
            Node::Attachment(_) => false,
            Node::Object(fields) => fields.iter().any(|(_, node)| node.reads_as_attachment()),
            Node::Array(items) => items.iter().any(Node::reads_as_attachment),
        }
    }

    fn attachment_sizes(&self, sizes: &mut impl Extend<usize>) {
        match self {
            Node::Text(_) => {}
            Node::Attachment(bytes) => sizes.extend([bytes.len()]),
            Node::Object(fields) => fields
                .iter()
                .for_each(|(_, node)| node.attachment_sizes(sizes)),
            Node::Array(items) => items.iter().for_each(|node| node.attachment_sizes(sizes)),
        }
    }
}

/// Writes an optional value as the library can read it: inside a `Some` it does not see attachments.
/// For `serialize_with`.
pub fn plainly<T: Serialize, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_none(),
    }
}

impl Serialize for Opaque<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Text(raw) => raw.serialize(serializer),
            Node::Attachment(bytes) => serializer.serialize_bytes(bytes),
            Node::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Node::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
        }
    }
}

/// The attachments of one event, each of which may be named once: a second naming would let a
/// small event become many times its size.
pub(super) struct Attachments<'b> {
    bytes: &'b VecDeque<Bytes>,
    deepest: usize,
    named: SmallVec<[bool; 16]>,
}

impl<'b> Attachments<'b> {
    pub(super) fn new(bytes: &'b VecDeque<Bytes>) -> Self {
        Self {
            bytes,
            deepest: DEEPEST,
            named: SmallVec::from_elem(false, bytes.len()),
        }
    }

    /// The same for values that have the fields of an event as their members.
    pub(super) fn of_whole_events(self) -> Self {
        Self {
            deepest: DEEPEST + 1,
            ..self
        }
    }

    /// Resolves the placeholders in a value.
    pub(super) fn resolve<'a>(&mut self, raw: &'a RawValue) -> Result<Opaque<'a>, Malformed> {
        if self.bytes.is_empty() {
            return Ok(Opaque(Node::Text(raw)));
        }
        self.node(raw, 0).map(Opaque)
    }

    fn node<'a>(&mut self, raw: &'a RawValue, depth: usize) -> Result<Node<'a>, Malformed> {
        if !may_hold_placeholder(raw.get()) {
            return Ok(Node::Text(raw));
        }
        if depth > self.deepest {
            return Err(Malformed::BadAttachment);
        }
        match raw.get().as_bytes().first() {
            Some(b'{') => self.object(raw, depth),
            Some(b'[') => self.array(raw, depth),
            _ => Ok(Node::Text(raw)),
        }
    }

    fn object<'a>(&mut self, raw: &'a RawValue, depth: usize) -> Result<Node<'a>, Malformed> {
        let Entries(entries) =
            serde_json::from_str(raw.get()).map_err(|_| Malformed::NotAnEvent)?;
        let last = |name: &str| {
            entries
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.get())
        };
        if last(PLACEHOLDER) == Some("true") {
            return self.take(last("num")).map(Node::Attachment);
        }
        let nodes: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| Ok((key, self.node(value, depth + 1)?)))
            .collect::<Result<_, _>>()?;
        Ok(
            match nodes.iter().all(|(_, node)| matches!(node, Node::Text(_))) {
                true => Node::Text(raw),
                false => Node::Object(nodes),
            },
        )
    }

    fn array<'a>(&mut self, raw: &'a RawValue, depth: usize) -> Result<Node<'a>, Malformed> {
        let items: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| Malformed::NotAnEvent)?;
        let nodes: Vec<_> = items
            .into_iter()
            .map(|item| self.node(item, depth + 1))
            .collect::<Result<_, _>>()?;
        Ok(
            match nodes.iter().all(|node| matches!(node, Node::Text(_))) {
                true => Node::Text(raw),
                false => Node::Array(nodes),
            },
        )
    }

    fn take(&mut self, number: Option<&str>) -> Result<Bytes, Malformed> {
        let index: usize = number
            .and_then(|text| text.parse().ok())
            .ok_or(Malformed::BadAttachment)?;
        match self.named.get_mut(index) {
            Some(named) if !*named => {
                *named = true;
                Ok(self.bytes[index].clone())
            }
            _ => Err(Malformed::BadAttachment),
        }
    }
}

/// Whether a placeholder could be in this text, its key perhaps written with escapes.
fn may_hold_placeholder(text: &str) -> bool {
    text.contains(PLACEHOLDER) || text.contains("\\u")
}

/// The members of an object, all of them, in order.
pub(super) struct Entries<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, borrowed when it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Key<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);
