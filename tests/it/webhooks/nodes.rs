//! Several nodes that share MongoDB and Redis: each fact is told by its own node, and by another when that is gone.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{SECRET, UNDELIVERED, send_as, send_by};
use crate::clients::ADMIN_TOKEN;
use crate::metrics::page::{INTERNAL, page};
use crate::program::server_in;
use test_support::endpoint::{Answer, Endpoint};
use test_support::harness::Relay;
use test_support::raw::Client;
use test_support::redis::Durability;
use test_support::scene::stop;
use test_support::{mongo, redis};

/// How long it may take until another node tells what one had to tell that was killed.
const HEIR: Duration = Duration::from_secs(60);

/// The servers that the nodes share. `None`: they cannot run here.
struct Shared {
    folder: tempfile::TempDir,
    redis: redis::Server,
    mongo: mongo::Server,
}

impl Shared {
    fn start() -> Option<Self> {
        if !(redis::is_ready() && mongo::is_ready()) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let redis = redis::Server::start(folder.path(), Durability::InMemory);
        let mongo = mongo::Server::start(folder.path());
        Some(Self {
            folder,
            redis,
            mongo,
        })
    }

    /// A node of this name, which keeps its data folder.
    fn node(&self, name: &str, endpoint: &Endpoint, more: &[(&str, &str)]) -> Relay {
        let (url, redis, mongo) = (endpoint.url(), self.redis.url(), self.mongo.uri("webhooks"));
        let settings = [
            ("WEBHOOK_URL", url.as_str()),
            ("WEBHOOK_SECRETS", SECRET),
            ("WEBHOOK_PRIVATE_NETWORKS", "true"),
            ("NODE_NAME", name),
            ("REDIS_URL", &redis),
            ("MONGODB_URI", &mongo),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
            ("ADMIN_PUBLIC", "true"),
            INTERNAL,
        ];
        let data = self.folder.path().join(name);
        std::fs::create_dir_all(&data).unwrap();
        server_in(&data, &[&settings[..], more].concat())
    }
}

/// Waits until it has taken so many, longer than others wait.
async fn took(endpoint: &Endpoint, count: usize) {
    let deadline = Instant::now() + HEIR;
    while endpoint.taken().len() < count {
        assert!(Instant::now() < deadline, "{:#?}", endpoint.told());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The messages that it was told of, and by which node, in the order of the messages.
fn messages(endpoint: &Endpoint) -> Vec<(String, String)> {
    let taken = endpoint.taken().into_iter().map(|told| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let json = told.json();
        (text(&json["data"]["messageId"]), text(&json["node"]))
    });
    let mut taken: Vec<_> = taken.collect();
    taken.sort();
    taken
}

fn expected(names: impl Iterator<Item = (u64, &'static str)>) -> Vec<(String, String)> {
    let mut all: Vec<_> = names
        .map(|(seq, node)| (format!("m-{seq}"), node.to_owned()))
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fact_is_told_once_and_what_a_killed_node_had_to_tell_by_another() {
    let Some(shared) = Shared::start() else {
        return;
    };
    let endpoint = Endpoint::start().await;
    let mut one = shared.node("one", &endpoint, UNDELIVERED);
    let mut two = shared.node("two", &endpoint, UNDELIVERED);
    send_as(&one, "alice", 0..10).await;
    send_as(&two, "dave", 10..20).await;
    took(&endpoint, 20).await;
    let mut all = expected(
        (0..10)
            .map(|seq| (seq, "one"))
            .chain((10..20).map(|seq| (seq, "two"))),
    );
    assert_eq!(messages(&endpoint), all);
    assert_eq!(endpoint.told().len(), 20, "each is told once");

    endpoint.answer(Answer::status(500));
    send_as(&one, "alice", 20..30).await;
    let pending = "relay_webhook_pending{endpoint=\"default\"}";
    let is_read = async || page(&one).await.value(pending) == 10.0;
    test_support::wait::until("it is stored and read", is_read).await;
    one.kill();
    one.wait();
    endpoint.answer(Answer::status(200));
    took(&endpoint, 30).await;
    all.extend(expected((20..30).map(|seq| (seq, "one"))));
    all.sort();
    assert_eq!(messages(&endpoint), all);

    let mut one = shared.node("one", &endpoint, UNDELIVERED);
    send_as(&one, "alice", 30..32).await;
    took(&endpoint, 32).await;
    all.extend(expected((30..32).map(|seq| (seq, "one"))));
    all.sort();
    assert_eq!(messages(&endpoint), all);
    stop(&mut one);
    stop(&mut two);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_online_on_a_killed_node_is_told_as_offline_by_another() {
    let Some(shared) = Shared::start() else {
        return;
    };
    let endpoint = Endpoint::start().await;
    let presence = [("WEBHOOK_EVENTS", "user.online,user.offline")];
    let mut one = shared.node("one", &endpoint, &presence);
    let mut two = shared.node("two", &endpoint, &presence);
    let _alice = Client::connect(&one, "alice").await;
    let _bob = Client::connect(&one, "bob").await;
    took(&endpoint, 2).await;
    one.kill();
    one.wait();
    let _bob = Client::connect(&two, "bob").await;
    took(&endpoint, 3).await;
    stop(&mut two);
    let told = endpoint.taken().into_iter().map(|told| told.what());
    let offline: Vec<_> = told.filter(|(kind, _)| kind == "user.offline").collect();
    assert_eq!(
        offline.first().map(|(_, subject)| subject.as_str()),
        Some("user:alice")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_while_mongodb_is_away_is_told_later_also_after_a_kill() {
    let Some(mut shared) = Shared::start() else {
        return;
    };
    let endpoint = Endpoint::start().await;
    let alone = [UNDELIVERED, &[("REDIS_URL", "")]].concat();
    let one = shared.node("one", &endpoint, &alone);
    let mut alice = Client::connect(&one, "alice").await;
    send_by(&mut alice, 0..4).await;
    took(&endpoint, 4).await;
    shared.mongo.stop();
    send_by(&mut alice, 4..14).await;
    shared.mongo.restart();
    took(&endpoint, 14).await;
    shared.mongo.stop();
    send_by(&mut alice, 14..24).await;
    one.kill();
    drop(one);
    shared.mongo.restart();
    let mut one = shared.node("one", &endpoint, &alone);
    took(&endpoint, 24).await;
    stop(&mut one);
    let told = expected((0..24).map(|seq| (seq, "one")));
    assert_eq!(messages(&endpoint), told);
}
