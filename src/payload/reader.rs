//! Reads the fields of an object in JSON text, in one pass, at a fraction of what serde_json takes for it. What is not
//! plain is read by serde_json itself, so that what is JSON is said by nobody else.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde_json::value::RawValue;

use super::members::Key;
use super::opaque::{Node, Opaque};
use super::readable::PROTOTYPE;
use super::verbatim::Verbatim;
use super::{Field, Malformed};
use crate::json::plain_length;

/// How many fields an object may have. While it is handled each takes some 80 bytes, however short it is.
pub(super) const MAX_FIELDS: usize = 1000;
/// For how many there is room at once.
const USUAL_FIELDS: usize = 8;
/// What JSON has between its parts.
pub(super) const SPACE: [char; 4] = [' ', '\n', '\t', '\r'];
/// Of so many digits are the longest numbers that are exact in any client.
const MAX_DIGITS: usize = 15;

/// JSON text, and how much of it is read.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Nothing is read yet.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is read of.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Reads this byte, and the whitespace before it, if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// What comes next that is no whitespace.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                // Mostly.
                b'!'.. => return Some(*byte),
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                other => return Some(*other),
            }
        }
        None
    }

    /// Reads an object: its fields, in order, but for those that mean a prototype, which no event has, and which are no
    /// property in the receivers' JavaScript.
    ///
    /// # Errors
    /// It is none, or has too many fields.
    pub(super) fn object(&mut self) -> Result<Vec<Field<'a>>, Malformed> {
        if !self.take(b'{') {
            return Err(Malformed::NotAnEvent);
        }
        let mut fields = Vec::with_capacity(USUAL_FIELDS);
        if self.take(b'}') {
            return Ok(fields);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Malformed::NotAnEvent);
            }
            let begin = self.at;
            let key = self.key()?;
            if !self.take(b':') {
                return Err(Malformed::NotAnEvent);
            }
            if fields.len() == MAX_FIELDS {
                return Err(Malformed::TooManyFields);
            }
            let value = self.value()?;
            if key != PROTOTYPE {
                let value = Opaque(Node::Text(value));
                fields.push(Field::new(key, value, begin..self.at));
            }
            if self.take(b'}') {
                return Ok(fields);
            }
            if !self.take(b',') {
                return Err(Malformed::NotAnEvent);
            }
        }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn value(&mut self) -> Result<Verbatim<'a>, Malformed> {
        let length = match self.peek() {
            Some(b'"') => self.plain_string(),
            Some(b'0'..=b'9') => self.plain_number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => None,
        };
        match length {
            Some(length) => Ok(Verbatim::plain(self.advance(length))),
            None => self.any().map(Verbatim::from),
        }
    }

    /// Reads the string that comes.
    fn key(&mut self) -> Result<Cow<'a, str>, Malformed> {
        if let Some(quoted) = self.plain_string() {
            let key = self.advance(quoted);
            return Ok(Cow::Borrowed(&key[1..quoted - 1]));
        }
        let Key(key) =
            serde_json::from_str(self.any()?.get()).map_err(|_| Malformed::NotAnEvent)?;
        Ok(key)
    }

    /// Reads a value by serde_json.
    fn any(&mut self) -> Result<&'a RawValue, Malformed> {
        let mut rest = serde_json::Deserializer::from_str(&self.text[self.at..]);
        let raw = <&RawValue>::deserialize(&mut rest).map_err(|_| Malformed::NotAnEvent)?;
        self.at += raw.get().len();
        Ok(raw)
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let begin = self.at;
        self.at += length;
        &self.text[begin..self.at]
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The length of the string that comes, in its quotes, if one does that has no escapes. One with the control characters
    /// that JSON does not allow is left to serde_json.
    pub(super) fn plain_string(&self) -> Option<usize> {
        let inner = self.rest().strip_prefix(b"\"")?;
        let length = plain_length(inner);
        (inner.get(length) == Some(&b'"')).then_some(length + 2)
    }

    /// The length of the number that comes, if it is whole, and not long.
    fn plain_number(&self) -> Option<usize> {
        let rest = self.rest();
        let other = rest.iter().position(|byte| !byte.is_ascii_digit());
        let length = other.unwrap_or(rest.len());
        let ends = !matches!(rest.get(length), Some(b'.' | b'e' | b'E'));
        let is_canonical = rest[0] != b'0' || length == 1;
        (ends && is_canonical && length <= MAX_DIGITS).then_some(length)
    }

    fn word(&self, word: &str) -> Option<usize> {
        self.rest()
            .starts_with(word.as_bytes())
            .then_some(word.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, Malformed> {
        let mut reader = Reader::new(text);
        let fields = reader.object()?;
        if reader.peek().is_some() {
            return Err(Malformed::NotAnEvent);
        }
        let text = |field: Field<'_>| {
            let json = field.value.json().expect("text").to_owned();
            (field.name.into_owned(), json)
        };
        Ok(fields.into_iter().map(text).collect())
    }

    /// The same by serde_json alone.
    fn expected(text: &str) -> Option<Vec<(String, String)>> {
        use crate::payload::members::members;
        let object = serde_json::from_str::<&RawValue>(text).ok()?;
        let members = members(object.get(), &mut { usize::MAX }).ok()?;
        let members = members.into_iter().filter(|(key, _)| key != PROTOTYPE);
        Some(
            members
                .map(|(key, value)| (key.into_owned(), value.get().to_owned()))
                .collect(),
        )
    }

    #[test]
    fn fields_are_read_as_they_came() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":"x","b":42,"a":true,"n":null,"f":false}"#,
            "{\n\"a\" :\t\"\\u0041\" , \"\\u0062\":-0.5e7 ,\"c\":[1, 2],\"d\":{\"e\":\"}\"}}",
            r#"{"a":0,"b":-1,"c":1.50,"d":1e3,"e":12345678901234567890123}"#,
            r#"{"é":"😀","__proto__":1,"\u005f_proto__":2}"#,
        ] {
            assert_eq!(read(text).ok(), expected(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            "[]",
            "7",
            "{",
            "{}}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":01}",
            "{\"a\":1x}",
            "{\"a\":truex}",
            "{\"a\":nul}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\n\":1}",
            "{a:1}",
            "{\"a\":1.}",
            "{\"a\":-}",
            "{\"a\":\"x}",
            "{\"a\":[}",
            "{\"a\":\u{a0}1}",
        ] {
            assert_eq!(read(text).err(), Some(Malformed::NotAnEvent), "{text}");
            assert_eq!(expected(text), None, "{text}");
        }
    }

    #[test]
    fn there_may_be_so_many_fields_and_no_more() {
        let of = |count: usize| format!("{{{}}}", vec!["\"a\":1"; count].join(","));
        assert_eq!(
            read(&of(MAX_FIELDS)).map(|fields| fields.len()),
            Ok(MAX_FIELDS)
        );
        assert_eq!(read(&of(MAX_FIELDS + 1)), Err(Malformed::TooManyFields));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".{0,5}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn objects_are_read_as_serde_json_reads_them(object in prop::collection::hash_map(".{0,9}", value(), 0..9)) {
            let text = serde_json::to_string(&object).unwrap();
            prop_assert_eq!(read(&text).ok(), expected(&text));
        }

        #[test]
        fn anything_is_read_or_refused_as_by_serde_json(text in r#"\{("[a\\"]{0,3}"[: ]?[0-9.eE+\-"a\[\]{}ntruefals,\\ ]{0,6}[,}]?){0,4}\}?"#) {
            prop_assert_eq!(read(&text).ok(), expected(&text), "{}", text);
        }
    }
}
