//! Relays that Redis joins: the published client on every node, in every dialect, directly and behind balancers, while all
//! goes well and while parts of it end.

use super::application;
use super::balancer::{Balancer, Kind};
use super::control::Processes;
use super::deployment::Deployment;
use crate::clients;
use test_support::harness::JWT_SECRET;
use test_support::redis::Durability;
use test_support::redis_proxy::RedisProxy;
use test_support::{javascript, mongo, redis};

const ADMIN: (&str, &str) = (
    "ADMIN_TOKEN",
    "an admin token for tests, longer than thirty-two bytes",
);
const SETTINGS: &[(&str, &str)] = &[("RATE_LIMITS", "off"), ("OFFLINE_GRACE", "1s"), ADMIN];
/// What a test of limits does is done before anything is given back.
const LIMITS: &[(&str, &str)] = &[("MESSAGE_RATE", "1/min"), ("MESSAGE_BURST", "40")];

/// Runs a suite with its clients spread over three nodes.
fn over_nodes(suite: &str, settings: &[(&str, &str)]) {
    if !javascript::is_ready(suite) {
        return;
    }
    let Some(deployment) = Deployment::start(3, settings) else {
        return;
    };
    let urls = deployment.urls();
    let env = [("RELAY_URLS", urls.as_str()), ADMIN];
    javascript::run(suite, deployment.relay(0).url(), JWT_SECRET, &env);
    deployment.stop();
}

/// The same with a balancer that spreads them, by these transports.
fn behind(kind: Kind, suite: &str, transports: &str) {
    if !kind.is_ready() || !javascript::is_ready(suite) {
        return;
    }
    let Some(deployment) = Deployment::start(3, SETTINGS) else {
        return;
    };
    let balancer = Balancer::start(kind, &deployment.relays());
    let node = deployment.relay(0).url().to_owned();
    let env = [
        ("CLIENT_TRANSPORTS", transports),
        ("ADMIN_URL", &node),
        ADMIN,
    ];
    javascript::run(suite, &balancer.url(), JWT_SECRET, &env);
    deployment.stop();
}

#[test]
fn direct() {
    over_nodes("cluster/direct", SETTINGS);
}

#[test]
fn blocked() {
    over_nodes("cluster/blocked", SETTINGS);
}

#[test]
fn invited() {
    let invite = [SETTINGS, &[("WHO_MAY_ADD", "invite")]].concat();
    over_nodes("cluster/invited", &invite);
}

#[test]
fn session() {
    over_nodes("cluster/session", SETTINGS);
}

#[test]
fn conversation() {
    over_nodes("cluster/conversation", SETTINGS);
}

#[test]
fn limits() {
    over_nodes("cluster/limits", LIMITS);
}

#[test]
fn direct_behind_nginx() {
    behind(Kind::Nginx, "cluster/direct", "polling");
}

#[test]
fn session_behind_nginx() {
    behind(Kind::Nginx, "cluster/session", "polling,websocket");
}

#[test]
fn conversation_behind_nginx() {
    behind(Kind::Nginx, "cluster/conversation", "polling");
}

#[test]
fn conversation_behind_haproxy() {
    behind(Kind::HaProxy, "cluster/conversation", "polling,websocket");
}

/// Three nodes on stores of their own, which a suite may stop.
fn processes() -> Option<(Processes, tempfile::TempDir)> {
    if !redis::is_ready() || !mongo::is_ready() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let redis = redis::Server::start(folder.path(), Durability::InMemory);
    let mongodb = mongo::Server::start(folder.path());
    let redis_url = redis.url();
    let nodes = nodes_on(&redis_url, &mongodb);
    Some((Processes::new(nodes, Some(redis), Some(mongodb)), folder))
}

/// Three nodes on these stores.
fn nodes_on(redis_url: &str, mongodb: &mongo::Server) -> Deployment {
    let mongodb_uri = mongodb.uri(application::DATABASE);
    let stores = [
        ("REDIS_URL", redis_url),
        ("MONGODB_URI", mongodb_uri.as_str()),
    ];
    Deployment::alone(3, &[&stores, SETTINGS].concat())
}

/// What part of the rounds of a suite about the order of changes is done where MongoDB is the store: what stands in for it
/// is slow.
const FEWER_ROUNDS: &str = "0.25";

