//! Values that outlive the event they arrived with, such as a message in a history.
//!
//! Their bytes are stored unchanged, and read again as the value that arrived.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Opaque;
use super::attachments::Attachments;
use super::members::member;
use super::opaque::Node;
use super::readable::{DEEPEST, is_readable};
use super::verbatim::Verbatim;

/// A stored value that is not interpreted. Cheap to clone. `Debug` shows its size only.
#[derive(Clone)]
pub(crate) struct OwnedValue(Arc<OwnedNode>);

enum OwnedNode {
    /// JSON text.
    Text(Box<str>),
    Attachment(Bytes),
    Object(Vec<(Box<str>, OwnedNode)>),
    Array(Vec<OwnedNode>),
}

impl From<&Opaque<'_>> for OwnedValue {
    fn from(value: &Opaque<'_>) -> Self {
        Self(Arc::new(OwnedNode::from(&value.0)))
    }
}

impl From<Box<RawValue>> for OwnedValue {
    fn from(raw: Box<RawValue>) -> Self {
        Self(Arc::new(OwnedNode::Text(raw.into())))
    }
}

impl From<&Node<'_>> for OwnedNode {
    fn from(node: &Node<'_>) -> Self {
        match node {
            Node::Text(json) => Self::Text(json.get().into()),
            Node::Attachment(bytes) => Self::Attachment(bytes.clone()),
            Node::Object(fields) => {
                let own = |(key, node): &(Cow<'_, str>, Node<'_>)| ((**key).into(), node.into());
                Self::Object(fields.iter().map(own).collect())
            }
            Node::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
        }
    }
}

impl OwnedNode {
    fn write_parts(&self, text: &mut String, attachments: &mut Vec<Bytes>) {
        match self {
            Self::Text(json) => text.push_str(json),
            Self::Attachment(bytes) => {
                let number = attachments.len();
                text.push_str(&format!(r#"{{"_placeholder":true,"num":{number}}}"#));
                attachments.push(bytes.clone());
            }
            Self::Object(fields) => {
                for (index, (key, node)) in fields.iter().enumerate() {
                    text.push(if index == 0 { '{' } else { ',' });
                    text.push_str(&serde_json::Value::from(&**key).to_string());
                    text.push(':');
                    node.write_parts(text, attachments);
                }
                text.push('}');
            }
            Self::Array(items) => {
                for (index, node) in items.iter().enumerate() {
                    text.push(if index == 0 { '[' } else { ',' });
                    node.write_parts(text, attachments);
                }
                text.push(']');
            }
        }
    }

    fn as_opaque(&self) -> Node<'_> {
        match self {
            Self::Text(json) => Node::Text(Verbatim::new(json)),
            Self::Attachment(bytes) => Node::Attachment(bytes.clone()),
            Self::Object(fields) => Node::Object(
                fields
                    .iter()
                    .map(|(key, node)| (Cow::Borrowed(&**key), node.as_opaque()))
                    .collect(),
            ),
            Self::Array(items) => Node::Array(items.iter().map(Self::as_opaque).collect()),
        }
    }
}

impl OwnedValue {
    /// The value, borrowed.
    pub(crate) fn as_opaque(&self) -> Opaque<'_> {
        Opaque(self.0.as_opaque())
    }

    /// The parts that a store writes: the JSON text, with a placeholder for each attachment, and the
    /// attachments. [`OwnedValue::from_parts`] makes the same value of them.
    pub(crate) fn to_parts(&self) -> (Cow<'_, str>, Vec<Bytes>) {
        if let OwnedNode::Text(json) = &*self.0 {
            return (Cow::Borrowed(json), Vec::new());
        }
        let mut text = String::new();
        let mut attachments = Vec::new();
        self.0.write_parts(&mut text, &mut attachments);
        (Cow::Owned(text), attachments)
    }

    /// Whether a client that reads both reads the same, however they are written.
    pub(crate) fn reads_as(&self, other: &Self) -> bool {
        let ((one, attached), (another, also)) = (self.to_parts(), other.to_parts());
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        attached == also
            && (one == another || read(&one).is_some_and(|one| read(&another) == Some(one)))
    }

