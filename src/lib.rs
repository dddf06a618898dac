//! The relay as a library: the binary and the tests start it the same way.

pub mod audit;
pub mod auth;
pub mod clock;
pub mod config;
pub mod connection;
pub mod dialect;
pub mod dialects;
pub mod error;
pub mod identity;
pub mod limits;
pub mod payload;
pub mod places;
pub mod presence;
pub mod relay;
pub mod rooms;
pub mod sessions;
pub mod transport;
pub mod users;
