//! Receipts: which message was delivered to whom, and who has read it.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use mongodb::bson::{DateTime, Document, doc};

use super::collections::{all, execute, insert_missing, one};
use super::counts;
use super::db::Db;
use super::deletions::MAX_COUNTED;
use super::documents::{KnownMessage, ReceiptDocument, date};
use super::filters::{ACTIVE, this};
use super::known_messages::{known_message, known_messages};
use super::log::read_head;
use super::log_range::change_number;
use super::marks;
use super::members::{Member, member};
use super::noted_receipts;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Delivered, MessageId, PageLimit, Read, Receipt, ReceiptCursor, ReceiptPage,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::receipts::ReceiptStore;

#[async_trait]
impl ReceiptStore for MongoConversations {
    async fn mark_read(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Read, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let messages = messages.to_owned();
        self.write(|db| async move { mark_read(&db, &conversation, &user, &messages).await })
            .await
    }

    async fn unread(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.run(unread(&self.db, conversation, user, limit)).await
    }

    async fn mark_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: PageLimit,
    ) -> Result<Delivered, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        self.write(|db| async move { mark_delivered(&db, &conversation, &user, limit).await })
            .await
    }

    async fn mark_delivered_to(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        _sender: &UserId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        let (conversation, users) = (conversation.clone(), users.to_owned());
        let write =
            self.write(
                |db| async move { mark_delivered_to(&db, &conversation, message, &users).await },
            );
        write.await
    }

    async fn of_messages(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Vec<Receipt>, StoreError> {
        self.run(marks::receipts(&self.db, conversation, user, messages))
            .await
    }

    async fn noted_since(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        after: Option<ReceiptCursor>,
        limit: usize,
    ) -> Result<ReceiptPage, StoreError> {
        let read = noted_receipts::noted_since(&self.db, conversation, user, after, limit);
        self.run(read).await
    }
}

async fn mark_read(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    ids: &[MessageId],
) -> Result<Read, StoreError> {
    let mut member = member(db, conversation, user).await?;
    let at = db.now();
    let mut found = known_messages(db, conversation, ids).await?;
    found.retain(|message| message.sender_id != user.as_str() && member.sees(message));
    let mut read: Vec<(UserId, Vec<MessageId>)> = Vec::new();
    let (mut delivered, mut newest) = (Vec::new(), 0);
    for messages in found.chunks(MAX_COUNTED) {
        for first in read_first(db, &mut member, messages, date(at)).await? {
            let (sender, id) = (first.message.sender()?, first.message.message_id()?);
            newest = newest.max(first.message.seq);
            if first.is_delivered {
                delivered.push((id, sender.clone()));
            }
            match read.iter_mut().find(|(known, _)| *known == sender) {
                Some((_, ids)) => ids.push(id),
                None => read.push((sender, vec![id])),
            }
        }
    }
    Ok(Read {
        at,
        messages: read,
        delivered,
        newest: change_number(newest),
    })
}

/// As many messages as are looked at together when unread ones are sought.
const LOOKED_AT: i64 = 500;

async fn unread(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let member = member(db, conversation, user).await?;
    // No more are looked for than are counted: behind these all may have been read.
    let counted = read_head(db, conversation).await?.messages - member.counts.passed;
    let limit = limit.min(usize::try_from(counted).unwrap_or(0));
    let collection = db.messages.clone_with_type::<KnownMessage>();
    let (since, mut before) = (member.counts.since, i64::MAX);
    let mut unread = Vec::new();
    while unread.len() < limit {
        let find = collection
            .find(doc! {
                "conversationId": conversation.as_str(), "seq": { "$gt": since, "$lt": before },
            })
            .projection(KnownMessage::fields())
            .sort(doc! { "seq": -1 })
            .limit(LOOKED_AT);
        let next = all(find).await?;
        let Some(last) = next.last() else {
            break;
        };
        before = last.seq;
        let known = receipts_of(db, &next, user).await?;
        let is_read = |message: &KnownMessage| {
            let receipt = known.get(&message.id);
            receipt.is_some_and(|receipt| receipt.read_at.is_some())
        };
        let new = next
            .iter()
            .filter(|message| counts::counts_as_unread(&member, message) && !is_read(message));
        for message in new.take(limit - unread.len()) {
            unread.push(message.message_id()?);
        }
    }
    unread.reverse();
    Ok(unread)
}

/// A message that was read for the first time.
struct ReadFirst {
    message: KnownMessage,
    /// It was not even delivered before.
    is_delivered: bool,
}

/// Marks these messages as read, and returns those that were not before.
async fn read_first(
    db: &Db,
    member: &mut Member,
    messages: &[KnownMessage],
    at: DateTime,
) -> Result<Vec<ReadFirst>, StoreError> {
    let known = receipts_of(db, messages, &member.user).await?;
    let is_read = |message: &&KnownMessage| {
        let receipt = known.get(&message.id);
        receipt.is_some_and(|receipt| receipt.read_at.is_some())
    };
    let unread: Vec<_> = messages
        .iter()
        .filter(|one| !is_read(one))
        .cloned()
        .collect();
    if unread.is_empty() {
        return Ok(Vec::new());
    }
    counts::pass(db, member, &unread).await?;
    let new = unread
        .iter()
        .filter(|message| !known.contains_key(&message.id));
    let new: Vec<_> = new.map(|message| &*message.id).collect();
    let receipts = new.iter().map(|id| {
        let mut receipt = receipt(id, &member.conversation, &member.user, at);
        receipt.insert("readAt", at);
        receipt
    });
    let existing = insert_missing(&db.receipts, &receipts.collect::<Vec<_>>()).await?;
    let new = new.iter().enumerate();
    let new = new.filter(|(index, _)| !existing.contains(index));
    let delivered: HashSet<_> = new.map(|(_, id)| (*id).to_owned()).collect();
    let ids: Vec<_> = unread.iter().map(|message| &*message.id).collect();
    let filter = doc! {
        "messageId": { "$in": ids }, "userId": member.user.as_str(), "readAt": null,
    };
    let set = doc! { "$set": { "readAt": at, "changedAt": at } };
    execute(db.receipts.update_many(filter, set)).await?;
    let first = unread.into_iter().map(|message| ReadFirst {
        is_delivered: delivered.contains(&message.id),
        message,
    });
    Ok(first.collect())
}

