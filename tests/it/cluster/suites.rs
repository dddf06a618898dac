//! Relays that Redis joins: the published client on every node, in every dialect, directly and behind balancers, while all
//! goes well and while parts of it end.

use super::balancer::{Balancer, Kind};
use super::control::Processes;
use super::deployment::Deployment;
use test_support::harness::JWT_SECRET;
use test_support::redis::Durability;
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
    let env = [("CLIENT_TRANSPORTS", transports), ADMIN];
    javascript::run(suite, &balancer.url(), JWT_SECRET, &env);
    deployment.stop();
}

#[test]
fn direct() {
    over_nodes("cluster/direct", SETTINGS);
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
    let (redis_url, mongodb_uri) = (redis.url(), mongodb.uri("nodes"));
    let stores = [
        ("REDIS_URL", redis_url.as_str()),
        ("MONGODB_URI", mongodb_uri.as_str()),
    ];
    let nodes = Deployment::alone(3, &[&stores, SETTINGS].concat());
    Some((Processes::new(nodes, Some(redis), Some(mongodb)), folder))
}

#[test]
fn faults() {
    const SUITE: &str = "cluster/faults";
    if !javascript::is_ready(SUITE) {
        return;
    }
    let Some((processes, _folder)) = processes() else {
        return;
    };
    let (url, urls) = (
        processes.nodes.relay(0).url().to_owned(),
        processes.nodes.urls(),
    );
    let processes = processes.run(SUITE, &url, &[("RELAY_URLS", urls.as_str()), ADMIN]);
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
