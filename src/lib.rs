//! The relay as a library: the binary and the tests start it the same way.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test that cannot go on has failed"
    )
)]

pub mod audit;
pub mod dialect;
pub mod error;
