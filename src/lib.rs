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

mod app;
pub mod audit;
mod auth;
mod cluster;
pub mod config;
mod connection;
mod conversations;
pub mod dialects;
mod http;
mod limits;
pub mod model;
mod payload;
pub mod server;
mod sessions;
pub mod stores;
mod transport;
pub mod users;
