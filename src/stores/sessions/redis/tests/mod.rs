//! Sessions in a real Redis.

mod expiry;
mod faults;
mod golden;
mod nodes;
mod values;

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use ::redis::Cmd;

use super::*;
use crate::config::RedisUrl;
use crate::model::clock::ManualClock;
use crate::stores::drivers::redis::Listener;
use crate::stores::sessions::contract::contract_suite;
use crate::stores::sessions::contract::subject::*;
use test_support::redis::Space;

const DEADLINE: Duration = Duration::from_secs(30);

struct NoListener;

impl Listener for NoListener {
    fn published(&self, _: &str, _: Vec<u8>) {}
}

/// A connection to Redis, as a server has it; closed when dropped.
struct Connected {
    redis: Arc<Redis>,
    task: JoinHandle<()>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(url: &str, prefix: &str) -> Connected {
    let redis = Arc::new(Redis::new(&RedisUrl::parse(url).unwrap(), prefix).unwrap());
    let keeping = redis.clone();
    let task = tokio::spawn(async move { keeping.keep_connected(Arc::new(NoListener)).await });
    until("it is connected", async || redis.is_up()).await;
    Connected { redis, task }
}

/// Waits for a condition.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < DEADLINE, "not so in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn open(
    limits: SessionLimits,
    clock: Arc<ManualClock>,
) -> Option<(Arc<dyn SessionStore>, Connected)> {
    let space = Space::new()?;
    let connected = connect(space.url(), space.prefix()).await;
    let store = RedisStore::new(connected.redis.clone(), limits, clock);
    Some((Arc::new(store), connected))
}

/// A server of sessions.
struct Node {
    subject: Subject,
    store: Arc<RedisStore>,
    redis: Arc<Redis>,
}

impl Node {
    async fn start(url: &str, prefix: &str, limits: SessionLimits) -> Self {
        let connected = connect(url, prefix).await;
        let redis = connected.redis.clone();
        let clock = Arc::new(ManualClock::new());
        let store = Arc::new(RedisStore::new(redis.clone(), limits, clock.clone()));
        Self {
            subject: Subject::new(store.clone(), clock, connected),
            store,
            redis,
        }
    }

    async fn of(space: &Space, limits: SessionLimits) -> Self {
        Self::start(space.url(), space.prefix(), limits).await
    }

    fn keys(&self, name: &str) -> Keys {
        Keys::of(&self.redis, &id(name))
    }

    async fn ask<T: ::redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut asked = Cmd::new();
        asked.arg(command);
        self.redis.query(&asked).await.unwrap()
    }

    async fn set_memory(&self, most: &str) {
        self.ask::<()>(&["CONFIG", "SET", "maxmemory", most]).await;
    }
}

mod contract {
    use super::{contract_suite, open};
    contract_suite!(open);
}
