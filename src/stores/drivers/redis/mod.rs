//! The connection to Redis that all share: made anew by itself whenever it breaks.
//!
//! Owns the bounds in time, and how names of keys begin. It must not know what is kept in
//! Redis or told over it. Without a connection everything fails at once: nobody waits for one.

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

pub use error::RedisError;
pub use target::Link;
use target::Target;

use crate::config::RedisUrl;

/// How long after a failure it is tried again; twice as long after each further one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The longest of these pauses: all servers are connected again so long after one could be.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What would end a tag, and what stands for it; letters of other scripts stay as they are.
const NOT_IN_TAGS: AsciiSet = AsciiSet::EMPTY.add(b'}').add(b'%');

/// Who is told of a connection, and of what comes over it.
pub trait Listener: Send + Sync + 'static {
    /// Something was published to a channel. It must not take long: nothing else is read meanwhile.
    fn published(&self, channel: &str, message: Vec<u8>);

    /// There is a connection.
    fn up(&self) {}

    /// It is broken.
    fn down(&self) {}
}

/// One Redis.
pub struct Redis {
    target: Target,
    prefix: Box<str>,
    link: Mutex<Option<Link>>,
    broken: Arc<Notify>,
}

impl Redis {
    /// Not connected yet. Names of keys and channels begin with `prefix`.
    ///
    /// # Errors
    /// When the driver refuses what the URL says.
    pub fn new(url: &RedisUrl, prefix: &str) -> Result<Self, RedisError> {
        Ok(Self {
            target: Target::new(url)?,
            prefix: prefix.into(),
            link: Mutex::new(None),
            broken: Arc::default(),
        })
    }

    /// The name of a key or channel. All with the same `tag` are on one server of a cluster.
    pub fn key(&self, kind: &str, tag: &str) -> String {
        let tag = utf8_percent_encode(tag, &NOT_IN_TAGS);
        format!("{}:{kind}:{{{tag}}}", self.prefix)
    }

    /// The kind and the tag of which a name is made.
    pub fn parse_key<'a>(&self, key: &'a str) -> Option<(&'a str, Cow<'a, str>)> {
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix(':')?;
        let (kind, tag) = rest.split_once(":{")?;
        let tag = percent_decode_str(tag.strip_suffix('}')?);
        Some((kind, tag.decode_utf8().ok()?))
    }

    /// Whether there is a connection.
    pub fn is_up(&self) -> bool {
        self.link.lock().is_some()
    }

    /// Does a command.
    ///
    /// # Errors
    /// [`RedisError`]; it may have been done nevertheless.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut link = self.link()?;
        self.note(command.query_async(&mut link).await)
    }

    /// Does several commands, all of which have the same tag.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub async fn pipe<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, RedisError> {
        let mut link = self.link()?;
        self.note(commands.query_async(&mut link).await)
    }

    /// Runs a script, whose keys have the same tag.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let mut link = self.link()?;
        self.note(script.invoke_async(&mut link).await)
    }

    /// The connection, for who sends many commands at once and notes their outcomes.
    pub fn link(&self) -> Result<Link, RedisError> {
        self.link.lock().clone().ok_or(RedisError::Away)
    }

    /// Notes an outcome: a connection that is no good any more is given up.
    pub fn note<T>(&self, outcome: redis::RedisResult<T>) -> Result<T, RedisError> {
        let outcome = outcome.map_err(RedisError::from);
        if outcome.as_ref().is_err_and(RedisError::is_broken) {
            self.break_off();
        }
        outcome
    }

    fn break_off(&self) {
        if self.link.lock().take().is_some() {
            self.broken.notify_one();
        }
    }

    /// Keeps connected, for ever.
    pub async fn keep_connected(&self, listener: Arc<impl Listener>) {
        let mut pause = SHORTEST_PAUSE;
        let mut is_told = false;
        loop {
            match self.connect(&listener).await {
                Ok(lost) => {
                    tracing::info!("connected to Redis");
                    (pause, is_told) = (SHORTEST_PAUSE, false);
                    listener.up();
                    while self.is_up() && !lost.load(Ordering::Acquire) {
                        self.broken.notified().await;
                    }
                    *self.link.lock() = None;
                    tracing::error!("the connection to Redis is broken");
                    listener.down();
                }
                Err(error) if !is_told => {
                    tracing::error!(%error, "Redis is away; it is tried again and again");
                    is_told = true;
                }
                Err(error) => tracing::debug!(%error, "Redis is still away"),
            }
            let part: f64 = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(pause.mul_f64(part)).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Connects; the flag says whether the connection was lost.
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

/// The channel and what was published to it.
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
