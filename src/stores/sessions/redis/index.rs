//! The index of all sessions: a sorted set of their ids by when they expire. In a Redis cluster it is on
//! one server and the sessions on all, so it is updated after a session: one that is missing in it, or in
//! it for too long, is counted wrongly, with no other effect.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::redis::{Cmd, Script};

use crate::model::session::SessionId;
use crate::stores::drivers::redis::{Redis, RedisError};

/// ARGV: the id; for how many milliseconds the session exists.
const PUT: &str = "#!lua
local time = redis.call('TIME')
local expires = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
redis.call('ZADD', KEYS[1], string.format('%.0f', expires), ARGV[1])
";

/// Removes those that expired, and returns how many are left.
const COUNT: &str = "#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
return redis.call('ZCARD', KEYS[1])
";

#[derive(Debug)]
pub(super) struct Index {
    key: String,
    put: Script,
    count: Script,
    /// How many there were at the last count.
    last: AtomicUsize,
}

impl Index {
    pub(super) fn new(redis: &Redis) -> Self {
        Self {
            key: redis.key("sessions", "index"),
            put: Script::new(PUT),
            count: Script::new(COUNT),
            last: AtomicUsize::new(0),
        }
    }

    /// A session exists for this many milliseconds from now.
    pub(super) async fn put(&self, redis: &Redis, id: &SessionId, timeout: NonZeroU64) {
        let mut call = self.put.key(&self.key);
        call.arg(id.as_str()).arg(timeout.get());
        note(redis.run(&call).await);
    }

    /// A session is over.
    pub(super) async fn remove(&self, redis: &Redis, id: &SessionId) {
        note(redis.query(&Cmd::zrem(&self.key, id.as_str())).await);
    }

    /// How many sessions there are.
    pub(super) async fn count(&self, redis: &Redis) -> Result<usize, RedisError> {
        let count = redis.run(&self.count.key(&self.key)).await?;
        self.last.store(count, Ordering::Relaxed);
        Ok(count)
    }

    /// How many there were at the last count.
    pub(super) fn last_count(&self) -> usize {
        self.last.load(Ordering::Relaxed)
    }

    /// All of them.
    pub(super) async fn all(&self, redis: &Redis) -> Result<Vec<SessionId>, RedisError> {
        self.count(redis).await?;
        let ids: Vec<String> = redis.query(&Cmd::zrange(&self.key, 0, -1)).await?;
        let parsed = ids.iter().filter_map(|id| SessionId::parse(id));
        Ok(parsed.map(|(id, _)| id).collect())
    }
}

fn note(updated: Result<(), RedisError>) {
    if let Err(error) = updated {
        tracing::debug!(%error, "the index of sessions was not updated");
    }
}
