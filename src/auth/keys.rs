//! The keys that tokens are verified with: the shared secret, a public key file, a key set that is
//! fetched and fetched again when a token names a key that is not in it.

use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::{Mutex, RwLock};

use crate::config::{Config, JwtAlgorithm, Secret};

/// The key set is not fetched more often than this, whatever keys tokens name.
const FETCH_INTERVAL: Duration = Duration::from_secs(30);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// A key set is some kilobytes; more is not read.
const MAX_KEY_SET_BYTES: usize = 1024 * 1024;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The public key file cannot be read.
    #[error("jwt_public_key_file: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It has no key for any of the configured algorithms.
    #[error("jwt_public_key_file: no {0} public key in PEM form")]
    NoKey(JwtAlgorithm),
    /// The key set's client cannot be made.
    #[error("jwks_url: {0}")]
    KeySet(#[from] reqwest::Error),
}

pub(super) struct Keys {
    fixed: Vec<(Algorithm, DecodingKey)>,
    fetched: Option<KeySet>,
}

impl Keys {
    pub(super) async fn load(config: &Config, secret: Option<&Secret>) -> Result<Self, KeyError> {
        let mut fixed = Vec::new();
        if let Some(secret) = secret {
            fixed.push((
                Algorithm::HS256,
                DecodingKey::from_secret(secret.expose().as_bytes()),
            ));
        }
        if let Some(file) = &config.jwt_public_key_file {
            let pem = std::fs::read(file)?;
            let mut missing = None;
            let before = fixed.len();
            for &setting in &config.jwt_algorithms {
                match public_key(setting, &pem) {
                    Some(key) => fixed.push((super::algorithm(setting), key)),
                    None if setting != JwtAlgorithm::Hs256 => missing = Some(setting),
                    None => {}
                }
            }
            // One file holds one key, so with several algorithms one match is enough.
            if let Some(missing) = missing.filter(|_| fixed.len() == before) {
                return Err(KeyError::NoKey(missing));
            }
        }
        let fetched = match &config.jwks_url {
            Some(url) => {
                let keys = KeySet::new(url.as_str())?;
                keys.fetch().await;
                Some(keys)
            }
            None => None,
        };
        Ok(Self { fixed, fetched })
    }

    pub(super) async fn find(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
    ) -> Option<DecodingKey> {
        if let Some((_, key)) = self.fixed.iter().find(|(of, _)| *of == algorithm) {
            return Some(key.clone());
        }
        self.fetched.as_ref()?.find(algorithm, key_id).await
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("fixed", &self.fixed.len())
            .finish_non_exhaustive()
    }
}

fn public_key(setting: JwtAlgorithm, pem: &[u8]) -> Option<DecodingKey> {
    match setting {
        JwtAlgorithm::Hs256 => None,
        JwtAlgorithm::Rs256 => DecodingKey::from_rsa_pem(pem).ok(),
        JwtAlgorithm::Es256 => DecodingKey::from_ec_pem(pem).ok(),
        JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem).ok(),
    }
}

struct KeySet {
    url: String,
    client: reqwest::Client,
    keys: RwLock<JwkSet>,
    fetched_at: Mutex<Option<Instant>>,
}

impl KeySet {
    fn new(url: &str) -> Result<Self, reqwest::Error> {
        Ok(Self {
            url: url.to_owned(),
            client: reqwest::Client::builder().timeout(FETCH_TIMEOUT).build()?,
            keys: RwLock::new(JwkSet { keys: Vec::new() }),
            fetched_at: Mutex::new(None),
        })
    }

    async fn find(&self, algorithm: Algorithm, key_id: Option<&str>) -> Option<DecodingKey> {
        if let Some(key) = self.known(algorithm, key_id) {
            return Some(key);
        }
        self.fetch().await;
        self.known(algorithm, key_id)
    }

    /// The key with this id; a token that names none may use the only key there is.
    fn known(&self, algorithm: Algorithm, key_id: Option<&str>) -> Option<DecodingKey> {
        let keys = self.keys.read();
        let key = match (key_id, keys.keys.as_slice()) {
            (Some(id), _) => keys.find(id)?,
            (None, [only]) => only,
            (None, _) => return None,
        };
        DecodingKey::from_jwk(key)
            .ok()
            .filter(|key| key.family() == algorithm.family() && algorithm != Algorithm::HS256)
    }

    async fn fetch(&self) {
        {
            let mut fetched_at = self.fetched_at.lock();
            if fetched_at.is_some_and(|at| at.elapsed() < FETCH_INTERVAL) {
                return;
            }
            *fetched_at = Some(Instant::now());
        }
        match self.get().await {
            Ok(keys) => *self.keys.write() = keys,
            Err(error) => tracing::error!(
                error,
                url = self.url,
                "cannot fetch the key set that tokens are verified with"
            ),
        }
    }

    async fn get(&self) -> Result<JwkSet, String> {
        let problem = |error: reqwest::Error| error.without_url().to_string();
        let mut response = self
            .client
            .get(&self.url)
            .send()
            .await
            .map_err(problem)?
            .error_for_status()
            .map_err(problem)?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(problem)? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_KEY_SET_BYTES {
                return Err("it is too large".to_owned());
            }
        }
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }
}
