//! The relay as a library: the binary and the tests start it the same way.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

pub mod admission;
pub mod audit;
pub mod auth;
pub mod authentication;
pub mod clock;
pub mod config;
pub mod connection;
pub mod conversations;
pub mod database;
pub mod dialect;
pub mod dialects;
pub mod error;
pub mod http;
pub mod identity;
pub mod lifecycle;
pub mod limits;
pub mod logging;
pub mod mongo;
pub mod nodes;
pub mod operations;
pub mod payload;
pub mod places;
pub mod presence;
pub mod redis;
pub mod relay;
pub mod remote;
pub mod rooms;
pub mod server;
pub mod sessions;
pub mod transport;
pub mod users;
pub mod watch;

#[cfg(test)]
#[path = "../tests/mongo/server.rs"]
mod mongo_server;

#[cfg(test)]
#[path = "../tests/redis/server.rs"]
mod redis_server;
