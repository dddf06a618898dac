//! What the tests share: the server as a process, clients that speak its protocol by hand, and the stores it needs.
//!
//! Knows nothing of the library's types. Whoever starts the server names the program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and may print"
)]

pub mod canary;
pub mod database;
pub mod endpoint;
pub mod harness;
pub mod javascript;
pub mod json_text;
pub mod memory;
pub mod mongo;
pub mod ports;
pub mod proxy;
pub mod python;
pub mod raw;
pub mod redis;
pub mod redis_proxy;
pub mod resp;
pub mod scene;
pub mod upload;
pub mod wait;
