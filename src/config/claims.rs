//! Claims of a token that the settings name, and how they are found in one.
//!
//! It must not know what a claim is for, nor verify a token.

use std::fmt;

use serde_json::{Map, Value};

use super::raw::Raw;
use super::types::{SettingType, quoted_list};
use crate::model::js_number;

/// A claim, by its name; or one within other claims, by all their names with dots between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(Box<str>);

impl ClaimPath {
    /// The claim with this path.
    pub(crate) fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// Reads one. `None`: a name in it is empty.
    fn parse(text: &str) -> Option<Self> {
        let is_path = text.split('.').all(|name| !name.trim().is_empty());
        is_path.then(|| Self(text.into()))
    }

    /// Its value; `None`: it is missing or `null`. A name may have dots itself, as those that are addresses do.
    pub(crate) fn find<'v>(&self, claims: &'v Map<String, Value>) -> Option<&'v Value> {
        find(&self.0, claims).filter(|value| !value.is_null())
    }
}

fn find<'v>(path: &str, claims: &'v Map<String, Value>) -> Option<&'v Value> {
    claims.get(path).or_else(|| {
        let dots = path.match_indices('.');
        let mut within = dots.filter_map(|(dot, _)| {
            let outer = claims.get(&path[..dot])?.as_object()?;
            find(&path[dot + 1..], outer)
        });
        within.next()
    })
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A claim that a token must have, perhaps with this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredClaim {
    path: ClaimPath,
    value: Option<Box<str>>,
}

impl RequiredClaim {
    /// Reads `name` or `name=value`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (path, value) = match text.split_once('=') {
            Some((path, value)) => (path.trim(), Some(value.trim())),
            None => (text, None),
        };
        Some(Self {
            path: ClaimPath::parse(path)?,
            value: value.map(Into::into),
        })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &ClaimPath {
        &self.path
    }

    /// Whether a token with these claims has it: as the value, or in a list of values.
    pub(crate) fn is_met_by(&self, claims: &Map<String, Value>) -> bool {
        let Some(found) = self.path.find(claims) else {
            return false;
        };
        let Some(wanted) = &self.value else {
            return true;
        };
        match found {
            Value::Array(items) => items.iter().any(|item| is(item, wanted)),
            one => is(one, wanted),
        }
    }
}

fn is(found: &Value, wanted: &str) -> bool {
    match found {
        Value::String(text) => text == wanted,
        Value::Number(number) => js_number::text(number) == wanted,
        Value::Bool(value) => value.to_string() == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

impl fmt::Display for RequiredClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.path),
            None => write!(f, "{}", self.path),
        }
    }
}

impl SettingType for ClaimPath {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || "must be the name of a claim, such as sid or auth.sid".to_owned();
        Self::parse(raw.text()?).ok_or_else(wrong)
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl SettingType for Vec<ClaimPath> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || "each must be the name of a claim, such as sub or user.id".to_owned();
        let paths = raw.items()?.into_iter().map(ClaimPath::parse);
        let paths = paths.collect::<Option<Self>>().ok_or_else(wrong)?;
        match paths.is_empty() {
            true => Err("must name at least one claim".to_owned()),
            false => Ok(paths),
        }
    }

    fn to_text(&self) -> String {
        joined(self)
    }

    fn to_toml(&self) -> String {
        quoted_list(self.iter().map(ToString::to_string))
    }
}

impl SettingType for Vec<RequiredClaim> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || "each must be the name of a claim, or name=value".to_owned();
        let claims = raw.items()?.into_iter().map(RequiredClaim::parse);
        claims.collect::<Option<Self>>().ok_or_else(wrong)
    }

    fn to_text(&self) -> String {
        joined(self)
    }

    fn to_toml(&self) -> String {
        quoted_list(self.iter().map(ToString::to_string))
    }
}

fn joined(items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_path_leads_into_objects_and_names_may_have_dots() {
        let claims = claims(json!({
            "_id": 7, "user": { "id": "ann", "none": null }, "https://a.example/user": { "id": "bo" },
            "https://a.example/name": "Ann", "text": "x", "list": [{ "id": 1 }],
        }));
        let find = |path| ClaimPath::new(path).find(&claims).cloned();
        assert_eq!(find("_id"), Some(json!(7)));
        assert_eq!(find("user.id"), Some(json!("ann")));
        assert_eq!(find("https://a.example/name"), Some(json!("Ann")));
        assert_eq!(find("https://a.example/user.id"), Some(json!("bo")));
        for missing in [
            "id",
            "user.none",
            "user.id.x",
            "text.id",
            "list.id",
            "list.0.id",
        ] {
            assert_eq!(find(missing), None, "{missing}");
        }
        for wrong in ["", ".", "user.", ".id", "a..b", " "] {
            assert!(ClaimPath::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_required_claim_is_there_and_has_its_value() {
        let is_met = |wanted, value| {
            let wanted = RequiredClaim::parse(wanted).expect("a claim");
            wanted.is_met_by(&claims(value))
        };
        for (wanted, value) in [
            ("type", json!({ "type": false })),
            ("type=access", json!({ "type": "access" })),
            ("type = access", json!({ "type": "access" })),
            ("v=2", json!({ "v": 2 })),
            ("v=2", json!({ "v": 2.0 })),
            ("ok=true", json!({ "ok": true })),
            ("scope=chat", json!({ "scope": ["mail", "chat"] })),
            ("app.use=a=b", json!({ "app": { "use": "a=b" } })),
        ] {
            assert!(is_met(wanted, value), "{wanted}");
        }
        for (wanted, value) in [
            ("type", json!({})),
            ("type", json!({ "type": null })),
            ("type=access", json!({ "type": "refresh" })),
            ("type=access", json!({ "type": "Access" })),
            ("type=access", json!({ "type": { "access": 1 } })),
            ("scope=chat", json!({ "scope": [] })),
            ("scope=chat", json!({ "scope": "mail chat" })),
            ("type=", json!({ "type": "access" })),
        ] {
            assert!(!is_met(wanted, value), "{wanted}");
        }
        assert!(RequiredClaim::parse("=access").is_none());
    }
}
