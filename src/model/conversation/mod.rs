//! Stored conversations: their ids, their records, and how a subscriber sees one. It must not know
//! where they are stored.

mod change;
mod cursor;
mod description;
mod event;
mod extra;
mod fingerprint;
mod ids;
mod import;
mod list_cursor;
mod message;
mod records;
mod view;
pub(crate) mod wire;

pub(crate) use super::id_type::IdType;
pub(crate) use change::{
    Change, ChangePage, Changed, ChangedBy, LogWindow, Logged, Participation, Snapshot,
    VisibleChanges,
};
pub(crate) use cursor::{Cursor, ReceiptCursor};
pub(crate) use description::{Description, DescriptionChange};
pub(crate) use event::{
    ConversationEvent, Described, LoggedEvent, NumberedEvent, ParticipantsChange, UserNotification,
};
pub(crate) use extra::{Extra, OWN_OF_CONVERSATION, OWN_OF_REACTION};
pub(crate) use fingerprint::{Fingerprint, retry_day};
pub(crate) use ids::{ChangeNumber, ConversationId, Emoji, MessageId, ReactionId, TempId};
pub(crate) use import::{Import, Imported, ImportedConversation, ImportedParticipant, Step};
pub(crate) use list_cursor::{ListCursor, ListPage};
pub(crate) use message::{
    After, Body, Delivered, Edit, MAX_READ, Message, NewMessage, Page, PageLimit, Reaction, Read,
    ReadMessages, Receipt, ReceiptPage, Slice, Window,
};
pub(crate) use records::{
    ContentKey, Conversation, Created, GivenKey, History, Invitation, KeyRotation, Listed,
    NewConversation, NewParticipant, Participant, ParticipantStatus, Role, UserChange, UserRecord,
    UserStatus,
};
pub(crate) use view::{ClientId, ConversationDialect, TypedId, View};
