//! The form of a token: three parts, of which two are JSON objects. Nothing is verified here, and nothing of it
//! is shown.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The longest token.
const MAX_BYTES: usize = 16 * 1024;

/// A token that has the form of one.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) head: Head,
    /// Whether they may be believed depends on the signature.
    pub(super) claims: Map<String, Value>,
    /// All of it.
    pub(super) text: &'a str,
    /// What is signed.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
    /// A name stands in an object twice.
    repeats: bool,
}

/// What the head of a token says.
#[derive(Debug)]
pub(super) struct Head(Map<String, Value>);

/// Reads a token; `None`: it is none.
pub(super) fn parse(token: &str) -> Option<Token<'_>> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let mut parts = token.split('.');
    let (head, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let signed = &token[..head.len() + 1 + claims.len()];
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let (claims, head) = (object(claims)?, object(head)?);
    Some(Token {
        repeats: claims.repeats || head.repeats,
        head: Head(head.fields),
        claims: claims.fields,
        text: token,
        signed,
        signature,
    })
}

/// The claims of a token. Whether they may be believed depends on its signature.
pub(super) fn claims(token: &str) -> Option<Map<String, Value>> {
    Some(object(token.split('.').nth(1)?)?.fields)
}

fn object(part: &str) -> Option<Object> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A JSON object, of which the last counts of those fields that have the same name.
#[derive(Default)]
struct Object {
    fields: Map<String, Value>,
    repeats: bool,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Object, A::Error> {
        let mut object = Object::default();
        while let Some((name, value)) = fields.next_entry()? {
            object.repeats |= object.fields.insert(name, value).is_some();
        }
        Ok(object)
    }
}

impl Token<'_> {
    /// Whether nothing in it can be read in two ways: its names are there once, and its head has texts only of which all are
    /// known here.
    pub(super) fn is_plain(&self) -> bool {
        let is_known = |(name, value): (&String, &Value)| {
            value.is_string() && matches!(name.as_str(), "alg" | "typ" | "kid")
        };
        !self.repeats && self.head.0.iter().all(is_known)
    }
}

impl Head {
    /// The algorithm; `None`: it names none that there is.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.text("alg")?.parse().ok()
    }

    /// The id of the key.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.text("kid")
    }

    /// Whether it has extensions that have to be understood. None is.
    pub(super) fn has_critical(&self) -> bool {
        self.0.get("crit").is_some_and(|crit| !crit.is_null())
    }

    /// A text of it, as it is.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(parts: &[&str]) -> String {
        let parts = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part));
        parts.collect::<Vec<_>>().join(".")
    }

    #[test]
    fn a_token_has_three_parts_and_two_objects() {
        let is_one = |token: &str| parse(token).is_some();
        assert!(is_one(&token(&["{}", "{}", ""])));
        for parts in [
            &["{}", "{}"][..],
            &["{}", "{}", "", ""],
            &["[]", "{}", ""],
            &["{}", "1", ""],
            &["{", "{}", ""],
            &["{}", "", ""],
        ] {
            assert!(!is_one(&token(parts)), "{parts:?}");
        }
        for wrong in ["", "..", "a.b.c", "{}.{}.", "e30.e30.=", "e30.e30.+"] {
            assert!(!is_one(wrong), "{wrong}");
        }
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(MAX_BYTES));
        assert!(!is_one(&token(&["{}", &long, ""])));
    }

    #[test]
    fn what_is_signed_are_the_first_two_parts() {
        let text = token(&[
            r#"{"alg":"HS256","typ":"JWT","kid":"1"}"#,
            r#"{"exp":1}"#,
            "x",
        ]);
        let parsed = parse(&text).unwrap();
        assert!(text.starts_with(parsed.signed) && text[parsed.signed.len()..].starts_with('.'));
        assert_eq!(
            (parsed.signature, &parsed.claims["exp"]),
            (b"x".to_vec(), &Value::from(1))
        );
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_plain() {
        let is_plain =
            |head: &str, claims: &str| parse(&token(&[head, claims, ""])).unwrap().is_plain();
        assert!(is_plain(
            r#"{"alg":"HS256","typ":"JWT"}"#,
            r#"{"exp":1,"a":{"exp":2}}"#
        ));
        for (head, claims) in [
            (r#"{"alg":"HS256","alg":"HS256"}"#, "{}"),
            (r#"{"alg":"HS256","typ":1}"#, "{}"),
            (r#"{"alg":"HS256","jku":"x"}"#, "{}"),
            (r#"{"alg":"HS256"}"#, r#"{"exp":1,"exp":1}"#),
        ] {
            assert!(!is_plain(head, claims), "{head} {claims}");
        }
    }
}
