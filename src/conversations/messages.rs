//! Sending, editing, deleting and hiding messages.

use std::sync::Arc;

use uuid::Uuid;

use super::{Actor, Conversations, Stored};
use crate::audit::{AuditText, Event, MessageRef, MessageSent, Target};
use crate::model::conversation::{ConversationId, Edit, Message, MessageId, NewMessage};
use crate::stores::conversations::StoreError;

/// A message that was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// As it is stored.
    pub(crate) message: Message,
    /// Its sender had sent it before: nothing is published.
    pub(crate) repeated: bool,
}

impl Conversations {
    /// Appends a message to the history and publishes it. Who is invited accepts by that. `size` is that of the request, in bytes,
    /// for the audit.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(crate) async fn append(
        self: &Arc<Self>,
        actor: Actor<'_>,
        new: &NewMessage,
        size: usize,
    ) -> Result<Stored<Sent>, StoreError> {
        let append = || self.append_as_participant(actor, new, size);
        let appended = append().await;
        if matches!(appended, Err(StoreError::NotParticipant))
            && self.accept(actor, &new.conversation).await?.is_some()
        {
            return append().await;
        }
        appended
    }

    async fn append_as_participant(
        self: &Arc<Self>,
        actor: Actor<'_>,
        new: &NewMessage,
        size: usize,
    ) -> Result<Stored<Sent>, StoreError> {
        let begun = self.begin_to_append(&new.conversation).await;
        let (appended, recipients) = tokio::join!(
            self.stores().messages.append(new),
            self.recipients_if_wanted(&new.conversation)
        );
        let guard = begun.lock().await;
        let logged = self.noted(&new.conversation, appended)?;
        let message = logged.value.clone();
        let repeated = logged.change.is_none();
        let event = message_sent(&message, size);
        actor.record_as(&self.audit, record_of(&message), event);
        if !repeated {
            self.count_undelivered(&guard, actor, &message, &recipients);
        }
        self.record_undelivered(actor, &message, size, recipients)
            .await;
        let rest = guard.publish_logged(actor, logged);
        Ok(Stored::new(
            self.presence.drain(),
            Sent { message, repeated },
            rest,
        ))
    }

    /// Replaces the content of a message, for its author. A repeated edit is not published.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`], or the store fails.
    pub(crate) async fn edit(
        self: &Arc<Self>,
        actor: Actor<'_>,
        conversation: &ConversationId,
        message: MessageId,
        edit: &Edit,
    ) -> Result<Stored<Message>, StoreError> {
        let guard = self.lock(conversation).await;
        let author = &actor.identity.user;
        let messages = &self.stores().messages;
        let edited = messages.edit(conversation, message, author, edit).await;
        let logged = self.noted(conversation, edited)?;
        if logged.change.is_some() {
            let event = Event::MessageUpdated(reference(conversation, message));
            actor.record(&self.audit, event);
        }
        let edited = logged.value.clone();
        Ok(Stored::new(
            self.presence.drain(),
            edited,
            guard.publish_logged(actor, logged),
        ))
    }

    /// Deletes the content of a message, for its author or an admin of the conversation. A repeated
    /// deletion is not published.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`], or the store fails.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        actor: Actor<'_>,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Result<Stored<()>, StoreError> {
        let guard = self.lock(conversation).await;
        let user = &actor.identity.user;
        let deleted = self.stores().messages.delete(conversation, message, user);
        let logged = self.noted(conversation, deleted.await)?;
        let event = Event::MessageDeleted(reference(conversation, message));
        actor.record_as(&self.audit, deletion_of(&logged.value), event);
        Ok(Stored::new(
            self.presence.drain(),
            (),
            guard.publish_logged(actor, logged),
        ))
    }

    /// Leaves a message out of the history for one user. Nothing is published.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`], or the store fails.
    pub(crate) async fn hide(
        &self,
        actor: Actor<'_>,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Result<(), StoreError> {
        let user = &actor.identity.user;
        let messages = &self.stores().messages;
        if messages.hide(conversation, message, user).await? {
            let event = Event::MessageDeleted(reference(conversation, message));
            actor.record(&self.audit, event);
        }
        Ok(())
    }
}

fn message_sent(message: &Message, size: usize) -> Event {
    Event::MessageSent(MessageSent {
        target: Target::Conversation(AuditText::new(message.conversation.as_str())),
        message_id: Some(AuditText::new(&message.id.to_string())),
        message_type: None,
        seq: None,
        bytes: size as u64,
    })
}

/// The id of the record that a message was sent: that of the message, at the clock's time.
fn record_of(message: &Message) -> Uuid {
    at_time(message.id.uuid().as_u128(), message.created_at)
}

/// The id of the record that a message was deleted: like that of the message, at another time.
fn deletion_of(message: &Message) -> Uuid {
    let at = message.deleted_at().unwrap_or(message.created_at);
    at_time(message.id.uuid().as_u128() ^ 1, at)
}

/// The id of a record that a message did not reach some, the first such record being 0: not that of its other records.
pub(super) fn undelivered_record(message: &Message, index: usize) -> Uuid {
    at_time(
        message.id.uuid().as_u128() ^ (index as u128 + 2),
        message.created_at,
    )
}

/// A UUIDv7 with another time, in milliseconds since the epoch.
fn at_time(id: u128, at: u64) -> Uuid {
    Uuid::from_u128((u128::from(at) << 80) | (id & ((1 << 80) - 1)))
}

pub(super) fn reference(conversation: &ConversationId, message: MessageId) -> MessageRef {
    MessageRef {
        conversation_id: AuditText::new(conversation.as_str()),
        message_id: AuditText::new(&message.to_string()),
    }
}
