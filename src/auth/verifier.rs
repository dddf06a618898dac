//! Whether a token is good, and if not, why: the first of the failures of `AuthFailure` that it has. Claims count
//! only behind a good signature. The settings decide which algorithms are accepted, never a token.

use std::time::Duration;

use aws_lc_rs::hmac;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use super::claims::{facts_of, user_of};
use super::form::{self, Token};
use super::keys::{KeyError, Keys};
use super::{algorithm, bare, identity_of};
use crate::config::{ClaimPath, Config, RequiredClaim, Secret};
use crate::model::{AuthFailure, Refusal, TokenFacts, TokenUser, UserId};

/// What a valid token says.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    /// The user.
    pub(crate) user: TokenUser,
    /// What else is kept of it.
    pub(crate) token: TokenFacts,
}

/// Verifies tokens.
#[derive(Debug)]
pub(crate) struct Verifier {
    keys: Keys,
    algorithms: Vec<Algorithm>,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: Duration,
    ids: Vec<ClaimPath>,
    required: Vec<RequiredClaim>,
    /// The claim with the session of a token.
    session: ClaimPath,
}

type Object = Map<String, Value>;

impl Verifier {
    /// Reads the keys that the settings name. `secret` is the key for HS256.
    ///
    /// # Errors
    /// A key file cannot be read or has no usable key.
    pub(crate) async fn new(config: &Config, secret: Option<&Secret>) -> Result<Self, KeyError> {
        Ok(Self::with(config, Keys::load(config, secret, None).await?))
    }

    /// The same for other settings; and those by which other keys came. A key set that is the same is not fetched again.
    ///
    /// # Errors
    /// A key file cannot be read or has no usable key.
    pub(crate) async fn renewed(
        &self,
        config: &Config,
        secret: Option<&Secret>,
    ) -> Result<(Self, Vec<&'static str>), KeyError> {
        let keys = Keys::load(config, secret, Some(&self.keys)).await?;
        let differing = self.keys.differing(&keys).collect();
        Ok((Self::with(config, keys), differing))
    }

    fn with(config: &Config, keys: Keys) -> Self {
        let algorithms = config.jwt_algorithms.iter().copied();
        Self {
            keys,
            algorithms: algorithms.map(algorithm).collect(),
            issuer: config.jwt_issuer.clone(),
            audience: config.jwt_audience.clone(),
            leeway: config.jwt_leeway,
            ids: config.jwt_user_id_claims.clone(),
            required: config.jwt_required_claims.clone(),
            session: config.jwt_session_claim.clone(),
        }
    }

