//! A JSON Web Key Set: fetched at the start, at intervals, and when a token names a key that is not in
//! it. Which algorithms are configured is not known here.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::sync::Mutex;

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// A key set has a few kilobytes; a larger body is refused.
const MAX_BYTES: usize = 1024 * 1024;

/// How often the set is fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The time between two fetches, after which a key that was removed is refused.
    pub(super) regular: Duration,
    /// The shortest time between two fetches, whatever keys tokens name.
    pub(super) min: Duration,
    /// The same after a fetch that failed, which is then retried.
    pub(super) retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            regular: Duration::from_secs(300),
            min: Duration::from_secs(30),
            retry: Duration::from_secs(5),
        }
    }
}

/// The fetched keys, which are refreshed until this and its clones are dropped.
#[derive(Clone)]
pub(super) struct KeySet(Arc<Source>);

struct Source {
    url: String,
    client: reqwest::Client,
    pace: Pace,
    keys: RwLock<Vec<PublicKey>>,
    /// Held while fetching: whoever needs a key meanwhile waits, then looks again.
    last: Mutex<Option<Fetch>>,
    /// The last fetch failed; this waits for none.
    is_failing: AtomicBool,
}

/// How the last fetch went.
#[derive(Clone, Copy)]
struct Fetch {
    ended: Instant,
    succeeded: bool,
}

impl KeySet {
    /// Fetches the set, and again at intervals. A failure is logged and retried; the set is empty until
    /// the first success.
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
            is_failing: AtomicBool::new(false),
        });
        let first = source.fetch(&mut *source.last.lock().await).await;
        tokio::spawn(refresh(Arc::downgrade(&source), first));
        Ok(Self(source))
    }

    /// The key for this algorithm with this id. When it is not in the set, the set is fetched again. A
    /// token without an id may use the only key for its algorithm.
    pub(super) async fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<DecodingKey> {
        if let Some(key) = self.0.known(algorithm, id) {
            return Some(key);
        }
        self.0.fetch_if_due().await;
        self.0.known(algorithm, id)
    }
}

impl KeySet {
    /// Whether it is fetched from there.
    pub(super) fn is_of(&self, url: &str) -> bool {
        self.0.url == url
    }

    /// Whether the last fetch that ended was successful.
    pub(super) fn works(&self) -> bool {
        !self.0.is_failing.load(Ordering::Relaxed)
    }

    /// Whether the last fetch failed.
    pub(super) async fn is_failing(&self) -> bool {
        let last = *self.0.last.lock().await;
        last.is_some_and(|fetch| !fetch.succeeded)
    }
}

/// Fetches at intervals.
async fn refresh(source: Weak<Source>, mut last: Fetch) {
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
            let min = match fetch.succeeded {
                true => self.pace.min,
                false => self.pace.retry,
            };
            fetch.ended.elapsed() >= min
        });
        if due {
            self.fetch(&mut last).await;
        }
    }

    /// A failed fetch leaves the keys as they are: an outage of the issuer must lock nobody out.
    async fn fetch(&self, last: &mut Option<Fetch>) -> Fetch {
        let result = self.get().await;
        let fetch = Fetch {
            ended: Instant::now(),
            succeeded: result.is_ok(),
        };
        *last = Some(fetch);
        self.is_failing.store(!fetch.succeeded, Ordering::Relaxed);
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

/// An error and its causes in one line. The address is logged beside it.
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

/// A key of the set, and the one algorithm that it is for.
struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The usable keys of a set. Others are ignored (RFC 7517, section 5).
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
