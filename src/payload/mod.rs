//! Received events, decoded only as far as needed: known fields are borrowed from the received text,
//! opaque ones are relayed byte for byte.
//!
//! Owns JSON and attachments as bytes, and the sizes of frames. It must not know any event.

mod assembly;
mod attachments;
mod encoded;
mod encoder;
mod event;
mod members;
mod opaque;
mod owned;
mod packet;
mod readable;
mod reader;
mod relayed;
mod stored_members;
mod verbatim;

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

pub(crate) use assembly::{Assembly, BadPacket};
pub(crate) use encoded::EncodedEvent;
pub(crate) use encoder::Encode;
pub(crate) use event::{AckId, RawEvent};
pub(crate) use opaque::Opaque;
pub(crate) use owned::OwnedValue;
pub(crate) use packet::SocketPacket;
pub(crate) use readable::DEEPEST;
pub(crate) use relayed::{Own, Relayed};
pub(crate) use stored_members::stored_members;
use verbatim::Verbatim;

/// The sizes of the WebSocket frames that an event becomes, in bytes: its text, then its attachments.
pub(crate) type FrameSizes = SmallVec<[usize; 2]>;

/// Why an event cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// It is not valid JSON, or not an array that begins with a name.
    NotAnEvent,
    /// Its first argument has more fields than are allowed.
    TooManyFields,
    /// Its first argument is missing or not an object.
    NotAnObject,
    /// A placeholder names no attachment, or one that another placeholder names too.
    BadAttachment,
    /// A published client could not read it.
    Unreadable,
}

/// A field: its name and its value.
#[derive(Debug)]
struct Field<'a> {
    name: Cow<'a, str>,
    tag: Tag,
    value: Opaque<'a>,
    /// Where its name and value are in the text of the payload.
    span: Range<usize>,
}

/// What most names differ by: their length, their first byte and their last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag(u32);

impl Tag {
    fn of(name: &str) -> Self {
        let at = |byte: Option<&u8>| byte.copied().unwrap_or_default();
        let bytes = name.as_bytes();
        let [long, longer, ..] = bytes.len().to_le_bytes();
        let parts = [long, longer, at(bytes.first()), at(bytes.last())];
        Self(u32::from_le_bytes(parts))
    }
}

impl<'a> Field<'a> {
    fn is_named(&self, name: &str) -> bool {
        self.tag == Tag::of(name) && self.name == name
    }

    fn new(name: Cow<'a, str>, value: Opaque<'a>, span: Range<usize>) -> Self {
        Self {
            tag: Tag::of(&name),
            name,
            value,
            span,
        }
    }
}

/// The fields of an event's first argument, in the order in which they were received.
#[derive(Debug)]
pub(crate) struct Payload<'a> {
    fields: Vec<Field<'a>>,
    /// The text that they are from.
    source: &'a str,
    text_size: usize,
    has_attachments: bool,
}

impl<'a> Payload<'a> {
    /// A field's value; the last one if it occurs repeatedly, as in `JSON.parse`.
    pub(crate) fn get(&self, name: &str) -> Option<&Opaque<'a>> {
        let tag = Tag::of(name);
        let mut fields = self.fields.iter().rev();
        let field = fields.find(|field| field.tag == tag && field.name == name)?;
        Some(&field.value)
    }

    /// All fields, in order; a name may occur repeatedly.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Opaque<'a>)> {
        self.fields.iter().map(|field| (&*field.name, &field.value))
    }

    /// The name of a field that is none of these, if one is not.
    pub(crate) fn besides(&self, known: &[&str]) -> Option<&str> {
        let mut names = self.members().map(|(name, _)| name);
        names.find(|name| !known.contains(name))
    }

    /// A field that is present and neither `null` nor an empty string.
    pub(crate) fn filled(&self, name: &str) -> Option<&Opaque<'a>> {
        self.get(name).filter(|value| !value.is_blank())
    }

    /// A field that is present and not `null`.
    pub(crate) fn given(&self, name: &str) -> Option<&Opaque<'a>> {
        self.get(name).filter(|value| !value.is_null())
    }

    /// A string, or an integer as its decimal text: the two forms that ids have. `None` for
    /// anything else.
    pub(crate) fn id(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.get(name)?;
        if let Some(text) = value.text() {
            return Some(text);
        }
        let json = value.json()?;
        match json.parse::<i64>() {
            Ok(_) => Some(Cow::Borrowed(json)),
            Err(_) => integer(json).map(|integer| Cow::Owned(integer.to_string())),
        }
    }

    /// An id that only its sender interprets: a string, or any number as it is written. `None` for anything else.
    pub(crate) fn own_id(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.get(name)?;
        if let Some(text) = value.text() {
            return Some(text);
        }
        let json = value.json()?;
        json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
            .then_some(Cow::Borrowed(json))
    }

    /// A string. `None` for anything else.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }

    /// An array of at most `max` strings. `None` for anything else.
    pub(crate) fn texts(&self, name: &str, max: usize) -> Option<Vec<String>> {
        let items = self.get(name)?.items(max)?;
        let text = |item| Some(Verbatim::from(item).text()?.into_owned());
        items.into_iter().map(text).collect()
    }

    /// The name of a field that not every published client could read, if one is, when what they are sent may be
    /// `max_depth` levels deep.
    pub(crate) fn unreadable(&self, max_depth: usize) -> Option<&str> {
        let mut fields = self.fields.iter();
        let field = fields.find(|field| !field.value.is_readable(max_depth))?;
        Some(&field.name)
    }

    /// A non-negative integer that is written as one. `None` for anything else.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.json()?.parse().ok()
    }
}

/// The sizes of the frames that an event with these values becomes, including room for names and ids.
pub(crate) fn frames<'v, 'a: 'v>(values: impl IntoIterator<Item = &'v Opaque<'a>>) -> FrameSizes {
    const NAMES: usize = 1024;
    let mut frames = FrameSizes::from_slice(&[NAMES]);
    for value in values {
        frames[0] += value.written_size();
        value.attachment_sizes(&mut frames);
    }
    frames
}

/// The integer that the JSON text of a number is, however it is written: `7`, `7.0` and `7e0` are the same.
pub(crate) fn integer(raw: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(integer) = raw.parse() {
        return Some(integer);
    }
    let float = serde_json::from_str::<f64>(raw).ok()?;
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}
