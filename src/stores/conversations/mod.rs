//! Where stored conversations and users are kept: the contract, and the stores that keep it.

#[cfg(test)]
mod contract;
mod mongo;
mod order;
mod sqlite;
mod store;

pub use mongo::MongoConversations;
pub use sqlite::SqliteConversations;
pub use store::{ConversationStore, StoreError};
