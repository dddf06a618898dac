//! Several relays at once: behind load balancers, and joined by Redis.

mod application;
mod balanced;
mod balancer;
mod control;
mod demands;
pub(crate) mod deployment;
mod operators_behind_proxies;
mod proxies;
mod redis_server;
mod redis_topologies;
mod shared_proxy_connection;
mod slow_receiver_behind_balancer;
mod slow_receiver_on_other_node;
mod slow_store;
mod stopping_behind_balancer;
mod suites;

/// Whether HAProxy can be started.
pub(crate) fn is_haproxy_ready() -> bool {
    balancer::Kind::HaProxy.is_ready()
}

/// The suites of `tests/js` that are run here.
pub(crate) const SUITES: [&str; 21] = [
    "cluster/applications",
    "cluster/backend-faults",
    "cluster/balanced",
    "cluster/balanced-stopping",
    "cluster/balanced-posts",
    "cluster/blocked",
    "cluster/blocked-faults",
    "cluster/conversation",
    "cluster/direct",
    "cluster/faults",
    "cluster/invited",
    "cluster/limits",
    "cluster/membership",
    "cluster/missed",
    "cluster/order",
    "cluster/proxies",
    "cluster/random-changes",
    "cluster/revocations-faults",
    "cluster/rolling",
    "cluster/session",
    "cluster/slow-store",
];
