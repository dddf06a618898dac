//! The claims of a token, and the user that they describe. Nothing is verified here.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use crate::model::{TokenUser, UserId};

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
    username: Option<String>,
    name: Option<String>,
    #[serde(rename = "displayName")]
    display_name: Option<String>,
    #[serde(rename = "avatarUrl")]
    avatar_url: Option<String>,
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
        let [username, name, display_name] = [self.username, self.name, self.display_name]
            .map(|name| name.filter(|name| !name.is_empty()))
            .map(|name| name.map(|name| sanitize(&name, MAX_NAME_BYTES)));
        let avatar_url = self.avatar_url.map(|url| sanitize(&url, MAX_URL_BYTES));
        Some(TokenUser {
            id,
            name: username.clone().or(name).or(display_name),
            username,
            avatar_url,
        })
    }
}

/// Cuts a text to `max` bytes and replaces control characters, which could forge a line of a log.
fn sanitize(text: &str, max: usize) -> Arc<str> {
    let cut = &text[..text.floor_char_boundary(max)];
    let clean: Cow<'_, str> = match cut.contains(char::is_control) {
        true => cut.replace(char::is_control, "\u{fffd}").into(),
        false => cut.into(),
    };
    clean.into()
}
