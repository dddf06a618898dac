//! The form of a record in the spool and in the embedded store: one line of JSON, an array of values
//! in a fixed order, without names and without what follows from the type.
//!
//! ```text
//! ["<id, 32 hexadecimal digits>","<type>",dialect,user,username,sessionId,ipAddress,userAgent,node,{details}]
//! ```
//!
//! Owns the order of the values; what is absent is `null`. It is written in `encode`, and read as a
//! whole in `fields`. Which values there may be is decided by [`Event`](super::Event).

mod encode;
mod fields;
mod telling;

use std::ops::Range;

use uuid::Uuid;

pub(super) use encode::{push, push_fields, quoted};
pub(super) use fields::{Fields, Texts};

use self::telling::TellingDetails;
use super::event_type::{Apart, EventType, Removal};

/// Where the id is.
const ID: Range<usize> = 2..34;
/// Where the type begins.
const TYPE: usize = 37;
/// Values behind the dialect, before the details.
const BETWEEN_DIALECT_AND_DETAILS: usize = 6;

/// The id of a record as it is in its line: it sorts like the id.
pub(crate) type IdText = [u8; 32];

/// The line of one record, of which no more than the beginning was looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    bytes: &'a [u8],
    id: &'a IdText,
}

impl<'a> Line<'a> {
    /// `None`: it does not begin and end as a line does.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let id = bytes.get(ID)?.as_array()?;
        let is_framed = bytes.starts_with(b"[\"")
            && bytes.get(ID.end..TYPE)? == b"\",\""
            && bytes.ends_with(b"]");
        is_framed.then_some(Self { bytes, id })
    }

    /// The whole of it.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn id_text(self) -> &'a IdText {
        self.id
    }

    /// `None`: the line is damaged.
    pub(super) fn id(self) -> Option<Uuid> {
        Uuid::try_parse_ascii(self.id).ok()
    }

    /// The name of the type, and what begins with the user as JSON.
    fn split(self) -> (&'a [u8], &'a [u8]) {
        let rest = self.bytes.get(TYPE..).unwrap_or_default();
        let (name, rest) = split_at(rest, b'"');
        let (_, dialect) = split_at(rest, b',');
        let (_, user) = split_at(dialect, b',');
        (name, user)
    }

    /// The name of the type.
    pub(super) fn event_type(self) -> &'a [u8] {
        self.split().0
    }

    /// The user as JSON, if there is one.
    pub(super) fn user(self) -> Option<&'a [u8]> {
        self.user_behind(self.before_user())
    }

    /// What is between the id and the user.
    pub(super) fn before_user(self) -> &'a [u8] {
        let (_, user) = self.split();
        let end = self.bytes.len() - user.len();
        self.bytes.get(TYPE..end).unwrap_or_default()
    }

    /// Whether this is between the id and the user.
    pub(super) fn starts_user_like(self, before_user: &[u8]) -> bool {
        !before_user.is_empty() && self.is_of_type(before_user)
    }

    /// The user as JSON, if there is one, behind what [`Self::before_user`] is.
    pub(super) fn user_behind(self, before_user: &[u8]) -> Option<&'a [u8]> {
        let user = self.bytes.get(TYPE + before_user.len()..)?;
        user.starts_with(b"\"").then(|| text_of(user))
    }

    /// Whether the user is this one, as [`quoted`] writes it.
    pub(super) fn is_of(self, quoted: &[u8]) -> bool {
        let (_, rest) = self.split();
        let behind = rest.strip_prefix(quoted);
        behind.is_some_and(|rest| rest.starts_with(b","))
    }

    /// When the record is removed because there are too many.
    pub(super) fn removal(self) -> Removal {
        let name = str::from_utf8(self.event_type()).ok();
        // A type that only a later version has can only come from its spool.
        let Some(event_type) = name.and_then(EventType::parse) else {
            return Removal::First;
        };
        match event_type.apart() {
            Some((apart, when)) if self.is_apart(apart) => when,
            _ => event_type.removal(),
        }
    }

    /// The type with its last quote, unless some of its records are removed at another time.
    pub(super) fn uniform_type(self) -> Option<&'a [u8]> {
        let name = self.event_type();
        let event_type = EventType::parse(str::from_utf8(name).ok()?)?;
        let is_uniform = event_type.apart().is_none();
        is_uniform.then(|| self.bytes.get(TYPE..=TYPE + name.len()))?
    }

    /// Whether it is of this type, with its last quote.
    pub(super) fn is_of_type(self, quoted: &[u8]) -> bool {
        let rest = self.bytes.get(TYPE..).unwrap_or_default();
        rest.starts_with(quoted)
    }

    fn is_apart(self, apart: Apart) -> bool {
        let details = || TellingDetails::read(self.details());
        match apart {
            Apart::ByUser => self.user().is_some(),
            Apart::Repeated => details().is_some_and(|details| details.is_repeated()),
            Apart::Expulsion => details().is_some_and(|details| details.names_expulsion()),
        }
    }

    /// What begins with the details.
    fn details(self) -> &'a [u8] {
        let (_, mut rest) = self.split();
        for _ in 0..BETWEEN_DIALECT_AND_DETAILS {
            let value = match rest.first() {
                Some(b'"') => text_of(rest).len(),
                _ => split_at(rest, b',').0.len(),
            };
            rest = rest.get(value + 1..).unwrap_or_default();
        }
        rest
    }
}

/// The time in an id, in milliseconds since 1970.
pub(super) fn time_of_text(id: &IdText) -> i64 {
    let time = str::from_utf8(&id[..12]).ok();
    let time = time.and_then(|time| i64::from_str_radix(time, 16).ok());
    time.unwrap_or(0)
}

/// What is before the first such byte, and behind it. They are near, so that no search is faster.
fn split_at(bytes: &[u8], byte: u8) -> (&[u8], &[u8]) {
    match bytes.iter().position(|found| *found == byte) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

/// The text in quotes that JSON begins with.
fn text_of(json: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'"', json.get(1..).unwrap_or_default());
    if let Some(end) = end
        && json.get(end) != Some(&b'\\')
    {
        return &json[..end + 2];
    }
    let mut is_escaped = true;
    let end = json.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json, |end| &json[..=end])
}

/// Writes `records` to `store` as the writer thread does.
#[cfg(test)]
pub(super) fn write<S: super::Store>(
    store: &mut S,
    records: &[super::Record],
) -> Result<(), S::Error> {
    let encoded = |record| {
        let mut line = Vec::new();
        push(&mut line, record);
        line
    };
    let encoded: Vec<_> = records.iter().map(encoded).collect();
    let lines: Vec<_> = encoded
        .iter()
        .map(|line| Line::new(line).unwrap())
        .collect();
    let rejected = store.write(&lines)?;
    assert!(rejected.positions.is_empty(), "{rejected:?}");
    Ok(())
}

#[cfg(test)]
mod tests;
