//! The audit: who did what and when, never the content.
//!
//! Owns the closed types of a record ([`Event`], [`Record`]), recording ([`Audit`]), the spool in
//! which records wait, the stores ([`SqliteStore`], [`MongoStore`]), and reading records back.
//! Recording must never delay or fail an event. A record must not be able to hold a ciphertext, key,
//! signature, hash, file name, content, emoji or token: it has no field for such a value.

mod details;
mod document;
mod error;
mod event;
mod event_type;
mod files;
mod line;
pub(crate) mod metrics;
mod mongo;
mod payload;
mod queue;
mod read;
mod record;
mod rejected;
mod repeats;
mod shared;
mod size_limit;
mod spool;
mod sqlite;
mod state;
mod store;
mod text;
mod trail;
mod writer;

#[cfg(test)]
mod contract;

pub(crate) use error::{AuditStoreError, ReadError};
pub(crate) use event::{
    AdminAction, Event, FileChunk, MessageRef, MessageSent, Room, Target, Undelivered,
};
pub(crate) use event_type::EventType;
pub(crate) use mongo::MongoStore;
pub(crate) use queue::{Audit, AuditError};
pub use read::StoredRecord;
pub(crate) use read::{Order, Query, ReadLimit, Reader};
pub(crate) use record::{Encoded, Record, Source};
pub(crate) use repeats::RepeatLimits;
pub(crate) use size_limit::default_max_bytes;
pub(crate) use sqlite::SqliteStore;
pub(crate) use store::{AuditOptions, Store};
pub(crate) use text::{AuditText, Label, Seq};
pub(crate) use trail::Follower;
