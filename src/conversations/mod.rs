//! Stored conversations: what the dialects `conversation`, `feed` and `chat` show of them is the same
//! records. Here is what they are made of, where they are kept, and who is subscribed to them on this
//! server (`live`). A store must not know connections, and nothing here any event.

mod ids;
mod live;
mod message;
mod model;
mod mongo;
mod order;
mod sqlite;
mod store;

#[cfg(test)]
mod contract;

pub use crate::identity::TokenUser;
pub use ids::{ConversationId, Emoji, MAX_EMOJI_CHARS, MessageId, ReactionId, TempId};
pub use live::{
    Conversations, Fact, IdType, Live, Notice, Participation, Shape, ShownId, Teller, Unsaid, View,
    WrittenId,
};
pub use message::{
    Appended, Body, Deleted, Delivered, Edit, MAX_PAGE, Message, NewMessage, Page, PageLimit,
    Reacted, Reaction, Read, Receipt, Slice, Window,
};
pub use model::{
    Added, ContentKey, Conversation, Created, Ending, Listed, NewConversation, NewParticipant,
    Participant, ParticipantStatus, Role, UserChange, UserRecord, UserStatus,
};
pub use mongo::MongoConversations;
pub use sqlite::SqliteConversations;
pub use store::{ConversationStore, StoreError};
