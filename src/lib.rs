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

pub mod app;
pub mod audit;
pub mod auth;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod conversations;
pub mod dialects;
pub mod http;
pub mod limits;
pub mod model;
pub mod payload;
pub mod server;
pub mod sessions;
pub mod stores;
pub mod transport;
pub mod users;