    /// Verifies a token. A leading `Bearer ` is ignored.
    ///
    /// # Errors
    /// Why it is not good. The refusal names the user whom a token with a good signature names.
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let token = bare(token);
        let signed = self.signed(token).await;
        let claims = signed.map_err(|failure| Refusal::unauthenticated(failure, None))?;
        let user = user_of(&claims, &self.ids);
        let refused = |failure| {
            let identity = user.as_ref().map(identity_of);
            Refusal::unauthenticated(failure, identity)
        };
        let exp = self.check(&claims).map_err(refused)?;
        let expires_at = self.expiry(exp);
        let user = user.ok_or_else(|| Refusal::unauthenticated(AuthFailure::NoUserId, None))?;
        let token = facts_of(&claims, expires_at, &self.session);
        Ok(Verified { user, token })
    }

    /// Whether the key set can be fetched. `None`: there is none.
    pub(super) fn key_set_works(&self) -> Option<bool> {
        self.keys.key_set_works()
    }

    /// The user that a token names. Nothing of it is verified: it says only whom somebody tries to be.
    pub(super) fn claimed_user(&self, token: &str) -> Option<UserId> {
        let claims = form::claims(bare(token))?;
        Some(user_of(&claims, &self.ids)?.id)
    }

    /// The claims of a token with a good signature.
    async fn signed(&self, token: &str) -> Result<Object, AuthFailure> {
        let token = form::parse(token).ok_or(AuthFailure::Malformed)?;
        let algorithm = token.head.algorithm();
        let algorithm = algorithm.filter(|algorithm| self.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(AuthFailure::AlgorithmNotAllowed)?;
        if token.head.has_critical() {
            return Err(AuthFailure::UnsupportedCritical);
        }
        match self.keys.shared(algorithm).filter(|_| token.is_plain()) {
            Some(key) => check_shared(&token, key)?,
            // In a box: it may have to fetch keys.
            None => Box::pin(self.check_signature(&token, algorithm)).await?,
        }
        Ok(token.claims)
    }

    /// Verifies a signature with the configured key, or else with the key set.
    async fn check_signature(
        &self,
        token: &Token<'_>,
        algorithm: Algorithm,
    ) -> Result<(), AuthFailure> {
        let check = |key: &DecodingKey| check_with(token, algorithm, key);
        let by_fixed = self.keys.fixed(algorithm).map(check);
        if let Some(result) = by_fixed
            && !matches!(result, Err(AuthFailure::BadSignature))
        {
            return result;
        }
        match self.keys.in_set(algorithm, token.head.key_id()).await {
            Ok(key) => check(&key),
            Err(_) if self.keys.fixed(algorithm).is_some() => Err(AuthFailure::BadSignature),
            Err(no_key) => Err(no_key),
        }
    }

    /// Checks the claims, in the order of the failures; when the token expires.
    fn check(&self, claims: &Object) -> Result<u64, AuthFailure> {
        let now = jsonwebtoken::get_current_timestamp();
        let leeway = self.leeway.as_secs();
        let exp = claims.get("exp").and_then(seconds);
        let exp = exp.ok_or(AuthFailure::NoExpiry)?;
        if exp < now.saturating_sub(leeway) {
            return Err(AuthFailure::Expired);
        }
        let nbf = claims.get("nbf").filter(|nbf| !nbf.is_null());
        let is_valid = |nbf: &Value| seconds(nbf).is_some_and(|nbf| nbf <= now + leeway);
        if !nbf.is_none_or(is_valid) {
            return Err(AuthFailure::NotYetValid);
        }
        let has = |claim: &str, wanted: &Option<String>| match wanted {
            Some(wanted) => claims.get(claim).is_some_and(|found| names(found, wanted)),
            None => true,
        };
        if !has("iss", &self.issuer) {
            return Err(AuthFailure::WrongIssuer);
        }
        if !has("aud", &self.audience) {
            return Err(AuthFailure::WrongAudience);
        }
        match self.required.iter().all(|one| one.is_met_by(claims)) {
            true => Ok(exp),
            false => Err(AuthFailure::RequiredClaim),
        }
    }

    /// When a token expires: one that was accepted within the leeway, when the leeway ends.
    fn expiry(&self, exp: u64) -> u64 {
        let now = jsonwebtoken::get_current_timestamp();
        if exp > now {
            exp
        } else {
            exp.saturating_add(self.leeway.as_secs())
        }
    }
}

/// Verifies with the shared secret, of which no key set has another.
fn check_shared(token: &Token<'_>, key: &hmac::Key) -> Result<(), AuthFailure> {
    hmac::verify(key, token.signed.as_bytes(), &token.signature)
        .map_err(|_| AuthFailure::BadSignature)
}

/// Has the library verify the signature; and, where a token can be read in two ways, how it reads that.
fn check_with(
    token: &Token<'_>,
    algorithm: Algorithm,
    key: &DecodingKey,
) -> Result<(), AuthFailure> {
    let decoded = jsonwebtoken::decode::<Object>(token.text, key, &signature_only(algorithm));
    decoded.map(drop).map_err(|error| unsigned(error.kind()))
}

/// Has the library verify the signature, and leave the claims to [`Verifier::check`].
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation {
        algorithms: vec![algorithm],
        validate_exp: false,
        validate_nbf: false,
        validate_aud: false,
        ..Validation::default()
    };
    validation.required_spec_claims.clear();
    validation
}

fn unsigned(kind: &ErrorKind) -> AuthFailure {
    match kind {
        ErrorKind::InvalidToken
        | ErrorKind::Base64(_)
        | ErrorKind::Json(_)
        | ErrorKind::Utf8(_) => AuthFailure::Malformed,
        _ => AuthFailure::BadSignature,
    }
}

/// A time in whole seconds; `None`: it is no number that can be one.
fn seconds(claim: &Value) -> Option<u64> {
    let real = || {
        claim
            .as_f64()
            .filter(|time| (0.0..u64::MAX as f64).contains(time))
    };
    claim.as_u64().or_else(|| Some(real()?.round() as u64))
}

/// Whether a claim is this text, or a list with it.
fn names(claim: &Value, wanted: &str) -> bool {
    match claim {
        Value::String(found) => found == wanted,
        Value::Array(found) => {
            found.iter().all(Value::is_string) && found.iter().any(|one| one == wanted)
        }
        _ => false,
    }
}