/// The receipts of a user for these messages, by message.
async fn receipts_of(
    db: &Db,
    messages: &[KnownMessage],
    user: &UserId,
) -> Result<HashMap<String, ReceiptDocument>, StoreError> {
    let ids: Vec<_> = messages.iter().map(|message| &*message.id).collect();
    let filter = doc! { "messageId": { "$in": ids }, "userId": user.as_str() };
    let found = all(db.receipts.find(filter)).await?.into_iter();
    Ok(found
        .map(|receipt| (receipt.message_id.clone(), receipt))
        .collect())
}

/// Whether a user has read a message.
pub(super) async fn has_read(db: &Db, message: &str, user: &UserId) -> Result<bool, StoreError> {
    let filter = doc! { "messageId": message, "userId": user.as_str() };
    let found = one(db.receipts.find_one(filter)).await?;
    Ok(found.is_some_and(|receipt| receipt.read_at.is_some()))
}

fn receipt(message: &str, conversation: &ConversationId, user: &UserId, at: DateTime) -> Document {
    doc! {
        "messageId": message,
        "userId": user.as_str(),
        "conversationId": conversation.as_str(),
        "deliveredAt": at,
        "changedAt": at,
    }
}

async fn mark_delivered(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    limit: PageLimit,
) -> Result<Delivered, StoreError> {
    let member = member(db, conversation, user).await?;
    let at = db.now();
    let (mut waiting, examined) = undelivered(db, &member, limit.get() + 1).await?;
    let more = waiting.len() > limit.get();
    waiting.truncate(limit.get());
    let new = waiting.iter();
    let new = new.map(|message| receipt(&message.id, conversation, user, date(at)));
    let existing = insert_missing(&db.receipts, &new.collect::<Vec<_>>()).await?;
    let last = waiting.last().filter(|_| more).map(|message| message.seq);
    if let Some(seq) = last.or(examined) {
        let mut filter = this(conversation, user);
        filter.insert("counts.joinedAt", member.counts.joined_at);
        let progress = doc! { "$max": { "counts.delivered": seq } };
        execute(db.participants.update_one(filter, progress)).await?;
    }
    let reached = waiting.iter().enumerate();
    let reached = reached.filter(|(index, _)| !existing.contains(index));
    let reached = reached.map(|(_, message)| Ok((message.message_id()?, message.sender()?)));
    Ok(Delivered {
        at,
        messages: reached.collect::<Result<_, StoreError>>()?,
        more,
    })
}

/// The oldest messages that were not delivered to a user; and if these are all, the `seq` of the
/// last message that was examined.
async fn undelivered(
    db: &Db,
    member: &Member,
    max: usize,
) -> Result<(Vec<KnownMessage>, Option<i64>), StoreError> {
    let collection = db.messages.clone_with_type::<KnownMessage>();
    let mut from = member.counts.delivered;
    let mut waiting = Vec::new();
    loop {
        let filter =
            doc! { "conversationId": member.conversation.as_str(), "seq": { "$gt": from } };
        let find = collection
            .find(filter)
            .projection(KnownMessage::fields())
            .sort(doc! { "seq": 1 })
            .limit(max as i64);
        let next = all(find).await?;
        let Some(last) = next.last().map(|message| message.seq) else {
            return Ok((waiting, (from > member.counts.delivered).then_some(from)));
        };
        from = last;
        let known = receipts_of(db, &next, &member.user).await?;
        let new = next.into_iter().filter(|message| {
            counts::counts_as_unread(member, message) && !known.contains_key(&message.id)
        });
        waiting.extend(new);
        if waiting.len() >= max {
            return Ok((waiting, None));
        }
    }
}

async fn mark_delivered_to(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    users: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let message = known_message(db, conversation, message).await?;
    let ids: Vec<_> = users.iter().map(UserId::as_str).collect();
    let filter = doc! {
        "conversationId": conversation.as_str(), "userId": { "$in": ids }, "status": ACTIVE,
    };
    let fields = doc! { "conversationId": 1, "userId": 1 };
    let active = all(db.participants.find(filter).projection(fields)).await?;
    let mut reached: Vec<UserId> = Vec::new();
    for user in users {
        let counts = user.as_str() != message.sender_id && !reached.contains(user);
        if counts && active.iter().any(|one| one.user_id == user.as_str()) {
            reached.push(user.clone());
        }
    }
    let at = date(db.now());
    let new = reached.iter();
    let new = new.map(|user| receipt(&message.id, conversation, user, at));
    let existing = insert_missing(&db.receipts, &new.collect::<Vec<_>>()).await?;
    let mut index = 0..;
    reached.retain(|_| !index.next().is_some_and(|index| existing.contains(&index)));
    Ok(reached)
}
