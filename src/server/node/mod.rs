//! Being one node of a deployment: messages of other nodes are handed to the services they concern,
//! what dead nodes have left in Redis is removed, and what Redis has of this node is kept up to date.
//! It must not know how nodes are connected.

mod demands;
mod dispatch;
mod failover;
mod renewal;

pub(super) use demands::{Demands, settings};
pub(super) use dispatch::Dispatcher;
pub(super) use renewal::{run, shut_down};
