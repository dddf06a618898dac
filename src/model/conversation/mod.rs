//! Stored conversations: their ids, their records, and how a subscriber sees one. It must not know
//! where they are stored.

mod event;
mod ids;
mod message;
mod records;
mod view;
mod wire;

pub(crate) use event::{ConversationEvent, ParticipantsChange, UserNotification};
pub(crate) use ids::{ConversationId, Emoji, MessageId, ReactionId, TempId};
pub(crate) use message::{
    Appended, Body, Deleted, Delivered, Edit, Message, NewMessage, Page, PageLimit, Reacted,
    Reaction, Read, Slice, Window,
};
pub(crate) use records::{
    Added, ContentKey, Conversation, Created, Ending, Listed, NewConversation, NewParticipant,
    Participant, ParticipantStatus, Role, UserChange, UserRecord, UserStatus,
};
pub(crate) use view::{ClientId, ConversationDialect, IdType, TypedId, View};
