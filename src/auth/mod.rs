//! Verifies JSON Web Tokens and says whom they are for. Which algorithms are accepted is fixed by
//! the configuration, never by a token. It must not know connections, and never logs a token.

mod claims;
mod keys;

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};

pub use claims::mint;
pub use keys::KeyError;

use crate::config::{Config, JwtAlgorithm, Secret};
use crate::error::ErrorCode;
use crate::identity::Identity;
use claims::Claims;
use keys::Keys;

/// A token that was found good.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Whom it is for.
    pub identity: Identity,
    /// When it expires, in seconds since the epoch.
    pub expires_at: u64,
}

/// Why a client is not let in. The text of each is part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no token, and guests are not admitted.
    #[error("Authentication token required")]
    Missing,
    /// The token is malformed, not signed by a known key, not for us or not yet valid.
    #[error("Invalid token")]
    Invalid,
    /// The token was good once.
    #[error("Token expired")]
    Expired,
    /// Too many failures from this address.
    #[error("Too many attempts")]
    TooManyAttempts,
}

impl AuthError {
    /// The code that goes with the text.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Missing => ErrorCode::MissingToken,
            Self::Invalid => ErrorCode::InvalidToken,
            Self::Expired => ErrorCode::ExpiredToken,
            Self::TooManyAttempts => ErrorCode::TooManyAttempts,
        }
    }
}

/// Verifies tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: Keys,
    algorithms: Vec<Algorithm>,
    validation: Validation,
    leeway: Duration,
}

impl Verifier {
    /// Reads the keys that the configuration names; `secret` is the one for HS256.
    pub async fn new(config: &Config, secret: Option<&Secret>) -> Result<Self, KeyError> {
        let mut validation = Validation {
            leeway: config.jwt_leeway.as_secs(),
            validate_nbf: true,
            validate_aud: config.jwt_audience.is_some(),
            ..Validation::default()
        };
        if let Some(audience) = &config.jwt_audience {
            validation.set_audience(&[audience]);
        }
        if let Some(issuer) = &config.jwt_issuer {
            validation.set_issuer(&[issuer]);
        }
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

    /// Verifies a token; a leading `Bearer ` is tolerated.
    pub async fn verify(&self, token: &str) -> Result<Authenticated, AuthError> {
        let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Invalid)?;
        if !self.algorithms.contains(&header.alg) {
            return Err(AuthError::Invalid);
        }
        let key = self
            .keys
            .find(header.alg, header.kid.as_deref())
            .await
            .ok_or(AuthError::Invalid)?;
        let mut validation = self.validation.clone();
        validation.algorithms = vec![header.alg];
        let claims: Claims = jsonwebtoken::decode(token, &key, &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => AuthError::Expired,
                _ => AuthError::Invalid,
            })?
            .claims;
        let expires_at = self.end_of(claims.exp());
        let identity = claims.into_identity().ok_or(AuthError::Invalid)?;
        Ok(Authenticated {
            identity,
            expires_at,
        })
    }

    /// A token that was accepted within the leeway is good until the leeway ends.
    fn end_of(&self, exp: u64) -> u64 {
        let now = jsonwebtoken::get_current_timestamp();
        if exp > now {
            exp
        } else {
            exp.saturating_add(self.leeway.as_secs())
        }
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
