//! Conversations in MongoDB: the collections `users`, `conversations`, `participants`, `messages`,
//! `receipts` and `reactions`. Other programs may read all of them, and may write users,
//! conversations and participants, so nothing of these is cached that has to be right.
//!
//! An operation changes several documents one after the other, since not every server of MongoDB's
//! protocol has transactions. One document decides whether something happened; whatever is counted
//! can be counted again (`counts`).

mod changes;
mod circuit_breaker;
mod collections;
mod conversations;
mod counts;
mod db;
mod documents;
mod health;
mod history;
mod known_messages;
mod members;
mod messages;
mod newest;
mod participants;
mod reactions;
mod receipts;
mod sequence_cache;
mod store;
mod users;

#[cfg(test)]
mod tests;

pub(crate) use store::MongoConversations;
