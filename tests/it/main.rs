//! The integration tests, in one binary: in a folder for each dialect and each part of the server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and may print"
)]

mod admin_ui;
mod audit;
mod auth;
mod clients;
mod cluster;
mod config;
mod conversation;
mod counts;
mod direct;
mod ecosystem;
mod edge;
mod metrics;
mod program;
mod request_client;
mod server;
mod session;
mod structure;
mod traces;
mod transport;
mod webhooks;
