//! The last message of a conversation.

use mongodb::bson::{Document, doc};
use serde::Deserialize;

use super::collections::one;
use super::db::Db;
use crate::model::conversation::ConversationId;
use crate::stores::conversations::error::StoreError;

/// The fields of the last message that the next one depends on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Newest {
    pub(super) id: String,
    pub(super) sender_id: String,
    pub(super) seq: i64,
}

pub(super) async fn newest(
    db: &Db,
    conversation: &ConversationId,
) -> Result<Option<Newest>, StoreError> {
    newest_of(db, doc! { "conversationId": conversation.as_str() }).await
}

/// The last message that matches; the filter names one conversation.
pub(super) async fn newest_of(db: &Db, filter: Document) -> Result<Option<Newest>, StoreError> {
    let by = match filter.contains_key("id") {
        true => doc! { "id": -1 },
        false => doc! { "seq": -1 },
    };
    let messages = db.messages.clone_with_type::<Newest>();
    let fields = doc! { "id": 1, "senderId": 1, "seq": 1 };
    one(messages.find_one(filter).sort(by).projection(fields)).await
}
