//! The audit: who did what and when, never what was said.
//!
//! Owns the closed types of a record ([`Event`], [`Record`]), the queue in front of the writer
//! ([`Audit`]), reading records back, and the embedded store. It must never block or fail a relay, and must not be able
//! to hold a ciphertext, key, signature, hash, file name, content, emoji or token: there is no
//! field such a value fits in.

mod details;
mod event;
mod queue;
mod read;
mod record;
mod sqlite;
mod text;
mod writer;

pub use details::Details;
pub use event::{
    AdminAction, Event, EventType, FileChunk, Level, MessageRef, MessageSent, Room, Target,
};
pub use queue::{Audit, AuditOptions, Store};
pub use read::{Found, Logged, Query, ReadLimit, Reader};
pub use record::{Record, Source};
pub use sqlite::{SqliteStore, StoreError};
pub use text::{AuditText, Label, RoomName, Seq};
