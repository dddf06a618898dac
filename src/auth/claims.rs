//! What a token says, and whom that makes its bearer. It must not verify anything.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use crate::model::{TokenUser, UserId};

/// The longest name and picture address, in bytes; longer ones are cut.
const MAX_NAME_BYTES: usize = 128;
const MAX_URL_BYTES: usize = 2048;

/// The claims that the relay reads. `exp` is verified before these are believed.
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
    /// Seconds since the epoch, whole.
    pub(super) fn exp(&self) -> u64 {
        self.exp as u64
    }

    /// `None` when there is no valid user id.
    pub(super) fn into_user(self) -> Option<TokenUser> {
        let id = match self.user_id.or(self.id).or(self.sub)? {
            Id::Text(text) => text,
            Id::Number(number) => number.to_string(),
        };
        let id = UserId::parse(&id)?;
        let name = [self.username, self.name, self.display_name]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
            .map(|name| shown(&name, MAX_NAME_BYTES));
        let avatar_url = self.avatar_url.map(|url| shown(&url, MAX_URL_BYTES));
        Some(TokenUser {
            id,
            name,
            avatar_url,
        })
    }
}

/// Cut to `most` bytes, and without control characters, which could forge a line in a log.
fn shown(text: &str, most: usize) -> Arc<str> {
    let cut = &text[..text.floor_char_boundary(most)];
    let clean: Cow<'_, str> = match cut.contains(char::is_control) {
        true => cut.replace(char::is_control, "\u{fffd}").into(),
        false => cut.into(),
    };
    clean.into()
}
