//! What follows when something was deleted: a message is not unread any more for anybody, and what is left
//! of a reaction is forgotten after a while.

use mongodb::bson::{Document, doc};

use super::collections::{all, execute};
use super::db::Db;
use super::documents::{KnownMessage, date};
use super::filters::ACTIVE;
use crate::stores::conversations::error::StoreError;

/// Maximum number of messages that are counted at once.
pub(super) const MAX_COUNTED: usize = 32;
/// How many counted messages a participant's document lists: enough for all concurrent operations.
const MAX_LISTED: i32 = 2 * MAX_COUNTED as i32;

/// How long a reaction that was removed leaves a trace, in milliseconds: no node is as late as that.
const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;

/// The update that counts these messages as not unread any more for a participant.
pub(super) fn passed(seqs: Vec<i64>) -> Document {
    let each = doc! { "$each": seqs.clone(), "$slice": -MAX_LISTED };
    doc! {
        "$inc": { "counts.passed": seqs.len() as i64 },
        "$push": { "counts.counted": each },
    }
}

/// Stops counting a deleted message as unread for every active participant for whom it does.
pub(super) async fn pass_for_all(
    db: &Db,
    conversation: &str,
    message: &KnownMessage,
) -> Result<(), StoreError> {
    let read = doc! { "messageId": &message.id, "readAt": { "$ne": null } };
    let readers = all(db.receipts.find(read)).await?;
    let mut others: Vec<_> = readers.into_iter().map(|receipt| receipt.user_id).collect();
    others.push(message.sender_id.clone());
    others.extend(message.deleted_for.iter().cloned());
    let filter = doc! {
        "conversationId": conversation,
        "status": ACTIVE,
        "userId": { "$nin": others },
        "counts.since": { "$lt": message.seq },
        "counts.counted": { "$ne": message.seq },
    };
    let pass = passed(vec![message.seq]);
    execute(db.participants.update_many(filter, pass)).await?;
    let this = doc! { "_id": &message.id };
    let counted = doc! { "$unset": { "uncounted": "" } };
    execute(db.messages.update_one(this, counted))
        .await
        .map(drop)
}

/// Finishes the deletions that ended half-way.
pub(super) async fn finish_deletions(db: &Db) -> Result<(), StoreError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Deleted {
        conversation_id: String,
        #[serde(flatten)]
        message: KnownMessage,
    }
    let uncounted = db.messages.clone_with_type::<Deleted>();
    for deleted in all(uncounted.find(doc! { "uncounted": true })).await? {
        pass_for_all(db, &deleted.conversation_id, &deleted.message).await?;
    }
    Ok(())
}

/// Removes what is left of reactions that were removed long ago.
pub(super) async fn forget_removed_reactions(db: &Db) -> Result<(), StoreError> {
    let old = date(db.now().saturating_sub(KEPT_MS));
    let forget = db
        .reactions
        .delete_many(doc! { "removedAt": { "$lt": old } });
    execute(forget).await.map(drop)
}
