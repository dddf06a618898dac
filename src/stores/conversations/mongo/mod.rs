//! Conversations in MongoDB: the collections `users`, `conversations`, `participants`, `messages`,
//! `receipts`, `reactions`, `changes`, `participantChanges`, `blocks` and `revocations`, behind the prefix that is set. Other programs may
//! read all of them, and may write users, conversations and participants, so nothing of these is cached that has to be right.
//!
//! An operation changes several documents one after the other, since not every server of MongoDB's
//! protocol has transactions. One document decides whether something happened: that of the conversation,
//! which has the last change of its log (`log`). The others follow (`apply`).

mod applications;
mod apply;
mod blocks;
mod changes;
mod circuit_breaker;
mod collections;
mod conversations;
mod counts;
mod db;
mod deletions;
mod documents;
mod filters;
mod heads;
mod health;
mod history;
mod import;
mod invitations;
mod keys;
mod known_messages;
mod leaving;
mod lists;
mod log;
mod log_range;
mod logged;
mod marks;
mod members;
mod messages;
mod newcomers;
mod newest;
mod noted_receipts;
mod participant_changes;
mod participants;
mod pending;
mod prepare;
mod reactions;
mod read_log;
mod receipts;
mod retention;
mod revocations;
mod roles;
mod rotation;
mod shapes;
mod shared_log;
mod store;
mod upgrade;
mod users;

#[cfg(test)]
mod tests;

pub(crate) use store::MongoConversations;
