//! Those who do not see the whole history of a conversation: they joined it later.

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
    let filter = doc! {
        "conversationId": conversation.as_str(), "status": ACTIVE,
        "counts.visibleSince": { "$gt": 0 },
    };
    let find = db.participants.find(filter);
    let found = all(find.projection(ParticipantDocument::counted_fields())).await?;
    let newcomers = found.iter().filter_map(|one| {
        let since = one.counts()?.visible_since;
        Some((UserId::parse(&one.user_id)?, change_number(since)))
    });
    Ok(newcomers.collect())
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
