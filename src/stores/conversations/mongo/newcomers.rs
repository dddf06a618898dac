//! Those who do not see the whole history of a conversation: they joined it later.

use std::collections::HashSet;

use mongodb::bson::doc;

use super::collections::{all, one};
use super::db::Db;
use super::documents::{KnownMessage, ParticipantDocument, text_of};
use super::filters::{ACTIVE, this};
use super::log_range::change_number;
use super::members::counts_of;
use crate::model::UserId;
use crate::model::conversation::{ChangeNumber, ConversationId, MessageId};
use crate::stores::conversations::error::StoreError;

/// The change behind which a present or former participant sees messages.
pub(super) async fn since(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
) -> Result<i64, StoreError> {
    let Some(found) = one(db.participants.find_one(this(conversation, user))).await? else {
        return Ok(0);
    };
    match found.state().is_active() {
        true => Ok(counts_of(db, &found).await?.visible_since),
        false => Ok(found.counts().map_or(0, |counts| counts.visible_since)),
    }
}

pub(super) async fn newcomers(
    db: &Db,
    conversation: &ConversationId,
) -> Result<Vec<(UserId, ChangeNumber)>, StoreError> {
    // Of who was added by an application it may have to be found out first.
    let uncounted = doc! { "$expr": { "$ne": ["$joinedAt", "$counts.joinedAt"] } };
    let filter = doc! {
        "conversationId": conversation.as_str(), "status": ACTIVE,
        "$or": [doc! { "counts.visibleSince": { "$gt": 0 } }, uncounted],
    };
    let find = db.participants.find(filter);
    let found = all(find.projection(ParticipantDocument::counted_fields())).await?;
    let mut newcomers = Vec::new();
    for one in &found {
        let since = counts_of(db, one).await?.visible_since;
        if let Some(user) = UserId::parse(&one.user_id).filter(|_| since > 0) {
            newcomers.push((user, change_number(since)));
        }
    }
    Ok(newcomers)
}

pub(super) async fn sent_by(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
) -> Result<Option<ChangeNumber>, StoreError> {
    let messages = db.messages.clone_with_type::<KnownMessage>();
    let find = messages.find_one(doc! {
        "_id": text_of(message.uuid()), "conversationId": conversation.as_str(),
    });
    let found = one(find.projection(KnownMessage::fields())).await?;
    Ok(found.map(|found| change_number(found.seq)))
}

/// Those of these messages that a user has hidden, or that were not sent behind a change.
pub(super) async fn unseen(
    db: &Db,
    (user, since): (&UserId, i64),
    messages: &[MessageId],
) -> Result<HashSet<MessageId>, StoreError> {
    let mut unseen = HashSet::new();
    if messages.is_empty() {
        return Ok(unseen);
    }
    let ids: Vec<_> = messages.iter().map(|id| text_of(id.uuid())).collect();
    let mut filter = doc! { "deletedFor": user.as_str(), "_id": { "$in": &ids } };
    if since > 0 {
        let earlier = doc! { "seq": { "$lte": since } };
        let either = [doc! { "deletedFor": user.as_str() }, earlier];
        filter = doc! { "_id": { "$in": ids }, "$or": either.to_vec() };
    }
    let known = db.messages.clone_with_type::<KnownMessage>();
    for one in all(known.find(filter).projection(KnownMessage::fields())).await? {
        unseen.insert(one.message_id()?);
    }
    Ok(unseen)
}
