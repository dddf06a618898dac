//! The audit: who did what and when, never what was said.
//!
//! Owns the closed types of a record ([`Event`], [`Record`]), recording ([`Audit`]), the spool in
//! which records wait, the stores ([`SqliteStore`], [`MongoStore`]), and reading records back. It must
//! never block or fail a relay, and must not be able to hold a ciphertext, key, signature, hash, file
//! name, content, emoji or token: there is no field such a value fits in.

mod details;
mod entry;
mod event;
mod mongo;
mod queue;
mod read;
mod record;
mod shared;
mod spool;
mod sqlite;
mod store;
mod text;
mod writer;

#[cfg(test)]
mod contract;

pub use details::Details;
pub use event::{
    AdminAction, Event, EventType, FileChunk, Level, MessageRef, MessageSent, Room, Target,
};
pub use mongo::MongoStore;
pub use queue::{Audit, AuditError};
pub use read::{Found, Logged, Order, Query, ReadError, ReadLimit, Reader};
pub use record::{Record, Source};
pub use spool::SpoolError;
pub use sqlite::{SqliteStore, StoreError};
pub use store::{AuditOptions, Refused, Store};
pub use text::{AuditText, Label, RoomName, Seq};
