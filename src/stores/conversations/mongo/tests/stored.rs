//! What the database holds, for the contract.

use async_trait::async_trait;

use super::super::collections::all;
use super::super::documents::{ReactionDocument, text_of as id_text};
use super::*;
use crate::model::conversation::{Reaction, Receipt};
use crate::stores::conversations::contract::stored::Stored;

#[async_trait]
impl Stored for MongoConversations {
    async fn reactions(&self, message: MessageId) -> Vec<Reaction> {
        let filter = doc! { "messageId": id_text(message.uuid()), "removedAt": null };
        let oldest_first = doc! { "createdAt": 1, "id": 1 };
        let found = all(self.db.reactions.find(filter).sort(oldest_first)).await;
        let reactions = found.unwrap().into_iter().map(ReactionDocument::reaction);
        reactions.collect::<Result<_, _>>().unwrap()
    }

    async fn receipts(&self, message: MessageId) -> Vec<Receipt> {
        let filter = doc! { "messageId": id_text(message.uuid()) };
        let receipts = self.db.receipts.clone_with_type::<Document>();
        let found = all(receipts.find(filter)).await.unwrap().into_iter();
        let ms = |date: DateTime| u64::try_from(date.timestamp_millis()).unwrap();
        let receipt = |document: Document| Receipt {
            message,
            user: user(document.get_str("userId").unwrap()),
            delivered_at: ms(*document.get_datetime("deliveredAt").unwrap()),
            read_at: match document.get("readAt") {
                None | Some(Bson::Null) => None,
                Some(read) => Some(ms(*read.as_datetime().unwrap())),
            },
        };
        found.map(receipt).collect()
    }
}
