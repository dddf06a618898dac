//! The user that the claims of a token describe. Nothing is verified here.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::ClaimPath;
use crate::model::{IdType, TokenUser, UserId, js_number, name};

/// The longest picture address, in bytes; the rest is cut off, as it is of names.
const MAX_URL_BYTES: usize = 2048;

/// The user of a token with these claims, of which the first of `ids` that is there has the id; `None`: it is no valid
/// one, or there is none.
pub(super) fn user_of(claims: &Map<String, Value>, ids: &[ClaimPath]) -> Option<TokenUser> {
    let id = ids.iter().find_map(|path| path.find(claims))?;
    let (id, id_type) = match id {
        Value::String(text) => (UserId::parse(text)?, IdType::Text),
        Value::Number(number) => {
            let id = UserId::parse(&js_number::integer(number)?)?;
            (id, IdType::Number)
        }
        _ => return None,
    };
    let [username, name, display_name] =
        ["username", "name", "displayName"].map(|claim| claims.get(claim).and_then(shown));
    let avatar_url = claims.get("avatarUrl").and_then(Value::as_str);
    let avatar_url = avatar_url.map(|url| name::neutral(cut(url, MAX_URL_BYTES), '?').into());
    Some(TokenUser {
        id,
        id_type,
        name: username.clone().or(name).or(display_name),
        username,
        avatar_url,
    })
}

/// A name as others are shown it; a number is one, too. What is no name does not make the token a bad one.
fn shown(given: &Value) -> Option<Arc<str>> {
    let text = match given {
        Value::String(name) => name.clone(),
        Value::Number(number) => js_number::text(number),
        _ => return None,
    };
    name::shown(name::cut(&text))
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
