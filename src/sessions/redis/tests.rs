use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::*;
use crate::config::Secret;
use crate::redis::Listener;
use crate::redis_server::Space;
use crate::sessions::contract::contract_suite;
use crate::sessions::contract::subject::*;

const DEADLINE: Duration = Duration::from_secs(30);

struct Deaf;

impl Listener for Deaf {
    fn published(&self, _: &str, _: Vec<u8>) {}
}

/// A connection to Redis, as a server has it; gone when dropped.
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
    let redis = Arc::new(Redis::new(&Secret::new(url), prefix).unwrap());
    let keeping = redis.clone();
    let task = tokio::spawn(async move { keeping.keep_connected(Arc::new(Deaf)).await });
    until("it is connected", async || redis.is_up()).await;
    Connected { redis, task }
}

/// Waits for what comes by itself.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < DEADLINE, "not so in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn open(
    limits: SessionLimits,
    clock: Arc<HandClock>,
) -> Option<(Arc<dyn SessionStore>, Connected)> {
    let space = Space::new()?;
    let connected = connect(space.url(), space.prefix()).await;
    let store = RedisStore::new(connected.redis.clone(), limits, clock);
    Some((Arc::new(store), connected))
}

mod contract {
    use super::{contract_suite, open};
    contract_suite!(open);
}
