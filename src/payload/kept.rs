//! Values that outlive the event they came with, such as a message in a history. They are kept as
//! the bytes they are, and lent out again as what came in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::attachments::{Entries, Node};
use super::{Opaque, text};

/// A value that is kept and not looked into. Cheap to clone. `Debug` shows its size only.
#[derive(Clone)]
pub struct Kept(Arc<KeptNode>);

enum KeptNode {
    Text(Box<RawValue>),
    Attachment(Bytes),
    Object(Vec<(Box<str>, KeptNode)>),
    Array(Vec<KeptNode>),
}

impl From<&Opaque<'_>> for Kept {
    fn from(value: &Opaque<'_>) -> Self {
        Self(Arc::new(KeptNode::from(&value.0)))
    }
}

impl From<Box<RawValue>> for Kept {
    fn from(raw: Box<RawValue>) -> Self {
        Self(Arc::new(KeptNode::Text(raw)))
    }
}

impl From<&Node<'_>> for KeptNode {
    fn from(node: &Node<'_>) -> Self {
        match node {
            Node::Text(raw) => Self::Text((*raw).to_owned()),
            Node::Attachment(bytes) => Self::Attachment(bytes.clone()),
            Node::Object(fields) => {
                let keep = |(key, node): &(Cow<'_, str>, Node<'_>)| ((**key).into(), node.into());
                Self::Object(fields.iter().map(keep).collect())
            }
            Node::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
        }
    }
}

impl KeptNode {
    fn lend(&self) -> Node<'_> {
        match self {
            Self::Text(raw) => Node::Text(raw),
            Self::Attachment(bytes) => Node::Attachment(bytes.clone()),
            Self::Object(fields) => Node::Object(
                fields
                    .iter()
                    .map(|(key, node)| (Cow::Borrowed(&**key), node.lend()))
                    .collect(),
            ),
            Self::Array(items) => Node::Array(items.iter().map(Self::lend).collect()),
        }
    }
}

impl Kept {
    /// The value as it came in.
    pub fn lend(&self) -> Opaque<'_> {
        Opaque(self.0.lend())
    }

    /// The text of a string, or the JSON text of something else without attachments.
    pub fn text(&self) -> Cow<'_, str> {
        match &*self.0 {
            KeptNode::Text(raw) => text(raw.get()).unwrap_or(Cow::Borrowed(raw.get())),
            _ => Cow::Borrowed(""),
        }
    }

    /// The value of a member, when this is an object that has it; of several the last.
    pub fn member(&self, name: &str) -> Option<Opaque<'_>> {
        let node = match &*self.0 {
            KeptNode::Text(raw) => {
                let Entries(entries) = serde_json::from_str(raw.get()).ok()?;
                let (_, value) = entries.into_iter().rev().find(|(key, _)| key == name)?;
                Node::Text(value)
            }
            KeptNode::Object(fields) => {
                let (_, node) = fields.iter().rev().find(|(key, _)| **key == *name)?;
                node.lend()
            }
            KeptNode::Attachment(_) | KeptNode::Array(_) => return None,
        };
        Some(Opaque(node))
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lend().serialize(serializer)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("size", &self.lend().written_size())
            .finish_non_exhaustive()
    }
}
