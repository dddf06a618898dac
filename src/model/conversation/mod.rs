//! Stored conversations: their ids, their records, and how a subscriber sees one. It must not know
//! where they are stored.

mod event;
mod ids;
mod message;
mod records;
mod view;
mod wire;

pub use event::{ConversationEvent, ParticipantsChange, UserNotification};
pub use ids::{ConversationId, Emoji, MAX_EMOJI_CHARS, MessageId, ReactionId, TempId};
pub use message::{
    Appended, Body, Deleted, Delivered, Edit, MAX_PAGE, Message, NewMessage, Page, PageLimit,
    Reacted, Reaction, Read, Receipt, Slice, Window,
};
pub use records::{
    Added, ContentKey, Conversation, Created, Ending, Listed, NewConversation, NewParticipant,
    Participant, ParticipantStatus, Role, UserChange, UserRecord, UserStatus,
};
pub use view::{ClientId, ConversationDialect, IdType, TypedId, View};
