//! Databases of releases without a log: what they hold becomes the beginning of each log. The messages of
//! a conversation, which are numbered without gaps there, are its first changes.
//!
//! Each step can be repeated, and several nodes may take it at once.

use futures_util::future::try_join_all;
use mongodb::bson::{Bson, Document, deserialize_from_document, doc};
use mongodb::{Collection, Cursor};

use super::collections::{execute, one, unless_there};
use super::db::Db;
use super::documents::{ParticipantDocument, date};
use super::newest::newest;
use crate::model::conversation::{ConversationId, MessageId};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::order::time_of;

/// How many documents are upgraded at a time.
const AT_ONCE: usize = 32;
/// The marker of an upgraded database.
pub(super) const MARKER: &str = "conversations";
const VERSION: i32 = 1;

/// Upgrades the database, unless that was done.
pub(super) async fn upgrade(db: &Db) -> Result<(), StoreError> {
    if one(db.schema.find_one(doc! { "_id": MARKER }))
        .await?
        .is_some()
    {
        return Ok(());
    }
    let conversations = upgrade_conversations(db).await?;
    let participants = upgrade_participants(db).await?;
    let marker = doc! { "_id": MARKER, "version": VERSION };
    unless_there(db.schema.insert_one(marker)).await?;
    if conversations + participants > 0 {
        tracing::info!(
            conversations,
            participants,
            "began the logs of conversations"
        );
    }
    Ok(())
}

async fn lacking<T: Send + Sync>(
    collection: &Collection<T>,
    field: &str,
    fields: Document,
) -> Result<Cursor<Document>, StoreError> {
    let documents = collection.clone_with_type::<Document>();
    let find = documents.find(doc! { field: { "$exists": false } });
    execute(find.projection(fields)).await
}

/// The next documents of a cursor. It may take as long as it does: only each step is limited.
async fn next(cursor: &mut Cursor<Document>) -> Result<Vec<Document>, StoreError> {
    let mut found = Vec::new();
    while found.len() < AT_ONCE && execute(cursor.advance()).await? {
        let document = std::future::ready(cursor.deserialize_current());
        found.push(execute(document).await?);
    }
    Ok(found)
}

async fn upgrade_conversations(db: &Db) -> Result<usize, StoreError> {
    let mut cursor = lacking(&db.conversations, "changes", doc! { "id": 1 }).await?;
    let mut count = 0;
    loop {
        let found = next(&mut cursor).await?;
        if found.is_empty() {
            return Ok(count);
        }
        count += found.len();
        try_join_all(found.into_iter().map(|one| upgrade_conversation(db, one))).await?;
    }
}

async fn upgrade_conversation(db: &Db, document: Document) -> Result<(), StoreError> {
    let id = document.get_str("id").ok().and_then(ConversationId::parse);
    let newest = match &id {
        Some(id) => newest(db, id).await?,
        None => None,
    };
    let mut update = doc! { "$unset": { "making": "" } };
    match &newest {
        None => {
            update.insert("$set", doc! { "changes": 0_i64 });
        }
        Some(last) => {
            let set = doc! {
                "changes": last.seq, "messageCount": last.seq, "lastMessageId": &last.id,
            };
            update.insert("$set", set);
            let sent = MessageId::parse(&last.id).map(|id| time_of(id.uuid()));
            if let Some(sent) = sent {
                update.insert("$max", doc! { "lastMessageAt": date(sent) });
            }
            // The node that stored it may have ended before it counted it.
            let sender = doc! {
                "conversationId": document.get("id"),
                "userId": &last.sender_id,
                "counts.own": { "$lt": last.seq },
            };
            let pass =
                doc! { "$inc": { "counts.passed": 1_i64 }, "$set": { "counts.own": last.seq } };
            execute(db.participants.update_one(sender, pass)).await?;
        }
    }
    let filter = doc! { "_id": document.get("_id"), "changes": null };
    execute(db.conversations.update_one(filter, update))
        .await
        .map(drop)
}

async fn upgrade_participants(db: &Db) -> Result<usize, StoreError> {
    // Without what is large.
    let fields = doc! { "encryptedContentKey": 0, "counts": 0 };
    let mut cursor = lacking(&db.participants, "logged", fields).await?;
    let mut count = 0;
    loop {
        let found = next(&mut cursor).await?;
        if found.is_empty() {
            return Ok(count);
        }
        count += found.len();
        try_join_all(found.into_iter().map(|one| upgrade_participant(db, one))).await?;
    }
}

async fn upgrade_participant(db: &Db, document: Document) -> Result<(), StoreError> {
    let id = document.get("_id").cloned().unwrap_or(Bson::Null);
    // One that another program wrote and that is not as documented is none.
    let Ok(participant) = deserialize_from_document::<ParticipantDocument>(document) else {
        return Ok(());
    };
    let logged = participant.state().logged(0);
    let filter = doc! { "_id": id, "logged": null };
    let write = db
        .participants
        .update_one(filter, doc! { "$set": { "logged": logged } });
    execute(write).await.map(drop)
}
