//! Binary attachments: resolving the placeholders in an event's text.
//!
//! A receiver's parser replaces each placeholder by the attachment that it names, and closes the whole
//! connection when there is none. So placeholders are resolved here, once, and written again for each
//! receiver; all other bytes stay as they are.

use bytes::Bytes;
use smallvec::SmallVec;

use super::Malformed;
use super::members::{items, members};
use super::opaque::{Node, Opaque, PLACEHOLDER, may_hold_placeholder};
use super::readable::ENVELOPE;
use super::verbatim::Verbatim;

/// How deeply an attachment may be nested in a field.
const MAX_DEPTH: usize = 16;

/// How many members and items the objects and arrays of an event may have together in which attachments are nested. While
/// the event is handled each takes some 60 bytes, however short it is.
const MAX_BESIDE: usize = 4000;

/// The attachments of one event. Each may be named once: named repeatedly, it would let a small event
/// grow to many times its size.
pub(super) struct Attachments<'b> {
    bytes: &'b [Bytes],
    max_depth: usize,
    /// How many more members and items may be looked into.
    left: usize,
    named: SmallVec<[bool; 16]>,
}

impl<'b> Attachments<'b> {
    pub(super) fn new(bytes: &'b [Bytes]) -> Self {
        Self {
            bytes,
            max_depth: MAX_DEPTH,
            left: MAX_BESIDE,
            named: SmallVec::from_elem(false, bytes.len()),
        }
    }

    /// Allows more levels, for values whose members are the fields of an event that the relay made, and as many members
    /// as there are.
    pub(super) fn of_whole_events(self) -> Self {
        Self {
            max_depth: MAX_DEPTH + ENVELOPE,
            left: usize::MAX,
            ..self
        }
    }

    /// Resolves the placeholders in a value.
    pub(super) fn resolve<'a>(&mut self, json: Verbatim<'a>) -> Result<Opaque<'a>, Malformed> {
        if self.bytes.is_empty() {
            return Ok(Opaque(Node::Text(json)));
        }
        self.node(json, 0).map(Opaque)
    }

    fn node<'a>(&mut self, json: Verbatim<'a>, depth: usize) -> Result<Node<'a>, Malformed> {
        if !may_hold_placeholder(json.get()) {
            return Ok(Node::Text(json));
        }
        if depth > self.max_depth {
            return Err(Malformed::BadAttachment);
        }
        match json.get().as_bytes().first() {
            Some(b'{') => self.object(json, depth),
            Some(b'[') => self.array(json, depth),
            _ => Ok(Node::Text(json)),
        }
    }

    fn object<'a>(&mut self, json: Verbatim<'a>, depth: usize) -> Result<Node<'a>, Malformed> {
        let members = members(json.get(), &mut self.left).map_err(|_| Malformed::BadAttachment)?;
        let only = |name: &str| {
            let mut named = members.iter().filter(|(key, _)| key == name);
            let value = named.next().map(|(_, value)| value.get());
            value.filter(|_| named.next().is_none())
        };
        if members.iter().any(|(key, _)| key == PLACEHOLDER) {
            // Parsers do not agree on what else stands for an attachment.
            return match only(PLACEHOLDER) {
                Some("true") => self.take(only("num")).map(Node::Attachment),
                _ => Err(Malformed::BadAttachment),
            };
        }
        let nodes: Vec<_> = members
            .into_iter()
            .map(|(key, value)| Ok((key, self.node(value.into(), depth + 1)?)))
            .collect::<Result<_, _>>()?;
        Ok(
            match nodes.iter().all(|(_, node)| matches!(node, Node::Text(_))) {
                true => Node::Text(json),
                false => Node::Object(nodes),
            },
        )
    }

    fn array<'a>(&mut self, json: Verbatim<'a>, depth: usize) -> Result<Node<'a>, Malformed> {
        let items = items(json.get(), &mut self.left).map_err(|_| Malformed::BadAttachment)?;
        let nodes: Vec<_> = items
            .into_iter()
            .map(|item| self.node(item.into(), depth + 1))
            .collect::<Result<_, _>>()?;
        Ok(
            match nodes.iter().all(|node| matches!(node, Node::Text(_))) {
                true => Node::Text(json),
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
