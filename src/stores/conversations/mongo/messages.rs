//! Messages: appending and finding them.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::collections::one;
use super::db::Db;
use super::documents::{
    ChangeDocument, Kind, MessageDocument, TailDocument, bson_of, date, sent_as, temp_id_value,
    text_of,
};
use super::log::Log;
use super::members::member;
use super::store::MongoConversations;
use super::{changes, history, known_messages};
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, Edit, Logged, Message, MessageId, NewMessage, Page, PageLimit,
    Slice, TempId, Window,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::messages::MessageStore;

#[async_trait]
impl MessageStore for MongoConversations {
    async fn append(&self, new: &NewMessage) -> Result<Logged<Message>, StoreError> {
        let new = new.clone();
        self.write(|db| async move { append(&db, &new).await })
            .await
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.run(known_messages::whole(&self.db, id)).await
    }

    async fn edit(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        author: &UserId,
        edit: &Edit,
    ) -> Result<Logged<Message>, StoreError> {
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
    ) -> Result<Logged<Message>, StoreError> {
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

async fn append(db: &Db, new: &NewMessage) -> Result<Logged<Message>, StoreError> {
    let mut log = Log::open(db, &new.conversation).await;
    loop {
        let head = log.head().await?;
        let checked = member(db, &new.conversation, &new.sender);
        let (_, before) = tokio::try_join!(checked, sent_before(db, new))?;
        if let Some(before) = before {
            return Ok(Logged::unchanged(before.message()?));
        }
        let now = db.now();
        let id = MessageId::from_new(db.ids.after(&head.last_message, now));
        let by = ChangedBy::User(new.sender.clone());
        let sent = ChangeDocument {
            message_id: Some(text_of(id.uuid())),
            ..ChangeDocument::new(&new.conversation, head.next(), Kind::Sent, &by, now)
        };
        let document = document(new, id, head.next(), now);
        let tail = TailDocument::inserting(sent, vec![document]);
        if log.commit(&head, &tail).await? {
            let message = new.stored(id, now);
            let change = tail.change.change(Some(message.clone()))?;
            return Ok(Logged::new(message, change));
        }
    }
}

fn document(new: &NewMessage, id: MessageId, seq: i64, now: u64) -> Document {
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
        "createdAt": date(now),
    };
    let content = new.content.as_ref().map(bson_of);
    let media = new.media.as_ref().map(bson_of);
    let extra = new.extra.to_value();
    let others = [
        ("content", content),
        ("media", media),
        ("extra", extra.as_ref().map(bson_of)),
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
