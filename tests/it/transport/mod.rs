//! Connections below the events: frames and requests outside the protocol, and receivers that do not read.

pub(crate) mod hostile;
mod slow_receiver;
mod yielding;
