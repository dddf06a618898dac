//! Several relays at once: behind load balancers, and joined by Redis.

mod away;
mod balanced;
pub mod balancer;
pub mod deployment;
mod kept;
mod slow;
mod stores;

/// The suites of `tests/js` that are run here.
pub const SUITES: [&str; 3] = ["balanced", "balanced-away", "balanced-posts"];
