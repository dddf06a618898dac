//! Removing what is old, a part at a time. Each step can be repeated: whoever is stopped half-way, or does
//! the same as another node, does no harm.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::collections::{all, execute};
use super::conversations::find;
use super::db::Db;
use super::deletions::{MAX_COUNTED, forget_removed_reactions, pass_for_all};
use super::documents::{KnownMessage, date};
use super::log::read_head;
use super::participant_changes::forget_old;
use super::store::MongoConversations;
use crate::model::conversation::{Conversation, ConversationId};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::retention::{RetentionStore, time_before};

/// How many conversations are looked at at once.
const CONVERSATIONS: i64 = 1_000;
/// How many documents are found at once.
const BATCH: i64 = 500;
/// In how many conversations something is removed at once.
const AT_ONCE: usize = 8;

#[async_trait]
impl RetentionStore for MongoConversations {
    async fn set_message_retention(
        &self,
        conversation: &ConversationId,
        retention: Option<Duration>,
    ) -> Result<Option<Conversation>, StoreError> {
        let conversation = conversation.clone();
        self.write(|db| async move { set(&db, &conversation, retention).await })
            .await
    }

    async fn remove_old_messages(&self, kept: Duration) -> Result<u64, StoreError> {
        let (mut removed, mut last) = (0, String::new());
        if !self.keeps_conversations().await? {
            return Ok(removed);
        }
        loop {
            let page = self.run(page(&self.db, &last, kept)).await?;
            let Some(end) = page.last().map(|one| one.id.clone()) else {
                return Ok(removed);
            };
            last = end;
            for (kept, conversations) in by_retention(page, kept) {
                removed += self.remove_messages_of(&conversations, kept).await?;
            }
        }
    }

    async fn remove_old_changes(&self, kept: Duration) -> Result<(), StoreError> {
        let before = date(time_before(self.db.now(), kept));
        if !self.keeps_conversations().await? {
            return Ok(());
        }
        loop {
            let old = self.run(old_records(&self.db, before)).await?;
            let removing = stream::iter(old).map(|(conversation, last)| async move {
                self.run(remove_records(&self.db, &conversation, last, before))
                    .await
            });
            let removed: Vec<u64> = removing.buffer_unordered(AT_ONCE).try_collect().await?;
            if removed.iter().sum::<u64>() == 0 {
                break;
            }
        }
        let rest = try_join(forget_removed_reactions(&self.db), forget_old(&self.db));
        self.run(rest).await.map(drop)
    }
}

impl MongoConversations {
    /// Whether there may be conversations, all in the form that this release knows.
    async fn keeps_conversations(&self) -> Result<bool, StoreError> {
        self.run(async { Ok(self.prepared.is_ready_for_conversations()) })
            .await
    }

    /// Removes the messages of some conversations that were kept so long; how many.
    async fn remove_messages_of(
        &self,
        conversations: &[ConversationId],
        kept: Duration,
    ) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let before = date(time_before(self.db.now(), kept));
            let old = self.run(old_messages(&self.db, conversations, before));
            let removing = stream::iter(old.await?).map(|(conversation, ids)| async move {
                let mut removed = 0;
                for ids in ids.chunks(MAX_COUNTED) {
                    removed += self.run(remove(&self.db, &conversation, ids)).await?;
                }
                Ok::<u64, StoreError>(removed)
            });
            let removed: Vec<u64> = removing.buffer_unordered(AT_ONCE).try_collect().await?;
            let removed: u64 = removed.iter().sum();
            if removed == 0 {
                return Ok(all);
            }
            all += removed;
        }
    }
}

async fn set(
    db: &Db,
    conversation: &ConversationId,
    retention: Option<Duration>,
) -> Result<Option<Conversation>, StoreError> {
    let seconds = retention.map(|kept| i64::try_from(kept.as_secs()).unwrap_or(i64::MAX));
    let update = match seconds {
        Some(seconds) => doc! { "$set": { "messageRetention": seconds } },
        None => doc! { "$unset": { "messageRetention": "" } },
    };
    let this = doc! { "id": conversation.as_str() };
    execute(db.conversations.update_one(this, update)).await?;
    find(db, conversation).await
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retained {
    id: String,
    message_retention: Option<i64>,
}

/// The next conversations: all, or those with a retention of their own if others keep their messages.
async fn page(db: &Db, last: &str, kept: Duration) -> Result<Vec<Retained>, StoreError> {
    let mut filter = doc! { "id": { "$gt": last } };
    if kept.is_zero() {
        filter.insert("messageRetention", doc! { "$gt": 0 });
    }
    let conversations = db.conversations.clone_with_type::<Retained>();
    let find = conversations.find(filter).sort(doc! { "id": 1 });
    let fields = doc! { "id": 1, "messageRetention": 1 };
    all(find.limit(CONVERSATIONS).projection(fields)).await
}

/// The conversations in which messages get old, by how long they are kept.
fn by_retention(page: Vec<Retained>, kept: Duration) -> BTreeMap<Duration, Vec<ConversationId>> {
    let mut groups: BTreeMap<Duration, Vec<ConversationId>> = BTreeMap::new();
    for one in page {
        let own = one
            .message_retention
            .and_then(|seconds| u64::try_from(seconds).ok());
        let kept = own.map_or(kept, Duration::from_secs);
        if !kept.is_zero() {
            let group = groups.entry(kept).or_default();
            group.extend(ConversationId::parse(&one.id));
        }
    }
    groups
}

/// Some of the messages of these conversations from before a time.
async fn old_messages(
    db: &Db,
    conversations: &[ConversationId],
    before: DateTime,
) -> Result<HashMap<ConversationId, Vec<String>>, StoreError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Old {
        #[serde(rename = "_id")]
        id: String,
        conversation_id: String,
    }
    let ids: Vec<_> = conversations.iter().map(ConversationId::as_str).collect();
    let filter = doc! { "conversationId": { "$in": ids }, "createdAt": { "$lt": before } };
    let messages = db.messages.clone_with_type::<Old>();
    let find = messages.find(filter).limit(BATCH);
    let fields = doc! { "_id": 1, "conversationId": 1 };
    let mut old: HashMap<ConversationId, Vec<String>> = HashMap::new();
    for message in all(find.projection(fields)).await? {
        if let Some(conversation) = ConversationId::parse(&message.conversation_id) {
            old.entry(conversation).or_default().push(message.id);
        }
    }
    Ok(old)
}

