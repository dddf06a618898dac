//! What a server with this configuration would say to a token, and why: by the same code, and without changing
//! anything. It must not show a key, nor a part of a token but what operators need to find a fault.

use serde::Serialize;
use serde_json::Value;

use crate::auth::{self, Shown, Verified, Verifier};
use crate::config::{Config, JwtAlgorithm, Secret, SecretOrigin};
use crate::dialects::auth_events;
use crate::model::clock;
use crate::model::{AuthFailure, Refusal, UserId, name};
use crate::stores::conversations::{MongoConversations, SqliteConversations};
use crate::stores::drivers::mongo::Mongo;

use super::Error;
use super::error::StartError;

/// The longest text of a token that is shown.
const MAX_SHOWN_CHARS: usize = 128;

/// What a server would say to a token.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenReport {
    /// Whether it is good.
    pub accepted: bool,
    /// Why it is not: a word of a closed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What its client is told then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message: Option<&'static str>,
    /// The user, behind a good signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The name that the token gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was made, by its own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<String>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Its `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Where the key is from that it has to be signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_source: Option<String>,
    /// What could not be asked.
    pub not_checked: Vec<&'static str>,
    /// What helps to find the fault, one line each.
    #[serde(skip)]
    pub notes: Vec<String>,
}

impl TokenReport {
    /// Whether nobody can say: the keys cannot be fetched.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.reason == Some(AuthFailure::KeysUnavailable.as_str())
    }

    fn refused(refusal: &Refusal) -> Self {
        let identity = refusal.refused_identity();
        Self {
            reason: refusal.auth_failure().map(AuthFailure::as_str),
            client_message: Some(auth_events::text(refusal)),
            user_id: identity.map(|identity| identity.user.as_str().to_owned()),
            ..Self::default()
        }
    }

    fn accepted(verified: &Verified) -> Self {
        let user = &verified.user;
        Self {
            accepted: true,
            user_id: Some(user.id.as_str().to_owned()),
            name: user.name.as_deref().map(str::to_owned),
            ..Self::default()
        }
    }
}

/// Checks a token; an empty one is none. `secret` is the one for HS256, with its origin.
///
/// # Errors
/// The keys that the configuration names cannot be used.
pub async fn check_token(
    config: &Config,
    secret: Option<&(Secret, SecretOrigin)>,
    token: &str,
) -> Result<TokenReport, Error> {
    let verifier = Verifier::new(config, secret.map(|(secret, _)| secret)).await;
    let verifier = verifier.map_err(StartError::from)?;
    let decided = match token.is_empty() {
        true => Err(Refusal::unauthenticated(AuthFailure::Missing, None)),
        false => verifier.verify(token).await,
    };
    let mut not_checked = Vec::new();
    let decided = match decided {
        Ok(verified) => match is_revoked(config, &verified).await {
            Some(true) => Err(refused_for(AuthFailure::Revoked, &verified)),
            Some(false) => Ok(verified),
            None => {
                not_checked.push("revocation");
                Ok(verified)
            }
        },
        refused => refused,
    };
    let decided = match decided {
        Ok(verified) => match is_suspended(config, &verified.user.id).await {
            Some(true) => Err(refused_for(AuthFailure::Suspended, &verified)),
            Some(false) => Ok(verified),
            None => {
                not_checked.push("suspension");
                Ok(verified)
            }
        },
        refused => refused,
    };
    let shown = auth::shown(token);
    let report = match &decided {
        Ok(verified) => TokenReport::accepted(verified),
        Err(refusal) => TokenReport::refused(refusal),
    };
    let failure = decided.as_ref().err().and_then(Refusal::auth_failure);
    Ok(TokenReport {
        key_source: key_source(config, secret.map(|(_, origin)| origin), &shown),
        notes: notes(config, &shown, failure),
        not_checked,
        ..with_times(report, &shown)
    })
}

fn refused_for(failure: AuthFailure, verified: &Verified) -> Refusal {
    let identity = auth::identity_of(&verified.user);
    Refusal::unauthenticated(failure, Some(identity))
}

/// `None`: the store cannot be read.
async fn is_revoked(config: &Config, verified: &Verified) -> Option<bool> {
    let (user, token) = (verified.user.id.as_str(), &verified.token);
    match &config.mongodb_uri {
        None => SqliteConversations::is_revoked(&config.data_dir, user, token),
        Some(uri) => {
            let mongo = Mongo::open(uri, &config.mongodb_prefix).await.ok()?;
            MongoConversations::is_revoked(&mongo, user, token).await
        }
    }
}

