//! The index of all sessions: a sorted set of their ids by when they expire, and one more for each mode. In a Redis cluster it is on
//! one server and the sessions on all, so it is updated after a session: one that is missing in it, or in
//! it for too long, is counted wrongly, with no other effect.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ::redis::{Cmd, Script};

use crate::model::session::{ChatMode, SessionId};
use crate::stores::drivers::redis::{Redis, RedisError};

/// KEYS: the set of all, and those of the modes. ARGV: the id; for how many milliseconds the session exists; which of the
/// KEYS is that of its mode, or 0 if that is not known here: then it stays what it is.
const PUT: &str = "#!lua
local time = redis.call('TIME')
local expires = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
local score, mode = string.format('%.0f', expires), tonumber(ARGV[3])
redis.call('ZADD', KEYS[1], score, ARGV[1])
for at = 2, #KEYS do
    if mode == 0 then
        redis.call('ZADD', KEYS[at], 'XX', score, ARGV[1])
    elseif mode == at then
        redis.call('ZADD', KEYS[at], score, ARGV[1])
    else
        redis.call('ZREM', KEYS[at], ARGV[1])
    end
end
";

/// Removes those that expired of each of the KEYS, and returns how many are left.
const COUNT: &str = "#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counts = {}
for at = 1, #KEYS do
    redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', string.format('%.0f', now))
    counts[at] = redis.call('ZCARD', KEYS[at])
end
return counts
";

/// How many modes there are.
const MODES: usize = ChatMode::ALL.len();

#[derive(Debug)]
pub(super) struct Index {
    key: String,
    /// Of each mode, on the same server of a cluster.
    of_modes: [String; MODES],
    put: Script,
    count: Script,
    /// How many there were at the last count.
    last: AtomicUsize,
    last_by_mode: [AtomicU64; MODES],
}

impl Index {
    pub(super) fn new(redis: &Redis) -> Self {
        let key = redis.key("sessions", "index");
        Self {
            of_modes: ChatMode::ALL.map(|mode| format!("{key}:{}", mode.as_str())),
            key,
            put: Script::new(PUT),
            count: Script::new(COUNT),
            last: AtomicUsize::new(0),
            last_by_mode: Default::default(),
        }
    }

    /// A session exists for this many milliseconds from now; of which mode it is, if that is known.
    pub(super) async fn put(
        &self,
        redis: &Redis,
        id: &SessionId,
        timeout: NonZeroU64,
        mode: Option<ChatMode>,
    ) {
        // Behind the key of all.
        let place = mode.map_or(0, |mode| mode as usize + 2);
        let mut call = self.put.key(&self.key);
        for key in &self.of_modes {
            call.key(key);
        }
        call.arg(id.as_str()).arg(timeout.get()).arg(place);
        note(redis.run(&call).await);
    }

    /// A session is over.
    pub(super) async fn remove(&self, redis: &Redis, id: &SessionId) {
        let mut remove = ::redis::pipe();
        for key in [&self.key].into_iter().chain(&self.of_modes) {
            remove.zrem(key, id.as_str()).ignore();
        }
        note(redis.pipe(&remove).await);
    }

    /// How many sessions there are.
    pub(super) async fn count(&self, redis: &Redis) -> Result<usize, RedisError> {
        let counts: Vec<usize> = redis.run(&self.count.key(&self.key)).await?;
        let count = counts.first().copied().unwrap_or(0);
        self.last.store(count, Ordering::Relaxed);
        Ok(count)
    }

    /// How many sessions there are of each mode.
    pub(super) async fn count_by_mode(&self, redis: &Redis) -> Result<[u64; MODES], RedisError> {
        let mut call = self.count.key(&self.of_modes[0]);
        for key in self.of_modes.iter().skip(1) {
            call.key(key);
        }
        let counts: Vec<u64> = redis.run(&call).await?;
        for (last, count) in self.last_by_mode.iter().zip(counts) {
            last.store(count, Ordering::Relaxed);
        }
        Ok(self.last_by_mode())
    }

    /// The same at the last such count.
    pub(super) fn last_by_mode(&self) -> [u64; MODES] {
        self.last_by_mode
            .each_ref()
            .map(|last| last.load(Ordering::Relaxed))
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
