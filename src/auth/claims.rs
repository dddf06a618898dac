//! The user that the claims of a token describe. Nothing is verified here.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::ClaimPath;
use crate::model::{IdType, TokenFacts, TokenUser, UserId, js_number, name};

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

/// What is kept of a token with these claims, which expires then and has its session in this claim.
pub(super) fn facts_of(
    claims: &Map<String, Value>,
    expires_at: u64,
    session: &ClaimPath,
) -> TokenFacts {
    let token = claims.get("jti").and_then(id);
    let session = session.find(claims).and_then(id);
    let issued_at = claims.get("iat").and_then(whole_second);
    TokenFacts::new(expires_at, issued_at, token, session)
}

/// An id as it is revoked by: a number by its text.
fn id(claim: &Value) -> Option<String> {
    match claim {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(js_number::text(number)),
        _ => None,
    }
}

/// The second that a time is in. `None`: it is no number, so nobody knows when that was.
fn whole_second(time: &Value) -> Option<u64> {
    let real = || Some(time.as_f64()?.max(0.0).floor() as u64);
    time.as_u64().or_else(real)
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
