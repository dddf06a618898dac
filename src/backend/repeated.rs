//! Requests that a backend sends again under the same key: each is done once, and answered the same for a while. With
//! Redis that holds over all nodes; without, until this one is started again.
//!
//! It must not know what a request asks for.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::published::Published;
use crate::cluster::{Claimed, Cluster};

/// The longest key, in characters.
const MAX_KEY: usize = 128;
/// For how long the answer is the same.
const KEPT: Duration = Duration::from_secs(600);
/// How many bytes of answers are kept; a request with a new key beyond that is refused.
const MAX_BYTES: usize = 32 << 20;
/// What an entry takes besides its answer, in bytes.
const ENTRY: usize = 512;
/// How often it is looked whether another node has done it, since Redis tells nobody of that.
const POLLED: Duration = Duration::from_millis(50);

/// A key, and what the request says under it.
#[derive(Debug, Clone)]
pub(crate) struct RequestKey {
    key: String,
    body: String,
}

impl RequestKey {
    /// The key of a request with this body. `None`: it is none.
    pub(crate) fn new(key: &str, body: &[u8]) -> Option<Self> {
        let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=MAX_KEY).contains(&key.len()) && is_visible).then(|| Self {
            key: key.to_owned(),
            body: hex(body),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What became of a request that begins.
pub(super) enum Begun<'r> {
    /// It is the first with its key.
    First(First<'r>),
    /// It was done before.
    Again(Arc<Published>),
    /// Its key stands for another request.
    Conflict,
    /// Too many are kept.
    Full,
}

/// The requests of the last while.
pub(super) struct Requests {
    cluster: Option<Arc<Cluster>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Key, Entry>,
    bytes: usize,
    swept: Option<Instant>,
}

/// The name of a token, and a key.
type Key = (Arc<str>, Arc<str>);
type Outcome = watch::Receiver<Option<Arc<Published>>>;

struct Entry {
    body: String,
    since: Instant,
    bytes: usize,
    outcome: Outcome,
}

/// A request that is being done.
pub(super) struct First<'r> {
    requests: &'r Requests,
    key: Key,
    body: String,
    outcome: watch::Sender<Option<Arc<Published>>>,
    is_claimed: bool,
}

impl Requests {
    pub(super) fn new(cluster: Option<Arc<Cluster>>) -> Self {
        Self {
            cluster,
            kept: Mutex::default(),
        }
    }

    /// Begins a request; one that is being done is waited for.
    pub(super) async fn begin(&self, token: &str, key: &RequestKey) -> Begun<'_> {
        loop {
            match self.begin_here(token, key) {
                Here::Known(Some(mut outcome)) => {
                    // An error means that it was not done, and may be now.
                    if let Ok(outcome) = outcome.wait_for(Option::is_some).await
                        && let Some(published) = &*outcome
                    {
                        return Begun::Again(published.clone());
                    }
                }
                Here::Known(None) => return Begun::Conflict,
                Here::Full => return Begun::Full,
                Here::New(first) => return first.claim().await,
            }
        }
    }

    fn begin_here(&self, token: &str, RequestKey { key, body }: &RequestKey) -> Here<'_> {
        let mut kept = self.kept.lock();
        kept.sweep();
        let key: Key = (token.into(), key.as_str().into());
        if let Some(entry) = kept.entries.get(&key) {
            return Here::Known((entry.body == *body).then(|| entry.outcome.clone()));
        }
        if kept.bytes + ENTRY > MAX_BYTES {
            return Here::Full;
        }
        let (sender, outcome) = watch::channel(None);
        kept.bytes += ENTRY;
        let entry = Entry {
            body: body.clone(),
            since: Instant::now(),
            bytes: ENTRY,
            outcome,
        };
        kept.entries.insert(key.clone(), entry);
        Here::New(First {
            requests: self,
            key,
            body: body.clone(),
            outcome: sender,
            is_claimed: false,
        })
    }
}

enum Here<'r> {
    New(First<'r>),
    /// `None`: under this key, another one is.
    Known(Option<Outcome>),
    Full,
}

impl Kept {
    /// Forgets what is old, once a second at most.
    fn sweep(&mut self) {
        let now = Instant::now();
        if self
            .swept
            .is_some_and(|at| now - at < Duration::from_secs(1))
        {
            return;
        }
        self.swept = Some(now);
        let mut freed = 0;
        self.entries.retain(|_, entry| {
            let stays = now - entry.since < KEPT || entry.outcome.borrow().is_none();
            freed += if stays { 0 } else { entry.bytes };
            stays
        });
        self.bytes -= freed;
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }
}

impl<'r> First<'r> {
    /// Has all nodes know that it is being done here, unless it was done on one of them.
    async fn claim(mut self) -> Begun<'r> {
        let Some(cluster) = self.requests.cluster.clone() else {
            return Begun::First(self);
        };
        loop {
            match cluster
                .claim_request(&self.key.0, &self.key.1, &self.body)
                .await
            {
                Claimed::Here => {
                    self.is_claimed = true;
                    return Begun::First(self);
                }
                // While Redis is away, this node alone knows.
                Claimed::Unknown => return Begun::First(self),
                Claimed::Other => return Begun::Conflict,
                Claimed::Elsewhere => tokio::time::sleep(POLLED).await,
                Claimed::Done(answer) => {
                    let Ok(published) = serde_json::from_str::<Published>(&answer) else {
                        tracing::error!("what another server has published could not be read");
                        return Begun::First(self);
                    };
                    return Begun::Again(self.keep(published));
                }
            }
        }
    }

    /// It is done: this is answered from now on.
    pub(super) async fn done(self, published: Published) -> Arc<Published> {
        if let Some(cluster) = self.requests.cluster.as_ref().filter(|_| self.is_claimed) {
            match serde_json::to_string(&published) {
                Ok(answer) => {
                    let (token, key) = (&self.key.0, &self.key.1);
                    let kept = cluster.keep_answer((token, key), &self.body, &answer, KEPT);
                    kept.await;
                }
                Err(error) => tracing::error!(%error, "what was published could not be kept"),
            }
        }
        self.keep(published)
    }

    fn keep(self, published: Published) -> Arc<Published> {
        let published = Arc::new(published);
        let targets = published.targets.iter().map(|target| target.id.len() + 64);
        let bytes = targets.sum::<usize>();
        {
            let mut kept = self.requests.kept.lock();
            kept.bytes += bytes;
            if let Some(entry) = kept.entries.get_mut(&self.key) {
                entry.bytes += bytes;
                entry.since = Instant::now();
            }
        }
        self.outcome.send_replace(Some(published.clone()));
        published
    }

    /// It was not done: it may be, when it comes again.
    pub(super) async fn release(self) {
        if let Some(cluster) = self.requests.cluster.as_ref().filter(|_| self.is_claimed) {
            cluster.release_request(&self.key.0, &self.key.1).await;
        }
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        if self.outcome.borrow().is_none() {
            self.requests.kept.lock().remove(&self.key);
        }
    }
}
