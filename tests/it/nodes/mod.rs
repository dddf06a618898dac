//! Several relays at once: behind load balancers, and joined by Redis.

mod away;
mod balanced;
pub mod balancer;
mod control;
pub mod deployment;
mod joined;
mod kept;
mod redis_kinds;
mod slow;
mod slow_elsewhere;
mod stores;

/// The suites of `tests/js` that are run here.
pub const SUITES: [&str; 9] = [
    "balanced",
    "balanced-away",
    "balanced-posts",
    "nodes-conversation",
    "nodes-direct",
    "nodes-faults",
    "nodes-limits",
    "nodes-rolling",
    "nodes-session",
];
