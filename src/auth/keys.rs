//! The keys that tokens are verified with: the shared secret, the key of the public key file, and those
//! of the key set. Each is for one algorithm. Claims are not known here.

use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey};

use super::key_set::{KeySet, Pace};
use crate::config::{Config, JwtAlgorithm, Secret};
use crate::model::AuthFailure;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The public key file cannot be read.
    #[error("jwt_public_key_file: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The public key file has no key for any of the configured algorithms.
    #[error("jwt_public_key_file: no {0} public key in PEM form")]
    NoKey(JwtAlgorithm),
    /// The public key file has a private key, which must not be on the server.
    #[error("jwt_public_key_file: has a private key; give the server the public one only")]
    Private,
    /// The HTTP client that fetches the key set cannot be built.
    #[error("jwks_url: {0}")]
    KeySet(#[from] reqwest::Error),
}

impl KeyError {
    /// The setting at fault.
    pub(crate) fn setting(&self) -> &'static str {
        match self {
            Self::Unreadable(_) | Self::NoKey(_) | Self::Private => "jwt_public_key_file",
            Self::KeySet(_) => "jwks_url",
        }
    }
}

pub(super) struct Keys {
    fixed: Vec<(Algorithm, DecodingKey)>,
    /// The shared secret as a key that is ready.
    shared: Option<hmac::Key>,
    fetched: Option<KeySet>,
    /// What the fixed ones were made of.
    secret: Option<Secret>,
    public: Option<Vec<u8>>,
}

impl Keys {
    /// Reads the keys that the settings name. A key set that `before` has is not fetched again.
    pub(super) async fn load(
        config: &Config,
        secret: Option<&Secret>,
        before: Option<&Self>,
    ) -> Result<Self, KeyError> {
        let mut fixed = Vec::new();
        if let Some(secret) = secret {
            fixed.push((
                Algorithm::HS256,
                DecodingKey::from_secret(secret.expose().as_bytes()),
            ));
        }
        let public = config.jwt_public_key_file.as_ref();
        let public = public.map(std::fs::read).transpose()?;
        if let Some(pem) = &public {
            fixed.push(from_pem(pem, &config.jwt_algorithms)?);
        }
        let known = before.and_then(|before| before.fetched.as_ref());
        let fetched = match (&config.jwks_url, known) {
            (Some(url), Some(known)) if known.is_of(url.as_str()) => Some(known.clone()),
            (Some(url), _) => Some(KeySet::start(url.as_str(), Pace::default()).await?),
            (None, _) => None,
        };
        Ok(Self {
            fixed,
            shared: secret
                .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())),
            fetched,
            secret: secret.cloned(),
            public,
        })
    }

    /// The settings by which other keys came, though the settings may be the same.
    pub(super) fn differing(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let secret = (self.secret != other.secret).then_some("jwt_secret");
        let public = (self.public != other.public).then_some("jwt_public_key_file");
        secret.into_iter().chain(public)
    }

    /// The key for this algorithm that the settings name.
    pub(super) fn fixed(&self, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut keys = self.fixed.iter();
        keys.find_map(|(of, key)| (*of == algorithm).then_some(key))
    }

    /// The shared secret, if that is for this algorithm.
    pub(super) fn shared(&self, algorithm: Algorithm) -> Option<&hmac::Key> {
        let shared = self.shared.as_ref();
        shared.filter(|_| algorithm == Algorithm::HS256)
    }

    /// Whether the key set can be fetched. `None`: there is none.
    pub(super) fn key_set_works(&self) -> Option<bool> {
        self.fetched.as_ref().map(KeySet::works)
    }

    /// The key for this algorithm with this id in the key set, which never has the shared secret.
    ///
    /// # Errors
    /// There is none, or nobody knows since the set cannot be fetched.
    pub(super) async fn in_set(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<DecodingKey, AuthFailure> {
        let set = match (&self.fetched, algorithm) {
            (None, _) | (_, Algorithm::HS256) => return Err(AuthFailure::UnknownKey),
            (Some(set), _) => set,
        };
        match set.find(algorithm, id).await {
            Some(key) => Ok(key),
            None if set.is_failing().await => Err(AuthFailure::KeysUnavailable),
            None => Err(AuthFailure::UnknownKey),
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("fixed", &self.fixed.len())
            .finish_non_exhaustive()
    }
}

/// The key of a PEM file, and the configured algorithm that it is for.
fn from_pem(pem: &[u8], algorithms: &[JwtAlgorithm]) -> Result<(Algorithm, DecodingKey), KeyError> {
    if String::from_utf8_lossy(pem).contains("PRIVATE KEY-----") {
        return Err(KeyError::Private);
    }
    let asymmetric = || algorithms.iter().filter(|a| **a != JwtAlgorithm::Hs256);
    let mut keys = asymmetric().filter_map(|&a| Some((super::algorithm(a), public_key(a, pem)?)));
    keys.next()
        .ok_or_else(|| KeyError::NoKey(asymmetric().next().copied().unwrap_or(JwtAlgorithm::Rs256)))
}

fn public_key(algorithm: JwtAlgorithm, pem: &[u8]) -> Option<DecodingKey> {
    match algorithm {
        JwtAlgorithm::Hs256 => None,
        JwtAlgorithm::Rs256 => DecodingKey::from_rsa_pem(pem).ok(),
        JwtAlgorithm::Es256 => DecodingKey::from_ec_pem(pem).ok().filter(is_p256),
        JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem).ok(),
    }
}

/// Whether a public key has the length of a point on the curve P-256: one byte that names the form, and
/// two coordinates.
fn is_p256(key: &DecodingKey) -> bool {
    const POINT_BYTES: usize = 1 + 2 * 32;
    key.try_get_as_bytes()
        .is_ok_and(|point| point.len() == POINT_BYTES)
}
