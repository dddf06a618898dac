//! Conversations in an SQLite file of the data folder, `conversations.db`. The calling task never
//! blocks: one thread writes, a small pool reads.

mod blocks;
mod changes;
mod columns;
mod conversation_rows;
mod conversations;
mod deliveries;
mod fair_queue;
mod first_participants;
mod health;
mod history;
mod import;
mod invitations;
mod keys;
mod leaving;
mod lists;
mod log;
mod marks;
mod membership;
mod message_rows;
mod messages;
mod newcomers;
mod order;
mod participant_rows;
mod participants;
mod participations;
mod pending;
mod reactions;
mod read_log;
mod readers;
mod receipt_log;
mod receipt_rows;
mod receipts;
mod retention;
mod revocations;
mod roles;
mod schema;
mod store;
mod users;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use store::SqliteConversations;
