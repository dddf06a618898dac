//! Messages: appending and finding them.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, deserialize_from_document, doc};

use super::collections::all;
use super::db::Db;
use super::documents::{
    ChangeDocument, Kind, MessageDocument, TailDocument, bson_of, damaged, date, sent_again_as,
    sent_as, temp_id_value, text_of,
};
use super::log::Log;
use super::members::member;
use super::store::MongoConversations;
use super::{changes, history, known_messages};
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, Edit, Fingerprint, Logged, Message, MessageId, NewMessage, Page,
    PageLimit, Slice, TempId, Window, retry_day,
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
    let fingerprint = new.fingerprint();
    loop {
        let head = log.head().await?;
        let checked = member(db, &new.conversation, &new.sender);
        let now = db.now();
        let (_, before) = tokio::try_join!(checked, sent_before(db, new, fingerprint, now))?;
        let named = match before {
            Before::Same(message) => return Ok(Logged::unchanged(message)),
            Before::Others(named) => named,
        };
        let id = MessageId::from_new(db.ids.after(&head.last_message, now));
        let by = ChangedBy::User(new.sender.clone());
        let sent = ChangeDocument {
            message_id: Some(text_of(id.uuid())),
            ..ChangeDocument::new(&new.conversation, head.next(), Kind::Sent, &by, now)
        };
        let mut document = document(new, id, head.next(), now);
        document.extend(named);
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
    let mut document = doc! {
        "_id": &text,
        "id": &text,
        "conversationId": new.conversation.as_str(),
        "senderId": new.sender.as_str(),
        "seq": seq,
        "sentAs": text,
        "createdAt": date(now),
    };
    let content = new.content.as_ref().map(bson_of);
    let media = new.media.as_ref().map(bson_of);
    let extra = new.extra.to_value();
    let is_numbered = new.temp_id.as_ref().is_some_and(TempId::is_kept_as_text);
    let others = [
        ("content", content),
        ("media", media),
        ("extra", extra.as_ref().map(bson_of)),
        ("keyNumber", new.key_number.map(Bson::from)),
        ("tempId", new.temp_id.as_ref().map(temp_id_value)),
        ("numbered", is_numbered.then_some(Bson::from(true))),
    ];
    for (field, value) in others {
        document.extend(value.map(|value| (field.to_owned(), value)));
    }
    document
}

/// What was stored before under the id of its sender.
enum Before {
    /// The message itself.
    Same(Message),
    /// Perhaps others. The fields by which this one is found.
    Others(Document),
}

async fn sent_before(
    db: &Db,
    new: &NewMessage,
    fingerprint: Option<Fingerprint>,
    now: u64,
) -> Result<Before, StoreError> {
    let (Some(temp_id), Some(sent)) = (&new.temp_id, fingerprint) else {
        return Ok(Before::Others(Document::new()));
    };
    let first = sent_as(&new.sender, temp_id);
    let on = |day| sent_again_as(&new.sender, temp_id, sent, day);
    let today = retry_day(now);
    let names = vec![first.clone(), on(today - 1), on(today)];
    let named = doc! { "conversationId": new.conversation.as_str(), "sentAs": { "$in": names } };
    // One that is not as documented has its name nevertheless.
    let messages = db.messages.clone_with_type::<Document>();
    let found = all(messages.find(named)).await?;
    let is_first = found.is_empty();
    for document in found {
        let document: MessageDocument =
            deserialize_from_document(document).map_err(|_| damaged("messages")())?;
        let stored = document.fingerprint.and_then(Fingerprint::new);
        let message = document.message()?;
        if message.is_repeated_by(stored, sent, now) {
            return Ok(Before::Same(message));
        }
    }
    let sent_as = if is_first { first } else { on(today) };
    let fields = doc! { "sentAs": sent_as, "fingerprint": sent.get() };
    Ok(Before::Others(fields))
}
