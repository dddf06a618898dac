//! The JSON text of a value, as it came. It must not be anything but valid JSON, and is never changed.

use std::borrow::Cow;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::readable::is_readable;

/// Under this name serde_json describes text that is JSON already, as a struct with one field, the text.
pub(super) const RAW: &str = "$serde_json::private::RawValue";

/// The JSON text of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verbatim<'a> {
    json: &'a str,
    is_plain: bool,
}

impl<'a> Verbatim<'a> {
    /// Of valid JSON text.
    pub(super) fn new(json: &'a str) -> Self {
        Self {
            json,
            is_plain: false,
        }
    }

    /// Of a string without escapes, a short whole number, `true`, `false` or `null`: every client reads these.
    pub(super) fn plain(json: &'a str) -> Self {
        Self {
            json,
            is_plain: true,
        }
    }

    /// The text.
    pub(super) fn get(self) -> &'a str {
        self.json
    }

    /// The text of a string, borrowed when it has no escapes. `None` for anything else.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.json.strip_prefix('"')?.strip_suffix('"')?;
        match self.is_plain || !inner.contains('\\') {
            true => Some(Cow::Borrowed(inner)),
            false => serde_json::from_str::<String>(self.json)
                .ok()
                .map(Cow::Owned),
        }
    }

    /// Whether it is `null` or `""`.
    pub(super) fn is_blank(self) -> bool {
        matches!(self.json, "null" | "\"\"")
    }

    /// Whether every published client can read it, when what they are sent may be `max_depth` levels deep.
    pub(super) fn is_readable(self, max_depth: usize) -> bool {
        self.is_plain || is_readable(self.json, max_depth)
    }
}

impl<'a> From<&'a RawValue> for Verbatim<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self::new(raw.get())
    }
}

impl Serialize for Verbatim<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(RAW, 1)?;
        raw.serialize_field(RAW, self.json)?;
        raw.end()
    }
}
