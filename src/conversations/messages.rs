//! Sending, editing, deleting and hiding messages.

use std::sync::Arc;

use uuid::Uuid;

use super::{Actor, ConversationGuard, Conversations, Stored};
use crate::audit::{AuditText, Event, MessageRef, MessageSent, Target};
use crate::connection::rooms::{Lagging, To};
use crate::model::conversation::{
    Appended, ConversationEvent, ConversationId, Deleted, Edit, Message, MessageId, NewMessage,
};
use crate::model::{Identity, UserId};
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
    /// Appends a message to the history and publishes it. `size` is that of the request, in bytes,
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
        let guard = self.lock(&new.conversation).await;
        let Appended {
            message,
            repeated,
            before,
        } = self.stores().messages.append(new).await?;
        let event = message_sent(&message, size);
        actor.record_as(&self.audit, *message.id.uuid(), event);
        let published = (!repeated).then(|| (message.clone(), actor.identity.clone()));
        let rest = publish_messages(guard, before, published);
        Ok(Stored::new(Sent { message, repeated }, rest))
    }

    /// Publishes a message of another node to the subscribers of this one.
    pub(super) async fn publish_sent_local(self: &Arc<Self>, message: Message, sender: Identity) {
        let (id, user) = (message.id, message.sender.clone());
        let conversation = message.conversation.clone();
        let mut guard = self.lock(&conversation).await;
        let event = ConversationEvent::Sent { message, sender };
        let lagging = guard.publish_local(&event, To::Everyone).await;
        let published = guard.published(id, user, lagging);
        drop(guard);
        self.note_published(&conversation, published).await;
    }

    /// Notes whom a message reached, and waits for subscribers that lag.
    async fn note_published(&self, conversation: &ConversationId, published: Published) {
        let Published {
            message,
            sender,
            receivers,
            lagging,
        } = published;
        self.note_delivered(conversation, message, sender, &receivers)
            .await;
        lagging.wait_at_rate(self.config.room_min_rate).await;
    }

    /// A sender of whom only the id is at hand.
    async fn identity_of(&self, user: &UserId) -> Identity {
        let known = self
            .stores()
            .users
            .find(user)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the name of a sender could not be read");
                None
            });
        let name = known.as_ref().map_or(user.shared(), |known| &known.name);
        Identity {
            user: user.clone(),
            name: name.clone(),
            avatar_url: known.and_then(|known| known.avatar_url),
        }
    }

    /// Replaces the content of a message, for its author.
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
        let edited = messages.edit(conversation, message, author, edit).await?;
        let event = Event::MessageUpdated(reference(conversation, message));
        actor.record(&self.audit, event);
        let event = ConversationEvent::Edited(edited.clone());
        Ok(Stored::new(edited, guard.publish_and_wait(event)))
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
        let Deleted { message, repeated } = deleted.await?;
        let event = Event::MessageDeleted(reference(conversation, message.id));
        actor.record_as(&self.audit, deletion_of(&message), event);
        let rest = async move {
            if !repeated {
                let event = ConversationEvent::Deleted(message);
                guard.publish_and_wait(event).await;
            }
        };
        Ok(Stored::new((), rest))
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

/// A message that was sent to the subscribers.
struct Published {
    message: MessageId,
    sender: UserId,
    /// Whom it reached on this node.
    receivers: Vec<UserId>,
    lagging: Lagging,
}

impl ConversationGuard {
    fn published(&self, message: MessageId, sender: UserId, lagging: Lagging) -> Published {
        Published {
            message,
            receivers: self.others(&sender),
            sender,
            lagging,
        }
    }
}

/// Publishes the messages `before` one that were stored although storing them seemed to fail, then
/// that one; notes whom they reached, and waits for subscribers that lag.
async fn publish_messages(
    mut guard: ConversationGuard,
    before: Vec<Message>,
    message: Option<(Message, Identity)>,
) {
    let conversations = guard.conversations().clone();
    let mut messages = Vec::with_capacity(before.len() + 1);
    for message in before {
        let sender = conversations.identity_of(&message.sender).await;
        messages.push((message, sender));
    }
    messages.extend(message);
    let mut published = Vec::with_capacity(messages.len());
    for (message, sender) in messages {
        let (id, user) = (message.id, message.sender.clone());
        let event = ConversationEvent::Sent { message, sender };
        let lagging = guard.publish(&event, To::Everyone).await;
        published.push(guard.published(id, user, lagging));
    }
    let id = guard.id().clone();
    drop(guard);
    for published in published {
        conversations.note_published(&id, published).await;
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

/// The id of the record that a message was deleted: like that of the message, at another time.
fn deletion_of(message: &Message) -> Uuid {
    let id = message.id.uuid().as_u128();
    let at = message.deleted_at().unwrap_or(message.created_at);
    Uuid::from_u128((u128::from(at) << 80) | ((id ^ 1) & ((1 << 80) - 1)))
}

pub(super) fn reference(conversation: &ConversationId, message: MessageId) -> MessageRef {
    MessageRef {
        conversation_id: AuditText::new(conversation.as_str()),
        message_id: AuditText::new(&message.to_string()),
    }
}
