//! What the documentation demands of Redis and of relays beside each other: the log and `/ready` name the setting until
//! it is mended.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::deployment::Deployment;
use crate::program;
use test_support::harness::Relay;
use test_support::mongo::Database;
use test_support::redis::{Durability, Server, Space, is_ready};
use test_support::wait::until_noticed;

/// Longer than a node is taken for alive that is not.
const DEADLINE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_set_as_it_has_to_be_is_named() {
    if !is_ready() {
        return;
    }
    let Some(database) = Database::new() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let arguments = [
        "--maxmemory-policy",
        "allkeys-lru",
        "--timeout",
        "300",
        "--appendonly",
        "yes",
        "--client-output-buffer-limit",
        "pubsub 32mb 8mb 60",
    ];
    let start = || arguments.map(str::to_owned).to_vec();
    let redis = Server::start_with(folder.path(), Durability::InMemory, start);
    let url = redis.url();
    let env = [
        ("REDIS_URL", url.as_str()),
        ("MONGODB_URI", database.uri()),
        ("NODE_NAME", "one"),
    ];
    let mut relay = program::start(&env);
    let settings = [
        "maxmemory-policy allkeys-lru",
        "timeout",
        "appendonly",
        "client-output-buffer-limit",
    ];
    for setting in settings {
        until_noticed(&relay, setting, true).await;
        relay.logs(setting, 1);
    }
    redis.ask("CONFIG SET maxmemory-policy noeviction");
    until_noticed(&relay, "maxmemory-policy", false).await;
    until_noticed(&relay, "appendonly", true).await;
    assert!(relay.terminate().success());
}

/// A relay beside others on these stores.
fn start_on(space: &Space, database: &Database, more: &[(&str, &str)]) -> Relay {
    let stores = [
        ("REDIS_URL", space.url()),
        ("REDIS_PREFIX", space.prefix()),
        ("MONGODB_URI", database.uri()),
    ];
    program::start(&[&stores[..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_of_one_name_are_told_until_one_is_gone() {
    let (Some(database), Some(space)) = (Database::new(), Space::new()) else {
        return;
    };
    let start = |name| start_on(&space, &database, &[("NODE_NAME", name)]);
    // In the ids of polling sessions both are `a-b`.
    let (one, mut two) = (start("a.b"), start("a-b"));
    let other = start("c");
    for relay in [&one, &two] {
        until_noticed(relay, "node_name (NODE_NAME)", true).await;
        relay.logs("node_name (NODE_NAME)", 1);
    }
    until_noticed(&other, "node_name", false).await;
    assert!(two.terminate().success());
    until_noticed(&one, "node_name", false).await;
    assert_eq!(other.log_lines("NODE_NAME"), 0, "{}", other.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_and_started_again_is_its_own_namesake_never() {
    let Some(mut deployment) = Deployment::start(2, &[]) else {
        return;
    };
    deployment.kill(0);
    deployment.restart(0);
    // It has renewed its lease several times when the one that it was before is found dead.
    let found = "a node has ended; its users are offline";
    let deadline = Instant::now() + DEADLINE;
    while deployment
        .running()
        .all(|relay| relay.log_lines(found) == 0)
    {
        assert!(Instant::now() < deadline, "the old one is not found");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for relay in deployment.relays() {
        until_noticed(relay, "node_name", false).await;
        assert_eq!(relay.log_lines("NODE_NAME"), 0, "{}", relay.log());
    }
    deployment.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_whose_settings_differ_name_them() {
    const SECRET: &str = "another secret for tests, longer than thirty-two bytes";
    let (Some(database), Some(space)) = (Database::new(), Space::new()) else {
        return;
    };
    let start = |more: &[_]| start_on(&space, &database, more);
    let one = start(&[("NODE_NAME", "one"), ("DEBUG", "true")]);
    let mut two = start(&[
        ("NODE_NAME", "two"),
        ("JWT_SECRET", SECRET),
        ("MAX_DEPTH", "32"),
    ]);
    for (relay, other) in [(&one, "two"), (&two, "one")] {
        let notice = format!(
            "the server {other} has other settings, which have to be the same: jwt_secret, max_depth"
        );
        until_noticed(relay, &notice, true).await;
        relay.logs(&notice, 1);
        assert!(!relay.log().contains(SECRET));
    }
    assert!(two.terminate().success());
    until_noticed(&one, "other settings", false).await;
}
