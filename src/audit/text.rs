//! The only texts in a record that a client may have chosen, each bounded and filtered.
//!
//! Owns these filters. A value that does not fit is cut or left out; it is never an error, because
//! recording must not fail an event.

use std::{borrow::Cow, sync::Arc};

use serde::{Serialize, Serializer};

use crate::model::name::neutral;

/// An id or name: at most `MAX` bytes (128 unless said otherwise), cut at a character, with control
/// characters, and others that are hidden or turn what is around them, replaced by `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditText<const MAX: usize = 128>(Arc<str>);

/// A visible room name: two ids of 128 bytes joined by one character, so it is never cut.
pub(super) type RoomName = AuditText<257>;

impl<const MAX: usize> AuditText<MAX> {
    /// Cuts and cleans `text`.
    pub(crate) fn new(text: &str) -> Self {
        let mut end = text.len().min(MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(neutral(&text[..end], '?').into())
    }

    /// The text as it is recorded.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Serialize for AuditText<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<const MAX: usize> From<&Arc<str>> for AuditText<MAX> {
    /// Shares `text` when nothing has to be cut or replaced.
    fn from(text: &Arc<str>) -> Self {
        match neutral(text, '?') {
            Cow::Borrowed(_) if text.len() <= MAX => Self(Arc::clone(text)),
            _ => Self::new(text),
        }
    }
}

/// A `messageType` or `mimeType`: 1 to 64 bytes of `[A-Za-z0-9._+/-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label(Cow<'static, str>);

impl Label {
    /// The `messageType` of a message that names none.
    pub(crate) const TEXT: Self = Self(Cow::Borrowed("text"));
    /// The longest label, in bytes.
    pub(crate) const MAX: usize = 64;

    /// `None` when `text` is empty, too long or holds any other character: it is recorded as absent.
    pub(crate) fn new(text: &str) -> Option<Self> {
        if text == Self::TEXT.as_str() {
            return Some(Self::TEXT);
        }
        let fits = (1..=Self::MAX).contains(&text.len());
        let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"._+/-".contains(&byte);
        (fits && text.bytes().all(clean)).then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// The label as it is recorded.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message's sequence number as the client sent it: an integer, or up to 32 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seq {
    /// An integer that fits 64 bits.
    Number(i64),
    /// Digits given as a string, or an integer too large for 64 bits; recorded as a string.
    Digits(Box<str>),
}

impl Seq {
    /// The most digits.
    pub(crate) const MAX_DIGITS: usize = 32;

    /// Reads the raw JSON text of `seq`. `None` (recorded as absent) for anything but an integer
    /// or a plain string of digits: fractions, exponents, escapes, `null`, objects.
    pub(crate) fn from_json(raw: &str) -> Option<Self> {
        let digits = |text: &str| {
            (1..=Self::MAX_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        if let Some(quoted) = raw.strip_prefix('"') {
            let inner = quoted.strip_suffix('"')?;
            return digits(inner).then(|| Self::Digits(inner.into()));
        }
        if !digits(raw.strip_prefix('-').unwrap_or(raw)) {
            return None;
        }
        match raw.parse() {
            Ok(number) => Some(Self::Number(number)),
            Err(_) if raw.starts_with('-') => None,
            Err(_) => Some(Self::Digits(raw.into())),
        }
    }
}

impl Serialize for Seq {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Digits(digits) => serializer.serialize_str(digits),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANARY: &str = "CANARY";

    proptest! {
        #[test]
        fn a_marked_text_with_any_foreign_character_is_no_label(
            before in ".{0,40}", foreign in "[^A-Za-z0-9._+/-]", after in ".{0,40}",
        ) {
            prop_assert_eq!(Label::new(&format!("{before}{CANARY}{foreign}{after}")), None);
            prop_assert_eq!(Label::new(&format!("{before}{foreign}{CANARY}{after}")), None);
        }

        #[test]
        fn what_a_label_keeps_is_short_and_plain(text in ".{0,80}|[A-Za-z0-9._+/-]{0,80}") {
            let expected = (1..=64).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._+/-".contains(c));
            let label = Label::new(&text);
            prop_assert_eq!(label.is_some(), expected);
            if let Some(label) = label {
                prop_assert_eq!(label.as_str(), text);
            }
        }

        #[test]
        fn no_mark_passes_as_a_seq(before in ".{0,20}", after in ".{0,20}", quoted: bool) {
            let text = format!("{before}{CANARY}{after}");
            let raw = if quoted { serde_json::Value::from(text).to_string() } else { text };
            prop_assert_eq!(Seq::from_json(&raw), None);
        }

        #[test]
        fn any_raw_text_becomes_digits_or_nothing(raw in ".{0,60}|\"?-?[0-9]{0,40}\"?") {
            if let Some(seq) = Seq::from_json(&raw) {
                let json = serde_json::to_string(&seq).unwrap_or_default();
                prop_assert!(json.len() <= 34);
                prop_assert!(json.bytes().all(|b| b.is_ascii_digit() || b == b'"' || b == b'-'));
            }
        }

        #[test]
        fn a_text_is_bounded_and_free_of_control_characters(text in "\\PC{0,200}|[\\x00-\\x1f\u{7f}-\u{9f}\u{202e}\u{200b}é€🦀a]{0,200}") {
            let cut = AuditText::<128>::new(&text);
            prop_assert!(cut.as_str().len() <= 128);
            let hidden = |c: char| c.is_control() || "\u{202e}\u{200b}\u{feff}".contains(c);
            prop_assert!(!cut.as_str().contains(hidden));
            let shared = AuditText::<128>::from(&Arc::<str>::from(text.as_str()));
            prop_assert_eq!(shared.as_str(), cut.as_str());
            if text.len() <= 128 && neutral(&text, '?') == text {
                prop_assert_eq!(cut.as_str(), text);
            }
        }
    }

    #[test]
    fn a_seq_keeps_integers_and_digit_strings_only() {
        let json = |raw| Seq::from_json(raw).map(|seq| serde_json::json!(seq).to_string());
        for (raw, recorded) in [
            ("0", "0"),
            ("-7", "-7"),
            ("9223372036854775807", "9223372036854775807"),
            ("12345678901234567890123", "\"12345678901234567890123\""),
            ("\"0042\"", "\"0042\""),
        ] {
            assert_eq!(json(raw).as_deref(), Some(recorded), "{raw}");
        }
        let long = "1".repeat(33);
        for raw in [
            "null", "1.5", "1e21", "{}", "\"\"", "\"", "\"-1\"", "\"1 2\"", "+1", "", &long,
        ] {
            assert_eq!(json(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let text = format!("{}é", "a".repeat(127));
        assert_eq!(AuditText::<128>::new(&text).as_str(), "a".repeat(127));
    }
}
