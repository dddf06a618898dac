//! Stored conversations: what the dialects `conversation`, `feed` and `chat` show of them is the same
//! records. Here is what they are made of and where they are kept. It must not know connections or
//! events.

mod ids;
mod message;
mod model;
mod sqlite;
mod store;

#[cfg(test)]
mod contract;

pub use ids::{ConversationId, Emoji, MAX_EMOJI_CHARS, MessageId, ReactionId, TempId};
pub use message::{
    Appended, Body, Deleted, Delivered, Edit, MAX_PAGE, Message, NewMessage, Page, PageLimit,
    Reacted, Reaction, Read, Receipt, Slice, Window,
};
pub use model::{
    Added, ContentKey, Conversation, Created, Ending, Listed, NewConversation, NewParticipant,
    Participant, ParticipantStatus, Role, TokenUser, UserChange, UserRecord, UserStatus,
};
pub use sqlite::SqliteConversations;
pub use store::{ConversationStore, StoreError};
