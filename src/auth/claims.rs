//! The claims of a token, and the user that they describe. Nothing is verified here.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::model::{TokenUser, UserId, name};

/// The longest name and picture address, in bytes; the rest is cut off.
const MAX_NAME_BYTES: usize = 128;
const MAX_URL_BYTES: usize = 2048;

/// The claims that the relay reads, of a token whose signature and times are verified.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(rename = "userId")]
    user_id: Option<Id>,
    id: Option<Id>,
    sub: Option<Id>,
    #[serde(default)]
    username: Value,
    #[serde(default)]
    name: Value,
    #[serde(default, rename = "displayName")]
    display_name: Value,
    #[serde(default, rename = "avatarUrl")]
    avatar_url: Value,
    exp: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

impl Claims {
    /// When the token expires, in whole seconds since the epoch.
    pub(super) fn exp(&self) -> u64 {
        self.exp as u64
    }

    /// The user of the token; `None` when no claim is a valid user id.
    pub(super) fn into_user(self) -> Option<TokenUser> {
        let id = match self.user_id.or(self.id).or(self.sub)? {
            Id::Text(text) => text,
            Id::Number(number) => number.to_string(),
        };
        let id = UserId::parse(&id)?;
        let [username, name, display_name] =
            [self.username, self.name, self.display_name].map(|name| shown(&name));
        let avatar_url = self.avatar_url.as_str();
        let avatar_url = avatar_url.map(|url| name::neutral(cut(url, MAX_URL_BYTES), '?').into());
        Some(TokenUser {
            id,
            name: username.clone().or(name).or(display_name),
            username,
            avatar_url,
        })
    }
}

/// A name as others are shown it; a number is one, too. What is no name does not make the token a bad one.
fn shown(name: &Value) -> Option<Arc<str>> {
    let name = match name {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    name::shown(cut(&name, MAX_NAME_BYTES))
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
