//! Filters that several operations need.

use mongodb::bson::{Document, doc};

use crate::model::UserId;
use crate::model::conversation::{ConversationId, ParticipantStatus};

pub(super) const ACTIVE: &str = ParticipantStatus::Active.as_str();

/// The statuses of those who are participants for others.
pub(super) const LOOK_ACTIVE: [&str; 2] = [ACTIVE, ParticipantStatus::Ignored.as_str()];

/// Those, and those of who is invited: they count where a conversation is full.
pub(super) const COUNTED: [&str; 3] = [LOOK_ACTIVE[0], LOOK_ACTIVE[1], INVITED];

pub(super) const INVITED: &str = ParticipantStatus::Invited.as_str();

/// One participant of a conversation.
pub(super) fn this(conversation: &ConversationId, user: &UserId) -> Document {
    doc! { "conversationId": conversation.as_str(), "userId": user.as_str() }
}

/// A field that was not set by a change with this number or a later one, or not at all.
pub(super) fn before(number: i64) -> Document {
    doc! { "$not": { "$gte": number } }
}
