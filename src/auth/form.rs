//! The form of a token: three parts, of which two are JSON objects. Nothing is verified here, and nothing of it
//! is shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

/// The longest token.
const MAX_BYTES: usize = 16 * 1024;

/// What the head of a token says.
#[derive(Debug)]
pub(super) struct Head(Map<String, Value>);

/// The head of a token; `None`: it is none.
pub(super) fn head(token: &str) -> Option<Head> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let mut parts = token.split('.');
    let (head, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || URL_SAFE_NO_PAD.decode(signature).is_err() {
        return None;
    }
    object(claims)?;
    object(head).map(Head)
}

/// The claims of a token. Whether they may be believed depends on its signature.
pub(super) fn claims(token: &str) -> Option<Map<String, Value>> {
    object(token.split('.').nth(1)?)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
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
        let is_one = |token: &str| head(token).is_some();
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
}
