//! Connections below the events: frames and requests outside the protocol, and receivers that do not read.

mod engine_errors;
mod engine_io;
mod fairness;
mod fairness_of_rooms;
mod frames;
pub(crate) mod hostile;
mod old_clients;
mod refused_bodies;
mod slow_receiver;
mod yielding;
