//! The participant on whose behalf an operation is done, with what is counted for them. Where an
//! application has added the participant, the counts are created first.

use mongodb::bson::{DateTime, doc};

use super::collections::{execute, one};
use super::db::{Db, gone};
use super::documents::{
    Counts, KnownMessage, ParticipantDocument, date, first_counts, ms, text_of,
};
use super::filters::{ACTIVE, this};
use super::log::{read_head, settle};
use super::newest::newest_of;
use crate::model::UserId;
use crate::model::conversation::{ChangedBy, ConversationId, History, Role};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::order::first_at;

/// The active participant on whose behalf an operation is done.
pub(super) struct Member {
    pub(super) conversation: ConversationId,
    pub(super) user: UserId,
    pub(super) role: Role,
    pub(super) counts: Counts,
}

impl Member {
    /// Whether a message is there for them.
    pub(super) fn sees(&self, message: &KnownMessage) -> bool {
        message.seq > self.counts.visible_since
    }
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
    let mut found = active(db, conversation, user).await?;
    if found.is_none() {
        // Another node may have left the change by which they become one.
        let settled = settle(db, conversation).await?;
        if settled.is_some_and(|settled| settled.is_news) {
            found = active(db, conversation, user).await?;
        }
    }
    let document = found.ok_or(StoreError::NotParticipant)?;
    Ok(Member {
        conversation: conversation.clone(),
        user: user.clone(),
        role: document.role(),
        counts: counts_of(db, &document).await?,
    })
}

async fn active(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
) -> Result<Option<ParticipantDocument>, StoreError> {
    let mut filter = this(conversation, user);
    filter.insert("status", ACTIVE);
    one(db.participants.find_one(filter)).await
}

/// Fails if a user wants to manage the participants of a conversation who may not.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAdmin`]
pub(super) async fn require_admin(
    db: &Db,
    conversation: &ConversationId,
    by: &ChangedBy,
) -> Result<(), StoreError> {
    let ChangedBy::User(user) = by else {
        return Ok(());
    };
    match member(db, conversation, user).await?.role {
        Role::Admin => Ok(()),
        Role::Member => Err(StoreError::NotAdmin),
    }
}

/// The counts of a participant, recreated where an application has added them.
pub(super) async fn counts_of(
    db: &Db,
    document: &ParticipantDocument,
) -> Result<Counts, StoreError> {
    if let Some(counts) = document.counts() {
        return Ok(counts.clone());
    }
    let conversation = ConversationId::parse(&document.conversation_id);
    let conversation = conversation.ok_or_else(|| gone("participants"))?;
    let head = read_head(db, &conversation).await?;
    let (since, unread) = match document.joined_at {
        Some(at) => sent_since(db, &conversation, at, head.number).await?,
        None => (head.number, 0),
    };
    let joined_at = document.joined_at.unwrap_or_else(|| date(db.now()));
    let mut filter = doc! {
        "conversationId": &document.conversation_id,
        "userId": &document.user_id,
        "joinedAt": document.joined_at,
    };
    filter.insert("counts.joinedAt", doc! { "$ne": joined_at });
    let history = history_of(db, &conversation).await?;
    let first = first_counts(joined_at, since, head.messages - unread, history);
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

/// What those see who are added to a conversation.
pub(super) async fn history_of(
    db: &Db,
    conversation: &ConversationId,
) -> Result<History, StoreError> {
    let find = db
        .conversations
        .find_one(doc! { "id": conversation.as_str() });
    let found = one(find.projection(doc! { "id": 1, "history": 1 })).await?;
    Ok(found.map_or(History::All, |found| found.history()))
}

/// The number of the last message before a time, and how many there are from then until a number, without
/// deleted ones.
async fn sent_since(
    db: &Db,
    conversation: &ConversationId,
    at: DateTime,
    until: i64,
) -> Result<(i64, i64), StoreError> {
    let earlier = doc! {
        "conversationId": conversation.as_str(),
        "id": { "$lt": text_of(&first_at(ms(at))) },
    };
    let since = newest_of(db, earlier).await?.map_or(0, |last| last.seq);
    let later = doc! {
        "conversationId": conversation.as_str(),
        "seq": { "$gt": since, "$lte": until },
        "deletedAt": null,
    };
    let unread = execute(db.messages.count_documents(later)).await?;
    Ok((since, unread as i64))
}
