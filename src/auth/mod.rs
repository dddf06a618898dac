//! Authentication: which user a JSON Web Token stands for, and whether a client is admitted. Nothing is sent from
//! here, and no token is logged.

mod administrators;
pub(crate) mod admission;
mod authentication;
mod claims;
mod failure_log;
mod form;
mod key_set;
mod keys;
mod long_lived;
mod names;
mod verifier;

use jsonwebtoken::Algorithm;

pub(crate) use administrators::Administrator;
pub(crate) use authentication::{Attempt, Authenticated, Authenticator};
pub(crate) use keys::KeyError;
pub(crate) use verifier::{Verified, Verifier};

use crate::config::JwtAlgorithm;
use crate::model::{Identity, TokenUser};

/// What an operator may see of a token whatever it is worth: its head, and what it claims.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// `alg`
    pub(crate) algorithm: Option<String>,
    /// `kid`
    pub(crate) key_id: Option<String>,
    /// All claims. Nothing of them is verified.
    pub(crate) claims: serde_json::Map<String, serde_json::Value>,
}

/// What can be read of a token.
pub(crate) fn shown(token: &str) -> Shown {
    let token = bare(token);
    let Some(token) = form::parse(token) else {
        return Shown::default();
    };
    let text = |field| token.head.text(field).map(str::to_owned);
    Shown {
        algorithm: text("alg"),
        key_id: text("kid"),
        claims: token.claims,
    }
}

/// A token without what may stand before it.
fn bare(token: &str) -> &str {
    const SCHEME: &str = "Bearer ";
    let rest = token.split_at_checked(SCHEME.len());
    let bare = rest.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME));
    bare.map_or(token, |(_, bare)| bare).trim()
}

/// A user, by the token alone.
pub(crate) fn identity_of(user: &TokenUser) -> Identity {
    Identity {
        user: user.id.clone(),
        name: user.name.clone().unwrap_or_else(|| user.id.as_name()),
        avatar_url: user.avatar_url.clone(),
    }
}

fn algorithm(setting: JwtAlgorithm) -> Algorithm {
    match setting {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        JwtAlgorithm::Rs256 => Algorithm::RS256,
        JwtAlgorithm::Es256 => Algorithm::ES256,
        JwtAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}