    fn empty() -> Option<Self> {
        let empty = RawValue::from_string("\"\"".to_owned());
        empty.ok().map(Self::from)
    }

    /// The value that was stored as these parts. `None`: it is no JSON. One that clients could not read, which is not accepted any more, is an empty string, so
    /// that they get the others.
    pub(crate) fn from_parts(text: String, attachments: Vec<Bytes>) -> Option<Self> {
        let raw = RawValue::from_string(text).ok()?;
        if !is_readable(raw.get(), DEEPEST) {
            return Self::empty();
        }
        if attachments.is_empty() {
            // Text that looks like a placeholder is text: nothing was attached.
            return Some(raw.into());
        }
        match Attachments::new(&attachments).resolve((&*raw).into()) {
            Ok(value) => Some(Self::from(&value)),
            Err(_) => Self::empty(),
        }
    }

    /// The text of a string, or the JSON text of any other value without attachments.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match &*self.0 {
            OwnedNode::Text(json) => Verbatim::new(json).text().unwrap_or(Cow::Borrowed(json)),
            _ => Cow::Borrowed(""),
        }
    }

    /// The value of a member, when this is an object that has it; the last one if it occurs repeatedly.
    pub(crate) fn member(&self, name: &str) -> Option<Opaque<'_>> {
        let node = match &*self.0 {
            OwnedNode::Text(json) => Node::Text(member(json, name)?.into()),
            OwnedNode::Object(fields) => {
                let (_, node) = fields.iter().rev().find(|(key, _)| **key == *name)?;
                node.as_opaque()
            }
            OwnedNode::Attachment(_) | OwnedNode::Array(_) => return None,
        };
        Some(Opaque(node))
    }
}

impl Serialize for OwnedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_opaque().serialize(serializer)
    }
}

impl fmt::Debug for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedValue")
            .field("size", &self.as_opaque().written_size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, attachments: &[&'static [u8]]) -> OwnedValue {
        let attachments: Vec<_> = attachments.iter().map(|a| Bytes::from_static(a)).collect();
        OwnedValue::from_parts(text.to_owned(), attachments).unwrap()
    }

    #[test]
    fn a_value_is_its_parts_again() {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        for text in [
            placeholder,
            r#"{ "a" : 1.0e+2, "a":"\u0041" }"#,
            "[]",
            "\"x\"",
        ] {
            let value = of(text, &[]);
            assert_eq!(value.to_parts(), (Cow::Borrowed(text), Vec::new()));
        }
        let text =
            r#"{"k\"":[{"_placeholder":true,"num":1}, 1.0],"b":{"_placeholder":true,"num":0}}"#;
        let value = of(text, &[b"zero", b"one"]);
        let (stored, attachments) = value.to_parts();
        assert_eq!(attachments, [&b"one"[..], b"zero"]);
        let again = OwnedValue::from_parts(stored.into_owned(), attachments).unwrap();
        assert_eq!(again.to_parts(), value.to_parts());
        assert!(OwnedValue::from_parts("{".to_owned(), Vec::new()).is_none());
        let dangling = r#"{"_placeholder":true,"num":7}"#.to_owned();
        let read = OwnedValue::from_parts(dangling, vec![Bytes::new()]).unwrap();
        assert_eq!(read.to_parts(), (Cow::Borrowed("\"\""), Vec::new()));
    }

    #[test]
    fn what_clients_cannot_read_is_empty_and_what_may_be_set_is_kept() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for stored in [
            &*nested(6000),
            r#"{"a":"\ud800"}"#,
            "[1e999]",
            r#"{"__proto__":{}}"#,
        ] {
            for attachments in [&[][..], &[&b"bytes"[..]]] {
                let value = of(stored, attachments);
                assert_eq!(value.to_parts(), (Cow::Borrowed("\"\""), Vec::new()));
            }
        }
        let deep = nested(500);
        assert_eq!(of(&deep, &[]).to_parts().0, deep);
    }
}
