//! Messages: appending and finding them.
//!
//! The messages of a conversation are numbered without gaps (`seq`), and a unique index prevents
//! duplicates. To append one, a node takes the next number and a greater id; if another node was
//! faster, the insertion fails and is tried again. So a message is visible only after all before it.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::collections::{all, one, unless_there};
use super::db::{Db, gone};
use super::documents::{MessageDocument, bson_of, damaged, date, sent_as, temp_id_value, text_of};
use super::members::member;
use super::newest::newest;
use super::sequence_cache::{LastMessage, Sequence};
use super::store::MongoConversations;
use super::{changes, counts, history};
use crate::model::UserId;
use crate::model::conversation::{
    Appended, ConversationId, Deleted, Edit, Message, MessageId, NewMessage, Page, PageLimit,
    Slice, TempId, Window,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::messages::MessageStore;
use crate::stores::conversations::order::time_of;

#[async_trait]
impl MessageStore for MongoConversations {
    async fn append(&self, new: &NewMessage) -> Result<Appended, StoreError> {
        let new = new.clone();
        self.write(|db| async move { append(&db, &new).await })
            .await
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.run(find(&self.db, id)).await
    }

    async fn edit(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        author: &UserId,
        edit: &Edit,
    ) -> Result<Message, StoreError> {
        let (conversation, author) = (conversation.clone(), author.clone());
        let edit = edit.clone();
        let write = self.write(|db| async move {
            changes::edit(&db, &conversation, message, &author, &edit).await
        });
        write.await
    }

    async fn delete(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<Deleted, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        self.write(|db| async move { changes::delete(&db, &conversation, message, &user).await })
            .await
    }

    async fn hide(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        self.write(|db| async move { changes::hide(&db, &conversation, message, &user).await })
            .await
    }

    async fn page(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: Window,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        let read = history::page(&self.db, conversation, user, window, limit);
        self.run(read).await
    }

    async fn slice(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        offset: u64,
        limit: PageLimit,
    ) -> Result<Slice, StoreError> {
        let read = history::slice(&self.db, conversation, user, offset, limit);
        self.run(read).await
    }
}

/// How often an insertion is tried that conflicts with those of other nodes.
const ATTEMPTS: usize = 256;

async fn append(db: &Db, new: &NewMessage) -> Result<Appended, StoreError> {
    member(db, &new.conversation, &new.sender).await?;
    let end = db.sequences.of(&new.conversation);
    let mut end = end.lock().await;
    for _ in 0..ATTEMPTS {
        let last = match end.last.take() {
            Some(last) => last,
            None => read_last(db, &new.conversation).await?,
        };
        let id = MessageId::from_new(db.ids.after(&last.id, db.now()));
        let next = LastMessage {
            id: *id.uuid(),
            seq: last.seq + 1,
        };
        match insert(db, new, &next)
            .await
            .inspect_err(|_| end.mark_unconfirmed(id))?
        {
            true => {
                let before = take_unconfirmed(db, &mut end, id).await;
                let before = before.inspect_err(|_| end.mark_unconfirmed(id))?;
                end.last = Some(next);
                return Ok(Appended {
                    message: new.stored(id, time_of(id.uuid())),
                    repeated: false,
                    before,
                });
            }
            false => {
                if let Some(sent) = sent_before(db, new).await? {
                    return append_again(db, new, &mut end, sent).await;
                }
            }
        }
    }
    Err(gone("messages"))
}

/// Inserts a message at the end of its conversation, and counts it. `false`: its number or its
/// `tempId` is taken.
async fn insert(db: &Db, new: &NewMessage, next: &LastMessage) -> Result<bool, StoreError> {
    let messages = db.messages.clone_with_type::<Document>();
    let document = document(new, MessageId::from_new(next.id), next.seq);
    if unless_there(messages.insert_one(document)).await?.is_none() {
        return Ok(false);
    }
    count(db, new, next).await?;
    Ok(true)
}

/// A message that was stored before under the same `tempId`. If its sender got an error then, it was
/// not published, and is a new one for all.
async fn append_again(
    db: &Db,
    new: &NewMessage,
    end: &mut Sequence,
    sent: MessageDocument,
) -> Result<Appended, StoreError> {
    let id = sent.message_id()?;
    let at = LastMessage {
        id: *id.uuid(),
        seq: sent.seq,
    };
    count(db, new, &at).await?;
    let mut before = take_unconfirmed(db, end, id).await?;
    let itself = before.pop_if(|message| message.id == id);
    Ok(Appended {
        message: sent.message()?,
        repeated: itself.is_none(),
        before,
    })
}

/// The unconfirmed messages up to this one that were in fact stored.
async fn take_unconfirmed(
    db: &Db,
    end: &mut Sequence,
    last: MessageId,
) -> Result<Vec<Message>, StoreError> {
    let ids = end.take_unconfirmed(last);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let texts: Vec<_> = ids.iter().map(|id| text_of(id.uuid())).collect();
    let find = db.messages.find(doc! { "_id": { "$in": texts } });
    let found = all(find.sort(doc! { "_id": 1 })).await;
    let found = found.inspect_err(|_| ids.iter().for_each(|id| end.mark_unconfirmed(*id)))?;
    found.into_iter().map(MessageDocument::message).collect()
}

/// The last message. It is counted, too: the node that stored it may have ended before.
async fn read_last(db: &Db, conversation: &ConversationId) -> Result<LastMessage, StoreError> {
    let Some(newest) = newest(db, conversation).await? else {
        return Ok(LastMessage::default());
    };
    let id = MessageId::parse(&newest.id).ok_or_else(damaged("messages"))?;
    let sender = UserId::parse(&newest.sender_id).ok_or_else(damaged("messages"))?;
    let at = time_of(id.uuid());
    counts::count_stored(db, conversation, &sender, newest.seq, at).await?;
    Ok(LastMessage {
        id: *id.uuid(),
        seq: newest.seq,
    })
}

async fn count(db: &Db, new: &NewMessage, stored: &LastMessage) -> Result<(), StoreError> {
    let at = time_of(&stored.id);
    counts::count_stored(db, &new.conversation, &new.sender, stored.seq, at).await
}

fn document(new: &NewMessage, id: MessageId, seq: i64) -> Document {
    let text = text_of(id.uuid());
    let sent_as = match &new.temp_id {
        Some(temp_id) => Bson::from(sent_as(&new.sender, temp_id)),
        None => text.as_str().into(),
    };
    let mut document = doc! {
        "_id": &text,
        "id": text,
        "conversationId": new.conversation.as_str(),
        "senderId": new.sender.as_str(),
        "seq": seq,
        "sentAs": sent_as,
        "createdAt": date(time_of(id.uuid())),
    };
    let content = new.content.as_ref().map(bson_of);
    let media = new.media.as_ref().map(bson_of);
    let others = [
        ("content", content),
        ("media", media),
        ("keyNumber", new.key_number.map(Bson::from)),
        ("tempId", new.temp_id.as_ref().map(temp_id_value)),
    ];
    for (field, value) in others {
        document.extend(value.map(|value| (field.to_owned(), value)));
    }
    document
}

/// The message that was stored before under the same `tempId`.
async fn sent_before(db: &Db, new: &NewMessage) -> Result<Option<MessageDocument>, StoreError> {
    let Some(temp_id) = &new.temp_id else {
        return Ok(None);
    };
    one(db.messages.find_one(with_temp_id(new, temp_id))).await
}

fn with_temp_id(new: &NewMessage, temp_id: &TempId) -> Document {
    let sent_as = sent_as(&new.sender, temp_id);
    doc! { "conversationId": new.conversation.as_str(), "sentAs": sent_as }
}

async fn find(db: &Db, id: MessageId) -> Result<Option<Message>, StoreError> {
    let found = one(db.messages.find_one(doc! { "_id": text_of(id.uuid()) })).await?;
    found.map(MessageDocument::message).transpose()
}
