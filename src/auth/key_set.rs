//! A JSON Web Key Set, fetched from its address at the start, from time to time, and when a token
//! names a key that is not in it. It must not know which algorithms are configured.

use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::sync::Mutex;

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// A key set is some kilobytes; more is not read.
const MAX_BYTES: usize = 1024 * 1024;

/// How often the set is fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Until it is fetched anew, so that a key taken out of it is refused some time.
    pub(super) regular: Duration,
    /// The least time between two fetches, whatever keys tokens name.
    pub(super) least: Duration,
    /// The same after a fetch that failed, and when it is tried again.
    pub(super) retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            regular: Duration::from_secs(300),
            least: Duration::from_secs(30),
            retry: Duration::from_secs(5),
        }
    }
}

/// The fetched keys. They are kept fresh until this is dropped.
pub(super) struct KeySet(Arc<Source>);

struct Source {
    url: String,
    client: reqwest::Client,
    pace: Pace,
    keys: RwLock<Vec<PublicKey>>,
    /// Held while fetching: who needs a key meanwhile waits and then looks again.
    last: Mutex<Option<Fetch>>,
}

/// How the last fetch went.
#[derive(Clone, Copy)]
struct Fetch {
    ended: Instant,
    succeeded: bool,
}

impl KeySet {
    /// Fetches it once. That this fails is logged and tried again; until then the set is empty.
    pub(super) async fn start(url: &str, pace: Pace) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            // A redirect must not lead away from the encryption that the setting asked for.
            .https_only(url.starts_with("https:"))
            .build()?;
        let source = Arc::new(Source {
            url: url.to_owned(),
            client,
            pace,
            keys: RwLock::default(),
            last: Mutex::new(None),
        });
        let first = source.fetch(&mut *source.last.lock().await).await;
        tokio::spawn(keep_fresh(Arc::downgrade(&source), first));
        Ok(Self(source))
    }

    /// The key for this algorithm with this id; when it is not in the set, that is fetched anew.
    /// A token that names no id may use the only key there is for its algorithm.
    pub(super) async fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<DecodingKey> {
        if let Some(key) = self.0.known(algorithm, id) {
            return Some(key);
        }
        self.0.fetch_if_due().await;
        self.0.known(algorithm, id)
    }
}

/// Fetches when nobody asks for it.
async fn keep_fresh(source: Weak<Source>, mut last: Fetch) {
    while let Some(pace) = source.upgrade().map(|source| source.pace) {
        let wait = match last.succeeded {
            true => pace.regular,
            false => pace.retry,
        };
        tokio::time::sleep(wait).await;
        let Some(source) = source.upgrade() else {
            return;
        };
        last = source.fetch(&mut *source.last.lock().await).await;
    }
}

impl Source {
    fn known(&self, algorithm: Algorithm, id: Option<&str>) -> Option<DecodingKey> {
        let keys = self.keys.read();
        let mut fitting = keys
            .iter()
            .filter(|key| key.algorithm == algorithm)
            .filter(|key| id.is_none() || key.id.as_deref() == id);
        let key = fitting.next()?;
        let unambiguous = id.is_some() || fitting.next().is_none();
        unambiguous.then(|| key.key.clone())
    }

    async fn fetch_if_due(&self) {
        let mut last = self.last.lock().await;
        let due = last.is_none_or(|fetch| {
            let least = match fetch.succeeded {
                true => self.pace.least,
                false => self.pace.retry,
            };
            fetch.ended.elapsed() >= least
        });
        if due {
            self.fetch(&mut last).await;
        }
    }

    /// A fetch that fails leaves the keys as they are: the signer's trouble must not lock everybody out.
    async fn fetch(&self, last: &mut Option<Fetch>) -> Fetch {
        let result = self.get().await;
        let fetch = Fetch {
            ended: Instant::now(),
            succeeded: result.is_ok(),
        };
        *last = Some(fetch);
        match result {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!(
                        url = self.url,
                        "the key set has no key to verify tokens with"
                    );
                }
                *self.keys.write() = keys;
            }
            Err(error) => tracing::error!(
                error,
                url = self.url,
                "cannot fetch the key set that tokens are verified with"
            ),
        }
        fetch
    }

    async fn get(&self) -> Result<Vec<PublicKey>, String> {
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
            if body.len() > MAX_BYTES {
                return Err("it is too large".to_owned());
            }
        }
        parse(&body).map_err(|error| error.to_string())
    }
}

/// What went wrong and why. The address is logged beside it.
fn problem(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A key of the set and the one algorithm it is good for.
struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The keys that can be used. Others may be in the set and are passed over (RFC 7517, section 5).
fn parse(body: &[u8]) -> Result<Vec<PublicKey>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        keys: Vec<serde_json::Value>,
    }
    let Body { keys } = serde_json::from_slice(body)?;
    let keys = keys
        .into_iter()
        .filter_map(|key| Jwk::deserialize(key).ok());
    Ok(keys.filter_map(PublicKey::new).collect())
}

impl PublicKey {
    fn new(key: Jwk) -> Option<Self> {
        let (algorithm, name) = match &key.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let common = &key.common;
        let for_it = common.key_algorithm.is_none_or(|of| of == name);
        let for_signatures = match &common.public_key_use {
            Some(purpose) => *purpose == PublicKeyUse::Signature,
            None => true,
        };
        let decoding = DecodingKey::from_jwk(&key).ok()?;
        (for_it && for_signatures).then_some(Self {
            id: key.common.key_id,
            algorithm,
            key: decoding,
        })
    }
}

#[cfg(test)]
mod tests;
