//! The connection to Redis, which reconnects by itself.
//!
//! Owns the timeouts and the prefix of keys. It must not know what is stored or published.
//! Without a connection everything fails at once: nobody waits for one.

mod demands;
mod error;
mod target;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, Pipeline, PushInfo, PushKind, ScriptInvocation};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};
use rand::RngExt;
use tokio::sync::Notify;

pub(crate) use error::RedisError;
pub(crate) use target::RedisLink;
use target::Target;

use crate::config::RedisUrl;

/// The pause before the first attempt to reconnect. It doubles with each further one.
const MIN_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: this long after Redis is available again, all servers are connected to it.
pub(crate) const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(5);

/// What would end a tag, and the character that escapes it. Other scripts are not escaped.
const NOT_IN_TAGS: AsciiSet = AsciiSet::EMPTY.add(b'}').add(b'%');

/// Is informed of a connection and of what arrives on it.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A message arrived on a channel. Must return quickly: nothing else is read meanwhile.
    fn published(&self, channel: &str, message: Vec<u8>);

    /// A connection was made.
    fn up(&self) {}

    /// The connection broke.
    fn down(&self) {}
}

/// One Redis.
pub(crate) struct Redis {
    target: Target,
    prefix: Box<str>,
    link: Mutex<Option<RedisLink>>,
    broken: Arc<Notify>,
}

impl Redis {
    /// Not connected yet. Names of keys and channels begin with `prefix`.
    ///
    /// # Errors
    /// When the driver refuses what the URL says.
    pub(crate) fn new(url: &RedisUrl, prefix: &str) -> Result<Self, RedisError> {
        Ok(Self {
            target: Target::new(url)?,
            prefix: prefix.into(),
            link: Mutex::new(None),
            broken: Arc::default(),
        })
    }

    /// The name of a key or channel. In a Redis cluster, all with the same `tag` are on one server.
    pub(crate) fn key(&self, kind: &str, tag: &str) -> String {
        let tag = utf8_percent_encode(tag, &NOT_IN_TAGS);
        format!("{}:{kind}:{{{tag}}}", self.prefix)
    }

    /// The kind and the tag of the name of a key or channel.
    pub(crate) fn parse_key<'a>(&self, key: &'a str) -> Option<(&'a str, Cow<'a, str>)> {
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix(':')?;
        let (kind, tag) = rest.split_once(":{")?;
        let tag = percent_decode_str(tag.strip_suffix('}')?);
        Some((kind, tag.decode_utf8().ok()?))
    }

    /// Whether it is a cluster of servers.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster(_))
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.link.lock().is_some()
    }

    /// Runs a command.
    ///
    /// # Errors
    /// [`RedisError`]; it may have been run nevertheless.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut link = self.link()?;
        self.note(command.query_async(&mut link).await)
    }

    /// Runs several commands, whose keys have the same tag.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub(crate) async fn pipe<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
    ) -> Result<T, RedisError> {
        let mut link = self.link()?;
        self.note(commands.query_async(&mut link).await)
    }

    /// Runs a script, whose keys have the same tag.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let mut link = self.link()?;
        self.note(script.invoke_async(&mut link).await)
    }

    /// The connection, for callers that send many commands at once and [note](Self::note) the results.
    ///
    /// # Errors
    /// [`RedisError::Away`]
    pub(crate) fn link(&self) -> Result<RedisLink, RedisError> {
        self.link.lock().clone().ok_or(RedisError::Away)
    }

    /// Notes a result: after an error that a new connection can mend, the connection is closed.
    ///
    /// # Errors
    /// The same one.
    pub(crate) fn note<T>(&self, result: redis::RedisResult<T>) -> Result<T, RedisError> {
        let result = result.map_err(RedisError::from);
        if result.as_ref().is_err_and(RedisError::is_broken) {
            self.close();
        }
        result
    }

    fn close(&self) {
        if self.link.lock().take().is_some() {
            self.broken.notify_one();
        }
    }

    /// Connects and reconnects. Never returns.
    pub(crate) async fn keep_connected(&self, listener: Arc<impl Listener>) {
        let mut pause = MIN_PAUSE;
        let mut is_logged = false;
        loop {
            match self.connect(&listener).await {
                Ok(lost) => {
                    tracing::info!("connected to Redis");
                    (pause, is_logged) = (MIN_PAUSE, false);
                    listener.up();
                    while self.is_up() && !lost.load(Ordering::Acquire) {
                        self.broken.notified().await;
                    }
                    *self.link.lock() = None;
                    tracing::error!("the connection to Redis is broken");
                    listener.down();
                }
                Err(error) if !is_logged => {
                    tracing::error!(%error, "Redis is away; it is tried again and again");
                    is_logged = true;
                }
                Err(error) => tracing::debug!(%error, "Redis is still away"),
            }
            let jitter: f64 = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (2 * pause).min(MAX_RECONNECT_PAUSE);
        }
    }

    /// Connects; the flag is set when the connection is lost.
    async fn connect(&self, listener: &Arc<impl Listener>) -> Result<Arc<AtomicBool>, RedisError> {
        let lost = Arc::new(AtomicBool::new(false));
        let pushed = {
            let (listener, broken, lost) = (listener.clone(), self.broken.clone(), lost.clone());
            move |info: PushInfo| match info.kind {
                PushKind::Message | PushKind::SMessage => {
                    if let Some((channel, message)) = message(info) {
                        listener.published(&channel, message);
                    }
                }
                PushKind::Disconnection => {
                    lost.store(true, Ordering::Release);
                    broken.notify_one();
                }
                _ => {}
            }
        };
        *self.link.lock() = Some(self.target.connect(pushed).await?);
        Ok(lost)
    }
}

/// The channel and the message.
fn message(info: PushInfo) -> Option<(String, Vec<u8>)> {
    let mut data = info.data.into_iter();
    let channel = String::from_redis_value(data.next()?).ok()?;
    let message = Vec::from_redis_value(data.next()?).ok()?;
    Some((channel, message))
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
