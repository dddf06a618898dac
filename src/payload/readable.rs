//! What the parsers of published clients can read. JSON allows more, and a client that is sent it closes its
//! connection, or loses all that came in the same event.
//!
//! It must not change a value: what all of them can read is relayed as it came.

use memchr::{memchr, memchr2};

/// How many lists and objects the relay puts around a value, at most: a message in a page of changes.
pub(super) const ENVELOPE: usize = 4;

/// The deepest nesting that can be allowed (setting `max_depth`). What comes from a store or another node and is
/// deeper is not sent to anybody, whatever is set: readers that recurse fail on it.
pub(crate) const DEEPEST: usize = 512;

/// The key under which JavaScript keeps the prototype of an object.
pub(super) const PROTOTYPE: &str = "__proto__";

/// Whether every published client can read this JSON text where the relay sends it, when it may be `max_depth`
/// levels deep there.
pub(super) fn is_readable(json: &str, max_depth: usize) -> bool {
    // What most values are: a text without escapes.
    if json.starts_with('"') && memchr(b'\\', json.as_bytes()).is_none() {
        return true;
    }
    let value = Scan {
        bytes: json.as_bytes(),
        at: 0,
    };
    value.check(max_depth.saturating_sub(ENVELOPE))
}

/// Goes over valid JSON text once, and keeps nothing.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn check(mut self, max_depth: usize) -> bool {
        let mut depth = 0_usize;
        while let Some(&byte) = self.bytes.get(self.at) {
            let fine = match byte {
                b'"' => self.string(),
                b'-' | b'0'..=b'9' => self.number(),
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                    depth <= max_depth
                }
                b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                    true
                }
                _ => {
                    self.at += 1;
                    true
                }
            };
            if !fine {
                return false;
            }
        }
        true
    }

    /// No half of a surrogate pair, which is no character; and no key that means a prototype.
    fn string(&mut self) -> bool {
        let start = self.at + 1;
        self.at = start;
        let mut is_escaped = false;
        while let Some(found) = memchr2(b'"', b'\\', self.rest()) {
            self.at += found;
            if self.bytes[self.at] == b'"' {
                break;
            }
            is_escaped = true;
            if !self.escape() {
                return false;
            }
        }
        let text = &self.bytes[start..self.at];
        self.at += 1;
        !(is_prototype(text, is_escaped) && self.is_key())
    }

    /// An escape, and with the first half of a pair the second one.
    fn escape(&mut self) -> bool {
        match self.code_unit() {
            None => {
                self.at += 2;
                true
            }
            Some(0xd800..=0xdbff) => {
                self.at += 6;
                let is_pair = matches!(self.code_unit(), Some(0xdc00..=0xdfff));
                self.at += 6;
                is_pair
            }
            Some(unit) => {
                self.at += 6;
                !(0xdc00..=0xdfff).contains(&unit)
            }
        }
    }

    /// What `\uXXXX` stands for, if this is one.
    fn code_unit(&self) -> Option<u16> {
        let escape = self.bytes.get(self.at..self.at + 6)?;
        let digits = escape.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn is_key(&self) -> bool {
        let mut rest = self.rest().iter();
        rest.find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
    }

    /// A number that a double can hold, if not exactly.
    fn number(&mut self) -> bool {
        let rest = self.rest();
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        self.at += length;
        let digits = &rest[..length];
        let is_small = length <= 300 && memchr2(b'e', b'E', digits).is_none();
        let value = || std::str::from_utf8(digits).ok()?.parse::<f64>().ok();
        is_small || value().is_some_and(f64::is_finite)
    }
}

/// Whether the inside of a string says [`PROTOTYPE`].
fn is_prototype(text: &[u8], is_escaped: bool) -> bool {
    const LONGEST: usize = PROTOTYPE.len() * r"\u005f".len();
    if !is_escaped {
        return text == PROTOTYPE.as_bytes();
    }
    let decoded = || {
        let quoted = format!("\"{}\"", std::str::from_utf8(text).ok()?);
        serde_json::from_str::<String>(&quoted).ok()
    };
    text.len() <= LONGEST && decoded().is_some_and(|text| text == PROTOTYPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(json: &str) -> bool {
        // The grammar is not checked here.
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok());
        is_readable(json, 64)
    }

    #[test]
    fn a_value_may_be_as_deep_as_leaves_room_for_what_is_around_it() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested =
                |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
            assert!(reads(&nested(60)));
            assert!(!reads(&nested(61)));
            assert!(!reads(&nested(500_000)));
        }
        // Levels beside each other, and what looks like some in a text.
        assert!(reads(&format!("[{}[]]", "[[]],".repeat(1000))));
        assert!(reads(&format!(
            "[\"{}\\\"{}\"]",
            "[".repeat(99),
            "{".repeat(99)
        )));
    }

    #[test]
    fn half_a_surrogate_pair_is_refused_wherever_it_is() {
        for text in [
            r#""\ud800""#,
            r#""\udfff""#,
            r#""a\uD83D""#,
            r#""\ud83d\ud83d\ude00""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\n\ude00""#,
            r#"{"\ud800":1}"#,
            r#"[{"a":["\\\ud800"]}]"#,
        ] {
            assert!(!reads(text), "{text}");
        }
        for text in [
            r#""\ud83d\ude00""#,
            r#""\uD83D\uDE00\u0041\u0000""#,
            r#""\\ud800""#,
            r#""\"\\""#,
            "\"😀\"",
            r#""\uffff\ue000\ud7ff""#,
        ] {
            assert!(reads(text), "{text}");
        }
    }

    #[test]
    fn a_number_that_no_double_holds_is_refused() {
        let long = "9".repeat(310);
        for text in ["1e999", "-1e309", "[1E+400]", "{\"a\":1.8e308}", &long] {
            assert!(!reads(text), "{text}");
        }
        let digits = format!("0.{}", "9".repeat(5000));
        for text in [
            "1.7e308",
            "1e-999",
            "-0",
            "12345678901234567890123",
            "[1.0e2]",
            &digits,
        ] {
            assert!(reads(text), "{text}");
        }
    }

    #[test]
    fn a_key_that_means_a_prototype_is_refused() {
        for text in [
            r#"{"__proto__":1}"#,
            r#"[{"a":{"__proto__" : {}}}]"#,
            r#"{"\u005f_proto\u005F\u005f":1}"#,
        ] {
            assert!(!reads(text), "{text}");
        }
        for text in [
            r#""__proto__""#,
            r#"["__proto__"]"#,
            r#"{"a":"__proto__"}"#,
            r#"{"__proto":1,"constructor":2,"":3}"#,
        ] {
            assert!(reads(text), "{text}");
        }
    }
}
