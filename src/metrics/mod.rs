//! What is counted for operators, once for the whole process: each fact in one place, which everybody above may name.
//!
//! Counting is a relaxed operation on an atomic in an array that a closed list has the size of: nothing is looked up,
//! locked or allocated. What can be asked for is not counted, but read when somebody wants to know (`http/metrics.rs`).
//! A label is never made of what a client wrote, an id, a name or an address.
//!
//! Facts whose closed list belongs to a module above have their counters there: types of audit records in `audit`,
//! events of clients in `dialects`, routes in `http`.

pub(crate) mod authentications;
pub(crate) mod connections;
mod counter;
pub(crate) mod dialects;
pub(crate) mod edge;
pub(crate) mod events;
mod families;
mod histogram;
pub(crate) mod nodes;
pub(crate) mod present;
pub(crate) mod process;
pub(crate) mod publish;
pub(crate) mod refusals;
pub(crate) mod reload;
pub(crate) mod stores;
pub(crate) mod traffic;

pub(crate) use counter::{Counter, Counters, Gauge};
pub(crate) use families::{Families, Format};
pub(crate) use histogram::Histogram;

/// Adds everything that is counted here.
pub(crate) fn describe(families: &mut Families) {
    connections::describe(families);
    authentications::describe(families);
    refusals::describe(families);
    reload::describe(families);
    edge::describe(families);
    events::describe(families);
    publish::describe(families);
    traffic::describe(families);
    present::describe(families);
    stores::describe(families);
    process::describe(families);
}
