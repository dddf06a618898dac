//! Authentication: which user a JSON Web Token stands for, and whether a client is admitted. The settings
//! decide which algorithms are accepted, never a token. Nothing is sent from here, and no token is logged.

pub(crate) mod admission;
mod authentication;
mod claims;
mod key_set;
mod keys;

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};

pub(crate) use authentication::{Authenticated, Authenticator};
pub(crate) use keys::KeyError;

use crate::config::{Config, JwtAlgorithm, Secret};
use crate::model::{Refusal, TokenUser, UserId, Why};
use claims::Claims;
use keys::Keys;

/// What a valid token says.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    /// The user.
    pub(crate) user: TokenUser,
    /// When it expires, in seconds since the epoch.
    pub(crate) expires_at: u64,
}

/// Verifies tokens.
#[derive(Debug)]
pub(crate) struct Verifier {
    keys: Keys,
    algorithms: Vec<Algorithm>,
    validation: Validation,
    leeway: Duration,
}

impl Verifier {
    /// Reads the keys that the settings name. `secret` is the key for HS256.
    ///
    /// # Errors
    /// A key file cannot be read or has no usable key.
    pub(crate) async fn new(config: &Config, secret: Option<&Secret>) -> Result<Self, KeyError> {
        let mut validation = Validation {
            leeway: config.jwt_leeway.as_secs(),
            validate_nbf: true,
            validate_aud: config.jwt_audience.is_some(),
            ..Validation::default()
        };
        // The library verifies the claims that are present; these must be.
        let mut required = vec!["exp"];
        if let Some(audience) = &config.jwt_audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        if let Some(issuer) = &config.jwt_issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        Ok(Self {
            keys: Keys::load(config, secret).await?,
            algorithms: config
                .jwt_algorithms
                .iter()
                .copied()
                .map(algorithm)
                .collect(),
            validation,
            leeway: config.jwt_leeway,
        })
    }

    /// Verifies a token. A leading `Bearer ` is ignored.
    ///
    /// # Errors
    /// [`Why::BadToken`]: it is malformed, not signed with a known key, for another audience or issuer, or
    /// not valid yet. [`Why::TokenExpired`]: it was valid once.
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let token = bare(token);
        let header = jsonwebtoken::decode_header(token).map_err(|_| bad_token())?;
        // No extension that a header may call critical is supported.
        if !self.algorithms.contains(&header.alg) || header.crit.is_some() {
            return Err(bad_token());
        }
        let claims = self.claims(token, &header).await?;
        let expires_at = self.expiry(claims.exp());
        let user = claims.into_user().ok_or_else(bad_token)?;
        Ok(Verified { user, expires_at })
    }

    /// The claims of a token, verified with the configured key, or else with the key set.
    async fn claims(&self, token: &str, header: &Header) -> Result<Claims, Refusal> {
        let mut validation = self.validation.clone();
        validation.algorithms = vec![header.alg];
        let decode = |key: &DecodingKey| match jsonwebtoken::decode(token, key, &validation) {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(error.into_kind()),
        };
        if let Some(key) = self.keys.fixed(header.alg) {
            let result = decode(key);
            if !matches!(result, Err(ErrorKind::InvalidSignature)) {
                return result.map_err(unverified);
            }
        }
        let key = self.keys.in_set(header.alg, header.kid.as_deref()).await;
        decode(&key.ok_or_else(bad_token)?).map_err(unverified)
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

/// A token without what may stand before it.
fn bare(token: &str) -> &str {
    token.strip_prefix("Bearer ").unwrap_or(token).trim()
}

/// The user that a token names. Nothing of it is verified: it says only whom somebody tries to be.
fn claimed_user(token: &str) -> Option<UserId> {
    let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(bare(token));
    Some(claims.ok()?.into_user()?.id)
}

fn bad_token() -> Refusal {
    Refusal::new(Why::BadToken)
}

/// Why a token with this fault is refused.
fn unverified(kind: ErrorKind) -> Refusal {
    Refusal::new(match kind {
        ErrorKind::ExpiredSignature => Why::TokenExpired,
        _ => Why::BadToken,
    })
}

fn algorithm(setting: JwtAlgorithm) -> Algorithm {
    match setting {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        JwtAlgorithm::Rs256 => Algorithm::RS256,
        JwtAlgorithm::Es256 => Algorithm::ES256,
        JwtAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}