/// `None`: the store cannot be read.
async fn is_suspended(config: &Config, user: &UserId) -> Option<bool> {
    match &config.mongodb_uri {
        None => SqliteConversations::is_suspended(&config.data_dir, user),
        Some(uri) => {
            let mongo = Mongo::open(uri, &config.mongodb_prefix).await.ok()?;
            MongoConversations::is_suspended(&mongo, user).await
        }
    }
}

/// The claims of a token with a good signature, which has a user.
fn with_times(report: TokenReport, shown: &Shown) -> TokenReport {
    if report.user_id.is_none() {
        return report;
    }
    let time = |claim: &str| shown.claims.get(claim)?.as_f64().and_then(iso);
    TokenReport {
        issued_at: time("iat"),
        expires_at: time("exp"),
        token_id: shown.claims.get("jti").and_then(text),
        ..report
    }
}

/// What a key for the algorithm of the token is read from.
fn key_source(config: &Config, secret: Option<&SecretOrigin>, shown: &Shown) -> Option<String> {
    let algorithm = shown.algorithm.as_deref()?;
    let is_allowed = |allowed: &JwtAlgorithm| allowed.as_str() == algorithm;
    if !config.jwt_algorithms.iter().any(is_allowed) {
        return None;
    }
    if algorithm == JwtAlgorithm::Hs256.as_str() {
        return Some(match secret? {
            SecretOrigin::Configured => "jwt_secret".to_owned(),
            SecretOrigin::Read(path) | SecretOrigin::Created(path) => path.display().to_string(),
        });
    }
    let file = config.jwt_public_key_file.as_ref();
    let file = file.map(|path| path.display().to_string());
    let set = config.jwks_url.as_ref().map(ToString::to_string);
    let sources: Vec<_> = file.into_iter().chain(set).collect();
    Some(sources.join(", "))
}

/// What is wanted, and what was found.
fn notes(config: &Config, shown: &Shown, failure: Option<AuthFailure>) -> Vec<String> {
    let algorithms = config.jwt_algorithms.iter().map(|one| one.as_str());
    let wanted = algorithms.collect::<Vec<_>>().join(", ");
    let found = |text: &Option<String>| match text {
        Some(text) => shortened(text),
        None => "none".to_owned(),
    };
    let mut notes = vec![
        format!(
            "alg: {} (jwt_algorithms: {wanted})",
            found(&shown.algorithm)
        ),
        format!("kid: {}", found(&shown.key_id)),
    ];
    let claim = |name: &str| match shown.claims.get(name) {
        Some(value) => shortened(&value.to_string()),
        None => "none".to_owned(),
    };
    let unset = || "not checked".to_owned();
    match failure {
        Some(AuthFailure::WrongIssuer) => {
            let wanted = config.jwt_issuer.clone().unwrap_or_else(unset);
            notes.push(format!("iss: {} (jwt_issuer: {wanted})", claim("iss")));
        }
        Some(AuthFailure::WrongAudience) => {
            let wanted = config.jwt_audience.clone().unwrap_or_else(unset);
            notes.push(format!("aud: {} (jwt_audience: {wanted})", claim("aud")));
        }
        Some(AuthFailure::RequiredClaim) => {
            let required = config.jwt_required_claims.iter();
            let unmet = required.filter(|one| !one.is_met_by(&shown.claims));
            notes.extend(unmet.map(|one| {
                let found = one.path().find(&shown.claims);
                let found = found.map_or("none".to_owned(), |found| shortened(&found.to_string()));
                format!("{}: {found} (jwt_required_claims: {one})", one.path())
            }));
        }
        Some(AuthFailure::NoUserId) => {
            let names = config.jwt_user_id_claims.iter();
            let names: Vec<_> = names.map(ToString::to_string).collect();
            notes.push(format!("no id in jwt_user_id_claims: {}", names.join(", ")));
        }
        Some(AuthFailure::Expired) => notes.push(distance("exp", shown)),
        Some(AuthFailure::NotYetValid) => notes.push(distance("nbf", shown)),
        _ => {}
    }
    notes
}

/// How far a time of the token is from the clock of this machine.
fn distance(claim: &str, shown: &Shown) -> String {
    let now = clock::now_seconds() as f64;
    match shown.claims.get(claim).and_then(Value::as_f64) {
        Some(time) if time < now => format!("{claim}: {:.0} s ago, by this clock", now - time),
        Some(time) => format!("{claim}: in {:.0} s, by this clock", time - now),
        None => format!("{claim}: no number"),
    }
}

fn iso(seconds: f64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds as i64).ok()?;
    Some(clock::iso(time))
}

fn text(claim: &Value) -> Option<String> {
    claim.as_str().map(shortened)
}

/// A text of a token that can be shown on a terminal.
fn shortened(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    name::neutral(&short, '?').into_owned()
}
