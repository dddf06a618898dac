//! The integration tests, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and may print"
)]

mod audit;
mod audit_export;
mod audit_faults;
mod canary;
mod cli;
mod clients;
mod compose;
mod config;
mod conversation;
mod harness;
mod hostile;
mod lifecycle;
#[path = "../mongo/server.rs"]
mod mongo;
mod node;
mod nodes;
mod order;
mod raw;
#[path = "../redis/server.rs"]
mod redis;
mod scene;
mod session;
mod slow_receiver;
mod structure;
mod tokens;
mod verbatim;
