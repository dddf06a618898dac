//! Values that are relayed without being interpreted: JSON text, with attachments in it.
//!
//! Owns their sizes and how they are written. Attachments are found in `attachments`.

use std::borrow::Cow;

use bytes::Bytes;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::members::{has_key, items};
use super::readable::PROTOTYPE;
use super::verbatim::Verbatim;

/// A value that is relayed without being interpreted.
#[derive(Debug, Clone)]
pub(crate) struct Opaque<'a>(pub(super) Node<'a>);

#[derive(Debug, Clone)]
pub(super) enum Node<'a> {
    Text(Verbatim<'a>),
    Attachment(Bytes),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    Array(Vec<Node<'a>>),
}

impl<'a> Opaque<'a> {
    /// The JSON text, when the value contains no attachment.
    pub(crate) fn json(&self) -> Option<&'a str> {
        match self.0 {
            Node::Text(json) => Some(json.get()),
            _ => None,
        }
    }

    /// The text of a string. `None` for anything else.
    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        match self.0 {
            Node::Text(json) => json.text(),
            _ => None,
        }
    }

    /// The items of an array of at most `max`, none of which contains an attachment. `None` for anything else.
    pub(crate) fn items(&self, mut max: usize) -> Option<Vec<&'a RawValue>> {
        items(self.json()?, &mut max).ok()
    }

    /// The object with these members.
    pub(crate) fn object<'m: 'a>(members: impl Iterator<Item = (&'m str, Self)>) -> Self {
        let members = members.map(|(name, value)| (Cow::Borrowed(name), value.0));
        Self(Node::Object(members.collect()))
    }

    /// Whether it is `null`, an empty string, or an empty attachment.
    pub(crate) fn is_blank(&self) -> bool {
        match &self.0 {
            Node::Text(json) => json.is_blank(),
            Node::Attachment(bytes) => bytes.is_empty(),
            Node::Object(_) | Node::Array(_) => false,
        }
    }

    /// Whether it is an attachment, or an object or a list that is not empty.
    pub(crate) fn holds_something(&self) -> bool {
        match &self.0 {
            Node::Text(json) => {
                let inner = json.get().strip_prefix(['[', '{']).map(str::trim_start);
                inner.is_some_and(|inner| !inner.starts_with([']', '}']))
            }
            Node::Attachment(bytes) => !bytes.is_empty(),
            Node::Object(fields) => !fields.is_empty(),
            Node::Array(items) => !items.is_empty(),
        }
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.json() == Some("null")
    }

    /// The length in bytes of a string or an attachment, or of the JSON text of any other value.
    pub(crate) fn size(&self) -> usize {
        match &self.0 {
            Node::Text(json) => json.text().map_or(json.get().len(), |text| text.len()),
            Node::Attachment(bytes) => bytes.len(),
            Node::Object(_) | Node::Array(_) => {
                let mut sizes = Vec::new();
                self.attachment_sizes(&mut sizes);
                sizes.iter().sum()
            }
        }
    }

    /// The characters of a string, or of the JSON text of any other value; of attachments, their bytes.
    pub(crate) fn characters(&self) -> usize {
        match &self.0 {
            Node::Text(json) => match json.text() {
                Some(text) => text.chars().count(),
                None => json.get().chars().count(),
            },
            Node::Attachment(bytes) => bytes.len(),
            Node::Object(_) | Node::Array(_) => self.total_size(),
        }
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        match &self.0 {
            Node::Text(json) => json.get().starts_with('{'),
            Node::Object(_) => true,
            Node::Attachment(_) | Node::Array(_) => false,
        }
    }

    /// Whether there are attachments in it.
    pub(crate) fn has_attachments(&self) -> bool {
        let mut sizes = Vec::new();
        self.attachment_sizes(&mut sizes);
        !sizes.is_empty()
    }

    /// Whether a receiver's parser would take a part of its text for a placeholder.
    pub(crate) fn reads_as_attachment(&self) -> bool {
        self.0.reads_as_attachment()
    }

    /// Whether every published client can read it in what they are sent, which may be `max_depth` levels deep.
    pub(crate) fn is_readable(&self, max_depth: usize) -> bool {
        self.0.is_readable(max_depth)
    }

    /// The approximate size in bytes of its JSON text and its attachments together.
    pub(crate) fn total_size(&self) -> usize {
        let mut sizes = Vec::new();
        self.attachment_sizes(&mut sizes);
        self.written_size() + sizes.iter().sum::<usize>()
    }

    /// The approximate size in bytes of its JSON text, without attachments.
    pub(crate) fn written_size(&self) -> usize {
        self.0.written_size()
    }

    /// Adds the sizes in bytes of its attachments, in the order in which they are written.
    pub(crate) fn attachment_sizes(&self, sizes: &mut impl Extend<usize>) {
        self.0.attachment_sizes(sizes);
    }
}

/// The member that makes an object a placeholder.
pub(super) const PLACEHOLDER: &str = "_placeholder";
/// The approximate size of a placeholder's text, in bytes.
const PLACEHOLDER_SIZE: usize = r#"{"_placeholder":true,"num":99}"#.len();

impl Node<'_> {
    fn written_size(&self) -> usize {
        match self {
            Node::Text(json) => json.get().len(),
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
            Node::Text(json) => {
                may_hold_placeholder(json.get()) && has_key(json.get(), PLACEHOLDER)
            }
            Node::Attachment(_) => false,
            Node::Object(fields) => fields.iter().any(|(_, node)| node.reads_as_attachment()),
            Node::Array(items) => items.iter().any(Node::reads_as_attachment),
        }
    }

    fn is_readable(&self, max_depth: usize) -> bool {
        match self {
            Node::Text(json) => json.is_readable(max_depth),
            Node::Attachment(_) => true,
            Node::Object(_) | Node::Array(_) => self.are_readable(max_depth.saturating_sub(1)),
        }
    }

    /// Whether all that is in it is. A function of its own, so that what is mostly asked takes no call.
    fn are_readable(&self, within: usize) -> bool {
        match self {
            Node::Text(_) | Node::Attachment(_) => true,
            Node::Object(fields) => fields
                .iter()
                .all(|(key, node)| key != PROTOTYPE && node.is_readable(within)),
            Node::Array(items) => items.iter().all(|node| node.is_readable(within)),
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

impl Serialize for Opaque<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Text(json) => json.serialize(serializer),
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

/// Whether this text may contain a placeholder, whose key may be written with escapes.
pub(super) fn may_hold_placeholder(text: &str) -> bool {
    text.contains(PLACEHOLDER) || text.contains("\\u")
}