/// Removes messages of a conversation, at most [`MAX_COUNTED`], with what belongs to them; how many.
async fn remove(
    db: &Db,
    conversation: &ConversationId,
    messages: &[String],
) -> Result<u64, StoreError> {
    // Applied later, the last change might bring something of them back.
    read_head(db, conversation).await?;
    mark(db, conversation, messages).await?;
    pass(db, conversation, messages).await?;
    drop_tail(db, conversation, messages).await?;
    let of_them = doc! { "messageId": { "$in": messages } };
    let receipts = db.receipts.delete_many(of_them.clone());
    let reactions = db.reactions.delete_many(of_them.clone());
    try_join(execute(receipts), execute(reactions)).await?;
    let these = doc! { "_id": { "$in": messages } };
    let removed = execute(db.messages.delete_many(these)).await?.deleted_count;
    // One may have been changed meanwhile.
    drop_tail(db, conversation, messages).await?;
    execute(db.changes.delete_many(of_them)).await?;
    Ok(removed)
}

/// Deletes the messages as their senders could, so that nobody changes or reads them any more, and notes
/// that the conversation has fewer than were sent.
async fn mark(
    db: &Db,
    conversation: &ConversationId,
    messages: &[String],
) -> Result<(), StoreError> {
    let lacking = doc! { "id": conversation.as_str(), "lacksMessages": null };
    let lacks = doc! { "$set": { "lacksMessages": true } };
    let note = execute(db.conversations.update_one(lacking, lacks));
    let whole = doc! { "_id": { "$in": messages }, "deletedAt": null };
    let delete = doc! {
        "$set": { "deletedAt": date(db.now()), "uncounted": true },
        "$unset": { "content": "", "media": "", "extra": "" },
    };
    let delete = execute(db.messages.update_many(whole, delete));
    try_join(note, delete).await.map(drop)
}

/// Counts messages as unread for nobody. Each is looked at once more before: another node may have counted
/// it, and only the last ones that were counted are listed.
async fn pass(
    db: &Db,
    conversation: &ConversationId,
    messages: &[String],
) -> Result<(), StoreError> {
    let known = db.messages.clone_with_type::<KnownMessage>();
    for id in messages {
        let find = known.find(doc! { "_id": id, "uncounted": true });
        for message in all(find.projection(KnownMessage::fields())).await? {
            pass_for_all(db, conversation.as_str(), &message).await?;
        }
    }
    Ok(())
}

/// Removes what the conversation's document has of the last change, if that concerns one of these messages.
async fn drop_tail(
    db: &Db,
    conversation: &ConversationId,
    messages: &[String],
) -> Result<(), StoreError> {
    let this = doc! {
        "id": conversation.as_str(), "tail.change.messageId": { "$in": messages },
    };
    unset_tail(db, this).await
}

async fn unset_tail(db: &Db, conversation: Document) -> Result<(), StoreError> {
    let unset = doc! { "$unset": { "tail": "" } };
    execute(db.conversations.update_one(conversation, unset))
        .await
        .map(drop)
}

/// Some of the records from before a time: the last one of each conversation.
async fn old_records(
    db: &Db,
    before: DateTime,
) -> Result<HashMap<ConversationId, i64>, StoreError> {
    let find = db.changes.find(doc! { "at": { "$lt": before } });
    let mut old: HashMap<ConversationId, i64> = HashMap::new();
    for record in all(find.sort(doc! { "at": 1 }).limit(BATCH)).await? {
        if let Some(conversation) = ConversationId::parse(&record.conversation_id) {
            let last = old.entry(conversation).or_default();
            *last = record.number.max(*last);
        }
    }
    Ok(old)
}

/// Removes the records of a log from before a time up to a number; how many.
async fn remove_records(
    db: &Db,
    conversation: &ConversationId,
    last: i64,
    before: DateTime,
) -> Result<u64, StoreError> {
    let id = conversation.as_str();
    // Without its record, the last change would be applied again.
    read_head(db, conversation).await?;
    let is_removed = doc! { "$lte": last };
    unset_tail(db, doc! { "id": id, "tail.change.number": is_removed }).await?;
    let forget = doc! { "$max": { "forgotten": last } };
    execute(db.conversations.update_one(doc! { "id": id }, forget)).await?;
    let old = doc! {
        "conversationId": id, "number": { "$lte": last }, "at": { "$lt": before },
    };
    let removed = execute(db.changes.delete_many(old)).await?;
    Ok(removed.deleted_count)
}
