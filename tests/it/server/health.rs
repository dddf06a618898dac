//! `/health` while the databases hang.

use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::program;
use test_support::raw::http::get;
use test_support::redis::Durability;
use test_support::scene::stop;
use test_support::{mongo, redis};

const PROMISED: Duration = Duration::from_millis(50);
const TIMES: usize = 9;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_answered_at_once_while_redis_and_mongodb_hang() {
    if !(redis::is_ready() && mongo::is_ready()) {
        return;
    }
    let folder = tempdir().unwrap();
    let redis = redis::Server::start(folder.path(), Durability::InMemory);
    let mongodb = mongo::Server::start(folder.path());
    let mut relay = program::start(&[
        ("REDIS_URL", &redis.url()),
        ("MONGODB_URI", &mongodb.uri("health")),
    ]);
    assert_eq!(get(&relay, "/health").await.status, 200);
    redis.pause();
    mongodb.pause();
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        assert_eq!(get(&relay, "/health").await.status, 200);
        times.push(began.elapsed());
    }
    // The machine may be slow, and whoever waits for a database waits each time.
    let shortest = times.iter().min().unwrap();
    assert!(*shortest <= PROMISED, "{times:?}");
    redis.resume();
    mongodb.resume();
    stop(&mut relay);
}
