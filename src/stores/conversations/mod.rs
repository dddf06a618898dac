//! The stores of conversations and users: one trait for each kind of record, and the implementations
//! in SQLite and in MongoDB. A store must not know connections, events, or who is online.
//!
//! Each operation is atomic: others see all of it or nothing, and once it has answered, its effect
//! survives the end of this process. Receipts of several messages, and what is counted of a
//! conversation (its last message, its unread messages), may become visible one by one, but all of
//! it before the answer: so a database that changes one document at a time will do.
//!
//! Who joined a conversation with the history `joined` sees what was sent since. What was sent before is
//! not there for them: no operation finds it, whether it reads or changes.
//!
//! An operation on behalf of a user in a conversation requires that they are an active participant;
//! otherwise [`StoreError::NotParticipant`].

mod blocks;
mod conversation;
mod dry_run;
mod error;
mod health;
mod import;
mod invitations;
mod log;
mod messages;
mod mongo;
mod order;
mod participants;
mod pending;
mod reactions;
mod receipts;
mod retention;
mod revocations;
mod shared_log;
mod sqlite;
mod stores;
mod users;

#[cfg(test)]
mod contract;

pub(crate) use blocks::BlockStore;
pub(crate) use conversation::ConversationStore;
pub(crate) use dry_run::DryRun;
pub(crate) use error::StoreError;
pub(crate) use mongo::MongoConversations;
pub(crate) use participants::{MAX_KEYS, MAX_NAMES};
pub(crate) use revocations::RevocationStore;
pub(crate) use shared_log::{ParticipantsChanged, Position, SharedLog};
pub(crate) use sqlite::SqliteConversations;
pub(crate) use stores::ConversationStores;
pub(crate) use users::UserStore;
