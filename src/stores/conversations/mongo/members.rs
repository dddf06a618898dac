//! The participant on whose behalf an operation is done, with what is counted for them. Where an
//! application has added the participant, the counts are created first.

use mongodb::bson::{Document, doc};

use super::collections::{execute, one};
use super::db::{Db, gone};
use super::documents::{Counts, ParticipantDocument, date, first_counts, ms, text_of};
use super::newest::newest_of;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, ParticipantStatus, Role};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::order::first_at;

pub(super) const ACTIVE: &str = ParticipantStatus::Active.as_str();

/// The active participant on whose behalf an operation is done.
pub(super) struct Member {
    pub(super) conversation: ConversationId,
    pub(super) user: UserId,
    pub(super) role: Role,
    pub(super) counts: Counts,
}

/// The filter for one participant of a conversation.
pub(super) fn this(conversation: &ConversationId, user: &UserId) -> Document {
    doc! { "conversationId": conversation.as_str(), "userId": user.as_str() }
}

/// The active participant of a conversation.
///
/// # Errors
/// [`StoreError::NotParticipant`]
pub(super) async fn member(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
) -> Result<Member, StoreError> {
    let mut filter = this(conversation, user);
    filter.insert("status", ACTIVE);
    let found = one(db.participants.find_one(filter)).await?;
    let document = found.ok_or(StoreError::NotParticipant)?;
    Ok(Member {
        conversation: conversation.clone(),
        user: user.clone(),
        role: document.role(),
        counts: counts_of(db, &document).await?,
    })
}

/// The counts of a participant, recreated where an application has added them.
pub(super) async fn counts_of(
    db: &Db,
    document: &ParticipantDocument,
) -> Result<Counts, StoreError> {
    if let Some(counts) = document.counts() {
        return Ok(counts.clone());
    }
    let newest = match document.joined_at {
        Some(at) => {
            let before = doc! { "$lt": text_of(&first_at(ms(at))) };
            let filter = doc! { "conversationId": &document.conversation_id, "id": before };
            newest_of(db, filter).await?
        }
        None => {
            let filter = doc! { "conversationId": &document.conversation_id };
            newest_of(db, filter).await?
        }
    };
    let since = newest.map_or(0, |message| message.seq);
    let deleted = doc! {
        "conversationId": &document.conversation_id,
        "seq": { "$gt": since },
        "deletedAt": { "$ne": null },
    };
    let deleted = execute(db.messages.count_documents(deleted)).await? as i64;
    let joined_at = document.joined_at.unwrap_or_else(|| date(db.now()));
    let mut filter = doc! {
        "conversationId": &document.conversation_id,
        "userId": &document.user_id,
        "joinedAt": document.joined_at,
    };
    filter.insert("counts.joinedAt", doc! { "$ne": joined_at });
    let first = first_counts(joined_at, since, since + deleted);
    let set = doc! { "$set": { "joinedAt": joined_at, "counts": first } };
    execute(db.participants.update_one(filter, set)).await?;
    // A concurrent operation may have stored others.
    let again = doc! {
        "conversationId": &document.conversation_id, "userId": &document.user_id,
    };
    let again = execute(db.participants.find_one(again)).await?;
    let counts = again.as_ref().and_then(ParticipantDocument::counts);
    counts.cloned().ok_or_else(|| gone("participants"))
}
