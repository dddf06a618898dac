//! Being one node of a deployment: what other nodes say is done here, what a dead one leaves behind
//! is taken out, and what Redis holds of this one is kept true. It must not know how nodes are
//! reached.

mod dispatch;
mod failover;
mod renewal;

pub use dispatch::Ears;
pub use renewal::{keep, leave};
