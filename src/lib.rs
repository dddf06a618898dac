//! The relay as a library: the binary and the tests start it the same way.

pub mod config;
pub mod dialect;