/// The suites about the order of changes, over one node with its own store, and over several.
macro_rules! by_nodes {
    ($($name:ident: $suite:literal;)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn on_one_node() {
                    clients::run($suite, SETTINGS, &[]);
                }

                #[test]
                fn on_one_node_in_mongodb() {
                    of_changes(1, $suite);
                }

                #[test]
                fn on_two_nodes() {
                    of_changes(2, $suite);
                }

                #[test]
                fn on_three_nodes() {
                    of_changes(3, $suite);
                }
            }
        )*
    };
}

fn of_changes(count: usize, suite: &str) {
    if !javascript::is_ready(suite) {
        return;
    }
    let Some(deployment) = Deployment::start(count, SETTINGS) else {
        return;
    };
    let urls = deployment.urls();
    let factor = std::env::var("ROUNDS_FACTOR").unwrap_or_else(|_| FEWER_ROUNDS.to_owned());
    let env = [
        ("RELAY_URLS", urls.as_str()),
        ("ROUNDS_FACTOR", factor.as_str()),
    ];
    javascript::run(suite, deployment.relay(0).url(), JWT_SECRET, &env);
    deployment.stop();
}

by_nodes! {
    order: "cluster/order";
    membership: "cluster/membership";
}

#[test]
fn applications() {
    with_processes("cluster/applications");
}

#[test]
fn missed() {
    with_processes("cluster/missed");
}

#[test]
fn blocked_while_stores_are_away() {
    with_processes("cluster/blocked-faults");
}

#[test]
fn backend_while_nodes_are_away() {
    with_processes("cluster/backend-faults");
}

#[test]
fn revocations_while_stores_are_away() {
    with_processes("cluster/revocations-faults");
}

#[test]
fn faults() {
    with_processes("cluster/faults");
}

/// Runs a suite that controls the processes.
fn with_processes(suite: &str) {
    if !javascript::is_ready(suite) {
        return;
    }
    let Some((processes, _folder)) = processes() else {
        return;
    };
    let (url, urls) = (
        processes.nodes.relay(0).url().to_owned(),
        processes.nodes.urls(),
    );
    let processes = processes.run(suite, &url, &[("RELAY_URLS", urls.as_str()), ADMIN]);
    processes.nodes.stop();
}

fn rolling_restart(kind: Kind) {
    const SUITE: &str = "cluster/rolling";
    if !kind.is_ready() || !javascript::is_ready(SUITE) {
        return;
    }
    let Some(deployment) = Deployment::start(3, SETTINGS) else {
        return;
    };
    let balancer = Balancer::start(kind, &deployment.relays());
    let url = balancer.url();
    let mut processes = Processes::new(deployment, None, None);
    processes.balancer = Some(balancer);
    let processes = processes.run(SUITE, &url, &[("NODE_COUNT", "3")]);
    processes.nodes.stop();
}

#[test]
fn rolling_restart_behind_nginx() {
    rolling_restart(Kind::Nginx);
}

#[test]
fn rolling_restart_behind_haproxy() {
    rolling_restart(Kind::HaProxy);
}

/// Three nodes on stores of their own, between which and Redis a proxy stands.
fn random_changes() {
    const SUITE: &str = "cluster/random-changes";
    if !javascript::is_ready(SUITE) || !redis::is_ready() || !mongo::is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let redis = redis::Server::start(folder.path(), Durability::InMemory);
    let mongodb = mongo::Server::start(folder.path());
    let seed = std::env::var("SEED").unwrap_or_else(|_| std::process::id().to_string());
    let proxy = RedisProxy::to(redis.port(), seed.parse().expect("a number"));
    let nodes = nodes_on(&proxy.url(), &mongodb);
    let (url, urls) = (nodes.relay(0).url().to_owned(), nodes.urls());
    let mut processes = Processes::new(nodes, Some(redis), Some(mongodb));
    processes.redis_proxy = Some(proxy);
    let env = [
        ("RELAY_URLS", urls.as_str()),
        ("SEED", seed.as_str()),
        ADMIN,
    ];
    processes.run(SUITE, &url, &env).nodes.stop();
}

#[test]
fn log_random() {
    random_changes();
}
